/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * allocations - ports of the managed range, handed out and taken back.
 *
 * What is answered with 0 is on the disk by then.  The engine's registry has them while
 * it runs, the state file beyond; another portwatch may change that file at any time,
 * which is noticed before anything is done.
 *
 * A change takes four steps: a worker locks the file and reads what is new in it; here
 * it is decided what changes; the worker writes that; here it is put in force and
 * answered.  What is asked for meanwhile takes the next turn together.  All but the
 * worker's steps in the engine's thread; not to be called from an engine callback.
 */
#ifndef PORTWATCH_SERVICE_ALLOCATIONS_H
#define PORTWATCH_SERVICE_ALLOCATIONS_H

#include "engine/engine.h"
#include "store/state.h"
#include "store/worker.h"

struct allocations;

struct allocations_options {
	struct engine *engine;
	struct worker *worker;
	const char *state, *log; /* folders; copied */
	/* What was done changed the engine, or allocations_deadline(); may be NULL. */
	void (*changed)(void *arg);
	/* Something went wrong that no caller is told of; may be NULL. */
	void (*complain)(const char *what, void *arg);
	void *arg;
};

/* Touches no file.  -ENOMEM. */
int allocations_new(const struct allocations_options *options, struct allocations **ret);
/* The worker must have finished. */
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
	uint16_t
		port; /* 0: any of the managed range; with a pid also the service's own */
	uint16_t proto;  /* IPPROTO_* */
	pid_t pid;       /* 0: whoever binds it */
	uint64_t ttl_ms; /* 0: for ever */
	bool kept;       /* who started the process gives the port back when that ends */
};

enum allocation_request_kind { REQUEST_ALLOCATE, REQUEST_RELEASE };

struct allocation_request {
	enum allocation_request_kind kind;
	struct allocation_wish wish; /* its strings are kept until the answer */
	/* REQUEST_RELEASE: that of this moment alone where it is not 0. */
	uint16_t port, proto;
	uint64_t allocated_ns;
	/*
	 * 0 and what was handed out or given back, borrowed until this returns.  Else
	 * with a refusal: -EADDRINUSE where the port is not to be had, -EADDRNOTAVAIL
	 * where none is; -ERANGE for one outside of the managed range; -ESRCH where no
	 * such process lives; -ENOENT where it is not allocated, -EEXIST where the
	 * registry's file allocates it; -EWOULDBLOCK while another portwatch writes;
	 * -EBADMSG where the state file is refused; what writing says; -ENOMEM.
	 */
	void (*answer)(struct allocation_request *request, int err,
		       const struct allocation *alloc, const struct refusal *why);
	/* private */
	struct allocation_request *next;
	bool begun;
	unsigned tries;
};

/* @request is borrowed until its answer, which never comes before this returns. */
void allocations_submit(struct allocations *a, struct allocation_request *request);
/* Nobody waits for it any more.  True where it was not begun and never will be; false
 * where it is under way: the answer comes nevertheless. */
bool allocations_withdraw(struct allocations *a, struct allocation_request *request);

/* See what another portwatch has changed; not while a change is under way. */
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
