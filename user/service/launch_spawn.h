/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launch_spawn - starts the processes of services, from a process of its own.
 *
 * The daemon gives up its privileges for good, with no-new-privileges: whatever it
 * executed could neither become another user nor be root in full.  So a small process is
 * forked off before that.  It does two things: what an order says, in a child with
 * descriptors, signals, session, user and cgroup of its own; and waiting for such
 * children.  It is in no cgroup of a service, reads no file but /proc/PID/stat and the
 * user database, and ends when the daemon does; the services live on.
 */
#ifndef PORTWATCH_SERVICE_LAUNCH_SPAWN_H
#define PORTWATCH_SERVICE_LAUNCH_SPAWN_H

#include <stdint.h>

#include "core/process.h"

enum { SPAWN_WHAT = 128 };

struct spawner;

struct spawner_options {
	uint64_t descriptors; /* soft RLIMIT_NOFILE of services; 0: as it is */
	bool ends_all;        /* when the daemon is gone, its services are ended */
};

/* Forks.  -errno. */
int spawner_start(const struct spawner_options *options, struct spawner **ret);
/* That process ends by itself; it is waited for. */
struct spawner *spawner_free(struct spawner *spawner);
DEFINE_CLEANUP(struct spawner, spawner_free)
int spawner_fd(const struct spawner *spawner); /* readable where there is news */

struct spawn_order {
	uint64_t id; /* told with the news */
	char *const *argv, *const *env;
	const char *dir;    /* absolute; NULL: / */
	const char *user;   /* a name or a number; NULL: as the daemon began */
	const char *cgroup; /* the folder of its cgroup; NULL none */
	const char *netns;  /* the file of its network namespace; NULL: the daemon's */
	int log;            /* its stdout and stderr */
};

/* What is borrowed may go when this returns.  -EPIPE where that process has gone, or why
 * it cannot be told. */
int spawner_submit(struct spawner *spawner, const struct spawn_order *order);

enum spawn_kind {
	SPAWN_STARTED, /* it executes the program: process, pidfd, in_cgroup */
	SPAWN_FAILED,  /* it does not: error and what was tried */
	SPAWN_EXITED,  /* status, as of wait(2) */
};

struct spawn_news {
	enum spawn_kind kind;
	uint64_t id;
	struct process_id process;
	int status, error;
	bool in_cgroup;
	char what[SPAWN_WHAT];
	int pidfd; /* the callee's; -EBADF none */
};

/* 1 and *ret; 0 where there is none; -EPIPE where that process has gone. */
int spawner_next(struct spawner *spawner, struct spawn_news *ret);

#endif /* PORTWATCH_SERVICE_LAUNCH_SPAWN_H */
