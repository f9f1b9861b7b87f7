/* SPDX-License-Identifier: GPL-2.0-only */
/* allocations_private - what the files of the allocations share. */
#ifndef PORTWATCH_SERVICE_ALLOCATIONS_PRIVATE_H
#define PORTWATCH_SERVICE_ALLOCATIONS_PRIVATE_H

#include "service/allocations.h"
#include "service/inuse.h"
#include "store/audit.h"

enum { TOGETHER_MAX = 128 };

/* One that is about to be made. */
struct change {
	enum audit_action action;
	struct allocation *allocation;      /* a copy; owned */
	const char *reason;                 /* static; NULL */
	struct allocation_request *request; /* who is to be answered; NULL: nobody */
	bool is_debt;                       /* of the file alone: see below */
};

struct change_list {
	struct change *items;
	size_t n;
};
void change_list_done(struct change_list *list);
/* Takes over @alloc, which may be NULL: -ENOMEM. */
int change_list_add(struct change_list *list, const struct change *change,
		    struct allocation *alloc);

enum phase {
	PHASE_IDLE,
	PHASE_LOCKING, /* the worker locks the file and reads what is new */
	PHASE_WRITING, /* the worker writes the changes */
};

struct allocations {
	struct allocations_options options; /* its strings are not kept */
	struct engine *engine;
	bool refused;      /* the state file is, and that was complained about */
	bool owing;        /* what was settled is not written yet */
	bool again;        /* something may be to be settled that was not looked at */
	uint64_t retry_ns; /* wall clock; 0 none */
	struct allocation_request *waiting;
	/* What the file says was handed out and nobody was told of. */
	struct change_list debts;

	/* The worker's, while it has the job: any phase but PHASE_IDLE. */
	struct state *state;
	struct audit *audit;
	enum phase phase;
	struct job job;
	int lock;
	/* What locking came to. */
	int lock_error, load_error;
	struct registry *loaded; /* NULL: nothing is new */
	struct decode_error fault;
	/* What is to be written: the changes, and all that the file is to have then. */
	struct change_list changes;
	struct allocation **items;
	size_t n_items;
	uint64_t now_ns;
	int write_error;
	bool audit_failed; /* it was the audit log that could not be written */
};

/* The @index-th or a later one that is ours; *index moves to behind it.  NULL at the
 * end. */
const struct allocation *allocations_next(const struct allocations *a, size_t *index);
/* The same port, handed out at the same time to the same process. */
bool allocations_is_same(const struct allocation *a, const struct allocation *b);

int refuse(struct refusal *reterr, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int allocations_refuse_file(const struct allocations *a, int err, const char *doing,
			    struct refusal *reterr);

/*
 * allocations_file.c
 */
/* The worker's steps. */
void allocations_lock(struct job *job);
void allocations_write(struct job *job);
/* After the first: make the engine's what is new.  As an allocation_request's answer. */
int allocations_take_over(struct allocations *a, struct refusal *reterr);
/* Before the second: what the file is to have.  -ENOMEM. */
int allocations_prepare(struct allocations *a);
/* What the second came to. */
int allocations_written(const struct allocations *a, struct refusal *reterr);

/*
 * allocations_settle.c
 */
bool allocations_has_unsettled(const struct allocations *a);
/* What was claimed, expired or lost its process, and debts, as changes.  -ENOMEM. */
int allocations_gather(struct allocations *a);
/* The changes are on the disk: those that nobody waits for. */
void allocations_settled(struct allocations *a, const struct change *change);

/*
 * allocations_pick.c
 */
struct picking {
	uint8_t taken[PORT_BITMAP]; /* by requests before this one */
	uint16_t *found;            /* free ports of the managed range; NULL not asked */
	size_t n, next;
};
void picking_done(struct picking *picking);
/* The first port of the managed range that may be handed out, or the one of @wish.  As an
 * allocation_request's answer. */
int allocations_pick(struct allocations *a, struct picking *picking,
		     const struct allocation_wish *wish, uint16_t *ret,
		     struct refusal *reterr);
/* Is it the service's own port, for a process that is about to be that service? */
bool allocations_is_own(const struct allocations *a, const struct allocation_wish *wish);
/* Has nobody bound it, and is it not allocated? */
bool allocations_own_is_free(const struct allocations *a,
			     const struct allocation_wish *wish);
/* Sets the bits of the ports of the managed range that still may be. */
int allocations_look_again(struct allocations *a, uint8_t *bitmap);
/* Why @port may not.  Answers -EADDRINUSE. */
int allocations_explain(struct allocations *a, const struct allocation_wish *wish,
			uint16_t port, struct refusal *reterr);

#endif /* PORTWATCH_SERVICE_ALLOCATIONS_PRIVATE_H */
