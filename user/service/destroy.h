/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * destroy - ends connections that sit on a port and spares their processes: SOCK_DESTROY
 * of sock_diag(7), in portwatch's own network namespace.
 *
 * Meant are TIME_WAIT and outgoing connections, never a listener nor, where one listens
 * there, the connections that it accepted.
 */
#ifndef PORTWATCH_SERVICE_DESTROY_H
#define PORTWATCH_SERVICE_DESTROY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/endpoint.h"
#include "service/kill_process.h"

enum { DESTROY_MAX = 65536 };

struct destroy_order {
	uint16_t low, high;
	uint16_t proto; /* 0 any */
	uint32_t netns; /* of this process, to be told with the endpoints */
	struct kill_caller caller;
	bool dry_run;
};

struct destroyed {
	uint64_t cookie;
	struct endpoint at, peer;
	uint8_t state; /* TCP_TIME_WAIT, … of the kernel */
	uid_t uid;
	int error; /* 0: it has gone, or would */
};

struct destroyed_list {
	struct destroyed *items;
	size_t count;
};
void destroyed_done(struct destroyed_list *list);

/*
 * 0 and what was found, with how it went for each: -EOPNOTSUPP where the kernel was built
 * without CONFIG_INET_DIAG_DESTROY, -EPERM without CAP_NET_ADMIN, -EACCES for another
 * user's.  -E2BIG past DESTROY_MAX; -ENOMEM, or why the kernel cannot be asked.
 */
int destroy_sockets(const struct destroy_order *order, struct destroyed_list *ret);

const char *destroyed_state_name(uint8_t state); /* "time-wait", as ss has it */

#endif /* PORTWATCH_SERVICE_DESTROY_H */
