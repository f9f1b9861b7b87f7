/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doc - a JSON document without cJSON showing.
 *
 * Owned unless said otherwise.  Adding to a document takes over the child, also on
 * failure; a document remembers that memory ran out while it was built, and doc_print()
 * then answers NULL: builders need check once, at the end.
 */
#ifndef PORTWATCH_JSON_DOC_H
#define PORTWATCH_JSON_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct doc;

struct doc *doc_object(void);
/* An object whose first member is "schema": "portwatch.NAME/v1". */
struct doc *doc_schema(const char *name);
struct doc *doc_array(void);
struct doc *doc_free(struct doc *doc);
DEFINE_CLEANUP(struct doc, doc_free)

/* One string (NULL gives null) or number by itself. */
struct doc *doc_string_new(const char *value);
struct doc *doc_int_new(int64_t value);

/*
 * Members, put behind those that are there: a key is set once.  A NULL string gives null;
 * bytes of a string that are no UTF-8 become U+FFFD.  Integers keep all their digits.
 */
void doc_set(struct doc *object, const char *key, struct doc *child);
void doc_set_string(struct doc *object, const char *key, const char *value);
void doc_set_int(struct doc *object, const char *key, int64_t value);
void doc_set_double(struct doc *object, const char *key, double value);
void doc_set_bool(struct doc *object, const char *key, bool value);
void doc_set_null(struct doc *object, const char *key);
/* RFC 3339 in UTC with nanoseconds; 0 gives null. */
void doc_set_time(struct doc *object, const char *key, uint64_t wall_ns);
/* The same with a key that outlives the document, a string literal: it is not copied. */
void doc_put(struct doc *object, const char *key, struct doc *child);
void doc_put_string(struct doc *object, const char *key, const char *value);
void doc_put_int(struct doc *object, const char *key, int64_t value);
void doc_put_double(struct doc *object, const char *key, double value);
void doc_put_bool(struct doc *object, const char *key, bool value);
void doc_put_null(struct doc *object, const char *key);
void doc_put_time(struct doc *object, const char *key, uint64_t wall_ns);

void doc_append(struct doc *array, struct doc *child);
void doc_append_string(struct doc *array, const char *value);

/* Compact or indented; malloc'ed; NULL for want of memory.  *ret_size may be NULL. */
char *doc_print(const struct doc *doc, bool indented, size_t *ret_size);

/* NULL where it is no JSON to the letter (RFC 8259; json/scan.h has the details), or for
 * want of memory; *ret_offset (may be NULL) is where. */
struct doc *doc_parse(const char *text, size_t size, size_t *ret_offset);

/* Reading; borrowed; NULL, 0 or the default where it is missing or of another type. */
enum doc_type { DOC_NULL, DOC_BOOL, DOC_NUMBER, DOC_STRING, DOC_ARRAY, DOC_OBJECT };
enum doc_type doc_type(const struct doc *doc); /* NULL: DOC_NULL */
const struct doc *doc_get(const struct doc *object, const char *key);
const char *doc_get_string(const struct doc *object, const char *key);
int64_t doc_get_int(const struct doc *object, const char *key, int64_t otherwise);
bool doc_get_bool(const struct doc *object, const char *key, bool otherwise);
/* Is it a whole number that fits? */
bool doc_int(const struct doc *doc, int64_t *ret);
const char *doc_string(const struct doc *doc);
double doc_number(const struct doc *doc);
bool doc_bool(const struct doc *doc);
size_t doc_count(const struct doc *doc);
/* Iteration over arrays and objects in order: doc_first(), then doc_next(). */
const struct doc *doc_first(const struct doc *doc);
const struct doc *doc_next(const struct doc *item);
const char *doc_key(const struct doc *member);

/* Changing what was parsed.  doc_find() is doc_get() for somebody who may write;
 * doc_replace() keeps the place of the member that was there, else puts it behind. */
struct doc *doc_find(struct doc *object, const char *key);
void doc_replace(struct doc *object, const char *key, struct doc *child);
bool doc_remove(struct doc *object, const char *key); /* false where it was missing */
/* Takes @item out of the array or object that holds it and frees it. */
void doc_remove_item(struct doc *container, const struct doc *item);
struct doc *doc_copy(const struct doc *doc); /* NULL for want of memory */
/* The same values; the order of an object's members does not count. */
bool doc_equal(const struct doc *a, const struct doc *b);

#endif /* PORTWATCH_JSON_DOC_H */
