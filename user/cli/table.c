// SPDX-License-Identifier: GPL-2.0-only
#include "cli/table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <string.h>

enum { ROOMY_WIDTH = 100 };

static const char separator[] = "  ";

/* Small, since there may be a hundred thousand. */
struct cell {
	uint32_t offset; /* into text */
	uint32_t size;
	uint32_t width : 28;
	uint32_t tone : 4; /* enum tone */
};

struct table {
	const struct column *const *columns;
	size_t n_columns;
	struct buffer text; /* of all cells; a NUL behind each */
	struct cell *cells;
	size_t n_cells, capacity;
	size_t column; /* of the next cell */
	bool failed, is_narrow;
	size_t *widths;
	bool *filled; /* columns with something in them */
};

int table_new(const struct column *const *columns, size_t n_columns, struct table **ret)
{
	_cleanup_(table_freep) struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->columns = columns;
	table->n_columns = n_columns;
	table->widths = calloc(n_columns + 1, sizeof(*table->widths));
	table->filled = calloc(n_columns + 1, sizeof(*table->filled));
	if (!table->widths || !table->filled)
		return -ENOMEM;

	*ret = take(table);
	return 0;
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;
	buffer_done(&table->text);
	free(table->cells);
	free(table->widths);
	free(table->filled);
	free(table);
	return NULL;
}

static struct cell *next_cell(struct table *table)
{
	if (table->n_cells == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 256;
		struct cell *cells = reallocarray(table->cells, capacity, sizeof(*cells));

		if (!cells) {
			table->failed = true;
			return NULL;
		}
		table->cells = cells;
		table->capacity = capacity;
	}
	return &table->cells[table->n_cells++];
}

/* The text of the cell that was just added is complete. */
static void end_cell(struct table *table, struct cell *cell)
{
	size_t column = table->column;
	const char *text;

	table->column = column + 1 < table->n_columns ? column + 1 : 0;
	cell->size = (uint32_t)(table->text.size - cell->offset);
	buffer_add(&table->text, "", 1);
	if (table->text.failed || table->text.size > UINT32_MAX) {
		table->failed = true;
		return;
	}
	text = table->text.data + cell->offset;
	cell->width = text_width(text, cell->size) & 0xfffffff;
	cell->tone = table->columns[column]->flags & COLUMN_TONED
			     ? tone_of(text, cell->size)
			     : TONE_NONE;
	if (cell->width > table->widths[column])
		table->widths[column] = cell->width;
	table->filled[column] |= !(cell->size == 1 && *text == '-') && cell->size > 0;
}

void table_add(struct table *table, struct span value)
{
	const struct column *column = table->columns[table->column];
	struct cell *cell = next_cell(table);

	if (!cell)
		return;
	cell->offset = (uint32_t)table->text.size;
	(column->show ? column->show : show_text)(value, &table->text);
	end_cell(table, cell);
}

void table_add_text(struct table *table, const char *text)
{
	struct cell *cell = next_cell(table);

	if (!cell)
		return;
	cell->offset = (uint32_t)table->text.size;
	buffer_puts(&table->text, text);
	end_cell(table, cell);
}

/* -- As it is -------------------------------------------------------------------------
 */

static void pad(struct buffer *ret, size_t n)
{
	static const char spaces[] = "                                ";

	for (; n > sizeof(spaces) - 1; n -= sizeof(spaces) - 1)
		buffer_add(ret, spaces, sizeof(spaces) - 1);
	buffer_add(ret, spaces, n);
}

struct piece {
	const char *text;
	size_t size, width;
	enum tone tone;
};

static void print_piece(const struct table *table, const struct table_style *style,
			size_t column, struct piece piece, struct buffer *ret)
{
	size_t room = table->widths[column] - piece.width;
	bool right = table->columns[column]->flags & COLUMN_RIGHT;

	if (column > 0)
		buffer_add(ret, separator, sizeof(separator) - 1);
	if (right)
		pad(ret, room);
	if (piece.tone == TONE_NONE) {
		buffer_add(ret, piece.text, piece.size);
	} else {
		buffer_puts(ret, tone_begin(style->terminal, piece.tone));
		buffer_add(ret, piece.text, piece.size);
		buffer_puts(ret, tone_end(style->terminal, piece.tone));
	}
	if (!right && column + 1 < table->n_columns)
		pad(ret, room);
}

static void print_headers(struct table *table, const struct table_style *style,
			  struct buffer *ret)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		const char *text = table->columns[i]->header;
		struct piece piece = { text, strlen(text), strlen(text), TONE_BOLD };

		print_piece(table, style, i, piece, ret);
	}
	buffer_add(ret, "\n", 1);
}

static void print_as_is(struct table *table, const struct table_style *style,
			struct buffer *ret)
{
	for (size_t i = 0; style->headers && i < table->n_columns; i++) {
		size_t width = strlen(table->columns[i]->header);

		if (table->widths[i] < width)
			table->widths[i] = width;
	}
	if (style->headers)
		print_headers(table, style, ret);
	for (size_t i = 0, column = 0; i < table->n_cells; i++) {
		const struct cell *cell = &table->cells[i];
		struct piece piece = { table->text.data + cell->offset, cell->size,
				       cell->width, cell->tone };

		print_piece(table, style, column, piece, ret);
		if (++column == table->n_columns) {
			buffer_add(ret, "\n", 1);
			column = 0;
		}
	}
}

/* -- Fitted ---------------------------------------------------------------------------
 */

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

		if (is_left_out(table, i))
			continue;
		into = scols_line_get_cell(line, at++);
		/* Set, not referred to: the line frees what it refers to. */
		if (!into ||
		    scols_cell_set_data(into, table->text.data + cell->offset) < 0)
			return -ENOMEM;
		if (cell->tone != TONE_NONE)
			scols_cell_set_color(into, tone_begin(terminal, cell->tone));
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
	if (table->failed || table->text.failed)
		return -ENOMEM;
	if (style->fit)
		return print_fitted(table, style, ret);
	print_as_is(table, style, ret);
	return ret->failed ? -ENOMEM : 0;
}
