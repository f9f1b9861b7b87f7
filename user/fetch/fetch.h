/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fetch - asks servers whether they answer: HTTP, HTTPS, or the connection alone; and
 * sends them what they are to know.
 *
 * libcurl's multi interface in the loop: thousands at a time, and no thread for each.
 * Nothing of an answer is kept but its status.
 */
#ifndef PORTWATCH_FETCH_FETCH_H
#define PORTWATCH_FETCH_FETCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/cleanup.h"

struct post;

enum fetch_kind { FETCH_HTTP, FETCH_TCP, FETCH_POST };

struct fetch_order {
	uint64_t id;
	enum fetch_kind kind;
	uint64_t timeout_ms;
	const char *target; /* a URL, or HOST:PORT */
	/* FETCH_POST, to the target: only 2xx will do, no redirect is followed, and who
	 * answers must have a certificate.  Borrowed until fetcher_submit() returns. */
	const struct post *post;
};

struct fetch_answer {
	uint64_t id;
	bool passed;
	uint64_t latency_us;
	const char *text; /* "answered 200", "connection refused"; borrowed */
};
typedef void (*fetch_answer_fn)(const struct fetch_answer *answer, void *arg);

struct fetcher;

/* @loop is borrowed.  -ENOMEM. */
int fetcher_new(uv_loop_t *loop, fetch_answer_fn fn, void *arg, struct fetcher **ret);
/* What has no answer yet gets none.  The loop must run once more before it is closed. */
struct fetcher *fetcher_free(struct fetcher *fetcher);
DEFINE_CLEANUP(struct fetcher, fetcher_free)

/* The answer never comes before this returns.  -ENOMEM. */
int fetcher_submit(struct fetcher *fetcher, const struct fetch_order *order);

#endif /* PORTWATCH_FETCH_FETCH_H */
