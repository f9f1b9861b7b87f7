// SPDX-License-Identifier: GPL-2.0-only
/* Binds and listens that fail. */
#include "kernel/rows/cases.h"

#include <errno.h>
#include <unistd.h>

/* What a failed bind says, as far as the mode can know of callers by that path. */
static void check_failure(const struct kase *k, const struct seen *failed,
			  uint64_t cookie, int error, const char *address, uint16_t port,
			  const char *path)
{
	unsigned trait =
		strcmp(path, "sys") == 0 ? MODE_KNOWS_ERRNO : MODE_KNOWS_EVERY_ERRNO;

	case_check(k, &failed->socket, address, port);
	CHECK_EQ(failed->socket.cookie, cookie);
	CHECK_EQ(failed->inferred, !(scene_traits() & trait));
	if (!failed->inferred)
		CHECK_EQ(failed->error, error);
}

static void bind_twice(const struct kase *k, const char *path)
{
	_cleanup_(actor_stopp) struct actor *caller = NULL;
	uint64_t holder = case_socket(k, 0), cookie;
	const struct seen *failed;

	actor_must(k->actor, "comm squeezed");
	caller = actor_fork(k->actor);
	case_serve(k, 0, k->loopback, k->port);
	scene_row(holder, case_serving(k));
	cookie = (uint64_t)actor_must(caller, "socket 1 %s %s", k->family, k->proto);
	CHECK_EQ(actor_ask(caller, "bind 1 %s %u %s", k->loopback, k->port, path),
		 -EADDRINUSE);

	failed = scene_failure(k->netns, k->port);
	check_failure(k, failed, cookie, -EADDRINUSE, k->loopback, k->port, path);
	CHECK_EQ(failed->who.id.pid, actor_pid(caller));
	CHECK_STR(failed->who.comm, "squeezed");
	CHECK_EQ(failed->who.uid, geteuid());
	CHECK_EQ(failed->n_holders, 1);
	CHECK_EQ(failed->holder, holder);
	scene_settle();
	CHECK(!sockets_find(engine_sockets(scene_engine()), cookie));
	case_check_told(EVENT_SOCKET_BIND_FAILED, cookie, 1);
}

static void bind_twice_by_system_call(const struct kase *k)
{
	bind_twice(k, "sys");
}

TEST(a_port_in_use_names_the_caller_and_the_holder)
{
	each_case(ALL_PROTOS, bind_twice_by_system_call);
}

static void bind_twice_by_int80(const struct kase *k)
{
	bind_twice(k, "int80");
}

TEST(a_failed_bind_of_a_32_bit_caller_is_seen)
{
	require_path("int80");
	if (!(scene_traits() & MODE_SEES_EVERY_FAILURE))
		test_skip("only cgroup v2 or fexit see binds by this path");
	each_case(ALL_PROTOS, bind_twice_by_int80);
}

static void bind_twice_by_io_uring(const struct kase *k)
{
	bind_twice(k, "uring");
}

TEST(a_failed_bind_by_io_uring_is_seen)
{
	require_path("uring");
	if (!(scene_traits() & MODE_SEES_EVERY_FAILURE))
		test_skip("only cgroup v2 or fexit see binds by this path");
	each_case(ALL_PROTOS, bind_twice_by_io_uring);
}

static void bind_a_privileged_port(const struct kase *k)
{
	uint64_t cookie;
	const struct seen *failed;
	uint16_t port = (uint16_t)(100 + k->index);

	actor_must(k->actor, "uid 65534");
	cookie = case_socket(k, 0);
	CHECK_EQ(actor_ask(k->actor, "bind 0 %s %u", k->loopback, port), -EACCES);
	failed = scene_failure(k->netns, port);
	check_failure(k, failed, cookie, -EACCES, k->loopback, port, "sys");
	CHECK_EQ(failed->who.uid, 65534);
}

TEST(a_privileged_port_says_eacces_and_whose_it_was_not)
{
	each_case(ALL_PROTOS, bind_a_privileged_port);
}

static void bind_a_foreign_address(const struct kase *k)
{
	const char *address = k->family[0] == '4' ? "192.0.2.1" : "2001:db8::1";
	uint64_t cookie = case_socket(k, 0);

	CHECK_EQ(actor_ask(k->actor, "bind 0 %s %u", address, k->port), -EADDRNOTAVAIL);
	check_failure(k, scene_failure(k->netns, k->port), cookie, -EADDRNOTAVAIL,
		      address, k->port, "sys");
}

TEST(an_address_of_another_host_says_eaddrnotavail)
{
	each_case(TCP | UDP, bind_a_foreign_address);
}

static void bind_one_socket_twice(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "bind 0 %s %u", k->loopback, k->port);
	CHECK_EQ(actor_ask(k->actor, "bind 0 %s %u", k->loopback, k->port + 16), -EINVAL);
	scene_settle();
	case_check(k, scene_row(cookie, SOCKET_BOUND), k->loopback, k->port);
}

TEST(a_second_bind_of_one_socket_leaves_the_first)
{
	each_case(ALL_PROTOS, bind_one_socket_twice);
}

static void listen_twice(const struct kase *k)
{
	uint64_t one = case_socket(k, 1), two = case_socket(k, 2);

	actor_must(k->actor, "set 1 reuseaddr");
	actor_must(k->actor, "set 2 reuseaddr");
	actor_must(k->actor, "bind 1 %s %u", k->loopback, k->port);
	actor_must(k->actor, "bind 2 %s %u", k->loopback, k->port);
	actor_must(k->actor, "listen 1");
	CHECK_EQ(actor_ask(k->actor, "listen 2"), -EADDRINUSE);

	scene_row(one, SOCKET_LISTENING);
	scene_settle();
	CHECK(scene_row(two, SOCKET_BOUND)->flags & SOCKET_REUSEADDR);
	case_check_told(EVENT_SOCKET_LISTENING, two, 0);

	actor_must(k->actor, "close 1");
	scene_gone(one);
	actor_must(k->actor, "listen 2");
	scene_row(two, SOCKET_LISTENING);
}

TEST(a_listen_that_fails_leaves_no_phantom_listener)
{
	each_case(TCP, listen_twice);
}

static void fail_then_succeed(const struct kase *k)
{
	uint64_t holder = case_socket(k, 0), cookie;

	case_serve(k, 0, k->loopback, k->port);
	cookie = case_socket(k, 1);
	CHECK_EQ(actor_ask(k->actor, "bind 1 %s %u", k->loopback, k->port), -EADDRINUSE);
	actor_must(k->actor, "close 0");
	scene_gone(holder);
	actor_must(k->actor, "bind 1 %s %u", k->loopback, k->port);
	case_check(k, scene_row(cookie, SOCKET_BOUND), k->loopback, k->port);
	scene_settle();
	case_check_told(EVENT_SOCKET_BIND_FAILED, cookie, 1);
}

TEST(a_bind_that_failed_may_succeed_later)
{
	each_case(ALL_PROTOS, fail_then_succeed);
}
