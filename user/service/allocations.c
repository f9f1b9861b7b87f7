// SPDX-License-Identifier: GPL-2.0-only
#include "service/allocations_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"

#define RETRY_NS (5 * NS_PER_S)

int allocations_new(const struct allocations_options *options, struct allocations **ret)
{
	_cleanup_(allocations_freep) struct allocations *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->options = *options;
	a->options.state = a->options.log = NULL;
	a->engine = options->engine;
	err = state_new(options->state, &a->state);
	if (err == 0)
		err = audit_new(options->log, &a->audit);
	if (err < 0)
		return err;

	*ret = take(a);
	return 0;
}

struct allocations *allocations_free(struct allocations *a)
{
	if (!a)
		return NULL;
	audit_free(a->audit);
	state_free(a->state);
	free(a);
	return NULL;
}

static void tell_changed(struct allocations *a)
{
	if (a->options.changed)
		a->options.changed(a->options.arg);
}

/* -- Taking back ----------------------------------------------------------------------
 */

static bool has_lost_process(const struct allocations *a, const struct allocation *alloc)
{
	struct verdicts list = { 0 };
	bool lost = false;

	if (matcher_allocation(engine_world(a->engine), alloc, &list) >= 0)
		for (size_t i = 0; i < list.count; i++)
			lost |= list.items[i].kind == ALERT_DEAD_OWNER;
	verdicts_done(&list);
	return lost;
}

static bool is_settling(const struct allocations *a, const struct allocation *alloc)
{
	const struct world *world = engine_world(a->engine);
	const struct service_state *state = world->allocation_state(alloc, world->arg);

	return state && state->settling;
}

/* @alloc has nobody any more, or no time left.  NULL: it stays. */
static const char *why_over(const struct allocations *a, const struct allocation *alloc,
			    uint64_t now_ns)
{
	if (alloc->expires_ns && alloc->expires_ns <= now_ns)
		return "expired";
	if (!is_settling(a, alloc) && has_lost_process(a, alloc))
		return "its process has gone";
	return NULL;
}

/* At most two for each allocation. */
static size_t gather(const struct allocations *a, struct change *changes)
{
	uint64_t now_ns = now_wall_ns();
	const struct allocation *alloc;
	size_t n = 0, i = 0;

	while ((alloc = allocations_next(a, &i))) {
		const char *reason = why_over(a, alloc, now_ns);

		if (alloc->unwritten)
			changes[n++] = (struct change){ AUDIT_REGISTER_PID, alloc, NULL };
		if (reason)
			changes[n++] = (struct change){ AUDIT_CLEANUP, alloc, reason };
	}
	return n;
}

static void carry_out(struct allocations *a, const struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct allocation *alloc = changes[i].allocation;

		if (changes[i].action == AUDIT_CLEANUP)
			engine_release(a->engine, alloc->proto, alloc->port);
		else
			engine_allocation_written(a->engine, alloc->proto, alloc->port);
	}
}

static struct change *make_changes(const struct allocations *a)
{
	const struct registry *reg = engine_world(a->engine)->registry;

	return calloc(2 * registry_count_allocations(reg) + 1, sizeof(struct change));
}

/* The state is locked. */
static int settle(struct allocations *a, struct refusal *reterr)
{
	_cleanup_(freep) struct change *changes = make_changes(a);
	size_t n;
	int err;

	if (!changes)
		return refuse(reterr, -ENOMEM, "Out of memory");
	engine_allocations_changed(a->engine);
	n = gather(a, changes);
	if (n == 0)
		return 0;
	engine_read_counts(a->engine);
	err = allocations_write(a, changes, n, reterr);
	if (err < 0)
		return err;
	carry_out(a, changes, n);
	tell_changed(a);
	return 0;
}

/* What nobody waits for is tried again later. */
static void settle_or_owe(struct allocations *a)
{
	_cleanup_(freep) struct change *changes = make_changes(a);
	_cleanup_(close_fdp) int lock = -EBADF;
	struct refusal why;
	int err = 0;

	if (!a->owing && (!changes || gather(a, changes) == 0))
		return;
	lock = allocations_begin(a, &why);
	err = lock < 0 ? lock : settle(a, &why);
	if (err < 0 && !a->owing && a->options.complain)
		a->options.complain(why.what, a->options.arg);
	a->owing = err < 0;
	a->retry_ns = now_wall_ns() + RETRY_NS;
	if (err < 0)
		tell_changed(a);
}

void allocations_settle(struct allocations *a)
{
	if (!a->owing && engine_allocations_changed(a->engine))
		settle_or_owe(a);
}

void allocations_run(struct allocations *a)
{
	settle_or_owe(a);
}

