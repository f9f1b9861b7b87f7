// SPDX-License-Identifier: GPL-2.0-only
/* blocked: a bind that failed, who stands in its way, and when that has ended. */
#include "core/matcher_private.h"

#include <stdio.h>
#include <string.h>

/* For whom the port is, and whether the caller is that. */
struct claimant {
	const char *name; /* NULL: nobody yet, the port is of the managed range */
	const struct service *svc;
	const struct allocation *alloc;
	bool is_caller;
};

static bool stands_in_the_way(const struct socket *sock, const struct endpoint *at)
{
	return endpoint_overlap(&sock->at, is_v6only(sock), at, false);
}

size_t matcher_holders(const struct world *world, const struct endpoint *at,
		       const struct socket **ret, size_t max)
{
	const struct socket *first =
		sockets_at(world->sockets, at->netns, at->proto, at->port);
	size_t n = 0;

	for (const struct socket *sock = first; sock; sock = sock->next_in_port)
		if (sock->state == SOCKET_LISTENING && stands_in_the_way(sock, at) &&
		    n++ < max)
			ret[n - 1] = sock;
	for (const struct socket *sock = first; sock; sock = sock->next_in_port)
		if (sock->state != SOCKET_LISTENING && stands_in_the_way(sock, at) &&
		    n++ < max)
			ret[n - 1] = sock;
	return n;
}

/* The service that claims @at: before all the one that the caller is. */
static bool find_claimant(const struct world *world, const struct endpoint *at,
			  const struct process *caller, struct claimant *ret)
{
	const struct claim *const *claims;
	size_t n = registry_claims_at(world->registry, at->proto, at->port, &claims);

	*ret = (struct claimant){ 0 };
	for (size_t i = 0; i < n && !ret->is_caller; i++) {
		const struct service *svc = claims[i]->service;

		if (!claim_covers(claims[i], at, false, world->own_netns))
			continue;
		ret->is_caller = matcher_is_service(world, svc, caller);
		if (!ret->svc || ret->is_caller)
			ret->svc = svc;
	}
	if (!ret->svc)
		ret->alloc = allocation_over(world, at);
	if (ret->alloc)
		ret->is_caller = allocation_is_process(world, ret->alloc, caller);
	ret->name = ret->svc     ? ret->svc->name
		    : ret->alloc ? ret->alloc->service_name
				 : NULL;
	return ret->name || (at->netns == world->own_netns &&
			     registry_is_managed(world->registry, at->port));
}

/*
 * A process that listens on all of one family, both families in the case of IPv6, and
 * then tries the other for good measure: refused by itself, it has what it wants.
 */
static bool is_own_wildcard(const struct socket *sock, const struct endpoint *at,
			    const struct process *caller)
{
	return caller && is_holder(sock, caller) && sock->at.family != at->family &&
	       endpoint_is_wildcard(&sock->at) && !is_v6only(sock);
}

/*
 * Who is named of those that stand in the way: a listener whose owner is known, another
 * process than the caller before its own.  False where only its own wildcard does.
 */
static bool find_holder(const struct world *world, const struct endpoint *at,
			const struct process *caller, const struct socket **ret)
{
	const struct socket *best = NULL;
	unsigned best_rank = 0;
	bool own = false;

	for (const struct socket *sock =
		     sockets_at(world->sockets, at->netns, at->proto, at->port);
	     sock; sock = sock->next_in_port) {
		unsigned rank = 1;

		if (!stands_in_the_way(sock, at))
			continue;
		if (is_own_wildcard(sock, at, caller)) {
			own = true;
			continue;
		}
		rank += living_holder(sock) ? 4 : 0;
		rank += sock->owner != caller ? 2 : 0;
		rank += sock->state == SOCKET_LISTENING ? 1 : 0;
		if (rank > best_rank) {
			best = sock;
			best_rank = rank;
		}
	}
	*ret = best;
	return best || !own;
}

