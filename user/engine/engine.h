/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine - the beat: facts from the probe into the core, events out to subscribers.
 *
 * The one place that knows both sides.  It owns the tables, the alerts and the probe;
 * the registry is handed to it.  It has no loop of its own: the daemon waits for
 * engine_fd() and engine_deadline() and calls engine_dispatch().  Single-threaded.
 *
 * Parts of the kernel are only touched when something asks for them: engine_need().
 */
#ifndef PORTWATCH_ENGINE_ENGINE_H
#define PORTWATCH_ENGINE_ENGINE_H

#include "core/event.h"
#include "core/failed_binds.h"
#include "core/matcher.h"
#include "engine/latency.h"
#include "probe/probe.h"

struct engine;

struct engine_options {
	struct probe_options probe;
	size_t sockets_max;   /* 0: 1,048,576 */
	size_t processes_max; /* 0: 262,144 */
};

enum engine_need {
	ENGINE_NEEDS_NOTHING,
	ENGINE_NEEDS_SNAPSHOT, /* the table is right as of now */
	ENGINE_NEEDS_EVENTS,   /* and stays right */
};

/* Touches no kernel.  -ENOMEM. */
int engine_new(const struct engine_options *options, struct engine **ret);
struct engine *engine_free(struct engine *engine);
DEFINE_CLEANUP(struct engine, engine_free)

/* Takes over @reg (sealed) and re-evaluates everything under it.  Services that kept
 * their name keep their state.  Emits registry.reloaded where @reload. */
int engine_set_registry(struct engine *engine, struct registry *reg, bool reload);
/* The file was refused: registry.rejected with @reason. */
void engine_registry_rejected(struct engine *engine, const char *reason);

/*
 * Ports handed out and given back while a registry is in force; each is told.  None of
 * these from a callback.  engine_allocate() takes over @alloc (heap), also on failure:
 * -EEXIST, -ENOMEM.  engine_release(): -ENOENT.
 */
int engine_allocate(struct engine *engine, struct allocation *alloc);
int engine_release(struct engine *engine, uint16_t proto, uint16_t port);
/* Was one claimed by a bind, or did one lose its process, since this was last asked? */
bool engine_allocations_changed(struct engine *engine);
/* Its process is in the state file now. */
void engine_allocation_written(struct engine *engine, uint16_t proto, uint16_t port);
/* Which process has this PID now.  -ESRCH, or what reading /proc says. */
int engine_identify(struct engine *engine, pid_t pid, struct process_id *ret);

/*
 * What checks found: whoever runs them says so here, and not from a callback.  @service
 * is a name; with a @port, that allocation of it, else the service.  0 where nothing
 * changed and 1 where something did, which is told (service.healthy, .unhealthy; the
 * alert) with @reason, a sentence's part: "3 checks running failed, ...".  -ENOENT where
 * there is no such thing, or it does not serve: then nothing is known of its health.
 */
struct checked {
	const char *service;
	uint16_t proto, port; /* of an allocation; port 0: of the service */
};
int engine_set_health(struct engine *engine, const struct checked *who,
		      enum health_state health, const char *reason);
/* One of its checks failed: error_count. */
void engine_check_failed(struct engine *engine, const struct checked *who);
/* What is known of it, borrowed as engine_world() is; NULL: there is no such thing. */
const struct service_state *engine_state_of(struct engine *engine,
					    const struct checked *who);

/*
 * Bring the engine to what a request needs; more than it has is loaded, less is free.
 * EVENTS: attach, snapshot, drain, with no gap between; falls back to polling with the
 * procfs backend where BPF is not to be had but the caller is privileged enough.
 * -EPERM where capabilities are missing (engine_missing_capability()).
 */
int engine_need(struct engine *engine, enum engine_need need);
const char *engine_missing_capability(const struct engine *engine);

int engine_fd(const struct engine *engine); /* -EBADF until events are attached */
/* When to dispatch without being woken, CLOCK_MONOTONIC; 0 never. */
uint64_t engine_deadline(const struct engine *engine);
/* Drain the ring, run what is due, heal losses.  Bounded in time so that the API is
 * answered in a storm: true where more waits and it is to be called again at once. */
