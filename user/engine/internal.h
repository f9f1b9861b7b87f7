/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal - what the files of the engine share; included by them and their tests.
 *
 * The engine is cut by what it knows: who (processes), slots (services and allocations),
 * evaluate (what should stand), deaths (an owner has gone), heal (the table against the
 * kernel), publish (who is told), outgoing.  facts.c ties them together.
 */
#ifndef PORTWATCH_ENGINE_INTERNAL_H
#define PORTWATCH_ENGINE_INTERNAL_H

#include "base/time.h"
#include "core/fact.h"
#include "core/failed_binds.h"
#include "core/hash.h"
#include "engine/engine.h"
#include "probe/procfs.h"

enum {
	RECENT_PROCESSES = 1024,
	OUTGOING_MAX = 1024,
	HOLDERS_TOLD = 16,
	ASKED_MAX = 256,
	RELEASED_KEPT = 4096, /* a power of two */
	PORTS_BYTES = 65536 / 8,
};

/* What the engine asks of the host; tests answer in its place. */
struct senses {
	int (*snapshot)(struct probe *probe, const struct snapshot_query *query,
			snapshot_fn fn, void *arg);
	int (*read)(pid_t pid, unsigned what, struct process_info *ret);
	int (*complete)(struct process_info *info);
	int (*intern)(struct processes *table, struct process_info *info,
		      struct process **ret);
	bool (*is_alive)(struct process_id id);
	int (*watch_process)(struct probe *probe, struct process_id id);
	int (*watch_ports)(struct probe *probe, const uint16_t *ports, size_t n);
	bool (*tells_releases)(const struct probe *probe);
	int (*count_accepts)(struct probe *probe, const struct counted_port *ports,
			     size_t n);
	int (*accepted)(const struct probe *probe, const struct counted_port *port,
			uint64_t *ret);
};

/* What is being folded, and so what the events that follow from it say. */
struct cause {
	enum source source;
	uint64_t mono_ns; /* of the kernel event; 0 none */
	uint64_t wall_ns; /* 0: now */
};

/* Processes that nothing refers to yet: whom the next fact or alert may name. */
struct people {
	struct process *recent[RECENT_PROCESSES]; /* referenced */
	size_t next;
	/* Reading /proc for processes that nobody asked about has a budget. */
	unsigned reads_left;
	uint64_t refilled_ns;
};

/* The engine's side of a service's or an allocation's state. */
struct slot {
	struct service_state *state;
	struct slot *next_dirty;
	bool is_dirty;
	bool running;             /* as it was last told */
	bool stands;              /* something does, in its scope */
	struct service_state own; /* an allocation's; a service's stands in the world */
	uint32_t key;             /* an allocation's: protocol and port */
	UT_hash_handle hh;
};

struct slots {
	struct service_state *states; /* world.services */
	struct slot *services;
	size_t n_services;
	struct slot *by_port;          /* hash of heap: allocations */
	uint8_t named[2][PORTS_BYTES]; /* ports of claims and allocations: TCP, UDP */
	unsigned matched_by;           /* PROCFS_*: what some entry is recognised by */
};

struct port_key {
	uint32_t netns;
	uint16_t proto;
	uint16_t port;
};

/* A port at which something stands. */
struct standing {
	struct port_key key;
	UT_hash_handle hh;
};

/* Evaluations put off until a batch of changes has been folded. */
struct deferred {
	unsigned depth; /* of evaluate_defer() */
	struct port_key *ports;
	size_t n_ports, capacity;
	struct slot *slots; /* linked by next_dirty */
};

/* An owner that has gone and whose sockets are still to be looked at. */
struct death {
	struct process *process; /* referenced */
	uint64_t due_ns;
	uint64_t mono_ns; /* of the exit */
	unsigned looks;
	struct death *next;
};

/* A socket of which something is to be believed only when it lasts. */
struct suspect {
	uint64_t cookie;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
};
struct suspects {
	struct suspect *items; /* sorted */
	size_t count, capacity;
};

