/* SPDX-License-Identifier: GPL-2.0-only */
/* history_private - what the files of the history share.  Private to user/store. */
#ifndef PORTWATCH_STORE_HISTORY_PRIVATE_H
#define PORTWATCH_STORE_HISTORY_PRIVATE_H

#include <pthread.h>

#include "store/history.h"
#include "store/history_record.h"
#include "store/sqlite.h"

/* Records that wait; malloc'ed large enough to go back to the system when freed. */
struct chunk {
	struct chunk *next;
	size_t used, n_events;
	uint64_t first_ns; /* wall clock: it was begun */
	_Alignas(8) char data[];
};
enum {
	CHUNK_BYTES = 256 * 1024,
	CHUNK_DATA = CHUNK_BYTES - sizeof(struct chunk),
	CHUNKS_MAX = 32,
	SPARE_MAX = 8
};

/* Entries that could not be kept. */
struct gap {
	uint64_t from_ns, until_ns; /* wall clock */
	uint64_t entries;           /* 0: none are missing */
};

struct history {
	struct history_options options;
	char *path;
	struct sqlite sqlite;

	/* The owner's. */
	struct record_places places;
	_Alignas(8) char scratch[RECORD_MAX];

	pthread_mutex_t lock;
	pthread_cond_t more, written; /* for the thread, and for those who await it */
	/* Under the lock. */
	pthread_t thread;
	bool begun;    /* it may be started */
	bool running;  /* it is */
	bool joinable; /* it was */
	bool sleeping; /* until something is added */
	bool hurry;    /* nothing more is gathered */
	bool stop;
	bool forgotten; /* what was told of processes */
	bool damaged;   /* as a reader found */
	struct chunk *first, **last;
	unsigned n_chunks;
	/* Written, for what comes next: a mapping anew for each would have the owner wait
	 * for the thread, which may be kept from the lock of the address space. */
	struct chunk *spare;
	unsigned n_spare;
	uint64_t n_added, n_taken; /* of events; taken: written or dropped */
	uint64_t retain_ms;
	struct history_counters counters;
	struct gap gap; /* not noted in the file yet */
};

/* -- history_file: the file itself ----------------------------------------------------
 */

/* What is on the disk never changes its meaning: append. */
enum { HISTORY_VERSION = 2 };

/*
 * Opened for writing, made or migrated where need be.  -ENOENT: no SQLite; -ESTALE: of a
 * newer version; -EBADMSG: damaged; else what the system or SQLite says, -EIO.  A
 * sentence's part in @reterr.
 */
int history_file_open(struct history *h, sqlite3 **ret, char *reterr);
/* The same for reading. */
int history_file_open_to_read(struct history *h, sqlite3 **ret, char *reterr);
void history_file_close(struct history *h, sqlite3 *db);
/* Rename what is damaged.  *ret_name: owned.  -errno. */
int history_file_set_aside(struct history *h, char **ret_name);

/* What a call that failed is told as; fills in @reterr. */
int history_error(struct history *h, sqlite3 *db, char *reterr);
/* 0, or negative as history_error(). */
int history_exec(struct history *h, sqlite3 *db, const char *sql, char *reterr);
int history_prepare(struct history *h, sqlite3 *db, const char *sql, sqlite3_stmt **ret,
		    char *reterr);

/* Numbers in the file. */
int history_code_of_type(enum event_type type);
int history_type_of_code(int64_t code); /* -EINVAL: of a newer portwatch */
int history_code_of_source(enum source source);
enum source history_source_of_code(int64_t code);
/* A port and its protocol, such that one port is two that are next to each other. */
static inline int64_t history_place(uint16_t port, uint16_t proto)
{
	return 2 * (int64_t)port + (proto == IPPROTO_UDP);
}

/* -- history_write: the thread's half -------------------------------------------------
 */

struct history_writer;
struct history_writer *history_writer_new(struct history *h);
struct history_writer *history_writer_free(struct history_writer *w);
/* Close the file; what was told of processes stays known.  Accepts NULL. */
void history_writer_rest(struct history_writer *w);
/* Write or drop all of @chunks.  Answers how many events were written. */
uint64_t history_writer_write(struct history_writer *w, const struct chunk *chunks);

/* -- history_find: which entries a question is about -----------------------------------
 */

enum { HISTORY_PATIENCE_MS = 5000 };

struct reading {
	struct history *h;
	const struct history_query *query;
	const struct viewer *viewer;
	char *reterr;
	sqlite3 *db;
	uint64_t deadline_ns;
	/* The newest ids so far, and how new another must be. */
	int64_t *ids;
	size_t n, capacity, wanted;
	size_t told; /* of them, in the answer */
	int64_t since, before;
};

/* Fills in ids, newest first.  Negative as history_error(). */
int history_find(struct reading *r);
int history_reading_fault(struct reading *r);

/* -- history_text -----------------------------------------------------------------------
 */

/* Puts "text" behind the members of an entry. */
void history_describe(struct doc *entry);

/* -- history: for the others ----------------------------------------------------------
 */

/* Why nothing can be written from now on, said once; "": it can be again. */
void history_set_fault(struct history *h, const char *fault);
/* What is missing and not noted yet, taken; and put back where that fails. */
struct gap history_take_gap(struct history *h);
void history_put_gap(struct history *h, const struct gap *gap);
void history_complain(struct history *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* PORTWATCH_STORE_HISTORY_PRIVATE_H */
