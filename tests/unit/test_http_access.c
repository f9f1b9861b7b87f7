// SPDX-License-Identifier: GPL-2.0-only
#include "folder.h"
#include "harness.h"
#include "http/access.h"
#include "http/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"

static char *hosts[] = { (char *)"pw.example", (char *)"[2001:db8::1]", NULL };

TEST(loopback_and_listed_hosts_are_served_with_or_without_a_port)
{
	static const char *const good[] = {
		"localhost",      "LocalHost",       "localhost:80",    "127.0.0.1",
		"127.0.0.1:8700", "127.1.2.3",       "[::1]",           "[::1]:65535",
		"pw.example",     "PW.Example:8443", "[2001:db8::1]:1",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!access_host_is_served(good[i], hosts)) {
			CHECK_STR(good[i], "served");
		}
}

TEST(any_other_host_is_not)
{
	static const char *const bad[] = {
		"",
		"evil.example",
		"evil.example:8700",
		"localhost.evil.example",
		"localhost:",
		"localhost:0",
		"localhost:65536",
		"localhost:80x",
		"localhost:80:80",
		"localhost@evil.example",
		"127.0.0.1.evil.example",
		"127.0.0.1 ",
		"128.0.0.1",
		"0.0.0.0",
		"[::]",
		"[::1",
		"[::1]x",
		"::1",
		"[2001:db8::2]",
		"pw.example.evil",
		"[]",
		":80",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (access_host_is_served(bad[i], hosts)) {
			CHECK_STR(bad[i], "refused");
		}
	CHECK(!access_host_is_served("pw.example", NULL));
}

TEST(a_host_of_any_length_is_looked_at)
{
	char host[1024];

	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	CHECK(!access_host_is_served(host, hosts));
	host[0] = '[';
	host[sizeof(host) - 2] = ']';
	CHECK(!access_host_is_served(host, hosts));
	host[200] = '\0';
	host[199] = ']';
	CHECK(!access_host_is_served(host, hosts));
}

TEST(the_own_origin_is_that_of_the_host)
{
	CHECK(access_origin_is_own("http://localhost:8700", "localhost:8700"));
	CHECK(access_origin_is_own("https://PW.example", "pw.example"));
	CHECK(!access_origin_is_own("http://localhost:8700", "localhost"));
	CHECK(!access_origin_is_own("http://localhost:3000", "localhost:8700"));
	CHECK(!access_origin_is_own("http://evil.example", "localhost:8700"));
	CHECK(!access_origin_is_own("null", "localhost"));
	CHECK(!access_origin_is_own("null", "null"));
	CHECK(!access_origin_is_own("", ""));
	CHECK(!access_origin_is_own("file://localhost", "localhost"));
}

#define TOKEN "0123456789abcdef0123456789abcdef"

TEST(a_token_is_right_as_a_whole_or_not_at_all)
{
	CHECK(access_token_is_right("Bearer " TOKEN, TOKEN));
	CHECK(access_token_is_right("bearer  " TOKEN, TOKEN));
	CHECK(!access_token_is_right("Bearer " TOKEN "0", TOKEN));
	CHECK(!access_token_is_right("Bearer 0123456789abcdef0123456789abcde", TOKEN));
	CHECK(!access_token_is_right("Bearer 0123456789abcdef0123456789abcdeF", TOKEN));
	CHECK(!access_token_is_right("Bearer ", TOKEN));
	CHECK(!access_token_is_right("Bearer", TOKEN));
	CHECK(!access_token_is_right("Basic " TOKEN, TOKEN));
	CHECK(!access_token_is_right(TOKEN, TOKEN));
	CHECK(!access_token_is_right("", TOKEN));
	CHECK(!access_token_is_right("Bearer ", ""));
}

static unsigned judge(const char *host, unsigned n_hosts, const char *origin,
		      unsigned n_origins)
{
	const struct access_rules rules = { .hosts = hosts };
	const struct access_claims claims = { host, n_hosts, origin, n_origins, NULL };

	return access_judge(&rules, &claims).status;
}

TEST(a_request_has_one_host_and_no_foreign_origin)
{
	CHECK_EQ(judge("localhost", 1, NULL, 0), 0);
	CHECK_EQ(judge("localhost", 1, "http://localhost", 1), 0);
	CHECK_EQ(judge(NULL, 0, NULL, 0), 400);
	CHECK_EQ(judge("localhost", 2, NULL, 0), 400);
	CHECK_EQ(judge("evil.example", 1, NULL, 0), 403);
	CHECK_EQ(judge("localhost", 1, "http://evil.example", 1), 403);
	CHECK_EQ(judge("localhost", 1, "http://localhost", 2), 403);
	CHECK_EQ(judge("evil.example", 1, "http://evil.example", 1), 403);
}

static unsigned judge_token(const char *token, bool read_only, const char *authorization,
			    bool changes)
{
	const struct access_rules rules = { .token = (char *)token,
					    .read_only = read_only };
	const struct access_claims claims = { .authorization = authorization };

	return access_judge_token(&rules, &claims, changes).status;
}

TEST(reads_and_changes_need_the_token_unless_read_only)
{
	CHECK_EQ(judge_token(TOKEN, false, "Bearer " TOKEN, false), 0);
	CHECK_EQ(judge_token(TOKEN, false, "Bearer " TOKEN, true), 0);
	CHECK_EQ(judge_token(TOKEN, false, NULL, false), 401);
	CHECK_EQ(judge_token(TOKEN, false, NULL, true), 401);
	CHECK_EQ(judge_token(TOKEN, false, "Bearer x", false), 401);
	CHECK_EQ(judge_token(NULL, false, "Bearer ", false), 401);
	CHECK_EQ(judge_token(NULL, true, NULL, false), 0);
	CHECK_EQ(judge_token(NULL, true, NULL, true), 403);
	CHECK_EQ(judge_token(TOKEN, true, "Bearer " TOKEN, true), 403);
}

TEST(a_token_is_made_once_for_its_owner_alone)
{
	_cleanup_(freep) char *first = NULL, *again = NULL, *other = NULL;
	struct stat st;

	folder_enter();
	CHECK_EQ(token_load("token", &first), 0);
	CHECK_EQ(strlen(first), 2 * TOKEN_BYTES);
	CHECK_EQ(stat("token", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK_EQ(token_load("token", &again), 0);
	CHECK_STR(again, first);
	CHECK_EQ(token_load("other", &other), 0);
	CHECK(!streq(first, other));
	folder_leave();
}

static int load(const char *text, mode_t mode)
{
	_cleanup_(freep) char *token = NULL;
	int err;

	folder_write("given", text);
	CHECK_EQ(chmod("given", mode), 0);
	err = token_load("given", &token);
	if (err == 0)
		CHECK_STR(token, TOKEN);
	return err;
}

TEST(a_file_that_others_may_read_is_refused)
{
	folder_enter();
	CHECK_EQ(load(TOKEN " \r\n", 0600), 0);
	CHECK_EQ(load(TOKEN "\n", 0400), 0);
	CHECK_EQ(load(TOKEN "\n", 0640), -EACCES);
	CHECK_EQ(load(TOKEN "\n", 0604), -EACCES);
	folder_leave();
}

TEST(another_users_file_is_refused)
{
	char *token;

	if (geteuid() != 0)
		test_skip("needs root");
	folder_enter();
	CHECK_EQ(load(TOKEN, 0600), 0);
	CHECK_EQ(chown("given", 7, 7), 0);
	CHECK_EQ(token_load("given", &token), -EOWNERDEAD);
	folder_leave();
}

TEST(what_is_no_token_is_refused)
{
	char text[TOKEN_MAX + 2], *token;

	folder_enter();
	CHECK_EQ(load("", 0600), -EINVAL);
	CHECK_EQ(load("0123456789abcdef0123456789abcde", 0600), -EINVAL);
	CHECK_EQ(load(TOKEN " " TOKEN, 0600), -EINVAL);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_EQ(load(text, 0600), -EINVAL);
	CHECK_EQ(mkdir("folder", 0700), 0);
	CHECK_EQ(token_load("folder", &token), -EINVAL);
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	CHECK_EQ(token_load("fifo", &token), -EINVAL);
	CHECK_EQ(token_load("no/such/folder", &token), -ENOENT);
	folder_leave();
}