struct healing {
	uint64_t walk_start_ns;     /* of the last full walk; all CLOCK_MONOTONIC */
	uint64_t ended_ns, took_ns; /* the last walk of any kind */
	uint64_t due_ns;            /* of the next full walk; 0 none */
	uint64_t hinted_ns,
		hint_due_ns; /* first hint since, and the walk for it; 0 none */
	uint64_t lost, lost_told;
	bool has_lost;  /* since the last walk */
	bool once_more; /* what vanished is to be looked for again */
	bool drained;   /* the ring was empty when it was last looked at */
	/* Of the last walk: released ones that were seen, bound ones that were not. */
	struct suspects dying, missing;
	uint64_t suspect_due_ns;          /* when to look at those again; 0 none */
	uint64_t released[RELEASED_KEPT]; /* cookies, each in its place */
};

enum {
	ASK_HOLDERS, /* an alert names it: who else holds it? */
	ASK_ADDRESS, /* it is connected no more: what is it bound to? */
};

struct question {
	uint64_t cookie;
	unsigned what;
	uint64_t due_ns;
};

struct asking {
	struct question items[ASKED_MAX], answering[ASKED_MAX];
	size_t count, n_answering;
	uint64_t due_ns; /* 0 none */
};

struct origin {
	uint64_t cookie;
	struct endpoint at;
	UT_hash_handle hh;
};

struct engine_subscription {
	uint32_t wants;
	engine_event_fn fn; /* NULL: ended while events were being told */
	void *arg;
	struct engine_subscription *next;
};

struct outlet {
	struct engine_subscription *subscriptions;
	uint32_t wants; /* of all */
	unsigned telling;
	uint64_t seq;
};

struct engine {
	struct engine_options options;
	struct senses senses;
	struct probe *probe;
	struct processes *procs;
	struct sockets *sockets;
	struct alerts *alerts;
	struct failed_binds *failed_binds;
	struct registry *registry;
	struct world world;
	uint8_t reserved_ports[PORTS_BYTES];
	uint16_t unprivileged_port;
	bool host_known;
	int yield_fd;
	enum engine_need have;
	bool polling; /* EVENTS without events: by snapshots */

	struct cause cause;
	struct people people;
	struct slots slots;
	struct standing *standing; /* hash */
	struct deferred deferred;
	struct death *deaths;
	bool deaths_running;
	struct healing healing;
	struct asking asking;
	struct outlet outlet;
	struct engine_counters counters;
	struct outgoing outgoing[OUTGOING_MAX];
	struct origin *origins; /* hash */
	bool allocations_changed;
};

/* facts.c */
void engine_fold(struct engine *e, const struct fact *fact);
/* Puts a socket in or changes it: told, and what follows from it evaluated.  @sock is a
 * template as sockets_put() has it; the answer too. */
int facts_put(struct engine *e, const struct socket *sock);
/* Takes a socket out of the table, likewise. */
void facts_release(struct engine *e, struct socket *sock, enum release_cause cause);
/* Deaths, healing and alerts whose time has come by @now_ns (CLOCK_MONOTONIC). */
void engine_run_due(struct engine *e, uint64_t now_ns);
struct alert_moment engine_moment(const struct engine *e);
/* Wall clock of what is being folded. */
uint64_t engine_wall_ns(const struct engine *e);
/* Does the kernel tell, as opposed to being asked every second? */
bool engine_is_told(const struct engine *e);
/* What is done from now on follows from this; with a source alone at rest. */
void engine_set_cause(struct engine *e, enum source source, uint64_t mono_ns,
		      uint64_t wall_ns);

/* who.c: processes by what is known of them.  What these two answer is borrowed and good
 * until the next fact is folded; NULL where unknown. */
struct process *who_told(struct engine *e, struct process_info *info, bool *ret_exec);
struct process *who_is(struct engine *e, struct process_id id, uid_t uid);
/* The same for a process that perhaps nobody will ask about; NULL where reading /proc for
 * such has been enough for now. */
struct process *who_may_be(struct engine *e, struct process_id id, uid_t uid);
/* Of a snapshot, with what the row has; a reference for the caller; NULL.  @parent NULL:
 * by what is known. */
