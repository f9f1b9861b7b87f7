// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who acts: processes as the kernel told them, completed from /proc.
 *
 * A process that nothing refers to is kept for a while in a ring, so that the fact that
 * follows finds it and an alert can name it after its death; it never accumulates.
 */
#include "engine/internal.h"

#include <errno.h>
#include <string.h>

enum { READS_BURST = 512, READS_PER_S = 2000 };

/* Takes over one reference. */
static struct process *remember(struct engine *e, struct process *p)
{
	struct people *people = &e->people;
	struct process **place = &people->recent[people->next++ % RECENT_PROCESSES];

	*place = processes_unref(e->procs, *place);
	*place = p;
	return p;
}

void who_forget_all(struct engine *e)
{
	for (size_t i = 0; i < RECENT_PROCESSES; i++)
		e->people.recent[i] = processes_unref(e->procs, e->people.recent[i]);
}

/* May /proc be read for a process that perhaps nobody will ask about? */
static bool can_read(struct engine *e)
{
	struct people *people = &e->people;
	uint64_t now, due;

	if (people->reads_left > 0) {
		people->reads_left--;
		return true;
	}
	now = now_mono_ns();
	due = (now - people->refilled_ns) * READS_PER_S / NS_PER_S;
	if (due == 0)
		return false;
	people->refilled_ns = now;
	people->reads_left = due < READS_BURST ? due : READS_BURST;
	people->reads_left--;
	return true;
}

static bool same_id(struct process_id a, struct process_id b)
{
	return a.pid == b.pid && a.start_ticks == b.start_ticks;
}

/* The parent by what is known already: a pid that has been used again is no parent. */
static struct process *known_parent(struct engine *e, const struct process_info *info)
{
	struct process *parent;

	if (info->ppid <= 0)
		return NULL;
	parent = processes_find_pid(e->procs, info->ppid);
	if (!parent || parent->info.id.start_ticks > info->id.start_ticks)
		return NULL;
	return parent;
}

static int intern(struct engine *e, struct process_info *info, struct process **ret)
{
	return processes_intern(e->procs, info, known_parent(e, info), ret);
}

/* Whatever it was matched as, it may be another now. */
static void forget_match(struct process *p)
{
	p->match = NULL;
	p->match_generation = 0;
}

struct process *who_told(struct engine *e, struct process_info *info, bool *ret_exec)
{
	_cleanup_(process_info_done) struct process_info copy = { 0 };
	struct process *p;
	bool complete;
	int changed;

	if (process_info_copy(info, &copy) < 0)
		return NULL;
	complete = can_read(e) && e->senses.complete(&copy) == 0;
	changed = complete ? e->senses.intern(e->procs, &copy, &p) : intern(e, &copy, &p);
	if (changed < 0)
		return NULL;
	p->complete |= complete;
	*ret_exec = changed > 0;
	return remember(e, p);
}

/* Read from /proc, or as little as the fact itself says. */
static int find_out(struct engine *e, struct process_id id, uid_t uid,
		    struct process **ret)
{
	_cleanup_(process_info_done) struct process_info info = { 0 };
	int err;

	err = e->senses.read(id.pid, PROCFS_ALL, &info);
	if (err == 0 && same_id(info.id, id)) {
		err = e->senses.intern(e->procs, &info, ret);
	} else {
		process_info_done(&info);
		info = (struct process_info){ .id = id, .uid = uid };
		err = intern(e, &info, ret);
	}
	if (err >= 0)
		(*ret)->complete = true;
	return err;
}

struct process *who_is(struct engine *e, struct process_id id, uid_t uid)
{
	struct process *p;

	if (id.pid <= 0)
		return NULL;
	p = processes_find(e->procs, id);
	if (p)
		return p;
	return find_out(e, id, uid, &p) < 0 ? NULL : remember(e, p);
}

struct process *who_may_be(struct engine *e, struct process_id id, uid_t uid)
{
	struct process *p = id.pid > 0 ? processes_find(e->procs, id) : NULL;

	return p || !can_read(e) ? p : who_is(e, id, uid);
}

struct process *who_seen(struct engine *e, const struct snapshot_row *row,
			 struct process *parent)
{
	struct process_info info = {
		.id = row->holder,
		.ppid = row->holder_ppid,
		.start_ns = row->holder_start_ns,
		.uid = row->holder_uid,
	};
	struct process *p;

	if (row->holder.pid <= 0)
		return NULL;
	p = processes_find(e->procs, row->holder);
	if (p)
		return processes_ref(p);
	memcpy(info.comm, row->holder_comm, sizeof(info.comm));
	if (!parent)
		parent = known_parent(e, &info);
	return processes_intern(e->procs, &info, parent, &p) < 0 ? NULL : p;
}

/* What /proc says beyond what is known; the process itself stays the same object. */
static void look_up(struct engine *e, struct process *p, unsigned what)
{
	_cleanup_(process_info_done) struct process_info info = { 0 };
	struct process *same;

	if (p->exited || e->senses.read(p->info.id.pid, what, &info) < 0 ||
	    !same_id(info.id, p->info.id)) {
		p->complete = true; /* there is no more to know */
		return;
	}
	/* What the kernel told counts: /proc may know only the program that followed. */
	info.exec_count = p->info.exec_count;
	if (e->senses.intern(e->procs, &info, &same) < 0)
		return;
	forget_match(same);
	processes_unref(e->procs, same);
}

void who_complete(struct engine *e, struct process *p)
{
	for (; p; p = p->parent) {
		if (!p->complete)
			look_up(e, p, PROCFS_ALL);
		p->complete = true;
	}
}

void who_identify(struct engine *e, struct process *p)
{
	for (; p; p = p->parent) {
		if (!p->complete && !p->info.cmdline)
			look_up(e, p, e->slots.matched_by);
	}
}

void who_watch(struct engine *e, struct process *p)
{
	if (!engine_is_told(e) || p->exited)
		return;
	if (e->senses.watch_process(e->probe, p->info.id) == -ESRCH)
		deaths_vanished(e, p);
}
