// SPDX-License-Identifier: GPL-2.0-only
#include "cli/table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <string.h>

enum {
	ROOMY_WIDTH = 100,
	CHUNK_BYTES = 64 * 1024,
	AROUND_BYTES = 24, /* of a cell: separator, sequences of colour */
};

static const char separator[] = "  ";

/* Small, since there may be a hundred thousand. */
struct cell {
	const char *text; /* in the document, or in a chunk; not NUL-terminated */
	uint32_t size;
	uint32_t width : 28;
	uint32_t tone : 4; /* enum tone */
};

/* Texts that stand nowhere else. */
struct chunk {
	struct chunk *next;
	size_t used, size;
	char text[];
};

struct table {
	const struct column *const *columns;
	size_t n_columns;
	struct cell *cells;
	size_t n_cells, capacity;
	size_t column; /* of the next cell */
	struct chunk *chunks;
	struct buffer scratch;
	bool failed, is_narrow;
	/* Of each column: the widest cell, the longest one in bytes, is there any that
	 * says something. */
	size_t *widths, *sizes;
	bool *filled;
};

int table_new(const struct column *const *columns, size_t n_columns, struct table **ret)
{
	_cleanup_(table_freep) struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->columns = columns;
	table->n_columns = n_columns;
	table->widths = calloc(n_columns + 1, sizeof(*table->widths));
	table->sizes = calloc(n_columns + 1, sizeof(*table->sizes));
	table->filled = calloc(n_columns + 1, sizeof(*table->filled));
	if (!table->widths || !table->sizes || !table->filled)
		return -ENOMEM;

	*ret = take(table);
	return 0;
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;
	while (table->chunks) {
		struct chunk *next = table->chunks->next;

		free(table->chunks);
		table->chunks = next;
	}
	buffer_done(&table->scratch);
	free(table->cells);
	free(table->widths);
	free(table->sizes);
	free(table->filled);
	free(table);
	return NULL;
}

static struct cell *next_cell(struct table *table)
{
	if (table->n_cells == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 256;
		struct cell *cells = reallocarray(table->cells, capacity, sizeof(*cells));

		if (!cells)
			return NULL;
		table->cells = cells;
		table->capacity = capacity;
	}
	return &table->cells[table->n_cells++];
}

/* A copy that lasts as long as the table; NULL for want of memory. */
static const char *keep(struct table *table, const char *text, size_t size)
{
	struct chunk *chunk = table->chunks;

	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){ .next = table->chunks, .size = room };
		table->chunks = chunk;
	}
	chunk->used += size;
	return memcpy(chunk->text + chunk->used - size, text, size);
}

static void add(struct table *table, const char *text, size_t size, size_t width)
{
	struct cell *cell = text && size <= UINT32_MAX ? next_cell(table) : NULL;
	size_t column = table->column;

	if (!cell) {
		table->failed = true;
		return;
	}
	table->column = column + 1 < table->n_columns ? column + 1 : 0;
	cell->text = text;
	cell->size = (uint32_t)size;
	cell->width = width & 0xfffffff;
	cell->tone = table->columns[column]->flags & COLUMN_TONED ? tone_of(text, size)
								  : TONE_NONE;
	if (width > table->widths[column])
		table->widths[column] = width;
	if (size > table->sizes[column])
		table->sizes[column] = size;
	table->filled[column] |= size > 1 || (size == 1 && *text != '-');
}

void table_add(struct table *table, struct span value)
{
	const struct column *column = table->columns[table->column];
	struct span plain;

	if (!column->show && show_plain(value, &plain)) {
		add(table, plain.at, plain.size, plain.size);
		return;
	}
	table->scratch.size = 0;
	(column->show ? column->show : show_text)(value, &table->scratch);
	table->failed |= table->scratch.failed;
	if (!table->failed)
		add(table, keep(table, table->scratch.data, table->scratch.size),
		    table->scratch.size,
		    text_width(table->scratch.data, table->scratch.size));
}

static char *put(char *at, const char *text, size_t size)
{
	return mempcpy(at, text, size);
}

static char *put_spaces(char *at, size_t n)
{
	memset(at, ' ', n);
	return at + n;
}

static char *put_toned(char *at, const struct cell *cell, const struct terminal *terminal)
{
	const char *begin = tone_begin(terminal, (enum tone)cell->tone);
	const char *end = tone_end(terminal, (enum tone)cell->tone);

	at = put(at, begin, strlen(begin));
	at = put(at, cell->text, cell->size);
	return put(at, end, strlen(end));
}

static char *put_cell(char *at, const struct table *table, size_t column,
		      const struct cell *cell, const struct terminal *terminal)
{
	size_t room = table->widths[column] - cell->width;
	bool right = table->columns[column]->flags & COLUMN_RIGHT;

	if (column > 0)
		at = put(at, separator, sizeof(separator) - 1);
	if (right)
		at = put_spaces(at, room);
	if (cell->tone == TONE_NONE)
		at = put(at, cell->text, cell->size);
	else
		at = put_toned(at, cell, terminal);
	if (!right && column + 1 < table->n_columns)
		at = put_spaces(at, room);
	return at;
}

