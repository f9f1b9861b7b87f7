/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame - one event as it goes over the wire, counted by reference.
 */
#ifndef PORTWATCH_HTTP_FRAME_H
#define PORTWATCH_HTTP_FRAME_H

#include "core/event.h"
#include "http/target.h"
#include "json/codec.h"

struct frame {
	unsigned refs;
	enum event_type type;
	uint64_t seq;
	size_t data_at, data_size; /* the JSON within text */
	size_t size;
	char text[]; /* "id: …\nevent: …\ndata: …\n\n" */
};

/* @epoch tells the ids of this engine from those of an earlier one.  An event of a
 * snapshot gets no id: it is no place to resume at.  NULL for want of memory. */
struct frame *frame_encode(const struct event *event, uint32_t epoch,
			   const struct viewer *viewer);
/* The same without the command lines that @viewer may not see. */
struct frame *frame_redact(const struct frame *frame, uint32_t epoch,
			   const struct viewer *viewer);
/* Is it about one of @targets (none: about anything)?  A service covers what is told of
 * it by name. */
bool frame_covers(const struct frame *frame, const struct target *targets, size_t n);
/* A comment, that a quiet stream may show that it lives. */
struct frame *frame_comment(void);
struct frame *frame_ref(struct frame *frame);
/* Accepts NULL, returns NULL. */
struct frame *frame_unref(struct frame *frame);
DEFINE_CLEANUP(struct frame, frame_unref)

/* "SEQ-EPOCH" of this engine.  -EINVAL, -ESTALE for one of another epoch. */
int frame_id_parse(const char *text, uint32_t epoch, uint64_t *ret_seq);

#endif /* PORTWATCH_HTTP_FRAME_H */
