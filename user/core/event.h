/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event - what subscribers are told: SPEC section 2, "Events".
 *
 * Plain data; everything is borrowed and good until the subscriber returns.
 */
#ifndef PORTWATCH_CORE_EVENT_H
#define PORTWATCH_CORE_EVENT_H

#include "core/alerts.h"
#include "core/registry.h"
#include "core/sockets.h"

enum event_type {
	EVENT_SOCKET_BOUND,
	EVENT_SOCKET_LISTENING,
	EVENT_SOCKET_RELEASED,
	EVENT_SOCKET_BIND_FAILED,
	EVENT_PROCESS_EXITED,
	EVENT_ALERT_FIRING,
	EVENT_ALERT_RESOLVED,
	EVENT_SERVICE_STARTING,
	EVENT_SERVICE_RUNNING,
	EVENT_SERVICE_STOPPED,
	EVENT_SERVICE_HEALTHY,
	EVENT_SERVICE_UNHEALTHY,
	EVENT_SERVICE_RESTARTING,
	EVENT_ALLOCATION_CREATED,
	EVENT_ALLOCATION_CLAIMED,
	EVENT_ALLOCATION_RELEASED,
	EVENT_REGISTRY_RELOADED,
	EVENT_REGISTRY_REJECTED,
	EVENT_KERNEL_LOST,
	EVENT_KERNEL_RESYNCED,
	EVENT_TYPES,
};

enum release_cause { RELEASE_CLOSE, RELEASE_EXIT };

struct event {
	enum event_type type;
	enum source source;
	uint64_t seq; /* from 1, without gaps, for the life of the engine */
	uint64_t wall_ns;

	/* socket.*: for bind_failed a socket that never was (cookie may be 0). */
	const struct socket *socket;
	const char *service; /* name; NULL none.  Also service.* */
	enum release_cause cause;
	uint64_t lifetime_ns; /* released; 0 unknown */
	int error;            /* bind_failed: negative errno, 0 unknown */
	bool inferred;
	const struct socket *const *holders; /* bind_failed: who stands in the way */
	size_t n_holders;

	const struct process *process; /* process.exited, service.* */
	const struct alert *alert;
	const struct allocation *allocation;
	const char *reason; /* service.*, registry.rejected; a sentence; NULL */
	uint64_t count;     /* lost: records; resynced: sockets that differed; reloaded:
			       services */
};

const char *event_type_name(enum event_type type); /* "socket.bound", … */

#endif /* PORTWATCH_CORE_EVENT_H */
