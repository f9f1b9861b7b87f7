// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table against the kernel: after a start, after a loss, and where the kernel only
 * answers when it is asked.
 *
 * A walk overtakes the facts that were waiting in the ring when it began.  What is
 * older than it by more than SLACK_NS is known better by the walk; what is younger is
 * folded after it, and sockets that young are not judged by it.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From the stamp of a fact to what it tells of being visible to a walk, and back. */
#define SLACK_NS (20 * NS_PER_MS)
#define PAUSE_NS (200 * NS_PER_MS) /* between walks while facts are being lost */
#define HINT_NS (50 * NS_PER_MS)
#define HINT_MAX_NS (500 * NS_PER_MS)
#define POLL_NS NS_PER_S
/* A socket that was just bound has hardly been handed on yet, and many do not stay. */
#define ASK_NS NS_PER_S

struct healer {
	struct engine *e;
	const struct walk *walk;
	unsigned how;
	size_t differed;
	uint64_t *unheld; /* found by this walk, in order */
	size_t n_unheld;
};

bool heal_is_stale(const struct engine *e, const struct fact *fact)
{
	return fact->source == SOURCE_KERNEL && fact->mono_ns != 0 &&
	       fact->mono_ns + SLACK_NS < e->healing.walk_start_ns;
}

void heal_done(struct engine *e)
{
	free(e->healing.unheld);
}

static bool is_evident(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		if (group_row(group, i)->evident)
			return true;
	}
	return false;
}

