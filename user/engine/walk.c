// SPDX-License-Identifier: GPL-2.0-only
/*
 * A walk over every bound socket, kept and sorted: several rows a socket, one a holder.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int keep(const struct snapshot_row *row, void *arg)
{
	struct walk *walk = arg;

	if (walk->n_rows == walk->capacity) {
		size_t capacity = walk->capacity ? walk->capacity * 2 : 256;
		struct snapshot_row *rows =
			reallocarray(walk->rows, capacity, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		walk->rows = rows;
		walk->capacity = capacity;
	}
	walk->rows[walk->n_rows++] = *row;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;

	if (x->cookie != y->cookie)
		return x->cookie < y->cookie ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static int sort(struct walk *walk)
{
	walk->order = calloc(walk->n_rows + 1, sizeof(*walk->order));
	if (!walk->order)
		return -ENOMEM;
	for (size_t i = 0; i < walk->n_rows; i++)
		walk->order[i] = (struct sighting){ walk->rows[i].cookie, i };
	qsort(walk->order, walk->n_rows, sizeof(*walk->order), compare);
	return 0;
}

int walk_more(struct engine *e, const struct snapshot_query *query, struct walk *walk)
{
	int err = e->senses.snapshot(e->probe, query, keep, walk);

	free(walk->order);
	walk->order = NULL;
	return err < 0 ? err : sort(walk);
}

int walk_run(struct engine *e, const struct snapshot_query *query, struct walk *ret)
{
	struct walk walk = { .start_ns = now_mono_ns() };
	int err = e->senses.snapshot(e->probe, query, keep, &walk);

	if (err >= 0)
		err = sort(&walk);
	if (err < 0) {
		walk_done(&walk);
		return err;
	}
	walk.end_ns = now_mono_ns();
	e->healing.ended_ns = walk.end_ns;
	e->healing.took_ns = walk.end_ns - walk.start_ns;
	*ret = walk;
	return 0;
}

void walk_done(struct walk *walk)
{
	free(walk->rows);
	free(walk->order);
	*walk = (struct walk){ 0 };
}

struct group walk_group(const struct walk *walk, size_t first)
{
	struct group group = { .walk = walk, .first = first };

	while (first + group.count < walk->n_rows &&
	       walk->order[first + group.count].cookie == walk->order[first].cookie)
		group.count++;
	return group;
}

struct group walk_find(const struct walk *walk, uint64_t cookie)
{
	size_t low = 0, high = walk->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (walk->order[middle].cookie < cookie)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == walk->n_rows || walk->order[low].cookie != cookie)
		return (struct group){ .walk = walk };
	return walk_group(walk, low);
}

const struct snapshot_row *group_row(const struct group *group, size_t index)
{
	return &group->walk->rows[group->walk->order[group->first + index].row];
}

static bool is_holder(const struct snapshot_row *row, const struct process *p)
{
	return p && row->holder.pid == p->info.id.pid &&
	       row->holder.start_ticks == p->info.id.start_ticks;
}

/* Ancestors are older; where the clock is too coarse to tell, the parent is first. */
static bool is_before(const struct snapshot_row *a, const struct snapshot_row *b)
{
	if (a->holder.start_ticks != b->holder.start_ticks)
		return a->holder.start_ticks < b->holder.start_ticks;
	if (a->holder.pid == b->holder_ppid || b->holder.pid == a->holder_ppid)
		return a->holder.pid == b->holder_ppid;
	return a->holder.pid < b->holder.pid;
}

const struct snapshot_row *group_oldest(const struct group *group,
					const struct process *except)
{
	const struct snapshot_row *oldest = NULL;

	for (size_t i = 0; i < group->count; i++) {
		const struct snapshot_row *row = group_row(group, i);

		if (row->holder.pid > 0 && !is_holder(row, except) &&
		    (!oldest || is_before(row, oldest)))
			oldest = row;
	}
	return oldest;
}

bool group_has_holder(const struct group *group, const struct process *p)
{
	for (size_t i = 0; i < group->count; i++) {
		if (is_holder(group_row(group, i), p))
			return true;
	}
	return false;
}

static bool is_among(struct process *const *list, size_t n, const struct process *p)
{
	while (n > 0) {
		if (list[--n] == p)
			return true;
	}
	return false;
}

static bool is_known(const struct socket *sock, struct process *const *others, size_t n)
{
	return sock->holders_known && sock->n_holders == n &&
	       (n == 0 || memcmp(sock->holders, others, n * sizeof(*others)) == 0);
}

bool group_keep_holders(struct engine *e, const struct group *group,
			const struct socket *sock)
{
	struct process **others = NULL;
	bool changed;
	size_t n = 0;

	if (group->count > 1 || !group_has_holder(group, sock->owner))
		others = calloc(group->count + 1, sizeof(*others));
	for (size_t i = 0; others && i < group->count; i++) {
		struct process *p = who_seen(e, group_row(group, i), NULL);

		if (!p)
			continue;
		/* One process may hold it by several descriptors. */
		if (p == sock->owner || is_among(others, n, p))
			processes_unref(e->procs, p);
		else
			others[n++] = p;
	}
	changed = !is_known(sock, others, n);
	if (changed)
		sockets_set_holders(e->sockets, sock->cookie, others, n);
	for (size_t i = 0; i < n; i++)
		processes_unref(e->procs, others[i]);
	free(others);
	return changed && n > 0;
}
