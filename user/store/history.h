/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history - every owner, bind, failure, release and alert, in STATE/history.db.
 *
 * Whoever watches puts events into a bounded queue and never waits; a thread writes them
 * in batches.  It opens the file when there is something to write, and ends, with
 * everything that SQLite takes, once that has been over for some seconds.  What cannot be
 * kept is counted: the queue was full, or the disk, or the file is not to be written.
 * The file goes on by itself as soon as it can.
 *
 * A file that is damaged is set aside as history.db.corrupt-TIME, and a new one begun.
 */
#ifndef PORTWATCH_STORE_HISTORY_H
#define PORTWATCH_STORE_HISTORY_H

#include "core/event.h"
#include "json/codec.h"

enum {
	HISTORY_LIMIT = 100,       /* entries of an answer where nobody says how many */
	HISTORY_LIMIT_MAX = 10000, /* at most */
	HISTORY_PORTS_MAX = 64,    /* ranges of a question */
	HISTORY_FAULT = 512,
	HISTORY_ANSWER_BYTES = 4 * 1024 * 1024, /* of entries; then it ends early */
};
/* Where the oldest go, however young: some ten million entries. */
#define HISTORY_BYTES_MAX (1024ull * 1024 * 1024)

struct history;

struct history_options {
	const char *folder; /* the state's; copied */
	bool writes;        /* else the file is only read */
	uint64_t retain_ms;
	uint64_t bytes_max; /* 0: HISTORY_BYTES_MAX */
	unsigned gather_ms; /* how long a batch may grow; 0: 200 */
	unsigned quiet_ms;  /* after which the file is closed; 0: 3000 */
	unsigned retry_ms;  /* after a fault; 0: 5000 */
	/* A sentence; perhaps from another thread.  NULL: nobody is told. */
	void (*complain)(const char *what, void *arg);
	void *arg;
};

/* Touches no file and starts no thread.  -ENOMEM. */
int history_new(const struct history_options *options, struct history **ret);
/* What waits is written first.  Accepts NULL, returns NULL. */
struct history *history_free(struct history *history);
DEFINE_CLEANUP(struct history, history_free)

/* Until then what is added waits: a thread keeps the privileges of when it was started.
 */
void history_begin(struct history *history);
void history_set_retain(struct history *history, uint64_t retain_ms);

/* Copies what it needs of @event; never waits for a disk.  It lies there until
 * history_write(), a question, the end, or until there is much of it. */
void history_add(struct history *history, const struct event *event);
/* @sock was there when the watching began: written unless the file knows of it. */
void history_add_standing(struct history *history, const struct socket *sock,
			  const char *service, uint64_t wall_ns);

/* For whoever can wait: half of the queue is free. */
bool history_has_room(struct history *history);

/* Have the thread write what was added; starting it may take some 100 us. */
void history_write(struct history *history);

struct history_counters {
	uint64_t written, dropped; /* entries, since the start */
	uint64_t waiting;
	bool writes;
	/* Why nothing is written, a sentence's part; "" where all is well. */
	char fault[HISTORY_FAULT];
};
void history_counters(struct history *history, struct history_counters *ret);
const char *history_path(const struct history *history);

/* -- Reading --------------------------------------------------------------------------
 */

struct history_ports {
	uint16_t low, high;
	uint16_t proto; /* 0 any */
	uint32_t netns; /* 0 any; else those too that are of none */
};

/* An entry is wanted where one of service, ports and pid holds; none of them: any. */
struct history_query {
	char service[65]; /* "" none */
	struct history_ports ports[HISTORY_PORTS_MAX];
	size_t n_ports;
	pid_t pid;         /* 0 none */
	uint64_t since_ns; /* wall clock; 0 from the beginning */
	uint64_t before;   /* older than this: a time, or an entry's id; 0 any */
	unsigned limit;
	bool oldest_first; /* of the newest that are wanted */
	uint64_t mark;     /* history_mark(): what was added by then is in the answer */
};

/* From where history_add() is called; has the batch that is gathered written at once. */
uint64_t history_mark(struct history *history);

struct history_answer {
	char *text; /* the document; owned */
	size_t size, count;
};

/*
 * The document portwatch.history/v1 as @viewer may see it.  To be called in a thread that
 * may wait for a disk.  -ENOENT: there is no file, and nobody who would make one;
 * -EACCES; -ESTALE: of another version of portwatch; -EBADMSG: damaged; -ETIMEDOUT; -EIO;
 * each with a sentence in @reterr (HISTORY_FAULT bytes).  -ENOMEM.
 */
int history_read(struct history *history, const struct history_query *query,
		 const struct viewer *viewer, struct history_answer *ret, char *reterr);

#endif /* PORTWATCH_STORE_HISTORY_H */
