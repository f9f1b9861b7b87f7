// SPDX-License-Identifier: GPL-2.0-only
#include "http/text_page.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A column is not cut below this. */
enum { CELL_MIN = 6, BETWEEN = 2 };

static bool begins_character(char c)
{
	return (c & 0xc0) != 0x80;
}

static size_t width_of(const char *text, size_t size)
{
	size_t width = 0;

	for (size_t i = 0; i < size; i++)
		width += begins_character(text[i]);
	return width;
}

/* The bytes of the first @width characters. */
static size_t bytes_of(const char *text, size_t size, size_t width)
{
	size_t i = 0;

	while (i < size && (width > 0 || !begins_character(text[i])))
		width -= begins_character(text[i++]);
	return i;
}

static void add_spaces(struct buffer *out, size_t n)
{
	buffer_printf(out, "%*s", (int)n, "");
}

/* -- Values ---------------------------------------------------------------------------
 */

/* Runs of white space become a blank each; owned; NULL for want of memory. */
static char *on_one_line(const char *text)
{
	char *copy = strdup(text), *to = copy;

	for (const char *from = text; copy && *from; from++) {
		if (!isspace((unsigned char)*from))
			*to++ = *from;
		else if (to == copy || to[-1] != ' ')
			*to++ = ' ';
	}
	if (copy)
		*to = '\0';
	return copy;
}

void text_add(const char *text, struct buffer *ret)
{
	_cleanup_(freep) char *line = text ? on_one_line(text) : NULL;
	_cleanup_(freep) char *safe = line ? terminal_escape(line) : NULL;

	if (text && !safe)
		ret->failed = true;
	if (safe)
		buffer_puts(ret, safe);
}

void text_add_value(const struct doc *value, struct buffer *ret)
{
	int64_t number;

	if (doc_int(value, &number))
		buffer_printf(ret, "%" PRId64, number);
	else
		text_add(doc_string(value), ret);
}

void text_add_time(const struct doc *value, struct buffer *ret)
{
	enum { DAY = 10, CLOCK = 5 };
	const char *text = doc_string(value);

	if (text && strlen(text) > DAY + CLOCK)
		buffer_printf(ret, "%.*s %.*s", DAY, text, CLOCK, text + DAY + 1);
}

/* -- Paragraphs -----------------------------------------------------------------------
 */

void text_title(struct buffer *out, const char *title, size_t count)
{
	size_t begin;

	buffer_puts(out, "\n");
	begin = out->size;
	buffer_printf(out, "%s (%zu)", title, count);
	for (size_t n = out->failed ? 0 : width_of(out->data + begin, out->size - begin),
		    i = 0;
	     i < n; i++)
		buffer_puts(out, i ? "-" : "\n-");
	buffer_puts(out, "\n");
}

/* One word, on the next line where this one has no room; one that is longer than a line
 * goes over several. */
static void add_word(struct buffer *out, size_t indent, size_t *at, const char *word,
		     size_t size)
{
	size_t width = width_of(word, size);

	if (*at > indent && *at + 1 + width <= TEXT_PAGE_WIDTH) {
		buffer_puts(out, " ");
		(*at)++;
	} else if (*at > indent) {
		buffer_puts(out, "\n");
		add_spaces(out, indent);
		*at = indent;
	}
	while (width > TEXT_PAGE_WIDTH - indent) {
		size_t bytes = bytes_of(word, size, TEXT_PAGE_WIDTH - indent);

		buffer_add(out, word, bytes);
		buffer_puts(out, "\n");
		add_spaces(out, indent);
		word += bytes;
		size -= bytes;
		width -= TEXT_PAGE_WIDTH - indent;
	}
	buffer_add(out, word, size);
	*at += width;
}

void text_wrap(struct buffer *out, size_t indent, size_t at, const char *text)
{
	_cleanup_(buffer_done) struct buffer safe = { 0 };

	text_add(text, &safe);
	out->failed |= safe.failed;
	if (at < indent) {
		add_spaces(out, indent - at);
		at = indent;
	}
	for (const char *word = safe.failed || !safe.data ? "" : safe.data; *word;) {
		size_t size = strcspn(word, " ");

		if (size)
			add_word(out, indent, &at, word, size);
		word += size;
		word += *word == ' ';
	}
	buffer_puts(out, "\n");
}

/* -- Tables ---------------------------------------------------------------------------
 */

/* @row NULL: the title. */
static void make_cell(const struct text_column *column, const struct doc *row,
		      struct buffer *ret)
{
	*ret = (struct buffer){ 0 };
	if (row)
		column->add(row, ret);
	else
		buffer_puts(ret, column->title);
	if (ret->size == 0)
		buffer_puts(ret, "-");
}

static void add_line(struct buffer *out, const struct text_column *columns, size_t n,
		     const size_t *widths, const struct doc *row)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buffer_done) struct buffer cell;
		size_t width, bytes;

		make_cell(&columns[i], row, &cell);
		out->failed |= cell.failed;
		if (cell.failed)
			return;
		width = width_of(cell.data, cell.size);
		bytes = width <= widths[i]
				? cell.size
				: bytes_of(cell.data, cell.size, widths[i] - 1);
		add_spaces(out, BETWEEN);
		buffer_add(out, cell.data, bytes);
		if (width > widths[i])
			buffer_puts(out, "…");
		else if (i + 1 < n)
			add_spaces(out, widths[i] - width);
	}
	buffer_puts(out, "\n");
}

static void widen(const struct text_column *columns, size_t n, const struct doc *row,
		  size_t *widths)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buffer_done) struct buffer cell;
		size_t width;

		make_cell(&columns[i], row, &cell);
		width = cell.failed ? 0 : width_of(cell.data, cell.size);
		if (width > widths[i])
			widths[i] = width;
	}
}

static void fit(size_t *widths, size_t n)
{
	for (;;) {
		size_t all = n * BETWEEN, widest = 0;

		for (size_t i = 0; i < n; i++) {
			all += widths[i];
			widest = widths[i] > widths[widest] ? i : widest;
		}
		if (all <= TEXT_PAGE_WIDTH || widths[widest] <= CELL_MIN)
			return;
		widths[widest]--;
	}
}

void text_table(struct buffer *out, const struct text_column *columns, size_t n,
		const struct doc *rows, size_t max)
{
	size_t widths[TEXT_COLUMNS_MAX] = { 0 }, i = 0;

	widen(columns, n, NULL, widths);
	for (const struct doc *row = doc_first(rows); row && i < max;
	     row = doc_next(row), i++)
		widen(columns, n, row, widths);
	fit(widths, n);
	add_line(out, columns, n, widths, NULL);
	i = 0;
	for (const struct doc *row = doc_first(rows); row && i < max;
	     row = doc_next(row), i++)
		add_line(out, columns, n, widths, row);
}
