// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table made what a walk says.
 *
 * A walk overtakes the facts that were waiting in the ring when it began.  What is
 * older than it by more than SLACK_NS is known better by the walk; what is younger is
 * folded after it, and sockets that young are not judged by it.
 *
 * Two things are believed only when they last: that a socket is there whose release was
 * told and that nobody holds (it is being closed), and that a bound TCP socket is not
 * (on its way from one process to another no list may have it).
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>

/* From the stamp of a fact to what it tells of being visible to a walk, and back. */
#define SLACK_NS (20 * NS_PER_MS)
#define LASTS_NS (300 * NS_PER_MS)

struct healer {
	struct engine *e;
	const struct walk *walk;
	unsigned how;
	size_t differed;
	struct suspects dying, missing; /* of this walk */
};

bool reconcile_overtook(const struct engine *e, const struct fact *fact)
{
	return fact->source == SOURCE_KERNEL && fact->mono_ns != 0 &&
	       fact->mono_ns + SLACK_NS < e->healing.walk_start_ns;
}

static int compare_cookies(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

static void suspects_done(struct suspects *list)
{
	free(list->items);
	*list = (struct suspects){ 0 };
}

static int suspects_add(struct suspects *list, uint64_t cookie, uint64_t since_ns)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct suspect *items =
			reallocarray(list->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = (struct suspect){ cookie, since_ns };
	return 0;
}

/* Has every walk said so for long enough?  Else it is remembered in @now. */
static bool has_lasted(const struct healer *h, const struct suspects *before,
		       struct suspects *now, uint64_t cookie)
{
	struct suspect key = { .cookie = cookie };
	const struct suspect *known = NULL;
	uint64_t since_ns = h->walk->start_ns;

	if (before->count > 0)
		known = bsearch(&key, before->items, before->count, sizeof(key),
				compare_cookies);
	if (known)
		since_ns = known->since_ns;
	if (h->walk->start_ns - since_ns >= LASTS_NS)
		return true;
	suspects_add(now, cookie, since_ns);
	return false;
}

static void suspects_replace(struct suspects *old, struct suspects *new, uint64_t *due_ns)
{
	suspects_done(old);
	*old = *new;
	if (old->count > 0)
		qsort(old->items, old->count, sizeof(*old->items), compare_cookies);
	for (size_t i = 0; i < old->count; i++) {
		uint64_t at_ns = old->items[i].since_ns + LASTS_NS;

		if (*due_ns == 0 || at_ns < *due_ns)
			*due_ns = at_ns;
	}
}

void reconcile_done(struct engine *e)
{
	suspects_done(&e->healing.dying);
	suspects_done(&e->healing.missing);
}

static bool is_evident(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		if (group_row(group, i)->evident)
			return true;
	}
	return false;
}

static struct socket template_of(const struct healer *h, const struct snapshot_row *row)
{
	return (struct socket){
		.cookie = row->cookie,
		.at = row->at,
		.state = row->state,
		.flags = row->flags,
		.source = h->e->cause.source,
		.seen_mono_ns = h->walk->start_ns,
		.uid = row->uid,
	};
}

static uint64_t *place_of(struct engine *e, uint64_t cookie)
{
	return &e->healing.released[cookie & (RELEASED_KEPT - 1)];
}

void reconcile_note_release(struct engine *e, uint64_t cookie)
{
	*place_of(e, cookie) = cookie;
}

static bool is_dying(struct healer *h, uint64_t cookie)
{
	return *place_of(h->e, cookie) == cookie &&
	       !has_lasted(h, &h->e->healing.dying, &h->dying, cookie);
}

static void add_new(struct healer *h, const struct group *group)
{
	const struct snapshot_row *row = group_oldest(group, NULL);
	struct engine *e = h->e;
	struct socket sock = template_of(h, group_row(group, 0));
	struct process *owner;
	bool is_first;

	if (!(h->how & HEAL_INITIAL)) {
		if (!is_evident(group) || (!row && is_dying(h, sock.cookie)))
			return;
		sock.since_ns = engine_wall_ns(e);
	}
	owner = row ? who_seen(e, row, NULL) : NULL;
	is_first = owner && !sockets_of(e->sockets, owner);
	sock.owner = owner;
	evaluate_defer(e);
	if (facts_put(e, &sock) > 0) {
		struct socket *known = sockets_find(e->sockets, sock.cookie);

		h->differed++;
		if (group_keep_holders(e, group, known))
			evaluate_put(e, known);
	}
	if (is_first)
		who_watch(e, owner);
	evaluate_flush(e);
	if (owner)
		processes_unref(e->procs, owner);
}

