/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bind_rules - what bind(2) would answer, given the sockets that sit on a port.
 *
 * Pure: the rules of the kernel (inet_csk_get_port and udp_lib_get_port of Linux 6.18;
 * those of 6.1 give the same answers), held against real sockets by
 * tests/kernel/test_bind_rules.c.  Left out is what no list of sockets shows: VRFs, and
 * that UDP looks at fewer sockets where its hash table has more than ten in one place.
 */
#ifndef PORTWATCH_CORE_BIND_RULES_H
#define PORTWATCH_CORE_BIND_RULES_H

#include <sys/types.h>

#include "core/endpoint.h"

enum port_use {
	PORT_BOUND,
	PORT_LISTENING,
	PORT_CONNECTED,
	PORT_WAITING /* TIME_WAIT */
};

struct port_socket {
	struct endpoint at;
	enum port_use use;
	bool v6only, reuseaddr, reuseport;
	bool options_unknown; /* whether it has reuseaddr and reuseport */
	uid_t uid;
};

struct bind_wish {
	struct endpoint at;
	bool v6only, reuseaddr, reuseport;
	uid_t uid;
	bool may_privileged;        /* has CAP_NET_BIND_SERVICE */
	uint16_t unprivileged_port; /* net.ipv4.ip_unprivileged_port_start */
};

/* How the address of a socket meets the one that is wished for. */
enum bind_overlap {
	OVERLAP_NONE,
	OVERLAP_SAME,   /* it is the same */
	OVERLAP_THEIRS, /* it is a wildcard, which takes in this one */
	OVERLAP_OURS,   /* this one is a wildcard, which takes in that */
	OVERLAP_FAMILY, /* one is an IPv6 wildcard that takes IPv4 too */
};

struct bind_answer {
	int error;        /* 0, -EACCES, -EADDRINUSE, -EINVAL */
	bool uncertain;   /* it depends on options_unknown of some; error is the worse */
	size_t culprit;   /* whom to name; only with -EADDRINUSE */
	size_t conflicts; /* how many stand in the way */
	enum bind_overlap overlap; /* of the culprit */
	/* Both have SO_REUSEPORT, which does not count across users. */
	bool other_user;
};

/* Sockets of UDP in the order in which the kernel lists them: the first that overlaps
 * and shares the port lets the bind pass.  The port of @socks is not looked at. */
void bind_predict(const struct port_socket *socks, size_t n, const struct bind_wish *wish,
		  struct bind_answer *ret);

enum bind_overlap bind_overlap(const struct port_socket *sock,
			       const struct bind_wish *wish);

#endif /* PORTWATCH_CORE_BIND_RULES_H */
