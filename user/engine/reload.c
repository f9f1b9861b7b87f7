// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another registry: what is known under names that stay is kept, what only the old one
 * named is looked at once more, so that its alerts end.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/strings.h"

/* Where an entry names a network namespace, its number; one that is not there has a
 * number that no namespace has. */
static uint32_t find_netns(const char *name)
{
	struct buffer path = { 0 };
	struct stat st;
	uint32_t number = UINT32_MAX;

	buffer_printf(&path, "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	if (!path.failed && stat(path.data, &st) == 0)
		number = st.st_ino;
	buffer_done(&path);
	return number;
}

void slots_resolve(struct engine *e)
{
	for (size_t i = 0; i < e->slots.n_services; i++) {
		/* The engine owns the registry, and this is the one thing that a
		 * document cannot say. */
		struct service *svc = (struct service *)registry_service(e->registry, i);

		if (!svc->netns)
			continue;
		svc->netns_inode = find_netns(svc->netns);
		for (size_t k = 0; k < svc->n_claims; k++)
			svc->claims[k].at.netns = svc->netns_inode;
	}
}

/* The ports that a claim or an allocation names, in the namespace that it means. */
static void evaluate_named(struct engine *e, const struct slots *slots)
{
	for (size_t i = 0; i < slots->n_services; i++) {
		const struct service *svc = slots->states[i].service;

		for (size_t k = 0; svc->enabled && k < svc->n_claims; k++) {
			struct endpoint at = svc->claims[k].at;

			if (at.netns == 0)
				at.netns = e->world.own_netns;
			evaluate_port(e, &at);
		}
	}
	for (size_t i = 0; i < slots->n_allocations; i++) {
		const struct allocation *alloc = slots->allocations[i].own.allocation;
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
	evaluate_defer(e);
	evaluate_named(e, &e->slots);
	evaluate_standing(e);
	for (size_t i = 0; i < e->slots.n_services; i++)
		evaluate_slot(e, &e->slots.services[i]);
	for (size_t i = 0; i < e->slots.n_allocations; i++)
		evaluate_slot(e, &e->slots.allocations[i]);
	evaluate_registry(e);
	evaluate_flush(e);
}

/* Nothing of this slot is expected any more. */
static void retire(struct engine *e, const struct slot *slot)
{
	struct alert_moment now = engine_moment(e);
	struct alert_scope scope;

	slots_scope(slot, &scope);
	alerts_update(e->alerts, &scope, NULL, 0, &now);
}

static void retire_missing(struct engine *e, const struct slots *old,
			   const struct registry *reg)
{
	for (size_t i = 0; i < old->n_services; i++) {
		if (!registry_find(reg, old->states[i].service->name))
			retire(e, &old->services[i]);
	}
	for (size_t i = 0; i < old->n_allocations; i++) {
		const struct allocation *alloc = old->allocations[i].own.allocation;

		if (!registry_allocation_at(reg, alloc->proto, alloc->port))
			retire(e, &old->allocations[i]);
	}
}

static void adopt(struct engine *e, struct registry *reg, struct slots *slots)
{
	e->registry = reg;
	e->slots = *slots;
	e->world.registry = reg;
	e->world.services = e->slots.states;
}

static void look_again(struct engine *e, const struct slots *old)
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
	_cleanup_(registry_freep) struct registry *next = reg;
	struct slots slots = { 0 }, old;
	int err;

	err = slots_build(next, &slots);
	if (err < 0)
		return err;
	slots_inherit(engine, &engine->slots, &slots);
	old = engine->slots;
	engine_set_cause(engine, SOURCE_DAEMON, 0, 0);
	if (engine->have != ENGINE_NEEDS_NOTHING)
		retire_missing(engine, &old, next);
	/* From here on @next is the one that goes. */
	reg = next;
	next = engine->registry;
	adopt(engine, reg, &slots);
	if (engine->have != ENGINE_NEEDS_NOTHING)
		look_again(engine, &old);
	slots_done(engine, &old);
	if (reload)
		publish_count(engine, EVENT_REGISTRY_RELOADED, registry_count(reg), NULL);
	return 0;
}

void engine_registry_rejected(struct engine *engine, const char *reason)
{
	engine_set_cause(engine, SOURCE_DAEMON, 0, 0);
	publish_count(engine, EVENT_REGISTRY_REJECTED, 0, reason);
}
