/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sqlite - the SQLite library, in memory only while somebody uses it.
 *
 * Linked, it takes 0.7 MB of a daemon that has nothing to write, and 2 MB once a file was
 * opened; that is a sixth of what the whole daemon may take.  So it is loaded by whoever
 * needs it and unloaded when the last of them has let go.
 *
 * Private to user/store.
 */
#ifndef PORTWATCH_STORE_SQLITE_H
#define PORTWATCH_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

/* clang-format off */
#define SQLITE_FUNCTIONS(F)                                                    \
	F(bind_blob) F(bind_int64) F(bind_text) F(busy_timeout) F(changes)     \
	F(clear_bindings) F(close_v2) F(column_blob) F(column_bytes)           \
	F(column_int64) F(column_text) F(column_type) F(config) F(errmsg)      \
	F(errstr) F(exec) F(extended_errcode) F(finalize) F(initialize)        \
	F(last_insert_rowid) F(open_v2) F(prepare_v2) F(progress_handler) F(reset) F(shutdown)      \
	F(step) F(system_errno)
/* clang-format on */

struct sqlite {
	pthread_mutex_t lock;
	unsigned users;
	void *handle;
#define SQLITE_MEMBER(name) __typeof__(sqlite3_##name) *name;
	SQLITE_FUNCTIONS(SQLITE_MEMBER)
#undef SQLITE_MEMBER
};

void sqlite_init(struct sqlite *sq);
void sqlite_done(struct sqlite *sq);

/* From any thread; each that answers 0 wants a sqlite_put().  -ENOENT: there is no such
 * library on this host, or not the one that is needed. */
int sqlite_get(struct sqlite *sq);
void sqlite_put(struct sqlite *sq);

/* Let go of the pages that its code lies in: they come back as they are needed.  For
 * somebody who holds on to it and has nothing to do for now. */
void sqlite_rest(const struct sqlite *sq);

#endif /* PORTWATCH_STORE_SQLITE_H */
