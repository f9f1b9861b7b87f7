/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rows - the rows of a document of the API, taken apart in one pass.
 *
 * Values stay where they are in the text: a row is an array of spans, one for each path
 * that was asked for.  Ten thousand rows cost milliseconds this way, where a tree of
 * nodes costs tens of them.
 */
#ifndef PORTWATCH_CLI_ROWS_H
#define PORTWATCH_CLI_ROWS_H

#include "client/reader.h"

enum { PATHS_MAX = 48 };

struct rows {
	size_t n_paths, count, capacity;
	struct span *values; /* n_paths for each row; missing: {NULL, 0} */
	struct span *whole;  /* each row as it is written */
	struct span *keys;   /* of each row in an object, without quotes; else missing */
};
void rows_done(struct rows *rows);

/*
 * @document's member @key is an array, or an object whose values are the rows.  A path
 * is a member of the row, members with dots between ("process.pid"), or "." for the whole
 * row.  -EBADMSG where there is no such member; -ENOMEM.
 */
int rows_read(const char *document, size_t size, const char *key,
	      const char *const *paths, size_t n_paths, struct rows *ret);

static inline struct span rows_value(const struct rows *rows, size_t row, size_t path)
{
	return rows->values[row * rows->n_paths + path];
}

/* Keep the rows that @fn accepts, in their order. */
void rows_keep(struct rows *rows, bool (*fn)(const struct span *values, void *arg),
	       void *arg);
/* By the values of a path: numbers as numbers, missing ones last.  Stable.  -ENOMEM. */
int rows_sort(struct rows *rows, size_t path, bool descending);

#endif /* PORTWATCH_CLI_ROWS_H */
