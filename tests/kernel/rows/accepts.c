// SPDX-License-Identifier: GPL-2.0-only
/* Connections that the kernel accepted, counted by port, on whichever path they came. */
#include "kernel/rows/cases.h"

#include <errno.h>

static uint64_t accepted(const struct counted_port *port)
{
	uint64_t count = 0;

	CHECK_EQ(probe_accepted(engine_probe(scene_engine()), port, &count), 0);
	return count;
}

static void count(const struct counted_port *ports, size_t n)
{
	int err = probe_count_accepts(engine_probe(scene_engine()), ports, n);

	if (err == -EOPNOTSUPP)
		test_skip("no events to be had");
	CHECK_EQ(err, 0);
}

/* From slot 9 to @port; the handshake is over when connect(2) returns, and the kernel has
 * accepted it when accept(2) has it. */
static void connect_to(const struct kase *k, uint16_t port)
{
	actor_must(k->actor, "socket 9 %s %s", k->family, k->proto);
	actor_must(k->actor, "connect 9 %s %u", k->loopback, port);
	actor_must(k->actor, "accept 0 10");
	actor_must(k->actor, "close 10");
	actor_must(k->actor, "close 9");
}

static void count_connections(const struct kase *k)
{
	struct counted_port port = { k->netns, 0 };
	uint64_t before;

	case_socket(k, 0);
	actor_must(k->actor, "set 0 reuseaddr");
	port.port = case_serve(k, 0, k->any, k->port);
	count(&port, 1);
	before = accepted(&port);
	for (unsigned i = 1; i <= 3; i++) {
		connect_to(k, port.port);
		CHECK_EQ(accepted(&port) - before, i);
	}
	count(NULL, 0);
	connect_to(k, port.port);
	actor_must(k->actor, "close 0");
	count(&port, 1);
	CHECK(accepted(&port) <= before + 3);
	count(NULL, 0);
}

TEST(connections_are_counted_on_ports_that_were_asked_about)
{
	each_case(STREAMS, count_connections);
}

/* Whoever connects has made one, and accepted none. */
static void count_outgoing(const struct kase *k)
{
	uint16_t there = (uint16_t)(k->port + 16);
	struct counted_port port = { k->netns, k->port };
	uint64_t before;

	count(&port, 1);
	before = accepted(&port);
	actor_must(k->actor, "socket 1 %s %s", k->family, k->proto);
	actor_must(k->actor, "set 1 reuseaddr");
	actor_must(k->actor, "bind 1 %s %u", k->loopback, there);
	actor_must(k->actor, "listen 1");
	actor_must(k->actor, "socket 0 %s %s", k->family, k->proto);
	actor_must(k->actor, "set 0 reuseaddr");
	actor_must(k->actor, "bind 0 %s %u", k->any, k->port);
	actor_must(k->actor, "connect 0 %s %u", k->loopback, there);
	actor_must(k->actor, "accept 1 10");
	CHECK_EQ(accepted(&port) - before, 0);
	count(NULL, 0);
}

TEST(an_outgoing_connection_is_not_counted)
{
	each_case(STREAMS, count_outgoing);
}