/* Somebody holds it, and not the one that it was known to belong to. */
static bool check_owner(struct healer *h, const struct group *group, struct socket *sock)
{
	const struct snapshot_row *row = group_oldest(group, NULL);
	struct engine *e = h->e;
	struct process *owner;

	if (!row || (sock->owner && group_has_holder(group, sock->owner)))
		return false;
	if (sock->owner) {
		/* One that lives is the owner still, whoever holds it by now; one that
		 * has died is settled by deaths. */
		if (!sock->owner->exited && !e->senses.is_alive(sock->owner->info.id))
			deaths_vanished(e, sock->owner);
		return false;
	}
	owner = who_seen(e, row, NULL);
	if (!owner)
		return false;
	sockets_set_owner(e->sockets, sock->cookie, owner);
	who_watch(e, owner);
	processes_unref(e->procs, owner);
	return true;
}

/* A connection that was refused leaves its local address behind: for a moment, while
 * connect(2) returns, or for good. */
static bool is_leftover(const struct socket *sock, const struct socket *now)
{
	return now->state == SOCKET_BOUND && now->at.port == sock->at.port &&
	       endpoint_is_wildcard(&sock->at) && !endpoint_is_wildcard(&now->at);
}

static void check_known(struct healer *h, const struct group *group, struct socket *sock)
{
	struct engine *e = h->e;
	struct socket now = template_of(h, group_row(group, 0));
	bool changed;

	if (sock->seen_mono_ns > h->walk->start_ns)
		return;
	/* A UDP socket that gave its port up unseen, and was given another by sending. */
	if (!is_evident(group) && now.at.port != sock->at.port) {
		facts_release(e, sock, RELEASE_CLOSE);
		h->differed++;
		return;
	}
	/* Believed when it was asked for, and looked at once more even then: there may
	 * have been another connection meanwhile. */
	if (is_leftover(sock, &now)) {
		if (!ask_is_about(e, sock->cookie, ASK_ADDRESS))
			now.at = sock->at;
		ask(e, sock->cookie, ASK_ADDRESS);
	}
	evaluate_defer(e);
	if (facts_put(e, &now) > 0)
		h->differed++;
	/* One that was bound anew is another entry by now. */
	sock = sockets_find(e->sockets, now.cookie);
	if (sock) {
		changed = check_owner(h, group, sock);
		if (group_keep_holders(e, group, sock) || changed)
			evaluate_put(e, sock);
	}
	evaluate_flush(e);
}

static int check_gone(struct socket *sock, void *arg)
{
	struct healer *h = arg;
	struct engine *e = h->e;
	/* Without events every row is of an earlier walk, and that was over. */
	uint64_t slack_ns = engine_is_told(e) ? SLACK_NS : 0;

	if (sock->seen_mono_ns + slack_ns >= h->walk->start_ns ||
	    walk_find(h->walk, sock->cookie).count > 0)
		return 0;
	if (engine_is_told(e) && sock->at.proto == IPPROTO_TCP &&
	    sock->state == SOCKET_BOUND &&
	    !has_lasted(h, &e->healing.missing, &h->missing, sock->cookie))
		return 0;
	probe_forget(e->probe, sock->cookie);
	facts_release(e, sock, RELEASE_CLOSE);
	h->differed++;
	return 0;
}

static void begin(struct healer *h)
{
	struct healing *healing = &h->e->healing;

	if (h->how & HEAL_KNOWN_ONLY)
		return;
	/* A walk that releases nothing overtakes no release: what waits is all folded. */
	if (!(h->how & HEAL_KEEP)) {
		sockets_each(h->e->sockets, check_gone, h);
		healing->walk_start_ns = h->walk->start_ns;
	}
	healing->hinted_ns = 0;
	healing->hint_due_ns = 0;
	healing->suspect_due_ns = 0;
}

static void end(struct healer *h)
{
	struct healing *healing = &h->e->healing;

	if (h->how & HEAL_KNOWN_ONLY)
		return;
	suspects_replace(&healing->dying, &h->dying, &healing->suspect_due_ns);
	if (!(h->how & HEAL_KEEP))
		suspects_replace(&healing->missing, &h->missing,
				 &healing->suspect_due_ns);
	slots_verify(h->e);
}

size_t reconcile(struct engine *e, const struct walk *walk, unsigned how)
{
	struct healer h = { .e = e, .walk = walk, .how = how };
	struct group group;

	evaluate_defer(e);
	begin(&h);
	for (size_t i = 0; i < walk->n_rows; i += group.count) {
		struct socket *sock = sockets_find(e->sockets, walk->order[i].cookie);

		group = walk_group(walk, i);
		if (sock)
			check_known(&h, &group, sock);
		else if (!(how & HEAL_KNOWN_ONLY))
			add_new(&h, &group);
	}
	end(&h);
	evaluate_flush(e);
	return h.differed;
}
