// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is who: which service a process is, and who is one owner.
 *
 * What portwatch did itself is marked on the process (recorded_in), so that asking costs
 * a walk up the ancestors whatever the number of services.
 */
#include "core/matcher_private.h"

#include <string.h>

#include "base/strings.h"

/* The service as which portwatch started @p or the nearest ancestor that it started. */
static const struct service *launched_as(const struct process *p)
{
	for (; p; p = p->parent)
		for (const struct service_state *st = p->recorded_in; st;
		     st = st->next_recorded)
			if (st->launched && st->service)
				return st->service;
	return NULL;
}

static bool has_id(const struct process *p, struct process_id id)
{
	return id.pid && p->info.id.pid == id.pid &&
	       (!id.start_ticks || p->info.id.start_ticks == id.start_ticks);
}

/* The allocation that registered @p or the nearest ancestor that one did. */
static const struct allocation *registered_by(const struct process *p)
{
	for (; p; p = p->parent)
		for (const struct service_state *st = p->recorded_in; st;
		     st = st->next_recorded)
			if (st->allocation && has_id(p, st->allocation->process))
				return st->allocation;
	return NULL;
}

static const struct service *registered_as(const struct world *world,
					   const struct process *p)
{
	const struct allocation *alloc = registered_by(p);

	return alloc ? registry_find(world->registry, alloc->service_name) : NULL;
}

/* registry_match(), once for each process and registry. */
static const struct service *matched_as(const struct world *world, struct process *p)
{
	/* Counted from one, so that a zeroed process has no answer yet. */
	uint64_t generation = registry_generation(world->registry) + 1;

	if (p->match_generation != generation) {
		const struct service *svc = registry_match(world->registry, p);

		p->match = svc && service_can_recognise(svc) ? svc : NULL;
		p->match_generation = generation;
	}
	return p->match;
}

/* By what is certain: portwatch started it, or an allocation says so. */
static const struct service *known_as(const struct world *world, const struct process *p)
{
	const struct service *svc = launched_as(p);

	return svc ? svc : registered_as(world, p);
}

/* A service that claims @at and whose match holds; one that accepts anybody last. */
static const struct service *matched_at(const struct world *world,
					const struct process *p,
					const struct endpoint *at, bool v6only)
{
	const struct claim *const *claims;
	const struct service *anybody = NULL;
	size_t n = registry_claims_at(world->registry, at->proto, at->port, &claims);

	for (size_t i = 0; i < n; i++) {
		const struct service *svc = claims[i]->service;

		if (!claim_covers(claims[i], at, v6only, world->own_netns))
			continue;
		if (!service_can_recognise(svc))
			anybody = anybody ? anybody : svc;
		else if (p->match == svc || service_matches(svc, p))
			return svc;
	}
	return anybody;
}

const struct service *matcher_service_of(const struct world *world, struct process *p,
					 const struct endpoint *at, bool v6only)
{
	const struct service *known, *general, *there;

	if (!p)
		return NULL;
	known = known_as(world, p);
	if (known)
		return known;
	general = matched_as(world, p);
	there = at ? matched_at(world, p, at, v6only) : NULL;
	if (there && (!general || service_can_recognise(there)))
		return there;
	return general;
}

bool matcher_is_service(const struct world *world, const struct service *svc,
			const struct process *p)
{
	const struct service *known;

	if (!p)
		return false;
	known = known_as(world, p);
	if (known)
		return known == svc;
	return (p->match == svc &&
		p->match_generation == registry_generation(world->registry) + 1) ||
	       service_matches(svc, p);
}

bool allocation_is_process(const struct world *world, const struct allocation *alloc,
			   const struct process *p)
{
	const struct service_state *st = state_of_allocation(world, alloc);
	const struct service *svc;

	if (!p)
		return false;
	for (const struct process *a = p; a; a = a->parent)
		if (has_id(a, alloc->process))
			return true;
	if (st && st->recorded && process_same_family(p, st->recorded))
		return true;
	svc = registry_find(world->registry, alloc->service_name);
	if (svc)
		return matcher_is_service(world, svc, p);
	/* Nothing to recognise it by: anybody. */
	return !alloc->process.pid;
}

bool is_known(const struct world *world, struct process *p, const struct endpoint *at,
	      bool v6only)
{
	return p && (matcher_service_of(world, p, at, v6only) || registered_by(p));
}

bool state_is_process(const struct world *world, const struct service_state *state,
		      const struct process *p)
{
	if (state->allocation)
		return allocation_is_process(world, state->allocation, p);
	return matcher_is_service(world, state->service, p);
}

bool socket_is_of_service(const struct world *world, const struct socket *sock,
			  const struct service *svc)
{
	if (matcher_is_service(world, svc, sock->owner))
		return true;
	for (size_t i = 0; i < sock->n_holders; i++)
		if (matcher_is_service(world, svc, sock->holders[i]))
			return true;
	return false;
}

bool socket_is_of_state(const struct world *world, const struct socket *sock,
			const struct service_state *state)
{
	if (state_is_process(world, state, sock->owner))
		return true;
	for (size_t i = 0; i < sock->n_holders; i++)
		if (state_is_process(world, state, sock->holders[i]))
			return true;
	return false;
}

struct process *living_holder(const struct socket *sock)
{
	if (sock->owner && !sock->owner->exited)
		return sock->owner;
	for (size_t i = 0; i < sock->n_holders; i++)
		if (!sock->holders[i]->exited)
			return sock->holders[i];
	return NULL;
}

bool is_holder(const struct socket *sock, const struct process *p)
{
	if (sock->owner == p)
		return true;
	for (size_t i = 0; i < sock->n_holders; i++)
		if (sock->holders[i] == p)
			return true;
	return false;
}

/* Everything descends from PID 1: only a master with its workers is one owner there. */
static bool is_init_apart(const struct process *a, const struct process *b)
{
	return (a->info.id.pid == 1 || b->info.id.pid == 1) &&
	       (!a->info.exe || !streq(a->info.exe, b->info.exe));
}

static bool one_service(const struct world *world, struct process *a, struct process *b)
{
	const struct allocation *x = registered_by(a), *y;
	const struct service *svc = matcher_service_of(world, a, NULL, false);

	if (svc && svc == matcher_service_of(world, b, NULL, false))
		return true;
	y = x ? registered_by(b) : NULL;
	return y && streq(x->service_name, y->service_name);
}

bool matcher_one_owner(const struct world *world, struct process *a, struct process *b)
{
	if (!a || !b)
		return false;
	if (a == b)
		return true;
	if (process_same_family(a, b) && !is_init_apart(a, b))
		return true;
	return one_service(world, a, b);
}

/* Is @p one owner with somebody who has @sock? */
static bool shares(const struct world *world, const struct socket *sock,
		   struct process *p)
{
	if (matcher_one_owner(world, sock->owner, p))
		return true;
	for (size_t i = 0; i < sock->n_holders; i++)
		if (matcher_one_owner(world, sock->holders[i], p))
			return true;
	return false;
}

bool different_owners(const struct world *world, const struct socket *a,
		      const struct socket *b)
{
	if (!a->owner || !b->owner || a->owner == b->owner)
		return false;
	if (shares(world, a, b->owner))
		return false;
	for (size_t i = 0; i < b->n_holders; i++)
		if (shares(world, a, b->holders[i]))
			return false;
	return true;
}
