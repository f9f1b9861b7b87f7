// SPDX-License-Identifier: GPL-2.0-only
/*
 * What should stand at one port of one namespace: occupied, unregistered, ephemeral in
 * use; how its sockets split it stands in matcher_split.c.
 */
#include "core/matcher_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct scene {
	const struct world *world;
	struct verdicts *list;
	const struct socket *first;
	const struct claim *const *claims;
	size_t n_claims;
	const struct allocation *alloc;
	size_t before; /* verdicts that were in the list */
};

/* Has this call already said so of the same service and process? */
static bool is_said(const struct scene *s, enum alert_kind kind, const char *service,
		    const struct process *found)
{
	for (size_t i = s->before; i < s->list->count; i++) {
		const struct verdict *v = &s->list->items[i];

		if (v->kind == kind && v->found == found && !strcmp(v->service, service))
			return true;
	}
	return false;
}

static int say_occupied(const struct scene *s, const struct socket *sock,
			const char *service, bool allocation)
{
	struct process *found = sock->owner ? sock->owner : living_holder(sock);
	char port[PLACE_SIZE], target[PLACE_SIZE], who[PHRASE_SIZE], words[PHRASE_SIZE];
	struct verdict *v;

	if (is_said(s, ALERT_OCCUPIED, service, found))
		return 0;
	v = verdict_add(s->list, ALERT_OCCUPIED, &sock->at, service);
	if (!v)
		return -ENOMEM;
	v->allocation = allocation;
	v->cookie = sock->cookie;
	v->found = found;
	verdict_expect(v, service);
	verdict_say(v, "%s %s %s but %s holds it%s", say_port(s->world, &sock->at, port),
		    allocation ? "is allocated to" : "belongs to", service,
		    say_process(found, who), say_cmdline(found, words));
	if (!found)
		verdict_fix(v, "portwatch why %s", say_target(&sock->at, target));
	else if (sock->at.netns != s->world->own_netns)
		verdict_fix(v, "portwatch kill pid:%d", found->info.id.pid);
	else
		verdict_fix(v, "portwatch kill %s", say_target(&sock->at, target));
	return 0;
}

/* Is it known of @sock that nobody known has it? */
static bool is_telling(const struct scene *s, const struct socket *sock)
{
	return sock->owner || sock->n_holders || !s->world->owners_hidden;
}

/* The owner has just exited: whether anybody is left with its sockets is being found
 * out, and until then they are still its own. */
static bool is_in_transit(const struct service_state *st, const struct socket *sock)
{
	if (!st || !st->settling)
		return false;
	if (!sock->owner || sock->owner == st->recorded)
		return true;
	for (unsigned i = 0; i < st->n_held; i++)
		if (st->held[i] == sock->cookie)
			return true;
	return false;
}

static int find_occupied_claim(const struct scene *s, const struct claim *claim)
{
	const struct service *svc = claim->service;
	const struct service_state *st = state_of_service(s->world, svc);
	const struct process *own = NULL; /* the last owner that was found to be it */
	int err = 0;

	for (const struct socket *sock = s->first; sock && !err;
	     sock = sock->next_in_port) {
		if (own && sock->owner == own)
			continue;
		if (!claim_covers_socket(s->world, claim, sock))
			continue;
		if (matcher_is_service(s->world, svc, sock->owner))
			own = sock->owner;
		else if (!socket_is_of_service(s->world, sock, svc) &&
			 is_telling(s, sock) && !is_in_transit(st, sock))
			err = say_occupied(s, sock, svc->name, false);
	}
	return err;
}

static int find_occupied_allocation(const struct scene *s)
{
	const struct service_state *st = state_of_allocation(s->world, s->alloc);
	const struct service_state plain = { .allocation = s->alloc };
	const struct process *own = NULL;
	int err = 0;

	for (const struct socket *sock = s->first; sock && !err;
	     sock = sock->next_in_port) {
		if (own && sock->owner == own)
			continue;
		if (allocation_is_process(s->world, s->alloc, sock->owner))
			own = sock->owner;
		else if (!socket_is_of_state(s->world, sock, &plain) &&
			 is_telling(s, sock) && !is_in_transit(st, sock))
			err = say_occupied(s, sock, s->alloc->service_name, true);
	}
	return err;
}

static int find_occupied(const struct scene *s)
{
	int err = 0;

	for (size_t i = 0; s->first && i < s->n_claims && !err; i++)
		err = find_occupied_claim(s, s->claims[i]);
	if (s->first && s->alloc && !err)
		err = find_occupied_allocation(s);
	return err;
}

/* A name for `portwatch register` made of the program's. */
static const char *suggest_name(const struct process *p, char *buf, size_t size)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	snprintf(buf, size, "%.16s", p && p->info.comm[0] ? p->info.comm : "service");
	for (char *c = buf; *c; c++)
		if (!strchr(allowed, *c))
			*c = '-';
	return buf;
}

