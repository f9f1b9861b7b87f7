/* SPDX-License-Identifier: GPL-2.0-only */
/* fetch_client - the way to portwatch-fetch, started when it is first needed. */
#ifndef PORTWATCH_CHILD_FETCH_CLIENT_H
#define PORTWATCH_CHILD_FETCH_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/cleanup.h"

struct fetch_client;

struct fetch_result {
	uint64_t id;
	bool passed;
	uint64_t latency_us;
	const char *text; /* borrowed */
};

struct fetch_callbacks {
	void (*answered)(const struct fetch_result *result, void *arg);
	/* The process has gone: what was asked has no answer. */
	void (*lost)(const char *why, void *arg);
	void *arg;
};

/* @path NULL: near this program.  Starts nothing.  -ENOMEM. */
int fetch_client_new(uv_loop_t *loop, const char *path,
		     const struct fetch_callbacks *callbacks, struct fetch_client **ret);
/* The loop must run once more before it is closed. */
struct fetch_client *fetch_client_free(struct fetch_client *client);
DEFINE_CLEANUP(struct fetch_client, fetch_client_free)

/* @kind is "http" or "tcp".  -ENOENT where the program is missing, -EAGAIN where it ended
 * just now and is given a rest, -ENOMEM, or why it cannot be started. */
int fetch_client_ask(struct fetch_client *client, uint64_t id, uint64_t timeout_ms,
		     const char *kind, const char *target);
/* Have the @size bytes at @block, in the form of fetch/post.h, sent.  Errors as above. */
int fetch_client_post(struct fetch_client *client, uint64_t id, uint64_t timeout_ms,
		      const char *block, size_t size);
/* End the process; the next question starts another one. */
void fetch_client_rest(struct fetch_client *client);

#endif /* PORTWATCH_CHILD_FETCH_CLIENT_H */
