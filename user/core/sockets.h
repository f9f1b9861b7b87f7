/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets - every socket on the host that was bound by bind or listen.
 *
 * Pure state: no I/O, no clock, no logging.  cookie -> socket, and
 * (netns, proto, port) -> its sockets.  The table owns its entries; a pointer is
 * good until the table next changes.  It holds references on the processes.
 */
#ifndef PORTWATCH_CORE_SOCKETS_H
#define PORTWATCH_CORE_SOCKETS_H

#include "core/endpoint.h"
#include "core/process.h"

enum socket_state { SOCKET_BOUND, SOCKET_LISTENING, SOCKET_CONNECTED, SOCKET_STATES };

enum {
	SOCKET_REUSEPORT = 1 << 0,
	SOCKET_REUSEADDR = 1 << 1,
	SOCKET_V6ONLY = 1 << 2,
	SOCKET_MPTCP = 1 << 3,
	SOCKET_AUTOPORT = 1 << 4, /* the kernel chose the port */
};

enum source { SOURCE_KERNEL, SOURCE_SNAPSHOT, SOURCE_RESYNC, SOURCE_DAEMON };

struct socket {
	uint64_t cookie; /* SO_COOKIE: the identity */
	struct endpoint at;
	enum socket_state state;
	unsigned flags;
	enum source source; /* how it came to be known */
	uint64_t
		since_ns; /* wall clock of the bind; 0 where it is older than the table */
	uint64_t seen_mono_ns; /* CLOCK_MONOTONIC of the fact that made it known */
	struct process *owner; /* the binder, or the oldest holder left; NULL unknown */
	uid_t uid;             /* of the socket; (uid_t)-1 unknown */
	/* The other holders as they were last asked for; NULL and 0 where never asked. */
	struct process **holders;
	size_t n_holders;
	bool holders_known;
	struct socket *next_in_port; /* newest first */
	struct socket *next_of_owner, *prev_of_owner;
};

struct sockets;

/* An empty table that refuses to grow past @limit; @procs is borrowed.  -ENOMEM. */
int sockets_new(size_t limit, struct processes *procs, struct sockets **ret);
struct sockets *sockets_free(struct sockets *table);
DEFINE_CLEANUP(struct sockets, sockets_free)

/*
 * Put a socket in, or update the one with that cookie (a socket that gave up its
 * port and was bound again moves).  @sock is a template: cookie, at, state, flags,
 * source, since_ns, seen_mono_ns, owner (referenced by the table), uid.  An owner of
 * NULL, or a source other than the kernel, leaves a known owner and since_ns alone.
 * Replaying changes nothing.  1 if something changed, 0 if not; -ENOSPC (counted),
 * -ENOMEM.
 */
int sockets_put(struct sockets *table, const struct socket *sock, struct socket **ret);
/* 1 if it was there.  The port's other sockets stay. */
int sockets_remove(struct sockets *table, uint64_t cookie);
/* 1 if it changed, 0 if not, -ENOENT. */
int sockets_set_state(struct sockets *table, uint64_t cookie, enum socket_state state);
/* Replaces the owner; NULL for a socket that no process holds.  -ENOENT. */
int sockets_set_owner(struct sockets *table, uint64_t cookie, struct process *owner);
/* Replaces the list of holders (referenced).  -ENOENT, -ENOMEM. */
int sockets_set_holders(struct sockets *table, uint64_t cookie,
			struct process *const *holders, size_t n);

struct socket *sockets_find(const struct sockets *table, uint64_t cookie);
/* First of a list linked by next_in_port; NULL. */
struct socket *sockets_at(const struct sockets *table, uint32_t netns, uint16_t proto,
			  uint16_t port);
/* First of a list linked by next_of_owner; NULL. */
struct socket *sockets_of(const struct sockets *table, const struct process *owner);

size_t sockets_count(const struct sockets *table);
size_t sockets_count_state(const struct sockets *table, enum socket_state state);
uint64_t sockets_refused(const struct sockets *table); /* turned away by the limit */

/* Calls @fn for each until it answers non-zero, which is returned.  @fn may remove
 * the socket that it was given. */
int sockets_each(struct sockets *table, int (*fn)(struct socket *, void *), void *arg);

const char *socket_state_name(enum socket_state state); /* "bound", … */
const char *source_name(enum source source);            /* "kernel", … */

#endif /* PORTWATCH_CORE_SOCKETS_H */
