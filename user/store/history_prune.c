// SPDX-License-Identifier: GPL-2.0-only
/* What is too old goes with what is written: nothing is done where nothing happens. */
#include <stdio.h>

#include "base/time.h"
#include "store/history_writer.h"

enum {
	SWEPT = 200,        /* processes at a time */
	TIDY_TURNS = 40,    /* of pruning, before the file is closed */
	SHRINK_PAGES = 256, /* given back then, and as many may stay empty */
};

/* Used and empty pages, in bytes. */
static void measure(struct history_writer *w, uint64_t *ret_used, uint64_t *ret_empty)
{
	const struct sqlite *sq = &w->h->sqlite;
	sqlite3_stmt *stmt = w->stmts[COUNT_PAGES];

	*ret_used = *ret_empty = 0;
	if (sq->step(stmt) == SQLITE_ROW) {
		uint64_t size = (uint64_t)sq->column_int64(stmt, 2);

		*ret_empty = size * (uint64_t)sq->column_int64(stmt, 1);
		*ret_used = size * (uint64_t)sq->column_int64(stmt, 0) - *ret_empty;
	}
	sq->reset(stmt);
}

/* Processes that no entry names any more, a few at a time. */
static int sweep(struct history_writer *w)
{
	sqlite3_stmt *stmt = w->stmts[SWEEP];
	int64_t last = 0;

	if (history_step(w, w->stmts[LAST_PROCESS], &last) != SQLITE_ROW)
		return history_writer_fault(w);
	if (w->swept >= last)
		w->swept = 0;
	w->h->sqlite.bind_int64(stmt, 1, w->swept);
	w->swept += SWEPT;
	w->h->sqlite.bind_int64(stmt, 2, w->swept);
	if (history_step(w, stmt, NULL) != SQLITE_DONE)
		return history_writer_fault(w);
	/* One that is told of still is put in again. */
	if (w->h->sqlite.changes(w->db) > 0)
		history_forget_rows(w);
	return 0;
}

int history_write_gap(struct history_writer *w, const struct gap *gap)
{
	sqlite3_stmt *stmt = w->stmts[ADD_GAP];

	if (gap->entries == 0)
		return 0;
	w->h->sqlite.bind_int64(stmt, 1, (int64_t)gap->from_ns);
	w->h->sqlite.bind_int64(stmt, 2, (int64_t)gap->until_ns);
	w->h->sqlite.bind_int64(stmt, 3, (int64_t)gap->entries);
	return history_step(w, stmt, NULL) == SQLITE_DONE ? 0 : history_writer_fault(w);
}

/* Wall clock: what is older is not kept. */
static int64_t oldest_kept(struct history *h, uint64_t now_ns)
{
	uint64_t retain_ms;

	pthread_mutex_lock(&h->lock);
	retain_ms = h->retain_ms;
	pthread_mutex_unlock(&h->lock);
	return retain_ms < now_ns / NS_PER_MS ? (int64_t)(now_ns - retain_ms * NS_PER_MS)
					      : 0;
}

int history_prune(struct history_writer *w, unsigned n, bool *ret_more)
{
	const struct sqlite *sq = &w->h->sqlite;
	uint64_t used, empty, now_ns = now_wall_ns();
	int64_t oldest = oldest_kept(w->h, now_ns);

	measure(w, &used, &empty);
	sq->bind_int64(w->stmts[PRUNE], 1,
		       used > w->h->options.bytes_max ? (int64_t)now_ns : oldest);
	sq->bind_int64(w->stmts[PRUNE], 2, n);
	if (history_step(w, w->stmts[PRUNE], NULL) != SQLITE_DONE)
		return history_writer_fault(w);
	*ret_more = sq->changes(w->db) >= (int)n;
	if (sq->changes(w->db) == 0)
		return 0;
	sq->bind_int64(w->stmts[FORGET_GAPS], 1, oldest);
	if (history_step(w, w->stmts[FORGET_GAPS], NULL) != SQLITE_DONE)
		return history_writer_fault(w);
	return sweep(w);
}

void history_tidy(struct history_writer *w)
{
	uint64_t used, empty;
	bool more = true;
	char sql[64];

	for (int i = 0; more && i < TIDY_TURNS; i++)
		if (history_prune(w, HISTORY_PRUNED_MIN, &more) < 0)
			return;
	measure(w, &used, &empty);
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", SHRINK_PAGES);
	if (empty > used / 4 && empty > SHRINK_PAGES * 4096)
		(void)history_exec(w->h, w->db, sql, w->reterr);
}
