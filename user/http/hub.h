/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hub - the engine's events as server-sent events, for any number of streams.
 *
 * An event is encoded once for all who see the same of it, the moment it is published.
 * The last alert, service, allocation, registry and kernel events are retained, within
 * a bound, so that a client that was away can go on where it stopped; socket and process
 * events are encoded and retained only while somebody listens to them.
 *
 * It knows nothing of HTTP: a stream is read from like a file.
 */
#ifndef PORTWATCH_HTTP_HUB_H
#define PORTWATCH_HTTP_HUB_H

#include <sys/types.h>

#include "engine/engine.h"
#include "http/target.h"
#include "json/codec.h"

enum {
	HUB_RETAINED_MAX = 4096,
	HUB_RETAINED_BYTES = 1024 * 1024,
	STREAM_BYTES_MAX = 1024 * 1024, /* what a slow client may leave waiting */
	STREAM_TARGETS_MAX = 32,        /* no request has more arguments */
	HUB_QUIET_MS = 15000,           /* then a comment shows that the stream lives */
};

struct hub;
struct stream;

/* @engine is borrowed.  @retain: keep what clients may resume from, which costs an
 * encoding an alert even while nobody listens.  -ENOMEM. */
int hub_new(struct engine *engine, bool retain, struct hub **ret);
/* Every stream must be closed by then. */
struct hub *hub_free(struct hub *hub);
DEFINE_CLEANUP(struct hub, hub_free)

struct stream_options {
	struct viewer viewer;
	uint32_t types; /* bits 1 << enum event_type */
	struct target targets[STREAM_TARGETS_MAX];
	size_t n_targets; /* 0: everything */
	bool snapshot;    /* what stands now comes first */
	/* Last-Event-ID; NULL none.  Where it can be honoured the retained events take
	 * the place of the standing alerts; sockets are still told as a snapshot.  Where
	 * not, there is a gap, and a snapshot comes even if it was not asked for. */
	const char *last_id;
	/* Called when a stream that had nothing to read has something, or was dropped.
	 * It must not call the hub or the engine. */
	void (*wake)(void *arg);
	void *arg;
};

/* -ENOMEM. */
int stream_open(struct hub *hub, const struct stream_options *options,
		struct stream **ret);
/* Accepts NULL, returns NULL. */
struct stream *stream_close(struct stream *stream);
DEFINE_CLEANUP(struct stream, stream_close)
/* Up to @size bytes.  0: nothing now, wake() will be called; -EPIPE: it was too slow and
 * is to be closed; -ENOMEM.  Not to be called from an engine callback. */
ssize_t stream_read(struct stream *stream, char *buf, size_t size);

/* Streams that were quiet for HUB_QUIET_MS get a comment.  Answers in how many
 * milliseconds to come again, 0 never. */
uint64_t hub_tick(struct hub *hub, uint64_t mono_ns);
size_t hub_streams(const struct hub *hub);

/* "alert,socket.bound": names of types, or what stands before their dot, as a mask of
 * 1 << enum event_type.  -EINVAL. */
int event_types_parse(const char *text, uint32_t *ret);

#endif /* PORTWATCH_HTTP_HUB_H */
