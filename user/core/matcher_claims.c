// SPDX-License-Identifier: GPL-2.0-only
/* What lies under what: claims and allocations, endpoints, sockets, states. */
#include "core/matcher_private.h"

uint32_t claim_netns(const struct world *world, const struct claim *claim)
{
	if (claim->at.netns)
		return claim->at.netns;
	return claim->service->netns_inode ? claim->service->netns_inode
					   : world->own_netns;
}

struct endpoint claim_endpoint(const struct world *world, const struct claim *claim)
{
	struct endpoint at = claim->at;

	at.netns = claim_netns(world, claim);
	if (claim->any_address) {
		at.family = AF_INET;
		at = (struct endpoint){ at.netns, at.ifindex, AF_INET,
					at.proto, at.port,    { 0 } };
	}
	return at;
}

struct endpoint allocation_endpoint(const struct world *world,
				    const struct allocation *alloc)
{
	return (struct endpoint){
		.netns = world->own_netns,
		.family = AF_INET,
		.proto = alloc->proto,
		.port = alloc->port,
	};
}

bool claim_covers_socket(const struct world *world, const struct claim *claim,
			 const struct socket *sock)
{
	return claim_covers(claim, &sock->at, is_v6only(sock), world->own_netns);
}

bool allocation_covers(const struct world *world, const struct allocation *alloc,
		       const struct endpoint *at)
{
	return at->netns == world->own_netns && at->proto == alloc->proto &&
	       at->port == alloc->port;
}

const struct allocation *allocation_over(const struct world *world,
					 const struct endpoint *at)
{
	if (at->netns != world->own_netns)
		return NULL;
	return registry_allocation_at(world->registry, at->proto, at->port);
}

bool service_claims(const struct world *world, const struct service *svc,
		    const struct endpoint *at, bool v6only)
{
	for (size_t i = 0; svc && i < svc->n_claims; i++)
		if (claim_covers(&svc->claims[i], at, v6only, world->own_netns))
			return true;
	return false;
}

const char *claimant_at(const struct world *world, const struct endpoint *at, bool v6only,
			bool *ret_is_allocation)
{
	const struct claim *const *claims;
	const struct allocation *alloc;
	size_t n = registry_claims_at(world->registry, at->proto, at->port, &claims);

	*ret_is_allocation = false;
	for (size_t i = 0; i < n; i++)
		if (claim_covers(claims[i], at, v6only, world->own_netns))
			return claims[i]->service->name;
	alloc = allocation_over(world, at);
	*ret_is_allocation = alloc;
	return alloc ? alloc->service_name : NULL;
}

struct service_state *state_of_service(const struct world *world,
				       const struct service *svc)
{
	return world->services ? &world->services[svc->index] : NULL;
}

struct service_state *state_of_allocation(const struct world *world,
					  const struct allocation *alloc)
{
	return world->allocation_state ? world->allocation_state(alloc, world->arg)
				       : NULL;
}

static struct socket *first_of_claim(struct claimed_walk *walk)
{
	const struct service_state *state = walk->state;
	const struct world *world = walk->world;
	size_t i = walk->claim++;

	if (state->allocation)
		return sockets_at(world->sockets, world->own_netns,
				  state->allocation->proto, state->allocation->port);
	if (state->service->n_claims) {
		const struct claim *claim = &state->service->claims[i];

		return sockets_at(world->sockets, claim_netns(world, claim),
				  claim->at.proto, claim->at.port);
	}
	return sockets_find(world->sockets, state->held[i]);
}

static size_t count_claims(const struct service_state *state)
{
	if (state->allocation)
		return 1;
	return state->service->n_claims ? state->service->n_claims : state->n_held;
}

static bool is_covered(const struct claimed_walk *walk, const struct socket *sock)
{
	const struct service_state *state = walk->state;

	if (state->allocation || !state->service->n_claims)
		return true;
	return claim_covers_socket(walk->world, &state->service->claims[walk->claim - 1],
				   sock);
}

struct socket *claimed_next(struct claimed_walk *walk)
{
	bool by_cookie = !walk->state->allocation && !walk->state->service->n_claims;

	for (;;) {
		struct socket *sock = walk->next;

		if (!sock) {
			if (walk->claim == count_claims(walk->state))
				return NULL;
			walk->next = first_of_claim(walk);
			continue;
		}
		walk->next = by_cookie ? NULL : sock->next_in_port;
		if (is_covered(walk, sock))
			return sock;
	}
}