bool engine_dispatch(struct engine *engine);
/* What dispatching gives way to, before its time is over, when it is readable; -EBADF:
 * nothing. */
void engine_yield_to(struct engine *engine, int fd);

typedef void (*engine_event_fn)(const struct event *event, void *arg);
struct engine_subscription;
/* @wants is a bitmask of 1 << enum event_type: events that nobody wants cost nothing. The
 * callback must not change the engine. */
int engine_subscribe(struct engine *engine, uint32_t wants, engine_event_fn fn, void *arg,
		     struct engine_subscription **ret);
/* Accepts NULL, returns NULL. */
struct engine_subscription *engine_unsubscribe(struct engine *engine,
					       struct engine_subscription *sub);
uint64_t engine_sequence(const struct engine *engine); /* of the last event */

/* Read anew what the host says of ports: ip_local_port_range, what is reserved. */
void engine_refresh_host(struct engine *engine);

/* net.ipv4.ip_unprivileged_port_start, as it was read last. */
uint16_t engine_unprivileged_port(const struct engine *engine);

/* For reading; borrowed until the engine is next dispatched or changed. */
const struct world *engine_world(const struct engine *engine);
const struct alerts *engine_alerts(const struct engine *engine);
/* The last ones, whatever their port. */
const struct failed_binds *engine_failed_binds(const struct engine *engine);
struct sockets *engine_sockets(struct engine *engine);
struct processes *engine_processes(struct engine *engine);
struct probe *engine_probe(struct engine *engine);
/* The service that a socket belongs to: its owner is that service; NULL none. */
const struct service *engine_service_of(struct engine *engine, const struct socket *sock);
/* Ask the kernel who holds every socket now and store it (sockets_set_holders). */
int engine_refresh_holders(struct engine *engine);
/*
 * The same for the sockets of one port alone.  Where the kernel counts references, a look
 * at the owners is mostly enough; else all processes are looked at.
 */
int engine_find_holders(struct engine *engine, uint32_t netns, uint16_t proto,
			uint16_t port);

/* Processes known only from the kernel's word or a snapshot are completed from /proc
 * when somebody wants to print them. */
/* Bring request_count of services and allocations up to now. */
void engine_read_counts(struct engine *engine);

void engine_complete_process(struct engine *engine, struct process *p);
/* Who holds the socket of a row, completed, with a reference for the caller; NULL where
 * nobody does, or for want of memory. */
struct process *engine_process_of(struct engine *engine, const struct snapshot_row *row);

/*
 * Portwatch started @id for the service @name, or has found again what it had started: it
 * and its descendants are that service, by the strongest thing known, until
 * engine_ending().  -ENOENT: no service is called so; -ESRCH.
 */
int engine_launched(struct engine *engine, const char *name, struct process_id id);
/* Tell a service.* event that the kernel cannot know of; @reason may be NULL. */
void engine_tell_service(struct engine *engine, const char *name, enum event_type type,
			 const char *reason);
/* How often it was started again, for its status. */
void engine_set_restarts(struct engine *engine, const char *name, uint32_t restarts);

/* Portwatch is about to end @p: from now on it is recorded for no service, so that its
 * end raises no alert. */
void engine_ending(struct engine *engine, struct process *p);
/* Nothing more is done to @p.  If it lives it is what it was. */
void engine_spared(struct engine *engine, struct process *p);

enum { ERRNO_MAX = 256 };

struct engine_counters {
	uint64_t events[EVENT_TYPES]; /* by type, whether wanted or not */
	uint64_t resyncs, lost, seen;
	uint64_t bind_failures[ERRNO_MAX]; /* by errno, positive; 0: unknown */
	struct latency latency;            /* of events that the kernel told */
};
void engine_counters(const struct engine *engine, struct engine_counters *ret);

#endif /* PORTWATCH_ENGINE_ENGINE_H */
