// SPDX-License-Identifier: GPL-2.0-only
/* Ways into the kernel that no system call tracepoint sees. */
#include "kernel/rows/cases.h"

static void serve_by(const struct kase *k, const char *path)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "bind 0 %s %u %s", k->loopback, k->port, path);
	if (k->kind != UDP)
		actor_must(k->actor, "listen 0 %s", path);
	case_check(k, scene_row(cookie, case_serving(k)), k->loopback, k->port);
	actor_must(k->actor, "close 0 %s", path);
	scene_gone(cookie);
}

static void serve_by_int80(const struct kase *k)
{
	serve_by(k, "int80");
}

TEST(a_32_bit_caller_is_seen)
{
	require_path("int80");
	each_case(protos_by_path(), serve_by_int80);
}

static void serve_by_io_uring(const struct kase *k)
{
	serve_by(k, "uring");
}

TEST(io_uring_is_seen)
{
	require_path("uring");
	each_case(protos_by_path(), serve_by_io_uring);
}

/* A direct descriptor of io_uring: a socket that /proc/PID/fd never shows. */
static void serve_without_a_descriptor(const struct kase *k)
{
	uint64_t cookie = (uint64_t)actor_must(k->actor, "socket 0 %s %s direct",
					       k->family, k->proto);

	CHECK(cookie != 0);
	actor_must(k->actor, "bind 0 %s %u", k->loopback, k->port);
	if (k->kind != UDP)
		actor_must(k->actor, "listen 0");
	case_check(k, scene_row(cookie, case_serving(k)), k->loopback, k->port);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
}

TEST(a_socket_that_never_had_a_descriptor_is_seen)
{
	require_path("direct");
	each_case(protos_by_path(), serve_without_a_descriptor);
}
