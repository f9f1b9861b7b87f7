// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"
#include "http/hub.h"
#include "http/target.h"

#include <errno.h>

TEST(each_form_of_target_is_understood)
{
	struct target t;

	CHECK_EQ(target_parse("wizard", &t), 0);
	CHECK_EQ(t.kind, TARGET_SERVICE);
	CHECK_STR(t.service, "wizard");
	CHECK_EQ(target_parse(":8080", &t), 0);
	CHECK_EQ(t.kind, TARGET_PORTS);
	CHECK_EQ(t.low, 8080);
	CHECK_EQ(t.high, 8080);
	CHECK_EQ(t.proto, 0);
	CHECK_EQ(target_parse(":8000-8100", &t), 0);
	CHECK_EQ(t.low, 8000);
	CHECK_EQ(t.high, 8100);
	CHECK_EQ(target_parse(":53/udp", &t), 0);
	CHECK_EQ(t.proto, IPPROTO_UDP);
	CHECK_EQ(target_parse(":1-65535/tcp", &t), 0);
	CHECK_EQ(t.proto, IPPROTO_TCP);
	CHECK_EQ(target_parse("pid:4711", &t), 0);
	CHECK_EQ(t.kind, TARGET_PROCESS);
	CHECK_EQ(t.pid, 4711);
}

TEST(what_is_no_target_is_refused)
{
	static const char *const bad[] = {
		"",
		":",
		":0",
		":65536",
		":80x",
		":80-",
		":-80",
		":90-80",
		":80/sctp",
		":80/",
		"pid:",
		"pid:0",
		"pid:-1",
		"pid:1x",
		"pid:99999999999",
		"a b",
		"a/b",
		"\xff",
		"80:",
		":123456789012345678901234567890123",
		"0123456789012345678901234567890123456789012345678901234567890123456789",
	};
	struct target t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(target_parse(bad[i], &t), -EINVAL);
}

static bool covers(const char *text, const struct subject *subject)
{
	struct target t;

	CHECK_EQ(target_parse(text, &t), 0);
	return target_covers(&t, subject, NULL);
}

TEST(a_target_covers_its_own_and_nothing_beside_it)
{
	const struct subject subject = {
		.service = "wizard",
		.at = { .port = 80, .proto = IPPROTO_TCP },
		.pid = 7,
	};
	const struct subject nothing = { 0 };

	CHECK(covers("wizard", &subject));
	CHECK(!covers("wizards", &subject));
	CHECK(covers(":80", &subject));
	CHECK(covers(":70-80", &subject));
	CHECK(covers(":80-90/tcp", &subject));
	CHECK(!covers(":81", &subject));
	CHECK(!covers(":80/udp", &subject));
	CHECK(covers("pid:7", &subject));
	CHECK(!covers("pid:8", &subject));
	CHECK(!covers("wizard", &nothing));
	CHECK(!covers(":1-65535", &nothing));
}

TEST(types_are_named_whole_or_by_their_first_word)
{
	uint32_t types;

	CHECK_EQ(event_types_parse("alert", &types), 0);
	CHECK_EQ(types, 1 << EVENT_ALERT_FIRING | 1 << EVENT_ALERT_RESOLVED);
	CHECK_EQ(event_types_parse("socket.bound,registry", &types), 0);
	CHECK_EQ(types, 1 << EVENT_SOCKET_BOUND | 1 << EVENT_REGISTRY_RELOADED |
				1 << EVENT_REGISTRY_REJECTED);
	CHECK_EQ(event_types_parse("", &types), -EINVAL);
	CHECK_EQ(event_types_parse("alert,", &types), -EINVAL);
	CHECK_EQ(event_types_parse(",alert", &types), -EINVAL);
	CHECK_EQ(event_types_parse("sock", &types), -EINVAL);
	CHECK_EQ(event_types_parse("socket.", &types), -EINVAL);
	CHECK_EQ(event_types_parse("alerts", &types), -EINVAL);
}
