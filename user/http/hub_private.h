/* SPDX-License-Identifier: GPL-2.0-only */
/* hub_private - what hub.c and stream.c share. */
#ifndef PORTWATCH_HTTP_HUB_PRIVATE_H
#define PORTWATCH_HTTP_HUB_PRIVATE_H

#include "http/frame.h"
#include "http/hub.h"
#include "http/peer.h"

struct hub {
	struct engine *engine;
	struct engine_subscription *subscription; /* NULL while nobody wants anything */
	uint32_t wants;
	bool retains;
	uint32_t epoch;
	struct frame *comment;
	struct stream *streams;
	/* A ring as an all-seeing viewer sees it: [oldest, newest) modulo its size. */
	struct frame *retained[HUB_RETAINED_MAX];
	uint64_t oldest, newest;
	size_t retained_bytes;
	uint64_t evicted_seq; /* there is nothing up to here any more */
};

enum phase { PHASE_ALERTS, PHASE_SOCKETS, PHASE_LIVE };

struct stream {
	struct hub *hub;
	struct stream *next;
	struct viewer viewer;
	uint32_t types;
	struct target *targets;
	size_t n_targets;
	void (*wake)(void *arg);
	void *arg;

	/* The snapshot is made as it is read: it may be far larger than any buffer. */
	enum phase phase;
	uint64_t alert_cursor, alert_last;
	uint64_t *cookies;
	size_t n_cookies, next_cookie;

	/* What came meanwhile: a ring of references, [head, head + count). */
	struct frame **queue;
	size_t head, count, capacity;
	size_t queued_bytes, limit_bytes;
	bool dropped;
	bool starving; /* the reader was told "nothing now" */

	struct frame *current; /* partly read */
	size_t offset;
	uint64_t spoke_mono_ns;
};

bool stream_wants(const struct stream *stream, const struct event *event);
/* Takes over @frame; NULL, for want of memory, drops the stream. */
void stream_push(struct stream *stream, struct frame *frame);
/* Subscribe to what the streams want now. */
int hub_update(struct hub *hub);

#endif /* PORTWATCH_HTTP_HUB_PRIVATE_H */