uint64_t allocations_deadline(const struct allocations *a)
{
	const struct allocation *alloc;
	uint64_t due_ns = 0;
	size_t i = 0;

	if (a->owing)
		return a->retry_ns;
	while ((alloc = allocations_next(a, &i)))
		if (alloc->expires_ns && (!due_ns || alloc->expires_ns < due_ns))
			due_ns = alloc->expires_ns;
	return due_ns;
}

/* -- Handing out ----------------------------------------------------------------------
 */

static char *copy_text(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed |= text && !copy;
	return copy;
}

static struct allocation *make(const struct allocation_wish *wish, uint16_t port,
			       struct process_id process)
{
	_cleanup_(allocation_freep) struct allocation *alloc = calloc(1, sizeof(*alloc));
	uint64_t now_ns = now_wall_ns();
	bool failed = false;

	if (!alloc)
		return NULL;
	alloc->port = port;
	alloc->proto = wish->proto;
	alloc->service_name = copy_text(wish->service_name, &failed);
	alloc->started_by = copy_text(wish->started_by, &failed);
	alloc->purpose = copy_text(wish->purpose, &failed);
	alloc->health_status = copy_text("pending", &failed);
	alloc->process = process;
	alloc->allocated_ns = now_ns;
	if (wish->ttl_ms)
		alloc->expires_ns = now_ns + wish->ttl_ms * NS_PER_MS;
	alloc->managed = true;
	return failed ? NULL : take(alloc);
}

static int identify(struct allocations *a, pid_t pid, struct process_id *ret,
		    struct refusal *reterr)
{
	int err;

	*ret = (struct process_id){ 0 };
	if (!pid)
		return 0;
	err = engine_identify(a->engine, pid, ret);
	return err < 0 ? refuse(reterr, -ESRCH, "No process has the PID %d", pid) : 0;
}

static int hand_out(struct allocations *a, const struct allocation_wish *wish,
		    const struct allocation **ret, struct refusal *reterr)
{
	_cleanup_(allocation_freep) struct allocation *alloc = NULL;
	struct change change = { .action = AUDIT_ALLOCATE };
	struct process_id process;
	uint16_t port;
	int err = identify(a, wish->pid, &process, reterr);

	if (err == 0)
		err = allocations_pick(a, wish->port, &port, reterr);
	if (err < 0)
		return err;
	alloc = make(wish, port, process);
	if (!alloc)
		return refuse(reterr, -ENOMEM, "Out of memory");
	change.allocation = alloc;
	err = allocations_write(a, &change, 1, reterr);
	if (err < 0)
		return err;
	err = engine_allocate(a->engine, take(alloc));
	if (err < 0)
		return refuse(reterr, err, "Cannot allocate port %u: %s", port,
			      strerror(-err));
	*ret = registry_allocation_at(engine_world(a->engine)->registry, wish->proto,
				      port);
	return 0;
}

int allocations_allocate(struct allocations *a, const struct allocation_wish *wish,
			 const struct allocation **ret, struct refusal *reterr)
{
	_cleanup_(close_fdp) int lock = allocations_begin(a, reterr);
	int err = lock < 0 ? lock : settle(a, reterr);

	if (err == 0)
		err = hand_out(a, wish, ret, reterr);
	if (err == 0)
		tell_changed(a);
	return err;
}

/* -- Giving back ----------------------------------------------------------------------
 */

static int give_back(struct allocations *a, uint16_t proto, uint16_t port,
		     struct allocation **ret, struct refusal *reterr)
{
	const struct registry *reg = engine_world(a->engine)->registry;
	const struct allocation *alloc = registry_allocation_at(reg, proto, port);
	_cleanup_(allocation_freep) struct allocation *copy = NULL;
	struct change change = { AUDIT_RELEASE, alloc, NULL };
	int err;

	if (!alloc)
		return refuse(reterr, -ENOENT, "Port %u is not allocated", port);
	if (!alloc->managed)
		return refuse(reterr, -EEXIST,
			      "Port %u is allocated to %s by the registry's file; take "
			      "it out there",
			      port, alloc->service_name);
	engine_read_counts(a->engine);
	copy = allocation_copy(alloc);
	if (!copy)
		return refuse(reterr, -ENOMEM, "Out of memory");
	err = allocations_write(a, &change, 1, reterr);
	if (err < 0)
		return err;
	engine_release(a->engine, proto, port);
	*ret = take(copy);
	return 0;
}

int allocations_release(struct allocations *a, uint16_t proto, uint16_t port,
			struct allocation **ret, struct refusal *reterr)
{
	_cleanup_(close_fdp) int lock = allocations_begin(a, reterr);
	int err = lock < 0 ? lock : give_back(a, proto, port, ret, reterr);

	if (err == 0)
		tell_changed(a);
	return err;
}
