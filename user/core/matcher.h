/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * matcher - given the sockets of one port and the registry, what should stand there.
 *
 * Pure: it reads the tables and writes verdicts; alerts makes events of them.  An
 * event re-evaluates its port and the services of its process, never the whole.
 */
#ifndef PORTWATCH_CORE_MATCHER_H
#define PORTWATCH_CORE_MATCHER_H

#include "core/alerts.h"
#include "core/registry.h"
#include "core/sockets.h"

/* What is known of a service or allocation beyond the registry. */
struct service_state {
	struct process *recorded; /* referenced; who was last seen to be it; NULL never */
	bool launched;            /* recorded was started by portwatch for it */
	bool had_port;            /* recorded has held one of its ports */
	bool settling; /* recorded has exited, its sockets are still being looked at */
	uint32_t unhealthy_count; /* failed checks running; 0 healthy or unchecked */
	uint64_t since_ns;        /* wall clock: recorded since */
};

enum service_status {
	STATUS_RUNNING,
	STATUS_STARTING,
	STATUS_STOPPED,
	STATUS_CONFLICT,
	STATUS_UNHEALTHY,
	STATUS_DISABLED,
};

struct port_range {
	uint16_t low, high;
};

/* An outgoing connection that sits on a watched port. */
struct outgoing {
	uint64_t cookie;
	struct endpoint at;
	struct process *process; /* referenced; NULL unknown */
};

/* Everything that the matcher may look at; all borrowed. */
struct world {
	const struct registry *registry;
	const struct sockets *sockets;
	/* By service index, then by allocation: the state of each. */
	struct service_state *services;
	const struct outgoing *outgoing;
	size_t n_outgoing;
	uint32_t own_netns;
	struct port_range ephemeral;   /* net.ipv4.ip_local_port_range */
	const uint8_t *reserved_ports; /* bitmap of 65536 bits: ip_local_reserved_ports;
					  NULL none */
	/* State of an allocation; NULL where it has none. */
	const struct service_state *(*allocation_state)(const struct allocation *,
							void *);
	void *arg;
};

/* A growing list; free with verdicts_done(). */
struct verdicts {
	struct verdict *items;
	size_t count, capacity;
};
void verdicts_done(struct verdicts *list);

/*
 * Which service @p is by the strongest thing known, for a socket at @at (NULL: without
 * regard to a port): started by portwatch for it, registered by an allocation, then by
 * match, a service that claims @at before any other.  NULL: none.
 */
const struct service *matcher_service_of(const struct world *world, struct process *p,
					 const struct endpoint *at, bool v6only);
/* Is @p (or an ancestor) the service that @claim belongs to? */
bool matcher_is_service(const struct world *world, const struct service *svc,
			const struct process *p);
/* SPEC: same service, one descends from the other, or siblings under a parent with the
 * same executable. */
bool matcher_one_owner(const struct world *world, struct process *a, struct process *b);

/*
 * occupied, shared, shadowed, unregistered, ephemeral (in use) for one port of one
 * namespace and protocol.  0, or -ENOMEM.
 */
int matcher_port(const struct world *world, uint32_t netns, uint16_t proto, uint16_t port,
		 struct verdicts *ret);
/* drifted, dead_owner, orphaned, not_listening, unhealthy for one service. */
int matcher_service(const struct world *world, const struct service *svc,
		    struct verdicts *ret);
/* dead_owner, orphaned, not_listening for one allocation. */
int matcher_allocation(const struct world *world, const struct allocation *alloc,
		       struct verdicts *ret);
/* duplicate and static ephemeral: needed once for each registry. */
int matcher_registry(const struct world *world, struct verdicts *ret);

/*
 * A bind to @at by @caller failed with EADDRINUSE (or a cause that was inferred to be
 * that).  1 and *ret where it is `blocked` (a registered, allocated or managed port),
 * else 0.  The holder is looked for in the table.  Not blocked: a process whose own
 * IPv6 wildcard refuses it the IPv4 one.
 */
int matcher_blocked(const struct world *world, const struct endpoint *at,
		    struct process *caller, struct verdict *ret);
/* Sockets of the table that stand in the way of a bind to @at; the answer is how many,
 * at most @max are stored. */
size_t matcher_holders(const struct world *world, const struct endpoint *at,
		       const struct socket **ret, size_t max);

/* Status of a service as SPEC section 5 names it; @alerts for conflict. */
enum service_status matcher_status(const struct world *world, const struct service *svc,
				   const struct alerts *alerts);
const char *service_status_name(enum service_status status);
/* The socket that makes @svc running (its own, on a claimed port, listening first), or
 * NULL; for a dynamic service any listening socket of its process. */
const struct socket *matcher_service_socket(const struct world *world,
					    const struct service *svc);

#endif /* PORTWATCH_CORE_MATCHER_H */
