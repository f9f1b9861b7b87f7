// SPDX-License-Identifier: GPL-2.0-only
/* Binds and listens that succeed. */
#include "kernel/rows/cases.h"

#include "base/files.h"
#include "base/time.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void bind_a_port(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);
	const struct seen *bound;

	actor_must(k->actor, "bind 0 %s %u", k->loopback, k->port);
	case_check(k, scene_row(cookie, SOCKET_BOUND), k->loopback, k->port);
	if (!(scene_traits() & MODE_TELLS_EACH))
		return;
	bound = scene_event(EVENT_SOCKET_BOUND, cookie);
	case_check(k, &bound->socket, k->loopback, k->port);
	CHECK_EQ(bound->source, SOURCE_KERNEL);
	CHECK_EQ(bound->who.id.pid, actor_pid(k->actor));
	CHECK_STR(bound->who.comm, "actor");
	CHECK_EQ(bound->who.uid, geteuid());
	CHECK_EQ(bound->socket.flags & SOCKET_AUTOPORT, 0);
}

TEST(a_bound_port_is_a_row)
{
	each_case(ALL_PROTOS, bind_a_port);
}

static void let_the_kernel_choose(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);
	uint16_t port = case_serve(k, 0, k->loopback, 0);

	CHECK(port > 0);
	case_check(k, scene_row(cookie, case_serving(k)), k->loopback, port);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
}

TEST(a_port_that_the_kernel_chose_is_the_real_one)
{
	each_case(ALL_PROTOS, let_the_kernel_choose);
}

static void bind_listen_close(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);
	const struct seen *released;

	case_serve(k, 0, k->any, k->port);
	case_check(k, scene_row(cookie, SOCKET_LISTENING), k->any, k->port);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
	scene_settle();
	case_check_told(EVENT_SOCKET_BOUND, cookie, 1);
	case_check_told(EVENT_SOCKET_LISTENING, cookie, 1);
	case_check_told(EVENT_SOCKET_RELEASED, cookie, 1);
	if (!(scene_traits() & MODE_TELLS_EACH))
		return;
	released = scene_event(EVENT_SOCKET_RELEASED, cookie);
	case_check(k, &released->socket, k->any, k->port);
	CHECK_EQ(released->cause, RELEASE_CLOSE);
}

TEST(bind_listen_close_is_told_once_each)
{
	each_case(STREAMS, bind_listen_close);
}

static void listen_only(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);
	uint16_t port = (uint16_t)actor_must(k->actor, "listen 0");

	CHECK(port > 0);
	case_check(k, scene_row(cookie, SOCKET_LISTENING), k->any, port);
	if (scene_traits() & MODE_TELLS_EACH)
		case_check(k, &scene_event(EVENT_SOCKET_LISTENING, cookie)->socket,
			   k->any, port);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
}

TEST(listen_without_bind_shows_the_port_that_it_got)
{
	each_case(STREAMS, listen_only);
}

static void bind_and_close(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "bind 0 %s %u", k->any, k->port);
	scene_row(cookie, SOCKET_BOUND);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
	case_check_told(EVENT_SOCKET_RELEASED, cookie, 1);
}

TEST(a_bound_socket_that_closes_is_gone)
{
	each_case(ALL_PROTOS, bind_and_close);
}

static const struct socket *row_at(const struct kase *k, uint16_t port)
{
	uint16_t proto = k->kind == UDP ? IPPROTO_UDP : IPPROTO_TCP;
	uint64_t deadline = scene_deadline();
	const struct socket *row;

	while (!(row = sockets_at(engine_sockets(scene_engine()), k->netns, proto,
				  port))) {
		if (now_mono_ns() > deadline)
			test_fail(__FILE__, __LINE__, "no row at port %u", port);
		scene_run(50);
	}
	return row;
}

static void bind_without_a_cookie(const struct kase *k)
{
	const struct socket *row;
	uint64_t cookie;
	uint16_t port;

	actor_must(k->actor, "quiet 0 %s %s", k->family, k->proto);
	port = (uint16_t)actor_must(k->actor, "bind 0 %s 0", k->any);
	row = row_at(k, port);
	case_check(k, row, k->any, port);
	cookie = row->cookie;
	CHECK_EQ(actor_must(k->actor, "cookie 0"), cookie);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
}

TEST(a_socket_that_nobody_asked_for_its_cookie_is_a_row)
{
	each_case(ALL_PROTOS, bind_without_a_cookie);
}

