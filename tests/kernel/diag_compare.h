/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diag_compare - is the engine's table what the kernel itself lists?
 *
 * An independent reading of NETLINK_SOCK_DIAG: nothing of user/probe is used.  What
 * sock_diag does not list (a bound TCP socket before 6.8, an MPTCP socket that only is
 * bound) or does not tell apart (a UDP socket that was autobound by a packet) is judged
 * by what the test knows of its own sockets.
 */
#ifndef PORTWATCH_TESTS_KERNEL_DIAG_COMPARE_H
#define PORTWATCH_TESTS_KERNEL_DIAG_COMPARE_H

#include "core/sockets.h"

/* One socket as the kernel lists it. */
struct sockdiag_socket {
	uint64_t cookie;
	struct endpoint at;
	enum socket_state state;
	unsigned flags; /* SOCKET_V6ONLY, SOCKET_MPTCP */
	uint32_t inode; /* 0: no process has it, or has it yet */
	uint16_t peer_port;
	bool subflow; /* inside an MPTCP socket: its user never sees it */
};

struct sockdiag_list {
	struct sockdiag_socket *items;
	size_t count, capacity;
};

void sockdiag_list_done(struct sockdiag_list *list);

/* Everything that the namespace of this NETLINK_SOCK_DIAG socket holds, TCP (MPTCP too)
 * and UDP; @netns is written into each row.  -errno. */
int sockdiag_dump(int fd, uint32_t netns, struct sockdiag_list *ret);

const struct sockdiag_socket *sockdiag_find(const struct sockdiag_list *list,
					    uint64_t cookie);

/* What a test knows of one of its sockets. */
struct known {
	uint64_t cookie;    /* 0: not asked for, as nothing can be listed yet */
	bool bound;         /* by bind or listen: there has to be a row */
	struct endpoint at; /* netns, proto; the rest where it is bound */
	enum socket_state state;
	unsigned flags; /* SOCKET_MPTCP */
	char life[120]; /* what was done to it, in words, the last of it */
};

struct knowledge {
	/* Answers NULL for a socket that is none of the test's. */
	const struct known *(*find)(uint64_t cookie, void *arg);
	/* The n-th one, NULL past the last. */
	const struct known *(*nth)(size_t n, void *arg);
	void *arg;
	bool shows_bound; /* diag_shows_bound() */
};

/*
 * Compare the rows of one namespace, in both directions, and print each difference.
 * Without @knowledge, listeners, bound TCP and all UDP sockets are what has to be there.
 * Answers the number of differences, or -errno.
 */
int diag_compare(struct sockets *table, int fd, uint32_t netns,
		 const struct knowledge *knowledge);
/* The same without a word, where it may be too early. */
int diag_count(struct sockets *table, int fd, uint32_t netns,
	       const struct knowledge *knowledge);

/* Does this kernel list TCP sockets that only are bound (6.8)? */
bool diag_shows_bound(void);

#endif /* PORTWATCH_TESTS_KERNEL_DIAG_COMPARE_H */
