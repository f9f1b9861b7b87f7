/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_page - a page of plain text that fits into a mail: paragraphs and tables.
 *
 * What is said of processes is made safe for a terminal, and put on one line where it
 * came on several.  A character is taken to have one column.
 */
#ifndef PORTWATCH_HTTP_TEXT_PAGE_H
#define PORTWATCH_HTTP_TEXT_PAGE_H

#include "base/strings.h"
#include "json/doc.h"

enum { TEXT_PAGE_WIDTH = 76, TEXT_COLUMNS_MAX = 8 };

/* "Title (7)" and a line below it. */
void text_title(struct buffer *out, const char *title, size_t count);
/* @text with its lines broken between words, each behind @indent spaces; the first goes
 * on where @out stands, @at columns from its left edge. */
void text_wrap(struct buffer *out, size_t indent, size_t at, const char *text);

/* Adds one cell, fit for a terminal; nothing: a dash. */
typedef void (*text_cell_fn)(const struct doc *row, struct buffer *ret);

struct text_column {
	const char *title;
	text_cell_fn add;
};

/* The first @max of the array @rows; what is wider than the page is cut, the widest
 * columns first. */
void text_table(struct buffer *out, const struct text_column *columns, size_t n,
		const struct doc *rows, size_t max);

/* For cells: the string or number @value; the time in it to the minute. */
void text_add_value(const struct doc *value, struct buffer *ret);
void text_add_time(const struct doc *value, struct buffer *ret);
/* @text made safe, on one line; NULL: nothing. */
void text_add(const char *text, struct buffer *ret);

#endif /* PORTWATCH_HTTP_TEXT_PAGE_H */