/* Of the newest map of that name, which is that of the mode that runs. */
static size_t count_tracked(void)
{
	uint64_t key, *before = NULL;
	uint32_t id = 0;
	size_t n = 0;
	int fd = -1;

	while (bpf_map_get_next_id(id, &id) == 0) {
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);
		int next = bpf_map_get_fd_by_id(id);

		if (next >= 0 && bpf_obj_get_info_by_fd(next, &info, &size) == 0 &&
		    strcmp(info.name, "tracked") == 0) {
			close_fd(fd);
			fd = next;
		} else {
			close_fd(next);
		}
	}
	CHECK(fd >= 0);
	while (bpf_map_get_next_key(fd, before, &key) == 0) {
		before = &key;
		n++;
	}
	close_fd(fd);
	return n;
}

/* Else the room for them is gone some day, and each release is a loss from then on. */
static void close_many(const struct kase *k)
{
	enum { MANY = 32 };
	size_t before = count_tracked();
	uint64_t cookies[MANY];

	for (int i = 0; i < MANY; i++) {
		cookies[i] = case_socket(k, (unsigned)i);
		actor_must(k->actor, "bind %d %s 0", i, k->loopback);
	}
	for (int i = 0; i < MANY; i++)
		scene_row(cookies[i], SOCKET_BOUND);
	CHECK(count_tracked() > before || k->kind == TCP);
	for (int i = 0; i < MANY; i++)
		actor_must(k->actor, "close %d", i);
	for (int i = 0; i < MANY; i++)
		scene_gone(cookies[i]);
	CHECK(count_tracked() < before + MANY / 2);
}

TEST(what_is_closed_is_not_kept)
{
	each_case(ALL_PROTOS, close_many);
}

static void share_by_reuseport(const struct kase *k)
{
	uint64_t one = case_socket(k, 1), two = case_socket(k, 2);

	actor_must(k->actor, "set 1 reuseport");
	actor_must(k->actor, "set 2 reuseport");
	case_serve(k, 1, k->loopback, k->port);
	case_serve(k, 2, k->loopback, k->port);
	CHECK(scene_row(one, case_serving(k))->flags & SOCKET_REUSEPORT);
	CHECK(scene_row(two, case_serving(k))->flags & SOCKET_REUSEPORT);
	actor_must(k->actor, "close 1");
	scene_gone(one);
	scene_row(two, case_serving(k));
}

TEST(sockets_that_share_a_port_are_told_apart)
{
	each_case(TCP | UDP, share_by_reuseport);
}

static void bind_v6_only(const struct kase *k)
{
	uint64_t four, six;

	if (k->family[0] != '6')
		return;
	six = case_socket(k, 6);
	four = (uint64_t)actor_must(k->actor, "socket 4 4 %s", k->proto);
	actor_must(k->actor, "set 6 v6only");
	case_serve(k, 6, "::", k->port);
	case_serve(k, 4, "0.0.0.0", k->port);
	CHECK(scene_row(six, case_serving(k))->flags & SOCKET_V6ONLY);
	CHECK(!(scene_row(four, case_serving(k))->flags & SOCKET_V6ONLY));
}

TEST(v6only_leaves_ipv4_to_another)
{
	each_case(TCP | UDP, bind_v6_only);
}

static void bind_dual_stack(const struct kase *k)
{
	uint64_t cookie;

	if (k->family[0] != '6')
		return;
	cookie = case_socket(k, 0);
	actor_must(k->actor, "set 0 v6only 0");
	case_serve(k, 0, "::", k->port);
	CHECK(!(scene_row(cookie, case_serving(k))->flags & SOCKET_V6ONLY));
	actor_must(k->actor, "close 0");

	cookie = case_socket(k, 0);
	case_serve(k, 0, "::ffff:127.0.0.1", k->port);
	case_check(k, scene_row(cookie, case_serving(k)), "::ffff:127.0.0.1", k->port);
}

TEST(dual_stack_and_mapped_addresses_are_kept_as_they_are)
{
	each_case(ALL_PROTOS, bind_dual_stack);
}

static void bind_to_a_device(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "set 0 device lo");
	case_serve(k, 0, k->any, k->port);
	CHECK_EQ(scene_row(cookie, case_serving(k))->at.ifindex, 1);
}

TEST(a_socket_bound_to_a_device_shows_its_index)
{
	each_case(TCP | UDP, bind_to_a_device);
}

static void bind_late(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);
	uint16_t port;

	/* IP_BIND_ADDRESS_NO_PORT: an address, and as yet no port. */
	actor_must(k->actor, "set 0 late");
	CHECK_EQ(actor_must(k->actor, "bind 0 127.0.0.1 0"), 0);
	scene_settle();
	CHECK(!sockets_find(engine_sockets(scene_engine()), cookie));
	port = (uint16_t)actor_must(k->actor, "listen 0");
	case_check(k, scene_row(cookie, SOCKET_LISTENING), "127.0.0.1", port);
}

static void bind_late_over_ipv4(const struct kase *k)
{
	if (k->family[0] == '4')
		bind_late(k);
}

TEST(an_address_without_a_port_is_no_row_until_it_listens)
{
	each_case(TCP, bind_late_over_ipv4);
}