static int compare_cookies(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * A socket that nobody holds may be one whose last descriptor is being closed, and whose
 * release was told already: it counts when the next walk sees it too.
 */
static bool is_fleeting(struct healer *h, uint64_t cookie)
{
	struct healing *healing = &h->e->healing;
	uint64_t *longer;

	if (healing->n_unheld > 0 && bsearch(&cookie, healing->unheld, healing->n_unheld,
					     sizeof(cookie), compare_cookies))
		return false;
	longer = reallocarray(h->unheld, h->n_unheld + 1, sizeof(*longer));
	if (!longer)
		return true;
	h->unheld = longer;
	h->unheld[h->n_unheld++] = cookie;
	return true;
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

static void add_new(struct healer *h, const struct group *group)
{
	const struct snapshot_row *row = group_oldest(group, NULL);
	struct engine *e = h->e;
	struct socket sock = template_of(h, group_row(group, 0));
	struct process *owner;
	bool is_first;

	if (!(h->how & HEAL_INITIAL)) {
		if (!is_evident(group) || (!row && is_fleeting(h, sock.cookie)))
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

static void check_known(struct healer *h, const struct group *group, struct socket *sock)
{
	struct engine *e = h->e;
	struct socket now = template_of(h, group_row(group, 0));
	bool changed;

	if (sock->seen_mono_ns > h->walk->start_ns)
		return;
	now.owner = NULL;
	evaluate_defer(e);
	if (facts_put(e, &now) > 0)
		h->differed++;
	changed = check_owner(h, group, sock);
	if (group_keep_holders(e, group, sock) || changed)
		evaluate_put(e, sock);
	evaluate_flush(e);
}

static int check_gone(struct socket *sock, void *arg)
{
	struct healer *h = arg;

	if (sock->seen_mono_ns + SLACK_NS < h->walk->start_ns &&
	    walk_find(h->walk, sock->cookie).count == 0) {
		facts_release(h->e, sock, RELEASE_CLOSE);
		h->differed++;
	}
	return 0;
}

/* 50 ms after the last hint, half a second after the first. */
static void hint(struct healing *healing, uint64_t now_ns)
{
	if (healing->hinted_ns == 0)
		healing->hinted_ns = now_ns;
	healing->hint_due_ns = now_ns + HINT_NS;
	if (healing->hint_due_ns > healing->hinted_ns + HINT_MAX_NS)
		healing->hint_due_ns = healing->hinted_ns + HINT_MAX_NS;
}

static void keep_unheld(struct healer *h)
{
	struct healing *healing = &h->e->healing;

	free(healing->unheld);
	healing->unheld = h->unheld;
	healing->n_unheld = h->n_unheld;
	if (h->n_unheld > 0)
		hint(healing, h->walk->end_ns);
}

size_t heal_from(struct engine *e, const struct walk *walk, unsigned how)
{
	struct healer h = { .e = e, .walk = walk, .how = how };
	struct group group;

	evaluate_defer(e);
	if (!(how & HEAL_KNOWN_ONLY)) {
		sockets_each(e->sockets, check_gone, &h);
		e->healing.walk_start_ns = walk->start_ns;
		e->healing.hinted_ns = 0;
		e->healing.hint_due_ns = 0;
	}
	for (size_t i = 0; i < walk->n_rows; i += group.count) {
		struct socket *sock = sockets_find(e->sockets, walk->order[i].cookie);

		group = walk_group(walk, i);
		if (sock)
			check_known(&h, &group, sock);
		else if (!(how & HEAL_KNOWN_ONLY))
			add_new(&h, &group);
	}
	if (!(how & HEAL_KNOWN_ONLY)) {
		keep_unheld(&h);
		slots_verify(e);
	}
	evaluate_flush(e);
	return h.differed;
}

int heal_now(struct engine *e, unsigned how, size_t *ret)
{
	struct snapshot_query query = { .unheld_too = !(how & HEAL_KNOWN_ONLY) };
	struct walk walk;
	size_t differed;
	int err;

	err = walk_run(e, &query, &walk);
	if (err < 0)
		return err;
	differed = heal_from(e, &walk, how);
	walk_done(&walk);
	if (ret)
		*ret = differed;
	return 0;
}

static void sooner(uint64_t *due_ns, uint64_t at_ns)
{
	if (*due_ns == 0 || at_ns < *due_ns)
		*due_ns = at_ns;
}

/* Not so often that walking is all that is done. */
static uint64_t after_pause(const struct healing *healing, uint64_t pause_ns,
			    uint64_t now_ns)
{
	uint64_t least_ns = 2 * healing->took_ns;
	uint64_t at_ns = healing->ended_ns + (least_ns > pause_ns ? least_ns : pause_ns);

	return healing->ended_ns == 0 || at_ns < now_ns ? now_ns : at_ns;
}

void heal_note(struct engine *e, uint64_t now_ns)
{
	struct healing *healing = &e->healing;

	if (probe_lost(e->probe, &healing->lost)) {
		healing->has_lost = true;
		sooner(&healing->due_ns, after_pause(healing, PAUSE_NS, now_ns));
	}
	if (probe_wants_look(e->probe))
		hint(healing, now_ns);
}

void heal_ask(struct engine *e, uint64_t cookie)
{
	struct healing *healing = &e->healing;

	for (size_t i = 0; i < healing->n_asked; i++) {
		if (healing->asked[i] == cookie)
			return;
	}
	if (healing->n_asked == ASKED_MAX)
		return;
	healing->asked[healing->n_asked++] = cookie;
	sooner(&healing->asked_due_ns, now_mono_ns() + ASK_NS);
}

/* Of those that were asked for, the ones that are still there. */
static size_t take_asked(struct engine *e, uint64_t *ret)
{
	struct healing *healing = &e->healing;
	size_t n = 0;

	for (size_t i = 0; i < healing->n_asked; i++) {
		const struct socket *sock = sockets_find(e->sockets, healing->asked[i]);

		if (sock && !sock->holders_known)
			ret[n++] = sock->cookie;
	}
	healing->n_asked = 0;
	healing->asked_due_ns = 0;
	return n;
}

static void answer(struct engine *e)
{
	uint64_t asked[ASKED_MAX];
	size_t n = take_asked(e, asked);

	if (n == 0)
		return;
	engine_set_cause(e, SOURCE_DAEMON, 0, 0);
	heal_now(e, HEAL_KNOWN_ONLY, NULL);
	evaluate_defer(e);
	for (size_t i = 0; i < n; i++) {
		struct socket *sock = sockets_find(e->sockets, asked[i]);

		if (!sock)
			continue;
		/* One that was not found has no holders: it is not asked for again. */
		if (!sock->holders_known)
			sockets_set_holders(e->sockets, asked[i], NULL, 0);
		evaluate_put(e, sock);
	}
	evaluate_flush(e);
}

/* Where a walk takes long, most of the time is for other things. */
void heal_poll(struct engine *e)
{
	uint64_t pause_ns = 4 * e->healing.took_ns;

	e->healing.due_ns = now_mono_ns() + (pause_ns > POLL_NS ? pause_ns : POLL_NS);
}

static void tell_lost(struct engine *e)
{
	struct healing *healing = &e->healing;

	if (healing->lost == healing->lost_told)
		return;
	publish_count(e, EVENT_KERNEL_LOST, healing->lost - healing->lost_told, NULL);
	healing->lost_told = healing->lost;
}

static void heal(struct engine *e, uint64_t now_ns)
{
	struct healing *healing = &e->healing;
	bool has_lost = healing->has_lost;
	size_t differed = 0;

	engine_set_cause(e, SOURCE_RESYNC, 0, 0);
	if (has_lost)
		tell_lost(e);
	healing->due_ns = 0;
	healing->hint_due_ns = 0;
	if (heal_now(e, 0, &differed) < 0) {
		healing->due_ns = now_ns + POLL_NS;
		return;
	}
	healing->has_lost = false;
	e->counters.resyncs += has_lost;
	if (has_lost || (differed > 0 && !e->polling))
		publish_count(e, EVENT_KERNEL_RESYNCED, differed, NULL);
	/* Facts that were waiting meanwhile may be half of a pair: once more. */
	if (has_lost && !healing->drained)
		sooner(&healing->due_ns, after_pause(healing, PAUSE_NS, now_ns));
	if (e->polling)
		heal_poll(e);
}

static bool is_due(uint64_t due_ns, uint64_t now_ns)
{
	return due_ns != 0 && due_ns <= now_ns;
}

void heal_run(struct engine *e, uint64_t now_ns)
{
	struct healing *healing = &e->healing;

	if (is_due(healing->due_ns, now_ns) || is_due(healing->hint_due_ns, now_ns))
		heal(e, now_ns);
	if (is_due(healing->asked_due_ns, now_ns))
		answer(e);
}

uint64_t heal_deadline(const struct engine *e)
{
	uint64_t due_ns = e->healing.due_ns;

	if (e->healing.hint_due_ns != 0)
		sooner(&due_ns, e->healing.hint_due_ns);
	if (e->healing.asked_due_ns != 0)
		sooner(&due_ns, e->healing.asked_due_ns);
	return due_ns;
}
