// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bound sockets that connect, shut down or disconnect; and sockets that the kernel binds
 * by itself, which are no rows.  What becomes of a port was measured on 6.1, 6.12 and
 * 6.18: one that bind(2) was asked for stays, one that the kernel chose is given up
 * whenever the socket returns to CLOSE, also though getsockname(2) still shows it.
 */
#include "kernel/rows/cases.h"

#include "base/time.h"

#include <errno.h>

/* A listener on port + 16 to connect to. */
static uint16_t open_peer(const struct kase *k)
{
	uint16_t port = (uint16_t)(k->port + 16);

	actor_must(k->actor, "socket 9 %s tcp", k->family);
	actor_must(k->actor, "set 9 reuseaddr"); /* connections of before linger */
	actor_must(k->actor, "bind 9 %s %u", k->loopback, port);
	actor_must(k->actor, "listen 9");
	return port;
}

static void check_no_row(uint64_t cookie)
{
	scene_settle();
	CHECK(!sockets_find(engine_sockets(scene_engine()), cookie));
}

static void connect_from_a_bound_port(const struct kase *k)
{
	uint16_t peer = k->kind == UDP ? 9 : open_peer(k);
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "bind 0 %s %u", k->any, k->port);
	scene_row(cookie, SOCKET_BOUND);
	actor_must(k->actor, "connect 0 %s %u", k->loopback, peer);
	case_check(k, scene_row(cookie, SOCKET_CONNECTED), k->loopback, k->port);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
}

TEST(a_bound_socket_that_connects_is_connected)
{
	each_case(ALL_PROTOS, connect_from_a_bound_port);
}

static void connect_from_a_chosen_port(const struct kase *k)
{
	uint16_t peer = k->kind == UDP ? 9 : open_peer(k), port;
	uint64_t cookie = case_socket(k, 0);

	port = (uint16_t)actor_must(k->actor, "bind 0 %s 0", k->any);
	actor_must(k->actor, "connect 0 %s %u", k->loopback, peer);
	case_check(k, scene_row(cookie, SOCKET_CONNECTED), k->loopback, port);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
}

TEST(a_socket_with_a_chosen_port_that_connects_is_connected)
{
	each_case(ALL_PROTOS, connect_from_a_chosen_port);
}

/* The address, too, is what bind(2) made it. */
static void be_refused_at_a_bound_port(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);
	const struct socket *row;

	actor_must(k->actor, "bind 0 %s %u", k->any, k->port);
	CHECK_EQ(actor_ask(k->actor, "connect 0 %s 1", k->loopback), -ECONNREFUSED);
	scene_settle();
	row = scene_row(cookie, SOCKET_BOUND);
	for (uint64_t deadline = scene_deadline();
	     !endpoint_is_wildcard(&row->at) && now_mono_ns() < deadline;
	     row = scene_row(cookie, SOCKET_BOUND))
		scene_run(50);
	case_check(k, row, k->any, k->port);
}

TEST(a_refused_connection_leaves_the_bound_port)
{
	each_case(STREAMS, be_refused_at_a_bound_port);
}

/* bind(2) named an address once: the port has gone since, but connect(2) keeps what it
 * takes for the address of that bind. */
static void be_refused_twice(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "bind 0 %s 0", k->loopback);
	CHECK_EQ(actor_ask(k->actor, "connect 0 %s 1", k->loopback), -ECONNREFUSED);
	scene_gone(cookie);
	actor_must(k->actor, "bind 0 %s %u", k->any, k->port);
	CHECK_EQ(actor_ask(k->actor, "connect 0 %s 1", k->loopback), -ECONNREFUSED);
	scene_settle();
	case_check(k, scene_row(cookie, SOCKET_BOUND), k->loopback, k->port);
}

TEST(a_refused_connection_leaves_an_address_where_one_was_bound_before)
{
	each_case(STREAMS, be_refused_twice);
}

