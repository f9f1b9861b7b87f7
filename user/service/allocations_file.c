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

static int refuse_file(const struct allocations *a, int err, const char *doing,
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

/* As it is in the file.  NULL where that has not changed; negative errno in *reterr. */
static int load_newer(struct allocations *a, struct registry **ret,
		      struct refusal *reterr)
{
	struct decode_error fault;
	int err;

	*ret = NULL;
	if (!state_is_newer(a->state))
		return 0;
	err = state_load(a->state, ret, &fault);
	if (err == 0) {
		a->refused = false;
		return 0;
	}
	complain(a, &fault);
	a->refused = true;
	if (err != -EINVAL && err != -E2BIG)
		return refuse_file(a, err, "read", reterr);
	refuse(reterr, -EBADMSG, "%s", fault.what);
	reterr->path = state_path(a->state);
	reterr->fault = fault;
	return -EBADMSG;
}

static bool is_same(const struct allocation *a, const struct allocation *b)
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
		if (is_same(mine, registry_allocation_at(file, mine->proto, mine->port)))
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

static int take_over(struct allocations *a, struct refusal *reterr)
{
	_cleanup_(registry_freep) struct registry *file = NULL;
	bool changed;
	int err = load_newer(a, &file, reterr);

	if (err < 0 || !file)
		return err;
	changed = drop_missing(a, file);
	err = add_new(a, file, &changed);
	if (changed && a->options.changed)
		a->options.changed(a->options.arg);
	return err < 0 ? refuse(reterr, err, "%s", strerror(-err)) : 0;
}

void allocations_refresh(struct allocations *a)
{
	struct refusal ignored;

	/* Whoever wants to change something is told. */
	(void)take_over(a, &ignored);
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
	struct refusal ignored;
	size_t i = 0;
	int err = 0;

	engine_read_counts(a->engine);
	/* Where it cannot be read, what is in force stays so. */
	(void)load_newer(a, &file, &ignored);
	while (file && err == 0 && (alloc = registry_allocation(file, i++)))
		err = join(alloc, reg);
	while (!file && err == 0 && (alloc = allocations_next(a, &i)))
		err = join(alloc, reg);
	return err;
}

int allocations_begin(struct allocations *a, struct refusal *reterr)
{
	int fd = state_lock(a->state), err;

	if (fd < 0)
		return refuse_file(a, fd, "write", reterr);
	err = take_over(a, reterr);
	if (err < 0) {
		close_fd(fd);
		return err;
	}
	return fd;
}

/* -- To the file ----------------------------------------------------------------------
 */

static bool is_going(const struct allocation *alloc, const struct change *changes,
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].allocation == alloc &&
		    (changes[i].action == AUDIT_RELEASE ||
		     changes[i].action == AUDIT_CLEANUP))
			return true;
	return false;
}

static int save(struct allocations *a, const struct change *changes, size_t n)
{
	const struct registry *reg = engine_world(a->engine)->registry;
	_cleanup_(freep) const struct allocation **items =
		calloc(registry_count_allocations(reg) + n + 1, sizeof(*items));
	const struct allocation *alloc;
	size_t count = 0, i = 0;

	if (!items)
		return -ENOMEM;
	while ((alloc = allocations_next(a, &i)))
		if (!is_going(alloc, changes, n))
			items[count++] = alloc;
	for (i = 0; i < n; i++)
		if (changes[i].action == AUDIT_ALLOCATE)
			items[count++] = changes[i].allocation;
	return state_save(a->state, items, count);
}

int allocations_write(struct allocations *a, const struct change *changes, size_t n,
		      struct refusal *reterr)
{
	uint64_t now_ns = now_wall_ns();
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		err = audit_add(a->audit, changes[i].action, changes[i].allocation,
				changes[i].reason, now_ns);
	if (err == 0)
		err = audit_write(a->audit, now_ns);
	else
		audit_forget(a->audit);
	if (err < 0)
		return refuse_file(a, err, "write the audit log of", reterr);
	err = save(a, changes, n);
	if (err == 0)
		return 0;
	audit_undo(a->audit);
	return refuse_file(a, err, "write", reterr);
}
