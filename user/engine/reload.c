// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another registry: what is known under names that stay is kept, what only the old one
 * named is looked at once more, so that its alerts end.
 */
#include "engine/internal.h"

static void evaluate_claims(struct engine *e, const struct service *svc)
{
	for (size_t i = 0; svc->enabled && i < svc->n_claims; i++) {
		struct endpoint at = svc->claims[i].at;

		if (at.netns == 0)
			at.netns = e->world.own_netns;
		evaluate_port(e, &at);
	}
}

/* The ports that a claim or an allocation names, in the namespace that it means. */
static void evaluate_named(struct engine *e, const struct registry *reg)
{
	const struct allocation *alloc;

	for (size_t i = 0; i < registry_count(reg); i++)
		evaluate_claims(e, registry_service(reg, i));
	for (size_t i = 0; (alloc = registry_allocation(reg, i)); i++) {
		struct endpoint at = {
			.netns = e->world.own_netns,
			.proto = alloc->proto,
			.port = alloc->port,
		};

		evaluate_port(e, &at);
	}
}

static int observe(struct socket *sock, void *arg)
{
	evaluate_put(arg, sock);
	return 0;
}

void evaluate_all(struct engine *e)
{
	struct slot *slot, *next;

	evaluate_defer(e);
	evaluate_named(e, e->registry);
	evaluate_standing(e);
	for (size_t i = 0; i < e->slots.n_services; i++)
		evaluate_slot(e, &e->slots.services[i]);
	HASH_ITER(hh, e->slots.by_port, slot, next)
	evaluate_slot(e, slot);
	evaluate_registry(e);
	evaluate_flush(e);
}

void slot_retire(struct engine *e, const struct slot *slot)
{
	struct alert_moment now = engine_moment(e);
	struct alert_scope scope;

	slots_scope(slot, &scope);
	alerts_update(e->alerts, &scope, NULL, 0, &now);
}

static void retire_missing(struct engine *e, const struct registry *next)
{
	struct slot *slot, *other;

	for (size_t i = 0; i < e->slots.n_services; i++) {
		if (!registry_find(next, e->slots.states[i].service->name))
			slot_retire(e, &e->slots.services[i]);
	}
	HASH_ITER(hh, e->slots.by_port, slot, other)
	{
		const struct allocation *alloc = slot->state->allocation;

		if (!registry_allocation_at(next, alloc->proto, alloc->port))
			slot_retire(e, slot);
	}
}

/* The answer is the registry that goes. */
static struct registry *adopt(struct engine *e, struct registry *reg, struct slots *slots)
{
	struct registry *old = e->registry;

	slots_inherit(e, &e->slots, slots);
	slots_done(e, &e->slots);
	e->registry = reg;
	e->slots = *slots;
	e->world.registry = reg;
	e->world.services = e->slots.states;
	return old;
}

static void look_again(struct engine *e, const struct registry *old)
{
	evaluate_defer(e);
	slots_resolve(e);
	slots_verify(e);
	/* Each socket anew: who is what may have changed for any of them. */
	sockets_each(e->sockets, observe, e);
	evaluate_named(e, old);
	evaluate_all(e);
	evaluate_flush(e);
	slots_watch_ports(e);
}

int engine_set_registry(struct engine *engine, struct registry *reg, bool reload)
{
	_cleanup_(registry_freep) struct registry *next = reg, *old = NULL;
	struct slots slots;
	int err;

	err = slots_build(next, &slots);
	if (err < 0)
		return err;
	engine_set_cause(engine, SOURCE_DAEMON, 0, 0);
	engine_read_counts(engine);
	if (engine->have != ENGINE_NEEDS_NOTHING)
		retire_missing(engine, next);
	old = adopt(engine, take(next), &slots);
	if (engine->have != ENGINE_NEEDS_NOTHING)
		look_again(engine, old);
	if (reload)
		publish_count(engine, EVENT_REGISTRY_RELOADED, registry_count(reg), NULL);
	return 0;
}

void engine_registry_rejected(struct engine *engine, const char *reason)
{
	engine_set_cause(engine, SOURCE_DAEMON, 0, 0);
	publish_count(engine, EVENT_REGISTRY_REJECTED, 0, reason);
}
