// SPDX-License-Identifier: GPL-2.0-only
/* The engine's allocations and those of the state file: made the same, in either
 * direction. */
#include "service/allocations_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"

int refuse(struct refusal *reterr, int err, const char *fmt, ...)
{
	va_list ap;

	*reterr = (struct refusal){ 0 };
	va_start(ap, fmt);
	vsnprintf(reterr->what, sizeof(reterr->what), fmt, ap);
	va_end(ap);
	return err;
}

int allocations_refuse_file(const struct allocations *a, int err, const char *doing,
			    struct refusal *reterr)
{
	const char *path = state_path(a->state);

	switch (err) {
	case -EWOULDBLOCK:
		return refuse(reterr, err, "Another portwatch is writing %s; try again",
			      path);
	case -ENOSPC:
	case -EDQUOT:
		return refuse(reterr, err,
			      "Cannot %s %s: the disk is full; nothing was changed",
			      doing, path);
	default:
		return refuse(reterr, err, "Cannot %s %s: %s; nothing was changed", doing,
			      path, strerror(-err));
	}
}

const struct allocation *allocations_next(const struct allocations *a, size_t *index)
{
	const struct registry *reg = engine_world(a->engine)->registry;
	const struct allocation *alloc;

	while ((alloc = registry_allocation(reg, (*index)++)))
		if (alloc->managed)
			return alloc;
	return NULL;
}

/* -- From the file --------------------------------------------------------------------
 */

static void complain(struct allocations *a, const struct decode_error *fault)
{
	char text[1280];

	if (a->refused || !a->options.complain)
		return;
	snprintf(text, sizeof(text),
		 "%s:%u:%u: %s; no port can be allocated until it is "
		 "repaired or removed",
		 state_path(a->state), fault->line, fault->column, fault->what);
	a->options.complain(text, a->options.arg);
}

/* Loading the file answered @err.  As an allocation_request's answer. */
static int judge_load(struct allocations *a, int err, const struct decode_error *fault,
		      struct refusal *reterr)
{
	if (err == 0) {
		a->refused = false;
		return 0;
	}
	complain(a, fault);
	a->refused = true;
	if (err != -EINVAL && err != -E2BIG)
		return allocations_refuse_file(a, err, "read", reterr);
	refuse(reterr, -EBADMSG, "%s", fault->what);
	reterr->path = state_path(a->state);
	reterr->fault = *fault;
	return -EBADMSG;
}

bool allocations_is_same(const struct allocation *a, const struct allocation *b)
{
	return b && streq(a->service_name, b->service_name) &&
	       a->allocated_ns == b->allocated_ns && a->process.pid == b->process.pid &&
	       a->process.start_ticks == b->process.start_ticks;
}

/* What the file has no more, or otherwise. */
static bool drop_missing(struct allocations *a, const struct registry *file)
{
	const struct allocation *mine;
	bool changed = false;
	size_t i = 0;

	while ((mine = allocations_next(a, &i))) {
		if (allocations_is_same(
			    mine, registry_allocation_at(file, mine->proto, mine->port)))
			continue;
		engine_release(a->engine, mine->proto, mine->port);
		changed = true;
		i--;
	}
	return changed;
}

static int add_new(struct allocations *a, const struct registry *file, bool *changed)
{
	const struct registry *reg = engine_world(a->engine)->registry;
	const struct allocation *theirs;

	for (size_t i = 0; (theirs = registry_allocation(file, i)); i++) {
		struct allocation *copy;
		int err;

		if (registry_allocation_at(reg, theirs->proto, theirs->port))
			continue;
		copy = allocation_copy(theirs);
		err = copy ? engine_allocate(a->engine, copy) : -ENOMEM;
		if (err < 0)
			return err;
		*changed = true;
	}
	return 0;
}

static int adopt(struct allocations *a, const struct registry *file,
		 struct refusal *reterr)
{
	bool changed = drop_missing(a, file);
	int err = add_new(a, file, &changed);

	if (changed && a->options.changed)
		a->options.changed(a->options.arg);
	return err < 0 ? refuse(reterr, err, "%s", strerror(-err)) : 0;
}

/* What is new in the file, at once.  NULL where nothing is. */
static int load_newer(struct allocations *a, struct registry **ret)
{
	struct decode_error fault;
	struct refusal ignored;

	*ret = NULL;
	if (a->phase != PHASE_IDLE || !state_is_newer(a->state))
		return 0;
	return judge_load(a, state_load(a->state, ret, &fault), &fault, &ignored);
}

