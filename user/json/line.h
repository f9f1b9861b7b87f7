/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * line - an object as text on one line, member by member: for rows that are many, where
 * making, printing and freeing the nodes of a document would be most of the work.
 *
 * Keys are plain: no quote, no backslash, ASCII.  That memory ran out is in the buffer.
 */
#ifndef PORTWATCH_JSON_LINE_H
#define PORTWATCH_JSON_LINE_H

#include "base/strings.h"
#include "json/doc.h"

void line_begin(struct buffer *to);
void line_string(struct buffer *to, const char *key, const char *value); /* NULL: null */
void line_int(struct buffer *to, const char *key, int64_t value);
void line_bool(struct buffer *to, const char *key, bool value);
void line_null(struct buffer *to, const char *key);
void line_time(struct buffer *to, const char *key, uint64_t wall_ns); /* 0: null */
void line_doc(struct buffer *to, const char *key, struct doc *value); /* takes it */
void line_end(struct buffer *to);

#endif /* PORTWATCH_JSON_LINE_H */
