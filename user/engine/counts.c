// SPDX-License-Identifier: GPL-2.0-only
/* The connections of services and allocations, which the kernel counts by port. */
#include "engine/internal.h"

#include <stdlib.h>

#include "base/strings.h"

/* The @index-th TCP port of a slot; false past the last. */
static bool port_of(const struct engine *e, const struct slot *slot, size_t index,
		    struct counted_port *ret)
{
	const struct service_state *state = slot->state;
	const struct service *svc = state->service;
	uint32_t netns;

	if (!svc) {
		*ret = (struct counted_port){ e->world.own_netns,
					      state->allocation->port };
		return index == 0 && state->allocation->proto == IPPROTO_TCP;
	}
	for (size_t i = 0; svc->enabled && i < svc->n_claims; i++) {
		if (svc->claims[i].at.proto != IPPROTO_TCP || index-- > 0)
			continue;
		netns = svc->claims[i].at.netns ? svc->claims[i].at.netns
						: svc->netns_inode;
		*ret = (struct counted_port){ netns ? netns : e->world.own_netns,
					      svc->claims[i].at.port };
		return true;
	}
	return false;
}

/* The sum over its ports; false where one is not counted, or it has none. */
static bool read_ports(const struct engine *e, const struct slot *slot, uint64_t *ret)
{
	struct counted_port port;
	uint64_t count;
	size_t n = 0;

	for (*ret = 0; port_of(e, slot, n, &port); n++) {
		if (e->senses.accepted(e->probe, &port, &count) < 0)
			return false;
		*ret += count;
	}
	return n > 0;
}

/* What was counted since it was last looked at is its own. */
static void read_slot(struct engine *e, struct slot *slot)
{
	struct service_state *state = slot->state;
	uint64_t now = 0, more;
	struct allocation *alloc;
	bool was_counted = state->is_counted;

	state->is_counted = read_ports(e, slot, &now);
	more = was_counted && state->is_counted && now > state->counted
		       ? now - state->counted
		       : 0;
	state->counted = now;
	if (state->service) {
		state->request_count += more;
		return;
	}
	alloc = more ? registry_find_allocation(e->registry, state->allocation->proto,
						state->allocation->port)
		     : NULL;
	if (alloc)
		alloc->request_count += more;
}

static void for_each(struct engine *e, void (*fn)(struct engine *e, struct slot *slot))
{
	struct slot *slot, *next;

	for (size_t i = 0; i < e->slots.n_services; i++)
		fn(e, &e->slots.services[i]);
	HASH_ITER(hh, e->slots.by_port, slot, next)
	fn(e, slot);
}

void engine_read_counts(struct engine *engine)
{
	if (engine_is_told(engine))
		for_each(engine, read_slot);
}

/* Its ports are counted from here on. */
static void begin(struct engine *e, struct slot *slot)
{
	if (!slot->state->is_counted)
		read_slot(e, slot);
}

static size_t count_ports(const struct engine *e)
{
	size_t n = HASH_COUNT(e->slots.by_port);

	for (size_t i = 0; i < e->slots.n_services; i++)
		n += e->slots.states[i].service->n_claims;
	return n;
}

static size_t add_ports(const struct engine *e, const struct slot *slot,
			struct counted_port *ports)
{
	size_t n = 0;

	while (port_of(e, slot, n, &ports[n]))
		n++;
	return n;
}

void counts_choose(struct engine *e)
{
	/* One more, since the last is asked for in vain. */
	_cleanup_(freep) struct counted_port *ports =
		calloc(count_ports(e) + 1, sizeof(*ports));
	struct slot *slot, *next;
	size_t n = 0;

	if (!ports)
		return;
	for (size_t i = 0; i < e->slots.n_services; i++)
		n += add_ports(e, &e->slots.services[i], ports + n);
	HASH_ITER(hh, e->slots.by_port, slot, next)
	n += add_ports(e, slot, ports + n);
	if (e->senses.count_accepts(e->probe, ports, n) == 0)
		for_each(e, begin);
}
