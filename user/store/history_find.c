// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which entries a question is about.  An entry may be wanted for its port, its service or
 * a process: each of those is a walk down one index, newest first, and the newest of all
 * of them are the answer.  A walk ends where the answer is full of what is newer, so that
 * the cost is that of what is printed.
 */
#include <errno.h>
#include <stdio.h>

#include "store/history_private.h"

enum { PLACES_MAX = 1024 }; /* more ports than this are found by time */

enum walk {
	WALK_ALL,
	WALK_SERVICE,
	WALK_PLACE,
	WALK_PROCESS,
	WALK_HOLDER,
	WALK_RANGE, /* of places, by time */
	WALKS,
};

#define WALK(where)                                                  \
	"SELECT id FROM entry WHERE " where " id >= ?1 AND id < ?2 " \
	"ORDER BY id DESC LIMIT ?3"

static const char *const walks[WALKS] = {
	[WALK_ALL] = WALK(""),
	[WALK_SERVICE] = WALK("service = ?4 AND"),
	[WALK_PLACE] = WALK("place = ?4 AND (?5 = 0 OR netns IS NULL OR netns = ?5) AND"),
	[WALK_PROCESS] = WALK("process = ?4 AND"),
	[WALK_HOLDER] = WALK("holder = ?4 AND"),
	/* The plus keeps the index of places out of it. */
	[WALK_RANGE] = WALK("+place BETWEEN ?4 AND ?5 AND (?6 < 0 OR place % 2 = ?6) "
			    "AND"),
};

/* -- Collecting -----------------------------------------------------------------------
 */

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x > y ? -1 : x < y;
}

/* The newest, each once; what is older than all of them need not be found any more. */
static void settle(struct reading *r)
{
	size_t n = 0;

	qsort(r->ids, r->n, sizeof(*r->ids), newest_first);
	for (size_t i = 0; i < r->n; i++)
		if (n == 0 || r->ids[n - 1] != r->ids[i])
			r->ids[n++] = r->ids[i];
	r->n = n < r->wanted ? n : r->wanted;
	if (r->n == r->wanted && r->ids[r->n - 1] > r->since)
		r->since = r->ids[r->n - 1];
}

static int keep(struct reading *r, int64_t id)
{
	if (r->n == r->capacity)
		settle(r);
	if (r->n == r->capacity)
		return -ENOMEM; /* never: settled it is at most half full */
	r->ids[r->n++] = id;
	return 0;
}

int history_reading_fault(struct reading *r)
{
	int err = history_error(r->h, r->db, r->reterr);

	if (err == -ETIMEDOUT)
		snprintf(r->reterr, HISTORY_FAULT,
			 "The question took longer than %d s; ask for less",
			 HISTORY_PATIENCE_MS / 1000);
	return err;
}

/* Ids from a statement whose arguments are bound. */
static int collect(struct reading *r, sqlite3_stmt *stmt)
{
	const struct sqlite *sq = &r->h->sqlite;
	int code, err = 0;

	sq->bind_int64(stmt, 1, r->since);
	sq->bind_int64(stmt, 2, r->before);
	sq->bind_int64(stmt, 3, (int64_t)r->wanted);
	while (err == 0 && (code = sq->step(stmt)) == SQLITE_ROW)
		err = keep(r, sq->column_int64(stmt, 0));
	if (err == 0 && code != SQLITE_DONE)
		err = history_reading_fault(r);
	sq->reset(stmt);
	return err;
}

static int walk_one(struct reading *r, enum walk walk, int64_t key)
{
	sqlite3_stmt *stmt = NULL;
	int err = history_prepare(r->h, r->db, walks[walk], &stmt, r->reterr);

	if (err == 0) {
		if (walk != WALK_ALL)
			r->h->sqlite.bind_int64(stmt, 4, key);
		err = collect(r, stmt);
	}
	r->h->sqlite.finalize(stmt);
	return err;
}

/* The first number that @sql finds for @key; -ENOENT. */
static int look_up(struct reading *r, sqlite3_stmt *stmt, int64_t key, int64_t last,
		   int64_t *ret)
{
	const struct sqlite *sq = &r->h->sqlite;
	int code;

	sq->bind_int64(stmt, 1, key);
	sq->bind_int64(stmt, 2, last);
	code = sq->step(stmt);
	if (code == SQLITE_ROW)
		*ret = sq->column_int64(stmt, 0);
	sq->reset(stmt);
	return code == SQLITE_ROW    ? 0
	       : code == SQLITE_DONE ? -ENOENT
				     : history_reading_fault(r);
}

