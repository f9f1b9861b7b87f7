/* SPDX-License-Identifier: GPL-2.0-only */
/* allocations_private - what the files of the allocations share. */
#ifndef PORTWATCH_SERVICE_ALLOCATIONS_PRIVATE_H
#define PORTWATCH_SERVICE_ALLOCATIONS_PRIVATE_H

#include "service/allocations.h"
#include "store/audit.h"

struct allocations {
	struct allocations_options options; /* its strings are not kept */
	struct engine *engine;
	struct state *state;
	struct audit *audit;
	bool refused;      /* the state file is, and that was complained about */
	bool owing;        /* what was settled is not written yet */
	uint64_t retry_ns; /* wall clock; 0 none */
};

/* One that the engine's registry has and that is ours. */
struct change {
	enum audit_action action;
	const struct allocation *allocation;
	const char *reason; /* NULL */
};

/* The @index-th or a later one that is ours; *index moves to behind it.  NULL at the
 * end. */
const struct allocation *allocations_next(const struct allocations *a, size_t *index);

int refuse(struct refusal *reterr, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * allocations_file.c
 */
/* Lock the state and make the engine's what is in it.  A descriptor, or as
 * allocations_allocate(). */
int allocations_begin(struct allocations *a, struct refusal *reterr);
/* Write @changes as they are about to be made to the engine.  All of them are on the disk
 * when this answers 0, none otherwise. */
int allocations_write(struct allocations *a, const struct change *changes, size_t n,
		      struct refusal *reterr);

/*
 * allocations_pick.c
 */
/* The first port of the managed range that may be handed out, or @wanted where that is
 * not 0.  Errors as allocations_allocate(). */
int allocations_pick(struct allocations *a, uint16_t wanted, uint16_t *ret,
		     struct refusal *reterr);

#endif /* PORTWATCH_SERVICE_ALLOCATIONS_PRIVATE_H */