static void be_refused_at_a_chosen_port(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "bind 0 %s 0", k->loopback);
	scene_row(cookie, SOCKET_BOUND);
	CHECK_EQ(actor_ask(k->actor, "connect 0 %s 1", k->loopback), -ECONNREFUSED);
	scene_gone(cookie);
}

TEST(a_refused_connection_gives_a_chosen_port_up)
{
	each_case(STREAMS, be_refused_at_a_chosen_port);
}

static void be_accepted(const struct kase *k)
{
	uint16_t peer = open_peer(k);
	uint64_t client = case_socket(k, 0), server;

	actor_must(k->actor, "connect 0 %s %u", k->loopback, peer);
	server = (uint64_t)actor_must(k->actor, "accept 9 1");
	check_no_row(client);
	check_no_row(server);
	actor_must(k->actor, "close 0");
	actor_must(k->actor, "close 1");
	scene_settle();
	CHECK_EQ(scene_events(EVENT_SOCKET_RELEASED, client), 0);
	CHECK_EQ(scene_events(EVENT_SOCKET_RELEASED, server), 0);
}

TEST(client_and_accepted_sockets_are_no_rows)
{
	each_case(STREAMS, be_accepted);
}

/* The kernel gives their memory to the next: what was known of a socket that nobody saw
 * close is not true of whoever lives where it was. */
static void connect_where_others_were_bound(const struct kase *k)
{
	enum { OTHERS = 8 };
	uint16_t peer = open_peer(k);
	uint64_t clients[OTHERS];

	for (int i = 0; i < OTHERS; i++)
		actor_must(k->actor, "run %s -c quiet+0+%s+%s;bind+0+%s+0",
			   actor_program(), k->family, k->proto, k->loopback);
	for (int i = 0; i < OTHERS; i++) {
		clients[i] = case_socket(k, (unsigned)i);
		actor_must(k->actor, "connect %d %s %u", i, k->loopback, peer);
	}
	case_socket(k, OTHERS);
	actor_must(k->actor, "bind %d %s %u", OTHERS, k->loopback, k->port); /* a look */
	scene_settle();
	for (int i = 0; i < OTHERS; i++)
		CHECK(!sockets_find(engine_sockets(scene_engine()), clients[i]));
}

TEST(a_client_is_no_row_where_a_bound_socket_was_in_memory)
{
	each_case(STREAMS, connect_where_others_were_bound);
}

static void accept_and_close(const struct kase *k)
{
	uint64_t listener = case_socket(k, 0);

	/* MPTCP gives an accepted socket the cookie of its listener. */
	case_serve(k, 0, k->loopback, k->port);
	scene_row(listener, SOCKET_LISTENING);
	case_socket(k, 1);
	actor_must(k->actor, "connect 1 %s %u", k->loopback, k->port);
	actor_must(k->actor, "accept 0 2");
	actor_must(k->actor, "close 2");
	scene_settle();
	scene_row(listener, SOCKET_LISTENING);
	CHECK_EQ(scene_events(EVENT_SOCKET_RELEASED, listener), 0);
	actor_must(k->actor, "close 0");
	scene_gone(listener);
}

TEST(closing_what_was_accepted_leaves_the_listener)
{
	each_case(STREAMS, accept_and_close);
}

/*
 * Only fexit sees a UDP socket disconnect: nothing else in the kernel tells of it.
 * Elsewhere the row stays as it was until a resync or the close.
 */
static bool sees_disconnects(void)
{
	return scene_traits() & MODE_SEES_UDP_DISCONNECT;
}

static void disconnect_a_bound_port(const struct kase *k)
{
	enum socket_state after = sees_disconnects() ? SOCKET_BOUND : SOCKET_CONNECTED;
	uint64_t cookie = case_socket(k, 0);
	const struct socket *row;

	actor_must(k->actor, "bind 0 %s %u", k->any, k->port);
	actor_must(k->actor, "connect 0 %s 9", k->loopback);
	scene_row(cookie, SOCKET_CONNECTED);
	actor_must(k->actor, "disconnect 0");
	scene_settle();
	row = scene_row(cookie, after);
	case_check(k, row, after == SOCKET_BOUND ? k->any : k->loopback, k->port);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
}

