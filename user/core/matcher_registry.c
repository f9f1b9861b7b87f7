// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the registry alone says: duplicate claims, ports that outgoing connections may
 * take first.
 *
 * Of two services that claim the same, the later entry is the one that is told, and
 * expects the earlier; so does an allocation on a port that another service claims.
 */
#include "core/matcher_private.h"

#include <errno.h>
#include <string.h>

enum {
	/* However many entries claim one port, comparing them ends. */
	COMPARISONS_MAX = 16 * 1024 * 1024,
	FREE_PORT_TRIES = 1000,
};

struct review {
	const struct world *world;
	struct verdicts *list;
	size_t compared;
};

static bool is_reserved(const struct world *world, uint16_t port)
{
	return world->reserved_ports && (world->reserved_ports[port / 8] >> port % 8) & 1;
}

static bool is_ephemeral(const struct world *world, const struct endpoint *at)
{
	return at->netns == world->own_netns && at->port &&
	       at->port >= world->ephemeral.low && at->port <= world->ephemeral.high &&
	       !is_reserved(world, at->port);
}

static int say_ephemeral(const struct review *r, const struct endpoint *at,
			 const char *service, bool allocation)
{
	const struct world *world = r->world;
	char port[PLACE_SIZE], target[PLACE_SIZE];
	struct verdict *v;

	if (!is_ephemeral(world, at) || r->list->count >= ALERTS_MAX)
		return 0;
	v = verdict_add(r->list, ALERT_EPHEMERAL, at, service);
	if (!v)
		return -ENOMEM;
	v->allocation = allocation;
	verdict_expect(v, service);
	verdict_say(
		v,
		"%s of %s lies in the range that outgoing connections take their ports "
		"from (%u-%u), so that one may hold it first; reserve it in "
		"net.ipv4.ip_local_reserved_ports",
		say_port(world, at, port), service, world->ephemeral.low,
		world->ephemeral.high);
	verdict_fix(v, "portwatch why %s", say_target(at, target));
	return 0;
}

/* A port near @at that nobody claims or holds; 0 none. */
static uint16_t find_free_port(const struct world *world, const struct endpoint *at)
{
	const struct claim *const *claims;

	for (unsigned i = 1; i <= FREE_PORT_TRIES; i++) {
		struct endpoint next = *at;

		if (at->port + i > UINT16_MAX)
			break;
		next.port = at->port + i;
		if (!registry_claims_at(world->registry, at->proto, next.port, &claims) &&
		    !registry_allocation_at(world->registry, at->proto, next.port) &&
		    !sockets_at(world->sockets, at->netns, at->proto, next.port) &&
		    !is_ephemeral(world, &next))
			return next.port;
	}
	return 0;
}

static bool is_said(const struct review *r, size_t since, const struct endpoint *at,
		    const char *expected)
{
	for (size_t i = since; i < r->list->count; i++) {
		const struct verdict *v = &r->list->items[i];

		if (v->kind == ALERT_DUPLICATE && v->at.port == at->port &&
		    v->at.proto == at->proto && !strcmp(v->expected, expected))
			return true;
	}
	return false;
}

static int say_duplicate(const struct review *r, const struct endpoint *at,
			 const char *service, bool allocation, const char *earlier)
{
	char port[PLACE_SIZE], target[PLACE_SIZE];
	struct verdict *v = verdict_add(r->list, ALERT_DUPLICATE, at, service);
	uint16_t free_port;

	if (!v)
		return -ENOMEM;
	v->allocation = allocation;
	verdict_expect(v, earlier);
	say_port(r->world, at, port);
	if (allocation) {
		verdict_say(v, "%s is allocated to %s although %s claims it", port,
			    service, earlier);
		verdict_fix(v, "portwatch release %s", say_target(at, target));
		return 0;
	}
	verdict_say(v, "%s is claimed by both %s and %s; only one of them can have it",
		    port, earlier, service);
	free_port = find_free_port(r->world, at);
	if (free_port)
		verdict_fix(v, "portwatch reassign %s %u", service, free_port);
	else
		verdict_fix(v, "portwatch disable %s", service);
	return 0;
}

static bool is_absent(const struct claim *claim)
{
	return claim->service->netns && !claim->service->netns_inode && !claim->at.netns;
}

static bool claims_overlap(const struct world *world, const struct claim *a,
			   const struct claim *b)
{
	struct endpoint at = claim_endpoint(world, b);

	if (is_absent(a) || is_absent(b) || claim_netns(world, a) != at.netns)
		return false;
	return b->any_address || claim_covers(a, &at, false, world->own_netns);
}

/* Claims on a port come in order of their services. */
static int find_duplicates(struct review *r, const struct claim *claim, size_t since)
{
	const struct endpoint at = claim_endpoint(r->world, claim);
	const struct service *svc = claim->service;
	const struct claim *const *others;
	size_t n = registry_claims_at(r->world->registry, at.proto, at.port, &others);
	int err = 0;

	for (size_t i = 0; i < n && others[i]->service->index < svc->index && !err; i++) {
		const char *earlier = others[i]->service->name;

		if (r->list->count >= ALERTS_MAX || ++r->compared > COMPARISONS_MAX)
			break;
		if (claims_overlap(r->world, claim, others[i]) &&
		    !is_said(r, since, &at, earlier))
			err = say_duplicate(r, &at, svc->name, false, earlier);
	}
	return err;
}

static int review_service(struct review *r, const struct service *svc)
{
	size_t since = r->list->count;
	int err = 0;

	for (size_t i = 0; svc->enabled && i < svc->n_claims && !err; i++) {
		const struct endpoint at = claim_endpoint(r->world, &svc->claims[i]);

		err = find_duplicates(r, &svc->claims[i], since);
		if (!err && !is_absent(&svc->claims[i]))
			err = say_ephemeral(r, &at, svc->name, false);
	}
	return err;
}

static int review_allocation(struct review *r, const struct allocation *alloc)
{
	const struct endpoint at = allocation_endpoint(r->world, alloc);
	const struct claim *const *claims;
	size_t n = registry_claims_at(r->world->registry, at.proto, at.port, &claims);
	size_t since = r->list->count;
	int err = say_ephemeral(r, &at, alloc->service_name, true);

	for (size_t i = 0; i < n && !err && r->list->count < ALERTS_MAX; i++) {
		const char *name = claims[i]->service->name;

		if (strcmp(name, alloc->service_name) && !is_absent(claims[i]) &&
		    claim_netns(r->world, claims[i]) == at.netns &&
		    !is_said(r, since, &at, name))
			err = say_duplicate(r, &at, alloc->service_name, true, name);
	}
	return err;
}

int matcher_registry(const struct world *world, struct verdicts *ret)
{
	struct review r = { .world = world, .list = ret };
	size_t n = registry_count(world->registry);
	size_t n_allocations = registry_count_allocations(world->registry);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = review_service(&r, registry_service(world->registry, i));
	for (size_t i = 0; i < n_allocations && !err; i++)
		err = review_allocation(&r, registry_allocation(world->registry, i));
	return err;
}
