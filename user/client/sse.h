/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sse - server-sent events out of bytes, as WHATWG HTML 9.2.6 reads them.
 *
 * Pure: the bytes come in through a buffer that the caller adds to, in pieces of any
 * size, and that sse_next() consumes.
 */
#ifndef PORTWATCH_CLIENT_SSE_H
#define PORTWATCH_CLIENT_SSE_H

#include <portwatch/client.h>
#include <stdint.h>

#include "base/strings.h"

struct sse {
	size_t event_max;
	size_t used;    /* of the input: lines that are done */
	size_t scanned; /* up to here there is no end of a line */
	bool after_cr;  /* a newline that comes now belongs to it */
	bool begun;     /* past where a byte order mark may stand */
	bool told;      /* the event below was handed out */
	struct buffer id, type, data;
};

void sse_init(struct sse *sse, size_t event_max);
void sse_done(struct sse *sse);
/* 1 and *ret, good until the next call; 0 where @input holds no whole event; -EMSGSIZE
 * past event_max; -ENOMEM. */
int sse_next(struct sse *sse, struct buffer *input, struct pw_item *ret);

#endif /* PORTWATCH_CLIENT_SSE_H */
