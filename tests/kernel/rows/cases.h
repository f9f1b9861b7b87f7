/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cases - what every row of the hook table is tried with: IPv4 and IPv6, TCP, UDP and
 * MPTCP, in the engine's network namespace and in another.
 */
#ifndef PORTWATCH_TESTS_KERNEL_ROWS_CASES_H
#define PORTWATCH_TESTS_KERNEL_ROWS_CASES_H

#include "harness.h"
#include "kernel/actors.h"
#include "kernel/scene.h"

enum { TCP = 1 << 0, UDP = 1 << 1, MPTCP = 1 << 2, ALL_PROTOS = 7, STREAMS = 5 };

struct kase {
	struct actor *actor; /* a fresh one, where the case is to happen */
	uint32_t netns;
	const char *family;   /* "4" */
	const char *proto;    /* "tcp" */
	const char *loopback; /* "127.0.0.1" */
	const char *any;      /* "0.0.0.0" */
	unsigned kind;        /* TCP, UDP or MPTCP */
	uint16_t port;        /* free, and no other case's; port + 16 and + 32 are, too */
	uint16_t index;       /* from 0 */
};

/* Run @fn for each combination of these protocols; a failure names the case. */
void each_case(unsigned protos, void (*fn)(const struct kase *k));

/* Skip the test where this kernel has no such path (helpers/path.h). */
void require_path(const char *path);
/* These protocols, less what a mode without cgroup v2 and fexit cannot see of callers
 * that use no system call of their own word size. */
unsigned protos_by_path(void);

/* A new socket in that slot; its cookie. */
uint64_t case_socket(const struct kase *k, unsigned slot);
/* The state in which bind (UDP) or bind and listen (others) leave a socket. */
enum socket_state case_serving(const struct kase *k);
/* Bind, and listen where it is no UDP; answers the port. */
uint16_t case_serve(const struct kase *k, unsigned slot, const char *address,
		    unsigned port);

/* The row of that cookie is what the case made of it. */
void case_check(const struct kase *k, const struct socket *row, const char *address,
		uint16_t port);

/* So many such events there were; in a mode that follows looks, not more. */
void case_check_told(enum event_type type, uint64_t cookie, size_t times);

#endif /* PORTWATCH_TESTS_KERNEL_ROWS_CASES_H */
