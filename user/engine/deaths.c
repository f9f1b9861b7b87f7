// SPDX-License-Identifier: GPL-2.0-only
/*
 * The death of an owner.
 *
 * The kernel tells an exit before it has closed the process's descriptors.  So what the
 * process was stays as it was until its last socket has gone; sockets that remain after
 * a moment have other holders, and the oldest of those is the owner from then on.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>

enum {
	FIRST_LOOK_MS = 3,
	/* A daemon's first process ends with 0 and leaves the rest to its child, which
	 * then may have some settling down to do. */
	FIRST_LOOK_CLEAN_MS = 20,
	LOOKS_MAX = 8,
	LOOK_CAP_MS = 320,
};

static struct death **find(struct engine *e, const struct process *p)
{
	struct death **link = &e->deaths;

	while (*link && (*link)->process != p)
		link = &(*link)->next;
	return link;
}

static void drop(struct engine *e, struct death **link)
{
	struct death *death = *link;

	*link = death->next;
	processes_unref(e->procs, death->process);
	free(death);
}

void deaths_done(struct engine *e)
{
	while (e->deaths)
		drop(e, &e->deaths);
}

/* Nothing more will change about what it held. */
static void settle(struct engine *e, struct process *p)
{
	struct service_state *next;

	processes_ref(p);
	for (struct service_state *s = p->recorded_in; s; s = next) {
		next = s->next_recorded;
		matcher_settle(&e->world, e->procs, s, engine_wall_ns(e));
		evaluate_state(s, e);
	}
	processes_unref(e->procs, p);
}

static int add(struct engine *e, struct process *p)
{
	struct death *death = calloc(1, sizeof(*death));
	unsigned wait_ms = p->status == 0 ? FIRST_LOOK_CLEAN_MS : FIRST_LOOK_MS;

	if (!death)
		return -ENOMEM;
	death->process = processes_ref(p);
	death->mono_ns = e->cause.mono_ns;
	death->due_ns = now_mono_ns() + wait_ms * NS_PER_MS;
	*find(e, NULL) = death; /* at the end: the list may be being walked */
	return 0;
}

void deaths_begin(struct engine *e, struct process *p, int status)
{
	struct event event = { .type = EVENT_PROCESS_EXITED, .process = p };

	if (p->exited)
		return;
	p->exited = true;
	p->status = status;
	p->exited_ns = engine_wall_ns(e);
	if (p->keeps)
		slots_lose_keeper(e, p);
	if (!p->recorded_in && !sockets_of(e->sockets, p))
		return;
	if (publish_wanted(e, EVENT_PROCESS_EXITED))
		publish_event(e, &event);
	matcher_exited(p, evaluate_state, e);
	if (!sockets_of(e->sockets, p) || add(e, p) < 0)
		settle(e, p);
}

void deaths_vanished(struct engine *e, struct process *p)
{
	deaths_begin(e, p, -1);
}

void deaths_progress(struct engine *e, struct process *p)
{
	struct death **link = find(e, p);

	if (e->deaths_running || !*link || sockets_of(e->sockets, p))
		return;
	settle(e, p);
	drop(e, link);
}

uint64_t deaths_deadline(const struct engine *e)
{
	uint64_t due = 0;

	for (const struct death *d = e->deaths; d; d = d->next) {
		if (due == 0 || d->due_ns < due)
			due = d->due_ns;
	}
	return due;
}

/* A child is its parent's even after it was given to init. */
static bool is_child(const struct snapshot_row *row, const struct process *dead)
{
	return row->holder.start_ticks >= dead->info.id.start_ticks &&
	       (row->holder_ppid == 1 || row->holder_ppid == dead->info.id.pid);
}

/* A reference; NULL. */
static struct process *find_heir(struct engine *e, const struct snapshot_row *row,
				 struct process *dead)
{
	_cleanup_(process_info_done) struct process_info now = { 0 };
	struct process *heir = who_seen(e, row, is_child(row, dead) ? dead : NULL);

	if (!heir)
		return NULL;
	who_complete(e, heir);
	/* A child that means to stay begins a session of its own: as of now. */
	if (e->senses.read(heir->info.id.pid, PROCFS_STAT, &now) >= 0 &&
	    now.id.start_ticks == heir->info.id.start_ticks)
		heir->info.sid = now.sid;
	return heir;
}

static void bequeath(struct engine *e, struct socket *sock, const struct group *group,
		     const struct snapshot_row *row)
{
	struct process *heir = find_heir(e, row, sock->owner);

	sockets_set_owner(e->sockets, sock->cookie, heir);
	group_keep_holders(e, group, sock);
	evaluate_put(e, sock);
	if (heir) {
		who_watch(e, heir);
		processes_unref(e->procs, heir);
	}
}

/* False where it is too early to say. */
static bool decide_socket(struct engine *e, const struct walk *walk, struct socket *sock,
			  bool is_last)
{
	struct group group = walk_find(walk, sock->cookie);
	const struct snapshot_row *row = group_oldest(&group, sock->owner);

	if (!is_last && (!row || group_has_holder(&group, sock->owner)))
		return false;
	if (row) {
		bequeath(e, sock, &group, row);
	} else if (group.count == 0 && !e->senses.tells_releases(e->probe)) {
		facts_release(e, sock, RELEASE_EXIT);
	} else { /* on its way from one process to another */
		sockets_set_owner(e->sockets, sock->cookie, NULL);
		evaluate_put(e, sock);
	}
	return true;
}

/* The answer is whether nothing is left to be looked at. */
static bool look(struct engine *e, const struct walk *walk, struct death *death)
{
	bool is_last = ++death->looks >= LOOKS_MAX;
	unsigned wait_ms = 5u << death->looks;
	struct socket *next;

	for (struct socket *s = sockets_of(e->sockets, death->process); s; s = next) {
		next = s->next_of_owner;
		decide_socket(e, walk, s, is_last);
	}
	death->due_ns = walk->end_ns +
			NS_PER_MS * (wait_ms < LOOK_CAP_MS ? wait_ms : LOOK_CAP_MS);
	return is_last || !sockets_of(e->sockets, death->process);
}

static void look_at_due(struct engine *e, const struct walk *walk, uint64_t now_ns)
{
	struct death **link = &e->deaths;

	while (*link) {
		struct death *death = *link;
		bool is_settled = false;

		if (death->due_ns <= now_ns) {
			engine_set_cause(e, SOURCE_KERNEL, death->mono_ns, 0);
			evaluate_defer(e);
			is_settled = look(e, walk, death);
			if (is_settled)
				settle(e, death->process);
			evaluate_flush(e);
		}
		if (is_settled)
			drop(e, link);
		else
			link = &death->next;
	}
}

void deaths_run(struct engine *e, uint64_t now_ns)
{
	struct snapshot_query query = { .unheld_too = true };
	uint64_t due = deaths_deadline(e), earliest;
	struct walk walk = { 0 };

	if (due == 0 || due > now_ns)
		return;
	if (walk_run(e, &query, &walk) < 0) {
		earliest = now_mono_ns() + LOOK_CAP_MS * NS_PER_MS;
	} else {
		e->deaths_running = true;
		look_at_due(e, &walk, now_ns);
		e->deaths_running = false;
		/* In a storm of deaths most of the time is for other things. */
		earliest = walk.end_ns + 3 * (walk.end_ns - walk.start_ns);
	}
	for (struct death *d = e->deaths; d; d = d->next) {
		if (d->due_ns < earliest)
			d->due_ns = earliest;
	}
	walk_done(&walk);
}
