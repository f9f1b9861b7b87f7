/* SPDX-License-Identifier: GPL-2.0-only */
/* diag_private - the dump of one namespace, for diag.c and snapshot.c. */
#ifndef PORTWATCH_PROBE_DIAG_PRIVATE_H
#define PORTWATCH_PROBE_DIAG_PRIVATE_H

#include "probe/probe.h"

struct diag_socket {
	uint64_t cookie;
	struct endpoint at;
	/* Of the file of its descriptors; 0 where it has none.  An MPTCP socket and the
	 * TCP socket below it have the same. */
	uint32_t inode;
	uid_t uid;
	enum socket_state state;
	unsigned flags;
	bool evident;
};

/* 0, or negative errno, which ends the dump and is returned. */
typedef int (*diag_fn)(const struct diag_socket *sock, void *arg);

/*
 * The bound sockets of the calling thread's namespace, whose inode is @netns.  0;
 * -EOPNOTSUPP where the kernel lists none, or other negative errno.
 */
int diag_dump(uint32_t netns, diag_fn fn, void *arg);
/* The same for TCP sockets that are bound and nothing else: none before Linux 6.8. */
int diag_dump_bound(uint32_t netns, diag_fn fn, void *arg);

/*
 * Which of them must have SO_REUSEPORT: the kernel lists no such thing, yet lets two TCP
 * sockets listen where a packet could reach both on no other condition.  Reorders @socks.
 */
void diag_infer_reuseport(struct diag_socket **socks, size_t n);

#endif /* PORTWATCH_PROBE_DIAG_PRIVATE_H */
