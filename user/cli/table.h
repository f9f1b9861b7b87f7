/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table - cells in columns.
 *
 * On a terminal libsmartcols fits them to its width.  Elsewhere nothing is to be fitted,
 * and padding 10,000 rows takes it 80 ms where it can be done in two: they are printed
 * as they are.
 */
#ifndef PORTWATCH_CLI_TABLE_H
#define PORTWATCH_CLI_TABLE_H

#include "cli/columns.h"

struct table;

/* @columns are borrowed.  -ENOMEM. */
int table_new(const struct column *const *columns, size_t n_columns, struct table **ret);
struct table *table_free(struct table *table);
DEFINE_CLEANUP(struct table, table_free)

/* The next cell, row by row from left to right.  @value is borrowed until the table is
 * freed. */
void table_add(struct table *table, struct span value);

struct table_style {
	const struct terminal *terminal;
	bool headers;
	bool fit; /* cut what does not fit the terminal, and leave spare columns out */
};
/* -ENOMEM. */
int table_print(struct table *table, const struct table_style *style, struct buffer *ret);

#endif /* PORTWATCH_CLI_TABLE_H */