static int walk_service(struct reading *r)
{
	const struct sqlite *sq = &r->h->sqlite;
	sqlite3_stmt *stmt = NULL;
	int64_t service;
	int code, err;

	err = history_prepare(r->h, r->db, "SELECT id FROM service WHERE name = ?1",
			      &stmt, r->reterr);
	if (err < 0)
		return err;
	sq->bind_text(stmt, 1, r->query->service, -1, SQLITE_STATIC);
	code = sq->step(stmt);
	service = code == SQLITE_ROW ? sq->column_int64(stmt, 0) : 0;
	sq->finalize(stmt);
	if (code == SQLITE_DONE)
		return 0;
	return code == SQLITE_ROW ? walk_one(r, WALK_SERVICE, service)
				  : history_reading_fault(r);
}

/* All processes that had this number. */
static int walk_pid(struct reading *r)
{
	sqlite3_stmt *stmt = NULL;
	int64_t row = 0;
	int err = history_prepare(r->h, r->db,
				  "SELECT id FROM process WHERE pid = ?1 AND id > ?2 "
				  "ORDER BY id LIMIT 1",
				  &stmt, r->reterr);

	while (err == 0) {
		err = look_up(r, stmt, r->query->pid, row, &row);
		if (err == 0)
			err = walk_one(r, WALK_PROCESS, row);
		if (err == 0)
			err = walk_one(r, WALK_HOLDER, row);
	}
	r->h->sqlite.finalize(stmt);
	return err == -ENOENT ? 0 : err;
}

static int walk_range(struct reading *r, int64_t first, int64_t last, uint16_t proto)
{
	const struct sqlite *sq = &r->h->sqlite;
	sqlite3_stmt *stmt = NULL;
	int err = history_prepare(r->h, r->db, walks[WALK_RANGE], &stmt, r->reterr);

	if (err == 0) {
		sq->bind_int64(stmt, 4, first);
		sq->bind_int64(stmt, 5, last);
		sq->bind_int64(stmt, 6, proto ? proto == IPPROTO_UDP : -1);
		err = collect(r, stmt);
	}
	sq->finalize(stmt);
	return err;
}

/* Each place of the range that there are entries of; 1 where there are too many. */
static int walk_places(struct reading *r, int64_t first, int64_t last,
		       const struct history_ports *ports)
{
	uint16_t proto = ports->proto;
	sqlite3_stmt *next = NULL, *walk = NULL;
	int64_t place = first;
	int n = 0;
	int err = history_prepare(r->h, r->db,
				  "SELECT place FROM entry WHERE place >= ?1 AND "
				  "place <= ?2 ORDER BY place LIMIT 1",
				  &next, r->reterr);

	if (err == 0)
		err = history_prepare(r->h, r->db, walks[WALK_PLACE], &walk, r->reterr);
	for (; err == 0 && n < PLACES_MAX; place++, n++) {
		err = look_up(r, next, place, last, &place);
		if (err < 0 || (proto && (place % 2 == 1) != (proto == IPPROTO_UDP)))
			continue;
		r->h->sqlite.bind_int64(walk, 4, place);
		r->h->sqlite.bind_int64(walk, 5, ports->netns);
		err = collect(r, walk);
	}
	r->h->sqlite.finalize(next);
	r->h->sqlite.finalize(walk);
	if (err == -ENOENT)
		return 0;
	return err < 0 ? err : 1;
}

static int walk_ports(struct reading *r, const struct history_ports *ports)
{
	int64_t first = history_place(ports->low, IPPROTO_TCP);
	int64_t last = history_place(ports->high, IPPROTO_UDP);
	int err = walk_places(r, first, last, ports);

	return err > 0 ? walk_range(r, first, last, ports->proto) : err;
}

int history_find(struct reading *r)
{
	const struct history_query *q = r->query;
	int err = 0;

	if (q->service[0])
		err = walk_service(r);
	for (size_t i = 0; err == 0 && i < q->n_ports; i++)
		err = walk_ports(r, &q->ports[i]);
	if (err == 0 && q->pid)
		err = walk_pid(r);
	if (err == 0 && !q->service[0] && !q->n_ports && !q->pid)
		err = walk_one(r, WALK_ALL, 0);
	settle(r);
	return err;
}