TEST(a_udp_socket_that_disconnects_is_bound_still)
{
	each_case(UDP, disconnect_a_bound_port);
}

static void disconnect_a_chosen_port(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "bind 0 %s 0", k->any);
	actor_must(k->actor, "connect 0 %s 9", k->loopback);
	scene_row(cookie, SOCKET_CONNECTED);
	actor_must(k->actor, "disconnect 0");
	scene_settle();
	if (!sees_disconnects()) {
		scene_row(cookie, SOCKET_CONNECTED);
		actor_must(k->actor, "close 0");
	}
	scene_gone(cookie);
}

TEST(a_udp_socket_that_disconnects_gives_a_chosen_port_up)
{
	each_case(UDP, disconnect_a_chosen_port);
}

static void autobind(const struct kase *k)
{
	uint64_t sender = case_socket(k, 0), connected = case_socket(k, 1);

	actor_must(k->actor, "send 0 %s 9", k->loopback);
	actor_must(k->actor, "connect 1 %s 9", k->loopback);
	check_no_row(sender);
	check_no_row(connected);
	actor_must(k->actor, "close 0");
	actor_must(k->actor, "close 1");
	scene_settle();
	CHECK_EQ(scene_events(EVENT_SOCKET_RELEASED, sender), 0);
	CHECK_EQ(scene_events(EVENT_SOCKET_RELEASED, connected), 0);
}

TEST(a_udp_socket_bound_by_its_own_packet_is_no_row)
{
	each_case(UDP, autobind);
}

static void shut_down_a_listener(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	case_serve(k, 0, k->any, k->port);
	scene_row(cookie, SOCKET_LISTENING);
	actor_must(k->actor, "shutdown 0");
	scene_settle();
	case_check(k, scene_row(cookie, SOCKET_BOUND), k->any, k->port);
	actor_must(k->actor, "listen 0");
	scene_row(cookie, SOCKET_LISTENING);
}

TEST(a_listener_that_is_shut_down_is_bound_still)
{
	each_case(STREAMS, shut_down_a_listener);
}

static void shut_down_a_chosen_port(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);
	uint16_t port;

	case_serve(k, 0, k->any, 0);
	scene_row(cookie, SOCKET_LISTENING);
	actor_must(k->actor, "shutdown 0");
	scene_gone(cookie);
	port = (uint16_t)actor_must(k->actor, "listen 0");
	case_check(k, scene_row(cookie, SOCKET_LISTENING), k->any, port);
	actor_must(k->actor, "close 0");
	scene_gone(cookie);
}

TEST(a_listener_on_a_chosen_port_gives_it_up_when_shut_down)
{
	each_case(STREAMS, shut_down_a_chosen_port);
}

static void end_a_connection(const struct kase *k)
{
	uint16_t peer = open_peer(k);
	uint64_t bound = case_socket(k, 0), chosen = case_socket(k, 1);

	actor_must(k->actor, "bind 0 %s %u", k->loopback, k->port);
	actor_must(k->actor, "bind 1 %s 0", k->loopback);
	for (int slot = 0; slot < 2; slot++) {
		actor_must(k->actor, "connect %d %s %u", slot, k->loopback, peer);
		actor_must(k->actor, "accept 9 %d", 2 + slot);
		/* The peer goes first, so that nothing lingers at this end. */
		actor_must(k->actor, "close %d", 2 + slot);
		actor_must(k->actor, "shutdown %d", slot);
	}
	scene_gone(chosen);
	scene_settle();
	case_check(k, scene_row(bound, SOCKET_BOUND), k->loopback, k->port);
}

TEST(after_a_connection_only_a_port_asked_for_is_kept)
{
	each_case(TCP, end_a_connection);
}