struct process *who_seen(struct engine *e, const struct snapshot_row *row,
			 struct process *parent);
/* Read from /proc, once, with all ancestors: as much as is printed, or what entries of
 * the registry match by. */
void who_complete(struct engine *e, struct process *p);
void who_identify(struct engine *e, struct process *p);
/* Be told of its exit; one that has gone already is treated as such. */
void who_watch(struct engine *e, struct process *p);
void who_forget_all(struct engine *e);

/* slots.c */
int slots_build(const struct registry *reg, struct slots *ret);
void slots_done(struct engine *e, struct slots *slots);
/* One allocation more, or less.  -ENOMEM. */
int slots_add(struct slots *slots, const struct allocation *alloc, struct slot **ret);
void slots_remove(struct engine *e, struct slot *slot);
struct slot *slots_find(const struct slots *slots, uint16_t proto, uint16_t port);
void slots_verify_allocation(struct engine *e, struct slot *slot);
/* Nobody sees to what @keeper kept any more. */
void slots_lose_keeper(struct engine *e, const struct process *keeper);
/* Hand what is known under the same names from one set to the next. */
void slots_inherit(struct engine *e, struct slots *from, struct slots *to);
struct slot *slots_of_state(struct engine *e, const struct service_state *state);
/* For world.allocation_state; @arg is the engine. */
struct service_state *slots_allocation_state(const struct allocation *alloc, void *arg);
bool slots_name_port(const struct engine *e, uint16_t proto, uint16_t port);
/* Look up the processes that allocations name, and whether those recorded live. */
void slots_verify(struct engine *e);
void slots_watch_ports(struct engine *e);
/* Network namespaces by name: of all services, of those that claim one port; netns.c */
void slots_resolve(struct engine *e);
void slots_resolve_at(struct engine *e, uint16_t proto, uint16_t port);
/* The scope in which alerts of a slot are kept. */
void slots_scope(const struct slot *slot, struct alert_scope *ret);

/* evaluate.c */
/* Is anything to be said about this port, now or after it changed? */
bool evaluate_matters(struct engine *e, const struct endpoint *at);
void evaluate_port(struct engine *e, const struct endpoint *at);
void evaluate_slot(struct engine *e, struct slot *slot);
void evaluate_registry(struct engine *e);
void evaluate_standing(struct engine *e); /* the ports where something stands */
void evaluate_all(struct engine *e);      /* all that the registry names; reload.c */
/* For the matcher; @arg is the engine. */
void evaluate_state(struct service_state *state, void *arg);
/* A socket was put, or its state or owner changed. */
void evaluate_put(struct engine *e, const struct socket *sock);
/* Between these, evaluations are collected and done once, at the end. */
void evaluate_defer(struct engine *e);
void evaluate_flush(struct engine *e);
void evaluate_done(struct engine *e);

/* deaths.c */
/* @p has exited: told, and settled once its sockets are accounted for. */
void deaths_begin(struct engine *e, struct process *p, int status);
/* @p turns out to have gone without a word from the kernel. */
void deaths_vanished(struct engine *e, struct process *p);
/* One of the sockets of @p, which has exited, has gone. */
void deaths_progress(struct engine *e, struct process *p);
void deaths_run(struct engine *e, uint64_t now_ns);
uint64_t deaths_deadline(const struct engine *e);
void deaths_done(struct engine *e);

/* walk.c: a snapshot, sorted by socket. */
struct sighting {
	uint64_t cookie;
	uint32_t row;
};
struct walk {
	struct snapshot_row *rows;
	size_t n_rows, capacity;
	struct sighting *order; /* by cookie */
	uint64_t start_ns, end_ns;
};
int walk_run(struct engine *e, const struct snapshot_query *query, struct walk *ret);
/* Adds to one that began zeroed; also on failure walk_done() is the caller's. */
int walk_more(struct engine *e, const struct snapshot_query *query, struct walk *walk);
void walk_done(struct walk *walk);
/* The rows of one socket: @first is a position in the order. */
struct group {
	const struct walk *walk;
	size_t first, count; /* 0 of them: not seen */
};
struct group walk_group(const struct walk *walk, size_t first);
struct group walk_find(const struct walk *walk, uint64_t cookie);
const struct snapshot_row *group_row(const struct group *group, size_t index);
/* The oldest holder, an ancestor before the others, @except (may be NULL) left out; NULL
 * where there is none. */
