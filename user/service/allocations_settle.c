// SPDX-License-Identifier: GPL-2.0-only
/* What happens to allocations that nobody asked for: they are claimed, they expire, and
 * their processes end. */
#include "service/allocations_private.h"

#include <errno.h>
#include <string.h>

#include "base/time.h"

void change_list_done(struct change_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		allocation_free(list->items[i].allocation);
	free(list->items);
	*list = (struct change_list){ 0 };
}

int change_list_add(struct change_list *list, const struct change *change,
		    struct allocation *alloc)
{
	struct change *grown =
		alloc ? reallocarray(list->items, list->n + 1, sizeof(*list->items))
		      : NULL;

	if (!grown) {
		allocation_free(alloc);
		return -ENOMEM;
	}
	list->items = grown;
	grown[list->n] = *change;
	grown[list->n++].allocation = alloc;
	return 0;
}

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

bool allocations_has_unsettled(const struct allocations *a)
{
	uint64_t now_ns = now_wall_ns();
	const struct allocation *alloc;
	size_t i = 0;

	while ((alloc = allocations_next(a, &i)))
		if (alloc->unwritten || why_over(a, alloc, now_ns))
			return true;
	return a->debts.n > 0;
}

static int gather_one(struct allocations *a, const struct allocation *alloc,
		      const char *reason)
{
	const struct change claimed = { .action = AUDIT_REGISTER_PID };
	const struct change over = { .action = AUDIT_CLEANUP, .reason = reason };
	int err = 0;

	if (alloc->unwritten)
		err = change_list_add(&a->changes, &claimed, allocation_copy(alloc));
	if (err == 0 && reason)
		err = change_list_add(&a->changes, &over, allocation_copy(alloc));
	return err;
}

int allocations_gather(struct allocations *a)
{
	uint64_t now_ns = now_wall_ns();
	const struct allocation *alloc;
	size_t i = 0;
	int err = 0;

	if (!allocations_has_unsettled(a))
		return 0;
	engine_read_counts(a->engine);
	while (err == 0 && (alloc = allocations_next(a, &i)))
		err = gather_one(a, alloc, why_over(a, alloc, now_ns));
	for (i = 0; err == 0 && i < a->debts.n; i++)
		err = change_list_add(&a->changes, &a->debts.items[i],
				      allocation_copy(a->debts.items[i].allocation));
	return err;
}

void allocations_settled(struct allocations *a, const struct change *change)
{
	const struct registry *reg = engine_world(a->engine)->registry;
	const struct allocation *was = change->allocation;
	const struct allocation *now = registry_allocation_at(reg, was->proto, was->port);

	/* It may be another's by now, or have changed hands once more. */
	if (change->is_debt || !now || now->allocated_ns != was->allocated_ns)
		return;
	if (change->action == AUDIT_CLEANUP)
		engine_release(a->engine, was->proto, was->port);
	else if (allocations_is_same(now, was))
		engine_allocation_written(a->engine, was->proto, was->port);
}