static void print_row(const struct table *table, const struct cell *cells,
		      const struct terminal *terminal, char *line, struct buffer *ret)
{
	char *at = line;

	for (size_t i = 0; i < table->n_columns; i++)
		at = put_cell(at, table, i, &cells[i], terminal);
	*at++ = '\n';
	buffer_add(ret, line, at - line);
}

/* The heading is one more row. */
static void measure_headers(struct table *table, struct cell *ret)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		const char *text = table->columns[i]->header;
		size_t size = strlen(text);

		ret[i] = (struct cell){ text, (uint32_t)size, (uint32_t)size, TONE_BOLD };
		if (table->widths[i] < size)
			table->widths[i] = size;
		if (table->sizes[i] < size)
			table->sizes[i] = size;
	}
}

static int print_as_is(struct table *table, const struct table_style *style,
		       struct buffer *ret)
{
	_cleanup_(freep) struct cell *headers =
		calloc(table->n_columns, sizeof(*headers));
	_cleanup_(freep) char *line = NULL;
	size_t longest = 1;

	if (!headers)
		return -ENOMEM;
	if (style->headers)
		measure_headers(table, headers);
	/* What a cell of that many bytes, its padding and its colour may come to. */
	for (size_t i = 0; i < table->n_columns; i++)
		longest += table->widths[i] + table->sizes[i] + AROUND_BYTES;
	line = malloc(longest);
	if (!line)
		return -ENOMEM;
	if (style->headers)
		print_row(table, headers, style->terminal, line, ret);
	for (size_t i = 0; i < table->n_cells; i += table->n_columns)
		print_row(table, table->cells + i, style->terminal, line, ret);
	return ret->failed ? -ENOMEM : 0;
}

static bool is_left_out(const struct table *table, size_t column)
{
	unsigned flags = table->columns[column]->flags;

	return (flags & COLUMN_SPARE && !table->filled[column]) ||
	       (flags & COLUMN_ROOMY && table->is_narrow);
}

static int add_columns(struct libscols_table *scols, const struct table *table)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		const struct column *column = table->columns[i];
		int flags = (column->flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0) |
			    (column->flags & COLUMN_CUT ? SCOLS_FL_TRUNC : 0);
		struct libscols_column *added;

		if (is_left_out(table, i))
			continue;
		added = scols_table_new_column(scols, column->header, column->width,
					       flags);
		if (!added)
			return -ENOMEM;
		scols_cell_set_color(scols_column_get_header(added), "bold");
	}
	return 0;
}

static int add_line(struct libscols_table *scols, struct table *table, size_t first,
		    const struct terminal *terminal)
{
	struct libscols_line *line = scols_table_new_line(scols, NULL);
	size_t at = 0;

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_columns; i++) {
		struct cell *cell = &table->cells[first + i];
		struct libscols_cell *into;
		char *text;

		if (is_left_out(table, i))
			continue;
		into = scols_line_get_cell(line, at++);
		text = strndup(cell->text, cell->size);
		if (!into || !text || scols_cell_refer_data(into, text) < 0) {
			free(text);
			return -ENOMEM;
		}
		if (cell->tone != TONE_NONE)
			scols_cell_set_color(into,
					     tone_begin(terminal, (enum tone)cell->tone));
	}
	return 0;
}

static int fill(struct libscols_table *scols, struct table *table,
		const struct table_style *style)
{
	int err;

	table->is_narrow = style->terminal->width < ROOMY_WIDTH;
	scols_table_enable_noheadings(scols, !style->headers);
	/* The cells are escaped; doing it again would escape the backslashes. */
	scols_table_enable_noencoding(scols, 1);
	scols_table_enable_colors(scols, style->terminal->colour);
	scols_table_set_termforce(scols, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(scols, style->terminal->width);
	err = add_columns(scols, table);
	for (size_t i = 0; err == 0 && i < table->n_cells; i += table->n_columns)
		err = add_line(scols, table, i, style->terminal);
	return err;
}

static int print_fitted(struct table *table, const struct table_style *style,
			struct buffer *ret)
{
	struct libscols_table *scols = scols_new_table();
	_cleanup_(freep) char *text = NULL;
	int err;

	if (!scols)
		return -ENOMEM;
	err = fill(scols, table, style);
	if (err == 0 && scols_print_table_to_string(scols, &text) != 0)
		err = -ENOMEM;
	scols_unref_table(scols);
	if (err < 0 || !text)
		return err;
	buffer_puts(ret, text);
	/* As a string the table comes without its last newline. */
	if (*text && text[strlen(text) - 1] != '\n')
		buffer_puts(ret, "\n");
	return 0;
}

int table_print(struct table *table, const struct table_style *style, struct buffer *ret)
{
	if (table->failed || table->column != 0)
		return -ENOMEM;
	return style->fit ? print_fitted(table, style, ret)
			  : print_as_is(table, style, ret);
}
