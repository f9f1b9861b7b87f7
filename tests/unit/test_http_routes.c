// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"
#include "http/routes.h"
#include "http/socket_filter.h"
#include "http/status_cache.h"

#include <errno.h>

static const struct route *find(enum method method, const char *path, unsigned *allow)
{
	static char parameter[PARAMETER_MAX];

	return routes_find(method, path, parameter, allow);
}

TEST(every_route_is_found_by_its_own_path_and_says_what_it_does)
{
	const struct route *all;
	size_t n = routes_all(&all);
	unsigned allow;

	CHECK(n > 10);
	for (size_t i = 0; i < n; i++) {
		CHECK(find(all[i].method, all[i].path, &allow) == &all[i]);
		CHECK(all[i].handle && all[i].what && all[i].what[0]);
		CHECK(all[i].method == METHOD_GET || all[i].access != ACCESS_READ);
	}
}

TEST(a_parameter_is_one_segment_and_not_empty)
{
	char parameter[PARAMETER_MAX];
	unsigned allow;
	const char *base = "/api/ports/services/";
	char path[PARAMETER_MAX + 64] = "/api/ports/services/";

	CHECK(routes_find(METHOD_GET, "/api/ports/services/a.b", parameter, &allow));
	CHECK_STR(parameter, "a.b");
	CHECK(!find(METHOD_GET, base, &allow));
	CHECK_EQ(allow, 0);
	CHECK(!find(METHOD_GET, "/api/ports/services/a/b/c", &allow));
	memset(path + strlen(base), 'x', PARAMETER_MAX);
	CHECK(!find(METHOD_GET, path, &allow));
}

TEST(a_path_with_another_method_says_which_it_has)
{
	unsigned allow;

	CHECK(!find(METHOD_DELETE, "/api/ports/status", &allow));
	CHECK_EQ(allow, METHOD_GET);
	CHECK(!find(METHOD_GET, "/api/ports/config/import", &allow));
	CHECK_EQ(allow, METHOD_POST);
	CHECK(!find(METHOD_GET, "/api/ports/status/", &allow));
	CHECK_EQ(allow, 0);
}

static int parse_filter(const char *key, const char *value, struct socket_filter *ret)
{
	struct request req = { .args = { { key, value } }, .n_args = 1 };
	struct reply reply = { 0 };
	int err = socket_filter_parse(&req, ret, &reply);

	CHECK_EQ(err < 0 ? 400 : 0, reply.status);
	reply_done(&reply);
	return err;
}

TEST(filters_that_are_none_are_refused)
{
	static const char *const bad[][2] = {
		{ "port", "" },
		{ "port", "0" },
		{ "port", "65536" },
		{ "port", "9-8" },
		{ "port", "80x" },
		{ "port", NULL },
		{ "proto", "" },
		{ "proto", "sctp" },
		{ "state", "open" },
		{ "pid", "0" },
		{ "pid", "-1" },
		{ "pid", "x" },
		{ "netns", "../x" },
		{ "netns", "." },
		{ "netns", "no-such-namespace" },
		{ "netns", "" },
		{ "netns", "99999999999" },
	};
	struct socket_filter filter;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(parse_filter(bad[i][0], bad[i][1], &filter), -EINVAL);
}

TEST(each_filter_passes_its_own)
{
	struct process owner = {
		.info = { .id.pid = 7, .uid = 1000, .user = (char *)"ada" }
	};
	struct socket sock = {
		.at = { .port = 80, .proto = IPPROTO_TCP, .netns = 5 },
		.state = SOCKET_LISTENING,
		.owner = &owner,
		.uid = 33,
	};
	static const char *const good[][2] = {
		{ "port", "80" },         { "port", "1-80" }, { "proto", "tcp" },
		{ "state", "listening" }, { "pid", "7" },     { "netns", "5" },
		{ "user", "ada" },        { "user", "1000" }, { "user", "33" },
		{ "service", "web" },
	};
	static const char *const other[][2] = {
		{ "port", "81" },     { "port", "81-90" }, { "proto", "udp" },
		{ "state", "bound" }, { "pid", "8" },      { "netns", "6" },
		{ "user", "eve" },    { "user", "34" },    { "service", "wb" },
	};
	struct socket_filter filter;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_EQ(parse_filter(good[i][0], good[i][1], &filter), 0);
		CHECK(socket_filter_passes(&filter, &sock, "web"));
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		CHECK_EQ(parse_filter(other[i][0], other[i][1], &filter), 0);
		CHECK(!socket_filter_passes(&filter, &sock, "web"));
	}
}

TEST(an_argument_is_found_by_key_and_index)
{
	struct request req = {
		.args = { { "target", "a" }, { "types", NULL }, { "target", "b" } },
		.n_args = 3,
	};

	CHECK_STR(request_arg(&req, "target", 0), "a");
	CHECK_STR(request_arg(&req, "target", 1), "b");
	CHECK(!request_arg(&req, "target", 2));
	CHECK_STR(request_arg(&req, "types", 0), "");
	CHECK(!request_arg(&req, "type", 0));
}

TEST(a_cached_status_is_for_one_kind_of_viewer_and_one_state)
{
	struct status_cache *cache = NULL;
	struct status_key key = { .viewer = { .uid = 7 }, .sequence = 1, .second = 5 };
	struct status_key other;
	struct shared_body *body = shared_body_new("x", 1);

	CHECK(!status_cache_find(cache, &key));
	status_cache_keep(&cache, &key, body);
	shared_body_unref(body);
	CHECK(status_cache_find(cache, &key) == body);

	other = key;
	other.viewer.uid = 8;
	CHECK(!status_cache_find(cache, &other));
	other = key;
	other.viewer.all = true;
	CHECK(!status_cache_find(cache, &other));
	other = key;
	other.sequence++;
	CHECK(!status_cache_find(cache, &other));
	other = key;
	other.second++;
	CHECK(!status_cache_find(cache, &other));
	other = key;
	other.seen++;
	CHECK(!status_cache_find(cache, &other));
	other = key;
	other.generation++;
	CHECK(!status_cache_find(cache, &other));
	status_cache_free(cache);
}

TEST(all_who_see_everything_share_one_cached_status)
{
	struct status_cache *cache = NULL;
	struct status_key key = { .viewer = { .uid = 0, .all = true } };
	struct shared_body *body = shared_body_new("x", 1);

	status_cache_keep(&cache, &key, body);
	key.viewer.uid = 4242;
	CHECK(status_cache_find(cache, &key) == body);
	for (uid_t uid = 1; uid < 10; uid++) {
		struct status_key theirs = { .viewer = { .uid = uid } };

		status_cache_keep(&cache, &theirs, body);
		CHECK(status_cache_find(cache, &theirs) == body);
	}
	CHECK_EQ(body->refs, 1 + 4);
	status_cache_free(cache);
	CHECK_EQ(body->refs, 1);
	shared_body_unref(body);
}
