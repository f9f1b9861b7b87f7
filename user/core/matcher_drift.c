// SPDX-License-Identifier: GPL-2.0-only
/* drifted: a service that offers itself elsewhere and not where it should. */
#include "core/matcher_private.h"

#include <errno.h>
#include <string.h>

bool offers_service(const struct socket *sock)
{
	if (sock->at.proto == IPPROTO_TCP)
		return sock->state == SOCKET_LISTENING;
	return sock->state == SOCKET_BOUND && !(sock->flags & SOCKET_AUTOPORT);
}

static bool is_in_namespace(const struct world *world, const struct service *svc,
			    const struct socket *sock)
{
	for (size_t i = 0; i < svc->n_claims; i++)
		if (claim_netns(world, &svc->claims[i]) == sock->at.netns)
			return true;
	return false;
}

/* Is the port that of something else that the owner also is? */
static bool is_elses(const struct world *world, const struct socket *sock)
{
	const struct allocation *alloc = allocation_over(world, &sock->at);
	const struct claim *const *claims;
	size_t n = registry_claims_at(world->registry, sock->at.proto, sock->at.port,
				      &claims);

	for (size_t i = 0; i < n; i++)
		if (claim_covers_socket(world, claims[i], sock) &&
		    matcher_is_service(world, claims[i]->service, sock->owner))
			return true;
	return alloc && allocation_is_process(world, alloc, sock->owner);
}

bool is_stray(const struct world *world, const struct service *svc,
	      const struct socket *sock)
{
	return svc->enabled && svc->n_claims && service_can_recognise(svc) &&
	       offers_service(sock) && is_in_namespace(world, svc, sock) &&
	       !service_claims(world, svc, &sock->at, is_v6only(sock));
}

/* The port that it should have: the first of the protocol on which it was found. */
static const struct claim *own_claim(const struct service *svc, uint16_t proto)
{
	for (size_t i = 0; i < svc->n_claims; i++)
		if (svc->claims[i].at.proto == proto)
			return &svc->claims[i];
	return &svc->claims[0];
}

/* Who sits on that port; *ret_taken also where that is nobody known. */
static struct process *taker(const struct world *world, const struct claim *claim,
			     bool *ret_taken)
{
	const struct socket *sock = sockets_at(world->sockets, claim_netns(world, claim),
					       claim->at.proto, claim->at.port);
	struct process *found = NULL;

	*ret_taken = false;
	for (; sock && !found; sock = sock->next_in_port)
		if (claim_covers_socket(world, claim, sock)) {
			*ret_taken = true;
			found = living_holder(sock);
		}
	return found;
}

static bool is_said(const struct verdicts *list, const struct socket *sock)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct verdict *v = &list->items[i];

		if (v->kind == ALERT_DRIFTED && v->found == sock->owner &&
		    v->at.port == sock->at.port && v->at.proto == sock->at.proto)
			return true;
	}
	return false;
}

static void say_where(struct verdict *v, const struct claim *claim, bool taken,
		      const char *who)
{
	char holder[PHRASE_SIZE];

	if (taken)
		verdict_say(v,
			    "%s should be on port %u (%s) but %s listens on port %u; "
			    "port %u is held by %s",
			    v->service, claim->at.port, proto_name(claim->at.proto), who,
			    v->at.port, claim->at.port, say_process(v->holder, holder));
	else
		verdict_say(v,
			    "%s should be on port %u (%s) but %s listens on port %u, "
			    "although port %u is free",
			    v->service, claim->at.port, proto_name(claim->at.proto), who,
			    v->at.port, claim->at.port);
}

static int say_drifted(const struct world *world, const struct service *svc,
		       const struct socket *sock, struct verdicts *list)
{
	const struct claim *claim = own_claim(svc, sock->at.proto);
	char target[PLACE_SIZE], who[PHRASE_SIZE];
	struct verdict *v;
	bool taken;

	if (is_said(list, sock))
		return 0;
	v = verdict_add(list, ALERT_DRIFTED, &sock->at, svc->name);
	if (!v)
		return -ENOMEM;
	v->cookie = sock->cookie;
	v->found = sock->owner;
	v->holder = taker(world, claim, &taken);
	verdict_expect(v, say_target(&claim->at, target));
	say_where(v, claim, taken, say_process(sock->owner, who));
	if (v->holder)
		verdict_fix(v, "portwatch kill %s", target);
	else if (taken)
		verdict_fix(v, "portwatch why %s", target);
	else if (svc->startup_cmd)
		verdict_fix(v, "portwatch restart %s", svc->name);
	else
		verdict_fix(v, "portwatch reassign %s %u", svc->name, sock->at.port);
	return 0;
}

int matcher_drift(const struct world *world, const struct service_state *state,
		  struct verdicts *ret)
{
	const struct service *svc = state->service;
	int err = 0;

	for (unsigned i = 0; i < state->n_strays && !err; i++) {
		const struct socket *sock =
			sockets_find(world->sockets, state->strays[i]);

		if (!sock || !sock->owner || sock->owner->exited)
			continue;
		if (is_stray(world, svc, sock) &&
		    matcher_is_service(world, svc, sock->owner) && !is_elses(world, sock))
			err = say_drifted(world, svc, sock, ret);
	}
	return err;
}
