// SPDX-License-Identifier: GPL-2.0-only
#include "cli/target.h"
#include "harness.h"

#include <errno.h>

TEST(every_form_of_a_target_is_known)
{
	static const struct {
		const char *text;
		enum target_kind kind;
	} cases[] = {
		{ "goblin", TARGET_SERVICE },   { "a.b_c-1", TARGET_SERVICE },
		{ "80x", TARGET_SERVICE },      { ":80", TARGET_PORTS },
		{ ":1", TARGET_PORTS },         { ":65535", TARGET_PORTS },
		{ ":8000-8100", TARGET_PORTS }, { ":53/udp", TARGET_PORTS },
		{ ":53/tcp", TARGET_PORTS },    { ":80-80/udp", TARGET_PORTS },
		{ "pid:1", TARGET_PROCESS },    { "pid:4194304", TARGET_PROCESS },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum target_kind kind;
		char error[TARGET_ERROR];

		CHECK_EQ(target_check(cases[i].text, &kind, error, sizeof(error)), 0);
		CHECK_EQ(kind, cases[i].kind);
	}
}

TEST(what_is_no_target_is_refused_with_the_reason)
{
	static const char *const cases[][2] = {
		{ ":80x", "'80x' is no port: it is not a number" },
		{ ":", "'' is no port: it is not a number" },
		{ ":-1", "'' is no port: it is not a number" },
		{ ":+80", "'+80' is no port: it is not a number" },
		{ ": 80", "' 80' is no port: it is not a number" },
		{ ":0", "0 is no port: they go from 1 to 65535" },
		{ ":70000", "70000 is no port: they go from 1 to 65535" },
		{ ":99999999999999999999999",
		  "99999999999999999999999 is no port: they go from 1 to 65535" },
		{ ":0x50", "'0x50' is no port: it is not a number" },
		{ ":90-80", "90-80 is no range: 90 is above 80" },
		{ ":80-", "'' is no port: it is not a number" },
		{ ":80-90-100", "'90-100' is no port: it is not a number" },
		{ ":80/sctp", "'sctp' is no protocol: tcp or udp" },
		{ ":80/", "'' is no protocol: tcp or udp" },
		{ "8080", "8080 is no target: a port is written :8080" },
		{ "pid:0", "'0' is no process id" },
		{ "pid:x", "'x' is no process id" },
		{ "pid:", "'' is no process id" },
		{ "pid:99999999999", "'99999999999' is no process id" },
		{ "", "a service's name is not empty" },
		{ "a b", "'a b' is no service's name: they are made of letters, digits, "
			 "'.', '_' and '-'" },
		{ "a/b", "'a/b' is no service's name: they are made of letters, digits, "
			 "'.', '_' and '-'" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum target_kind kind;
		char error[TARGET_ERROR];

		CHECK_EQ(target_check(cases[i][0], &kind, error, sizeof(error)), -EINVAL);
		CHECK_STR(error, cases[i][1]);
	}
}

TEST(a_name_has_at_most_64_characters)
{
	char name[66], error[TARGET_ERROR];

	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	CHECK_EQ(target_check_name(name, error, sizeof(error)), 0);
	name[64] = 'a';
	name[65] = '\0';
	CHECK_EQ(target_check_name(name, error, sizeof(error)), -EINVAL);
}
