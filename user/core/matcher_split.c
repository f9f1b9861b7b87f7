// SPDX-License-Identifier: GPL-2.0-only
/*
 * shared and shadowed: sockets of different owners that split one port.
 *
 * Any port may be split, registered or not, so that the common case, one owner, is told
 * by a walk over the port's sockets.
 */
#include "core/matcher_private.h"

#include <errno.h>
#include <string.h>

/* Sockets that differ in what matters here; where a port has more, the newest count. */
enum { SPLIT_MAX = 64 };

struct split {
	const struct world *world;
	struct verdicts *list;
	size_t before;                         /* verdicts that were in the list */
	const struct socket *socks[SPLIT_MAX]; /* newest first */
	size_t n;
};

static bool counts(const struct socket *sock)
{
	return sock->owner && sock->state != SOCKET_CONNECTED &&
	       !endpoint_is_multicast(&sock->at);
}

static bool is_same(const struct socket *a, const struct socket *b)
{
	const unsigned flags = SOCKET_REUSEPORT | SOCKET_V6ONLY;

	return a->owner == b->owner && a->at.ifindex == b->at.ifindex &&
	       a->at.family == b->at.family && (a->flags & flags) == (b->flags & flags) &&
	       !memcmp(a->at.addr, b->at.addr, sizeof(a->at.addr));
}

static bool has_several_owners(const struct socket *first)
{
	const struct process *owner = NULL;

	for (const struct socket *sock = first; sock; sock = sock->next_in_port) {
		if (!counts(sock))
			continue;
		if (owner && sock->owner != owner)
			return true;
		owner = sock->owner;
	}
	return false;
}

static void gather(struct split *split, const struct socket *first)
{
	for (const struct socket *sock = first; sock && split->n < SPLIT_MAX;
	     sock = sock->next_in_port) {
		bool have = !counts(sock);

		for (size_t i = 0; i < split->n && !have; i++)
			have = is_same(split->socks[i], sock);
		if (!have)
			split->socks[split->n++] = sock;
	}
}

static bool is_ipv4(const struct endpoint *at)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	return at->family == AF_INET || !memcmp(at->addr, mapped, sizeof(mapped));
}

/* The address that "localhost" means in its family, or one that takes it in. */
static bool is_localhost(const struct endpoint *at)
{
	static const uint8_t localhost[4] = { 127, 0, 0, 1 };

	if (endpoint_is_wildcard(at))
		return true;
	if (is_ipv4(at))
		return !memcmp(at->family == AF_INET ? at->addr : at->addr + 12,
			       localhost, sizeof(localhost));
	return endpoint_is_loopback(at);
}

static bool shares_device(const struct endpoint *a, const struct endpoint *b)
{
	return !a->ifindex || !b->ifindex || a->ifindex == b->ifindex;
}

static bool overlaps(const struct socket *a, const struct socket *b)
{
	return endpoint_overlap(&a->at, is_v6only(a), &b->at, is_v6only(b));
}

static bool splits_localhost(const struct socket *a, const struct socket *b)
{
	return is_ipv4(&a->at) != is_ipv4(&b->at) && is_localhost(&a->at) &&
	       is_localhost(&b->at) && shares_device(&a->at, &b->at);
}

/* One sentence for two owners, whichever of their sockets it is found by, and one of a
 * kind for who came later. */
static bool is_said(const struct split *split, enum alert_kind kind,
		    const struct process *found, const struct process *holder)
{
	for (size_t i = split->before; i < split->list->count; i++) {
		const struct verdict *v = &split->list->items[i];

		if ((v->found == found && (v->holder == holder || v->kind == kind)) ||
		    (v->found == holder && v->holder == found))
			return true;
	}
	return false;
}

static void say_shared(struct split *split, struct verdict *v, const struct socket *later,
		       const struct socket *earlier)
{
	char port[PLACE_SIZE], a[PHRASE_SIZE], b[PHRASE_SIZE];

	verdict_say(v,
		    "%s is shared through SO_REUSEPORT: %s bound it beside %s, and the "
		    "kernel deals out what arrives between the two",
		    say_port(split->world, &later->at, port),
		    say_process(later->owner, a), say_process(earlier->owner, b));
}

static void say_shadowed(struct split *split, struct verdict *v,
			 const struct socket *later, const struct socket *earlier)
{
	char port[PLACE_SIZE], a[PHRASE_SIZE], b[PHRASE_SIZE];
	char here[ENDPOINT_TEXT], there[ENDPOINT_TEXT];
	bool localhost = is_localhost(&later->at) && is_localhost(&earlier->at);

	verdict_say(v, "%s is split between %s on %s and %s on %s, so that %s",
		    say_port(split->world, &later->at, port),
		    say_process(later->owner, a), endpoint_format(&later->at, here),
		    say_process(earlier->owner, b), endpoint_format(&earlier->at, there),
		    localhost ? "\"localhost\" reaches one or the other"
			      : "the address decides who answers");
}

/* Whom to end: of the two the one that is not the service whose port it is. */
static const struct process *intruder(const struct split *split,
				      const struct socket *later,
				      const struct socket *earlier, const char *name,
				      bool allocation)
{
	const struct service *svc =
		name && !allocation ? registry_find(split->world->registry, name) : NULL;

	if (svc && socket_is_of_service(split->world, later, svc) &&
	    !socket_is_of_service(split->world, earlier, svc))
		return earlier->owner;
	return later->owner;
}

static int add(struct split *split, enum alert_kind kind, const struct socket *later,
	       const struct socket *earlier)
{
	struct verdict *v;
	bool allocation;
	const char *name;

	if (is_said(split, kind, later->owner, earlier->owner))
		return 0;
	name = claimant_at(split->world, &later->at, is_v6only(later), &allocation);
	if (!name)
		name = claimant_at(split->world, &earlier->at, is_v6only(earlier),
				   &allocation);
	v = verdict_add(split->list, kind, &later->at, name);
	if (!v)
		return -ENOMEM;
	v->allocation = allocation;
	v->cookie = later->cookie;
	v->found = later->owner;
	v->holder = earlier->owner;
	verdict_expect(v, name);
	if (kind == ALERT_SHARED)
		say_shared(split, v, later, earlier);
	else
		say_shadowed(split, v, later, earlier);
	verdict_fix(v, "portwatch kill pid:%d",
		    intruder(split, later, earlier, name, allocation)->info.id.pid);
	return 0;
}

static int compare(struct split *split, const struct socket *later,
		   const struct socket *earlier)
{
	bool overlap = overlaps(later, earlier);
	enum alert_kind kind = ALERT_SHADOWED;

	if (later->owner == earlier->owner)
		return 0;
	if (!overlap && !splits_localhost(later, earlier))
		return 0;
	if (overlap && (later->flags & earlier->flags & SOCKET_REUSEPORT))
		kind = ALERT_SHARED;
	if (!different_owners(split->world, later, earlier))
		return 0;
	return add(split, kind, later, earlier);
}

int matcher_split(const struct world *world, const struct socket *first,
		  struct verdicts *ret)
{
	struct split split = { .world = world, .list = ret, .before = ret->count };
	int err = 0;

	if (!has_several_owners(first))
		return 0;
	gather(&split, first);
	for (size_t i = split.n; i-- > 0 && !err;)
		for (size_t j = split.n; j-- > i + 1 && !err;)
			err = compare(&split, split.socks[i], split.socks[j]);
	return err;
}