static void say_blocked(const struct world *world, const struct claimant *claimant,
			const struct endpoint *at, struct verdict *v)
{
	char port[PLACE_SIZE], caller[PHRASE_SIZE], holder[PHRASE_SIZE],
		words[PHRASE_SIZE], target[PLACE_SIZE], whose[128] = "";
	bool known = v->holder || v->cookie;

	say_process(v->found, caller);
	say_port(world, at, port);
	port[0] = 'p';
	say_target(at, target);
	if (claimant->name && !claimant->is_caller)
		snprintf(whose, sizeof(whose), " of %.64s", claimant->name);
	else if (!claimant->name)
		snprintf(whose, sizeof(whose), " of the managed range");
	if (known)
		verdict_say(v, "%s%s%s could not bind %s%s: %s holds it%s",
			    claimant->is_caller ? claimant->name : "",
			    claimant->is_caller ? ", " : "", caller, port, whose,
			    say_process(v->holder, holder),
			    say_cmdline(v->holder, words));
	else
		verdict_say(v,
			    "%s%s%s could not bind %s%s: nothing that the table knows "
			    "holds it; an outgoing connection or TIME_WAIT may: "
			    "portwatch why %s",
			    claimant->is_caller ? claimant->name : "",
			    claimant->is_caller ? ", " : "", caller, port, whose, target);
}

static void fix_blocked(const struct world *world, const struct claimant *claimant,
			const struct endpoint *at, struct verdict *v)
{
	char target[PLACE_SIZE];
	bool of_service =
		claimant->svc && matcher_is_service(world, claimant->svc, v->holder);

	say_target(at, target);
	if (!v->holder || (of_service && !claimant->is_caller))
		verdict_fix(v, "portwatch why %s", target);
	else if (of_service && claimant->svc->startup_cmd)
		verdict_fix(v, "portwatch restart %s", claimant->name);
	else if (at->netns != world->own_netns)
		verdict_fix(v, "portwatch kill pid:%d", v->holder->info.id.pid);
	else
		verdict_fix(v, "portwatch kill %s", target);
}

int matcher_blocked(const struct world *world, const struct endpoint *at,
		    struct process *caller, struct verdict *ret)
{
	struct claimant claimant;
	const struct socket *sock;

	if (!find_claimant(world, at, caller, &claimant) ||
	    !find_holder(world, at, caller, &sock))
		return 0;

	verdict_init(ret, ALERT_BLOCKED, at, claimant.name);
	ret->allocation = claimant.alloc;
	ret->found = caller;
	if (sock) {
		ret->cookie = sock->cookie;
		ret->holder = living_holder(sock) ? living_holder(sock) : sock->owner;
	}
	verdict_expect(ret, claimant.name);
	say_blocked(world, &claimant, at, ret);
	fix_blocked(world, &claimant, at, ret);
	return 1;
}

struct unblocking {
	const struct world *world;
	const struct endpoint *at;
	struct process *bound_by;
};

/* As far as blocked alerts tell programs apart. */
static bool is_same_program(const struct process *a, const struct process *b)
{
	return a->info.uid == b->info.uid && !strcmp(a->info.comm, b->info.comm);
}

/* Did whom @alert names as refused, or the service that it tried for, get the port? */
static bool got_it(const struct unblocking *u, const struct alert *alert)
{
	const struct verdict *v = &alert->v;
	const struct service *svc =
		v->service[0] ? registry_find(u->world->registry, v->service) : NULL;

	if (!endpoint_overlap(&v->at, false, u->at, false))
		return false;
	if (svc && !v->allocation && matcher_is_service(u->world, svc, u->bound_by))
		return true;
	return v->found && (matcher_one_owner(u->world, u->bound_by, v->found) ||
			    is_same_program(u->bound_by, v->found));
}

static bool has_ended(const struct alert *alert, void *arg)
{
	const struct unblocking *u = arg;

	if (u->bound_by)
		return got_it(u, alert);
	return !matcher_holders(u->world, &alert->v.at, NULL, 0);
}

void matcher_unblock(const struct world *world, struct alerts *alerts,
		     const struct endpoint *at, struct process *bound_by,
		     const struct alert_moment *now)
{
	struct unblocking u = { world, at, bound_by };

	alerts_unblock(alerts, at, has_ended, &u, now);
}
