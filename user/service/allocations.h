/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * allocations - ports of the managed range, handed out and taken back.
 *
 * What is answered with 0 is on the disk by then.  The engine's registry has them while
 * it runs, the state file beyond; another portwatch may change that file at any time,
 * which is noticed before anything is done.  Single-threaded, in the engine's thread; not
 * to be called from an engine callback.
 */
#ifndef PORTWATCH_SERVICE_ALLOCATIONS_H
#define PORTWATCH_SERVICE_ALLOCATIONS_H

#include "engine/engine.h"
#include "store/state.h"

struct allocations;

struct allocations_options {
	struct engine *engine;
	const char *state, *log; /* folders; copied */
	/* What was done changed the engine, or allocations_deadline(); may be NULL. */
	void (*changed)(void *arg);
	/* Something went wrong that no caller is told of; may be NULL. */
	void (*complain)(const char *what, void *arg);
	void *arg;
};

/* Touches no file.  -ENOMEM. */
int allocations_new(const struct allocations_options *options, struct allocations **ret);
struct allocations *allocations_free(struct allocations *a);
DEFINE_CLEANUP(struct allocations, allocations_free)

/* Put what is handed out into a registry that is about to come into force.  What its file
 * allocates itself stays as it is there.  0, also where the state cannot be read (which
 * was complained about, and every change answers); -ENOMEM. */
int allocations_join(struct allocations *a, struct registry *reg);

/* Why something is refused. */
struct refusal {
	char what[512];
	const char *path;          /* of the state file, where that is at fault */
	struct decode_error fault; /* where in it; what[0] == 0: nowhere */
};

struct allocation_wish {
	const char *service_name; /* valid; not NULL */
	const char *started_by, *purpose;
	uint16_t port;   /* 0: any of the managed range */
	uint16_t proto;  /* IPPROTO_* */
	pid_t pid;       /* 0: whoever binds it */
	uint64_t ttl_ms; /* 0: for ever */
};

/*
 * *ret is borrowed, until the engine next changes.  Each with a refusal: -EADDRINUSE
 * where the port is not to be had, -EADDRNOTAVAIL where none is; -ERANGE for one outside
 * of the managed range; -ESRCH where no such process lives; -EWOULDBLOCK while another
 * portwatch writes; -EBADMSG where the state file is refused; what writing says.
 */
int allocations_allocate(struct allocations *a, const struct allocation_wish *wish,
			 const struct allocation **ret, struct refusal *reterr);
/* *ret is what was released; owned.  -ENOENT where it is not allocated, -EEXIST where
 * the registry's file allocates it; else as above. */
int allocations_release(struct allocations *a, uint16_t proto, uint16_t port,
			struct allocation **ret, struct refusal *reterr);

/* See what another portwatch has changed. */
void allocations_refresh(struct allocations *a);
/* After the engine was dispatched: take down who claimed what, and take back what lost
 * its process.  Costs nothing where neither happened. */
void allocations_settle(struct allocations *a);
/* Take back what has expired, and do what could not be done before. */
void allocations_run(struct allocations *a);
/* When to, by the wall clock; 0 never. */
uint64_t allocations_deadline(const struct allocations *a);

struct allocations_summary {
	uint16_t low, high;
	size_t total, allocated;
	size_t available; /* that nothing holds, reserves or claims */
};
void allocations_summary(const struct engine *engine, struct allocations_summary *ret);

#endif /* PORTWATCH_SERVICE_ALLOCATIONS_H */
