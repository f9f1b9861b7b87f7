/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launch_wire - what the daemon and the process that launches for it send each other.
 *
 * One packet each of a socket pair.  The strings of an order are in a memory file that
 * comes with it: there may be more of them than a packet holds.
 */
#ifndef PORTWATCH_SERVICE_LAUNCH_WIRE_H
#define PORTWATCH_SERVICE_LAUNCH_WIRE_H

#include "service/launch_spawn.h"

enum { WIRE_ORDER_MAX = 8 * 1024 * 1024, WIRE_FDS = 2 };

/* Followed by n_args + n_env strings, after dir, user, cgroup and netns ("" none) of the
 * memory file; descriptors: that file, and the log. */
struct wire_order {
	uint64_t id;
	uint64_t size; /* of the memory file */
	uint32_t n_args, n_env;
};

struct wire_news {
	struct spawn_news news; /* its pidfd comes beside it */
};

/* One packet with descriptors.  -errno. */
int launch_wire_send(int sock, const void *data, size_t size, const int *fds,
		     size_t n_fds);
/* 1, 0 where none is there (for one that does not block), -EPIPE at the end.  @fds gets
 * WIRE_FDS descriptors, -EBADF where fewer came. */
int launch_wire_receive(int sock, void *data, size_t size, int *fds);

/* The life of the process that launches; answers its exit status. */
int launch_spawner_main(int sock, const struct spawner_options *options);

#endif /* PORTWATCH_SERVICE_LAUNCH_WIRE_H */