void allocations_refresh(struct allocations *a)
{
	_cleanup_(registry_freep) struct registry *file = NULL;
	struct refusal ignored;

	/* Whoever wants to change something is told. */
	if (load_newer(a, &file) == 0 && file)
		(void)adopt(a, file, &ignored);
}

static int join(const struct allocation *alloc, struct registry *reg)
{
	struct allocation *copy = allocation_copy(alloc);
	int err = copy ? registry_add_allocation(reg, copy) : -ENOMEM;

	return err == -EEXIST ? 0 : err;
}

int allocations_join(struct allocations *a, struct registry *reg)
{
	_cleanup_(registry_freep) struct registry *file = NULL;
	const struct allocation *alloc;
	size_t i = 0;
	int err = 0;

	engine_read_counts(a->engine);
	/* Where it cannot be read, what is in force stays so. */
	(void)load_newer(a, &file);
	while (file && err == 0 && (alloc = registry_allocation(file, i++)))
		err = join(alloc, reg);
	while (!file && err == 0 && (alloc = allocations_next(a, &i)))
		err = join(alloc, reg);
	return err;
}

static struct allocations *of(struct job *job)
{
	return (struct allocations *)((char *)job - offsetof(struct allocations, job));
}

/* In the worker's thread. */
void allocations_lock(struct job *job)
{
	struct allocations *a = of(job);

	a->lock_error = a->load_error = 0;
	a->lock = state_lock(a->state);
	if (a->lock < 0)
		a->lock_error = a->lock;
	else if (state_is_newer(a->state))
		a->load_error = state_load(a->state, &a->loaded, &a->fault);
}

int allocations_take_over(struct allocations *a, struct refusal *reterr)
{
	_cleanup_(registry_freep) struct registry *file = take(a->loaded);
	int err;

	if (a->lock_error < 0)
		return allocations_refuse_file(a, a->lock_error, "write", reterr);
	/* Nothing new leaves a file that is refused as it was. */
	if (!file && a->load_error == 0)
		return 0;
	err = judge_load(a, a->load_error, &a->fault, reterr);
	return err < 0 ? err : adopt(a, file, reterr);
}

/* -- To the file ----------------------------------------------------------------------
 */

static bool is_going(const struct allocations *a, const struct allocation *alloc)
{
	for (size_t i = 0; i < a->changes.n; i++) {
		const struct change *change = &a->changes.items[i];

		if (change->allocation->port == alloc->port &&
		    change->allocation->proto == alloc->proto && !change->is_debt &&
		    (change->action == AUDIT_RELEASE || change->action == AUDIT_CLEANUP))
			return true;
	}
	return false;
}

int allocations_prepare(struct allocations *a)
{
	const struct registry *reg = engine_world(a->engine)->registry;
	const struct allocation *alloc;
	size_t i = 0;

	a->now_ns = now_wall_ns();
	a->n_items = 0;
	a->items = calloc(registry_count_allocations(reg) + a->changes.n + 1,
			  sizeof(struct allocation *));
	if (!a->items)
		return -ENOMEM;
	while ((alloc = allocations_next(a, &i))) {
		if (is_going(a, alloc))
			continue;
		a->items[a->n_items] = allocation_copy(alloc);
		if (!a->items[a->n_items++])
			return -ENOMEM;
	}
	for (i = 0; i < a->changes.n; i++) {
		if (a->changes.items[i].action != AUDIT_ALLOCATE)
			continue;
		a->items[a->n_items] = allocation_copy(a->changes.items[i].allocation);
		if (!a->items[a->n_items++])
			return -ENOMEM;
	}
	return 0;
}

static int write_audit(struct allocations *a)
{
	int err = 0;

	for (size_t i = 0; i < a->changes.n && err == 0; i++)
		err = audit_add(a->audit, a->changes.items[i].action,
				a->changes.items[i].allocation,
				a->changes.items[i].reason, a->now_ns);
	if (err == 0)
		return audit_write(a->audit, a->now_ns);
	audit_forget(a->audit);
	return err;
}

/* In the worker's thread.  All of the changes are on the disk then, or none. */
void allocations_write(struct job *job)
{
	struct allocations *a = of(job);

	a->write_error = write_audit(a);
	a->audit_failed = a->write_error < 0;
	if (a->audit_failed)
		return;
	a->write_error = state_save(a->state, (const struct allocation *const *)a->items,
				    a->n_items);
	if (a->write_error < 0)
		audit_undo(a->audit);
}

int allocations_written(const struct allocations *a, struct refusal *reterr)
{
	if (a->write_error == 0)
		return 0;
	return allocations_refuse_file(
		a, a->write_error, a->audit_failed ? "write the audit log of" : "write",
		reterr);
}