const struct snapshot_row *group_oldest(const struct group *group,
					const struct process *except);
bool group_has_holder(const struct group *group, const struct process *p);
/* Remember all holders but the owner with the socket; true where there are others than
 * before, and somebody. */
bool group_keep_holders(struct engine *e, const struct group *group,
			const struct socket *sock);

/* heal.c */
enum {
	HEAL_INITIAL = 1 << 0,    /* nothing was known before: what is found is no news */
	HEAL_KNOWN_ONLY = 1 << 1, /* neither new nor vanished sockets */
	HEAL_KEEP = 1 << 2,       /* not the vanished ones: their release will be told */
};
/* Walk and heal.  0 or negative errno; *ret (may be NULL) how many differed. */
int heal_now(struct engine *e, unsigned how, size_t *ret);
void heal_note(struct engine *e, uint64_t now_ns); /* losses and hints of the probe */
void heal_run(struct engine *e, uint64_t now_ns);
void heal_poll(struct engine *e); /* walk every second from now on */
uint64_t heal_deadline(const struct engine *e);

/* ask.c */
void ask(struct engine *e, uint64_t cookie, unsigned what);
/* Is the walk that goes on about this? */
bool ask_is_about(const struct engine *e, uint64_t cookie, unsigned what);
void ask_run(struct engine *e, uint64_t now_ns);

/* reconcile.c */
/* Make the table what @walk says; the answer is how many sockets differed. */
size_t reconcile(struct engine *e, const struct walk *walk, unsigned how);
/* Was this fact overtaken by a walk that began later? */
bool reconcile_overtook(const struct engine *e, const struct fact *fact);
/* A release was told: what a walk still sees of it is its end. */
void reconcile_note_release(struct engine *e, uint64_t cookie);
void reconcile_done(struct engine *e);

/* counts.c: count the connections of what the registry has. */
void counts_choose(struct engine *e);

/* allocations.c */
/* @sock was put on a port that was handed out: its owner is who that was for. */
void allocation_claim(struct engine *e, const struct socket *sock);
/* Take down who has an allocation now and how it is, after @list was found to stand. */
void allocation_follow(struct engine *e, struct slot *slot, const struct verdicts *list);

/* health.c: what does not serve is neither healthy nor unhealthy. */
void health_follow(struct engine *e, struct slot *slot);

/* reload.c: nothing of this slot is expected any more. */
void slot_retire(struct engine *e, const struct slot *slot);

/* publish.c: count an event; true where somebody wants it built and published. */
bool publish_wanted(struct engine *e, enum event_type type);
void publish_event(struct engine *e, struct event *event);
void publish_socket(struct engine *e, enum event_type type, const struct socket *sock,
		    enum release_cause cause);
void publish_service(struct engine *e, enum event_type type, const struct slot *slot,
		     const char *reason);
void publish_count(struct engine *e, enum event_type type, uint64_t count,
		   const char *reason);
void publish_alert(const struct alert *alert, void *arg);
void publish_allocation(struct engine *e, enum event_type type,
			const struct allocation *alloc);
void publish_done(struct engine *e);

/* outgoing.c */
void outgoing_add(struct engine *e, const struct fact *fact);
void outgoing_remove(struct engine *e, uint64_t cookie);
void outgoing_done(struct engine *e);

/* origin.c: @known has an address of its own now, or has it no more; *ret where it was
 * bound. */
void origin_note(struct engine *e, const struct socket *known, const struct endpoint *at);
bool origin_take(struct engine *e, uint64_t cookie, struct endpoint *ret);
void origin_drop(struct engine *e, uint64_t cookie);
void origin_done(struct engine *e);

/* failed.c: a bind that was refused. */
void fold_bind_failed(struct engine *e, const struct fact *fact);

#endif /* PORTWATCH_ENGINE_INTERNAL_H */