static int say_unregistered(const struct scene *s, const struct socket *sock)
{
	char port[PLACE_SIZE], where[ENDPOINT_TEXT], who[PHRASE_SIZE], words[PHRASE_SIZE];
	char name[32];
	bool udp = sock->at.proto == IPPROTO_UDP;
	struct process *found = sock->owner ? sock->owner : living_holder(sock);
	struct verdict *v;

	if (is_said(s, ALERT_UNREGISTERED, "", found))
		return 0;
	v = verdict_add(s->list, ALERT_UNREGISTERED, &sock->at, NULL);
	if (!v)
		return -ENOMEM;
	v->cookie = sock->cookie;
	v->found = found;
	verdict_say(v, "%s, which no service claims, is %s by %s on %s%s",
		    say_port(s->world, &sock->at, port), udp ? "bound" : "listened on",
		    say_process(found, who), endpoint_format(&sock->at, where),
		    say_cmdline(found, words));
	verdict_fix(v, "portwatch register %s --port %u%s",
		    suggest_name(found, name, sizeof(name)), sock->at.port,
		    udp ? " --proto udp" : "");
	return 0;
}

/* Something that serves, and that was not there when the table began. */
static bool is_new_listener(const struct socket *sock)
{
	if (sock->source == SOURCE_SNAPSHOT)
		return false;
	if (sock->at.proto == IPPROTO_TCP)
		return sock->state == SOCKET_LISTENING;
	return sock->state == SOCKET_BOUND && !(sock->flags & SOCKET_AUTOPORT);
}

static bool is_claimed(const struct scene *s, const struct socket *sock)
{
	for (size_t i = 0; i < s->n_claims; i++)
		if (claim_covers_socket(s->world, s->claims[i], sock))
			return true;
	return s->alloc;
}

static bool is_known_socket(const struct world *world, const struct socket *sock)
{
	if (is_known(world, sock->owner, &sock->at, is_v6only(sock)))
		return true;
	for (size_t i = 0; i < sock->n_holders; i++)
		if (is_known(world, sock->holders[i], &sock->at, is_v6only(sock)))
			return true;
	return false;
}

static int find_unregistered(const struct scene *s)
{
	enum unregistered want = registry_get_settings(s->world->registry)->unregistered;
	int err = 0;

	if (want == UNREGISTERED_OFF)
		return 0;
	for (const struct socket *sock = s->first; sock && !err;
	     sock = sock->next_in_port) {
		if (!is_new_listener(sock) || is_claimed(s, sock))
			continue;
		if (want == UNREGISTERED_PUBLIC &&
		    endpoint_scope(&sock->at) == SCOPE_LOOPBACK)
			continue;
		if (is_telling(s, sock) && !is_known_socket(s->world, sock))
			err = say_unregistered(s, sock);
	}
	return err;
}

static int say_in_use(const struct scene *s, const struct outgoing *out,
		      const char *service, bool allocation)
{
	char port[PLACE_SIZE], target[PLACE_SIZE], who[PHRASE_SIZE];
	struct verdict *v;

	if (is_said(s, ALERT_EPHEMERAL, service, out->process))
		return 0;
	v = verdict_add(s->list, ALERT_EPHEMERAL, &out->at, service);
	if (!v)
		return -ENOMEM;
	v->allocation = allocation;
	v->cookie = out->cookie;
	v->found = out->process;
	verdict_expect(v, service);
	verdict_say(v,
		    "%s of %s is in use as the local end of an outgoing connection of "
		    "%s, and cannot be bound until that ends",
		    say_port(s->world, &out->at, port), service,
		    say_process(out->process, who));
	verdict_fix(v, "portwatch kill %s --sockets", say_target(&out->at, target));
	return 0;
}

static int find_in_use(const struct scene *s, const struct endpoint *at)
{
	const struct world *world = s->world;
	int err = 0;

	if (!s->n_claims && !s->alloc)
		return 0;
	for (size_t i = 0; i < world->n_outgoing && !err; i++) {
		const struct outgoing *out = &world->outgoing[i];

		if (out->at.port != at->port || out->at.proto != at->proto ||
		    out->at.netns != at->netns)
			continue;
		for (size_t j = 0; j < s->n_claims && !err; j++)
			if (claim_covers(s->claims[j], &out->at, true, world->own_netns))
				err = say_in_use(s, out, s->claims[j]->service->name,
						 false);
		if (s->alloc && !err)
			err = say_in_use(s, out, s->alloc->service_name, true);
	}
	return err;
}

int matcher_port(const struct world *world, uint32_t netns, uint16_t proto, uint16_t port,
		 struct verdicts *ret)
{
	const struct endpoint at = { .netns = netns, .proto = proto, .port = port };
	struct scene s = {
		.world = world,
		.list = ret,
		.first = sockets_at(world->sockets, netns, proto, port),
		.alloc = allocation_over(world, &at),
		.before = ret->count,
	};
	int err;

	s.n_claims = registry_claims_at(world->registry, proto, port, &s.claims);
	err = find_occupied(&s);
	if (!err)
		err = matcher_split(world, s.first, ret);
	if (!err)
		err = find_unregistered(&s);
	if (!err)
		err = find_in_use(&s, &at);
	return err;
}
