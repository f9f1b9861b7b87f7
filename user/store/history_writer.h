/* SPDX-License-Identifier: GPL-2.0-only */
/* history_writer - the thread's half of the history.  Private to user/store. */
#ifndef PORTWATCH_STORE_HISTORY_WRITER_H
#define PORTWATCH_STORE_HISTORY_WRITER_H

#include "store/history_private.h"

enum { HISTORY_PRUNED_MIN = 500 }; /* entries at a time */

enum statement {
	ADD_ENTRY,
	FIND_SERVICE,
	ADD_SERVICE,
	ADD_PROCESS,
	FIND_STANDING,
	PRUNE,
	SWEEP,
	LAST_PROCESS,
	COUNT_PAGES,
	ADD_GAP,
	FORGET_GAPS,
	STATEMENTS,
};

/* A process as it was told, and where it is in the file. */
struct told {
	struct record_process *record; /* owned; NULL none */
	int64_t row;                   /* 0: not there yet */
};

struct history_writer {
	struct history *h;
	sqlite3 *db; /* NULL: closed */
	sqlite3_stmt *stmts[STATEMENTS];
	struct told told[RECORD_PLACES];
	char service[SERVICE_NAME_MAX + 1]; /* last looked up; "" none */
	int64_t service_row;
	int64_t last_id;
	int64_t swept; /* processes up to here */
	uint64_t boot_ns, retry_mono_ns;
	char reterr[HISTORY_FAULT];
};

/* SQLITE_ROW, with the first column in *ret (may be NULL), SQLITE_DONE, or a fault; the
 * statement is ready for the next. */
int history_step(struct history_writer *w, sqlite3_stmt *stmt, int64_t *ret);
/* Negative, and the reason in w->reterr. */
int history_writer_fault(struct history_writer *w);
/* What was added since the last commit is not there, or the file is another. */
void history_forget_rows(struct history_writer *w);

/* -- history_prune: what goes, and what is missing ------------------------------------
 */

/* At most @n entries that are too old, or too many; *ret_more is whether there were as
 * many. */
int history_prune(struct history_writer *w, unsigned n, bool *ret_more);
/* Before the file is closed there is time for more. */
void history_tidy(struct history_writer *w);
int history_write_gap(struct history_writer *w, const struct gap *gap);

#endif /* PORTWATCH_STORE_HISTORY_WRITER_H */
