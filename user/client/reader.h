/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reader - JSON read in place: no tree, no copies.
 *
 * For documents of the API, whose rows may be many: a pass over the text instead of a
 * node on the heap for each value.  A reader stays within its text whatever that holds;
 * it stops at the first fault (reader_failed()) but does not look for every one: what
 * is to be validated goes through a parser.
 */
#ifndef PORTWATCH_CLIENT_READER_H
#define PORTWATCH_CLIENT_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"

/* A piece of the text, borrowed.  NULL: missing. */
struct span {
	const char *at;
	size_t size;
};

struct reader {
	const char *at, *end;
	bool failed;
};

void reader_init(struct reader *r, const char *text, size_t size);
static inline bool reader_failed(const struct reader *r)
{
	return r->failed;
}

/* What comes next: '{', '[', '"', 't', 'f', 'n', '0' for a number; '\0' at the end. */
char reader_peek(struct reader *r);

/*
 * Step into an object or array: `if (reader_enter(r, '{')) while (reader_key(r, &key))`
 * with exactly one value read or skipped in each turn.  False, and nothing consumed,
 * where something else stands there.
 */
bool reader_enter(struct reader *r, char bracket);
/* The next key, without its quotes and not unescaped; false past the last. */
bool reader_key(struct reader *r, struct span *ret);
/* Is the next key written as @key was, which reader_key() answered of the same text?
 * Then it is read; else nothing is consumed.  Rows are alike. */
bool reader_key_again(struct reader *r, struct span key);
/* Is there another element?  False past the last. */
bool reader_element(struct reader *r);

/* Any value as it is written, quotes and brackets included. */
bool reader_value(struct reader *r, struct span *ret);
void reader_skip(struct reader *r);

bool span_is(struct span span, const char *text);
static inline bool span_is_string(struct span span)
{
	return span.size >= 2 && span.at[0] == '"';
}
/* Missing, or JSON's null. */
bool span_is_null(struct span span);
/* The contents of a JSON string, unescaped; U+0000 and lone surrogates become U+FFFD.
 * What is no string is added as it is written. */
void span_unescape(struct span span, struct buffer *ret);
/* A member of the object that @span is; missing where there is none. */
struct span span_member(struct span span, const char *key);
/* The number that @span is, else @otherwise. */
double span_number(struct span span, double otherwise);

#endif /* PORTWATCH_CLIENT_READER_H */
