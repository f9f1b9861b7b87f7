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
#include "core/health.h"
#include "core/registry.h"
#include "core/sockets.h"

enum { STATE_HELD_MAX = 8, STATE_STRAYS_MAX = 32 };

/*
 * What is known of a service or allocation beyond the registry.  Begins zeroed but for
 * `service` or `allocation`; whom it records, what that held and the strays are kept by
 * the functions under "Keeping the states" below, the rest by the engine.
 */
struct service_state {
	/* One of the two, borrowed from the registry; renewed when that is replaced. */
	const struct service *service;
	const struct allocation *allocation;
	struct process *recorded; /* referenced; who was last seen to be it; NULL never */
	struct service_state *next_recorded; /* of the same process: recorded_in */
	bool launched;     /* recorded was started by portwatch for it */
	uint32_t restarts; /* how often portwatch started it again */
	bool had_port;     /* recorded has held one of its ports */
	bool settling; /* recorded has exited, its sockets are still being looked at */
	uint64_t since_ns; /* wall clock: recorded since */
	/* What its checks say of it: engine_set_health().  Unknown while it does not run.
	 */
	enum health_state health;
	uint64_t health_since_ns; /* wall clock; 0 unknown */
	char *health_reason;      /* how the check found it; heap; NULL */
	uint64_t error_count; /* checks that failed; an allocation's is in the registry */
	/* Connections accepted on its TCP ports; an allocation's is in the registry. */
	uint64_t request_count;
	uint64_t counted; /* the engine's: what the probe had when it last was asked */
	bool is_counted;  /* from then on */
	struct endpoint last_at; /* where recorded last held a port; port 0 nowhere */
	/* Cookies of sockets by which recorded held its ports; some may have gone. */
	uint64_t held[STATE_HELD_MAX];
	unsigned n_held;
	/* Cookies of sockets of its processes on ports that it does not claim, for
	 * drifted; some may have gone.  Heap. */
	uint64_t *strays;
	unsigned n_strays;
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
	/* Nobody may look whom sockets of other users belong to (no BPF, no root), so
	 * that an unknown owner says nothing. */
	bool owners_hidden;
	struct port_range ephemeral;   /* net.ipv4.ip_local_port_range */
	const uint8_t *reserved_ports; /* bitmap of 65536 bits: ip_local_reserved_ports;
					  NULL none */
	/* State of an allocation; NULL where it has none.  May itself be NULL. */
	struct service_state *(*allocation_state)(const struct allocation *, void *);
	void *arg;
};

/* A growing list; free with verdicts_done(). */
struct verdicts {
	struct verdict *items;
	size_t count, capacity;
};
void verdicts_done(struct verdicts *list);

/*
 * Keeping the states: who is recorded for what, as facts arrive.  Pure like the rest.
 * On each fact the engine does this, and evaluates what it is told was touched:
 *
 *   a socket was put, or its state or owner changed (also from a snapshot)
 *	matcher_observe(); then matcher_port() of its port
 *   a socket was removed
 *	matcher_touched() while it is still in the table, remove, then evaluate
 *   FACT_EXIT of p
 *	matcher_exited(); its states are settling now and are not evaluated, so that
 *	what stood stays.  Sockets that outlive p get a new owner (sockets_set_owner(),
 *	then matcher_observe()).  When no socket of the table has p as its owner, or
 *	that has taken too long: matcher_settle() for each, then evaluate it
 *   a process executed another program
 *	match_generation = 0 for it, then as for an owner that changed, for each of
 *	its sockets
 *   the registry was replaced
 *	service_state_move() for names that stayed, service_state_done() for the others,
 *	matcher_observe() for every socket
 *   portwatch started p for a service, or an allocation names p
 *	service_state_record(), and `launched`
 *   portwatch stopped a service itself
 *	service_state_record(NULL): that it is gone is no news
 */
typedef void (*state_touched_fn)(struct service_state *state, void *arg);

/* Record @p (referenced; NULL: nobody) from @wall_ns on and forget what the one before
 * had.  An allocation whose process was gone when it was loaded: intern a process with
 * that id and `exited`. */
void service_state_record(struct processes *procs, struct service_state *state,
			  struct process *p, uint64_t wall_ns);
/* Gives up what @state refers to and zeroes it. */
void service_state_done(struct processes *procs, struct service_state *state);
/* Hand over what is known to @to, whose service or allocation is set and nothing else. */
void service_state_move(struct service_state *from, struct service_state *to);

/*
 * @sock is in the table: whoever holds a port that a state claims, and is that service,
 * becomes recorded where nobody is, or only one that has exited or holds nothing of it
 * any more.  Tells each state for which something may have changed, some twice.  0, or
 * -ENOMEM for a stray that could not be remembered.
 */
int matcher_observe(const struct world *world, struct processes *procs,
		    const struct socket *sock, uint64_t wall_ns, state_touched_fn touched,
		    void *arg);
/* Tells the states for which something changes when @sock goes. */
void matcher_touched(const struct world *world, const struct socket *sock,
		     state_touched_fn touched, void *arg);
/* The states that record @p settle from now on; tells each. */
void matcher_exited(struct process *p, state_touched_fn touched, void *arg);
/*
 * The sockets of the one that exited have been looked at: its heir, if there is one, is
 * recorded in its place.  An heir is another process that is the service and holds a
 * socket of its own on its port, or a daemon's child: the parent ended with exit code 0
 * and the child, in a session of its own, holds its socket.  `sid` of holders should be
 * as of now.
 */
void matcher_settle(const struct world *world, struct processes *procs,
		    struct service_state *state, uint64_t wall_ns);
/* Who that would be; borrowed; NULL: nobody. */
struct process *matcher_heir(const struct world *world,
			     const struct service_state *state);

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
/* dead_owner, orphaned, not_listening, unhealthy for one allocation. */
int matcher_allocation(const struct world *world, const struct allocation *alloc,
		       struct verdicts *ret);
/* duplicate and static ephemeral: needed once for each registry.  Of two entries that
 * claim the same, the later is the service and the earlier is expected; an allocation on
 * another service's port is the later one.  At most ALERTS_MAX. */
int matcher_registry(const struct world *world, struct verdicts *ret);

/*
 * A bind to @at by @caller failed with EADDRINUSE (or a cause that was inferred to be
 * that).  1 and *ret where it is `blocked` (a registered, allocated or managed port),
 * else 0.  The holder is looked for in the table.  Not blocked: a process whose own
 * IPv6 wildcard refuses it the IPv4 one.
 */
int matcher_blocked(const struct world *world, const struct endpoint *at,
		    struct process *caller, struct verdict *ret);
/*
 * Blocked alerts that have ended, after a socket at @at was removed (@bound_by NULL) or
 * bound: nothing of the table stands in the way any more, or @bound_by is the service,
 * or the caller, that was refused.  Resolves them in @alerts.
 */
void matcher_unblock(const struct world *world, struct alerts *alerts,
		     const struct endpoint *at, struct process *bound_by,
		     const struct alert_moment *now);
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
/* The same of a service's or an allocation's state; only where it serves, so that it can
 * be asked for its health. */
const struct socket *matcher_serving_socket(const struct world *world,
					    const struct service_state *state);

#endif /* PORTWATCH_CORE_MATCHER_H */
