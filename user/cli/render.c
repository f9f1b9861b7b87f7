// SPDX-License-Identifier: GPL-2.0-only
#include "cli/render.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/table.h"
#include "json/doc.h"

static int failed(int err)
{
	if (err == -EBADMSG)
		log_error("The answer is not what this version of portwatch reads; are "
			  "portwatch and portwatchd of one version?");
	else
		log_error_errno(err, "Cannot print");
	return STATUS_FAILED;
}

int render_document(const struct command *cmd, const char *document, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(document, size, NULL);
	_cleanup_(buffer_done) struct buffer out = { 0 };
	_cleanup_(freep) char *text = NULL;
	size_t length;

	if (!doc)
		return failed(-EBADMSG);
	text = doc_print(doc, true, &length);
	if (!text)
		return failed(-ENOMEM);
	if (cmd->terminal->is_terminal)
		output_add_safe_json(&out, text, length);
	else
		buffer_add(&out, text, length);
	if (length == 0 || text[length - 1] != '\n')
		buffer_add(&out, "\n", 1);
	return output_buffer(&out);
}

void render_object(const struct selection *selection, const struct span *values,
		   struct buffer *ret)
{
	for (size_t i = 0; i < selection->n_columns; i++) {
		struct span value = values[i];

		buffer_printf(ret, "%s\"%s\":", i ? "," : "{",
			      selection->columns[i]->name);
		if (value.at)
			buffer_add(ret, value.at, value.size);
		else
			buffer_puts(ret, "null");
	}
	buffer_puts(ret, "}");
}

static void add_row(const struct selection *selection, const struct rows *rows,
		    size_t row, struct buffer *ret)
{
	if (selection->asked)
		render_object(selection, rows->values + row * rows->n_paths, ret);
	else
		buffer_add(ret, rows->whole[row].at, rows->whole[row].size);
}

/* The rows that were chosen, in the shape that they came in. */
static void add_rows(const struct selection *selection, const struct rows *rows,
		     bool is_object, struct buffer *ret)
{
	buffer_puts(ret, is_object ? "{" : "[");
	for (size_t i = 0; i < rows->count; i++) {
		if (i > 0)
			buffer_puts(ret, ",");
		if (is_object) {
			buffer_puts(ret, "\"");
			buffer_add(ret, rows->keys[i].at, rows->keys[i].size);
			buffer_puts(ret, "\":");
		}
		add_row(selection, rows, i, ret);
	}
	buffer_puts(ret, is_object ? "}" : "]");
}

/* The document with other rows in it. */
static int render_json(const struct command *cmd, const struct selection *selection,
		       const struct rows *rows, struct span document)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct span key, value;
	struct reader r;
	size_t n = 0;

	if (!selection->asked && !selection->sort && !selection->names)
		return render_document(cmd, document.at, document.size);
	reader_init(&r, document.at, document.size);
	reader_enter(&r, '{');
	while (reader_key(&r, &key) && reader_value(&r, &value)) {
		buffer_puts(&text, n++ ? ",\"" : "{\"");
		buffer_add(&text, key.at, key.size);
		buffer_puts(&text, "\":");
		if (span_is(key, selection->view->key))
			add_rows(selection, rows, value.at[0] == '{', &text);
		else
			buffer_add(&text, value.at, value.size);
	}
	buffer_puts(&text, "}");
	return text.failed ? failed(-ENOMEM) : render_document(cmd, text.data, text.size);
}

static int render_jsonl(const struct command *cmd, const struct selection *selection,
			const struct rows *rows)
{
	_cleanup_(buffer_done) struct buffer lines = { 0 }, safe = { 0 };

	for (size_t i = 0; i < rows->count; i++) {
		add_row(selection, rows, i, &lines);
		buffer_add(&lines, "\n", 1);
	}
	if (!cmd->terminal->is_terminal || lines.failed)
		return output_buffer(&lines);
	output_add_safe_json(&safe, lines.data, lines.size);
	return output_buffer(&safe);
}

/* Quoted where RFC 4180 asks for it. */
static void add_csv_field(const char *text, size_t size, struct buffer *ret)
{
	const char *quote;

	if (size == 0 || (!memchr(text, ',', size) && !memchr(text, '"', size) &&
			  !memchr(text, '\n', size) && !memchr(text, '\r', size))) {
		buffer_add(ret, text, size);
		return;
	}
	buffer_puts(ret, "\"");
	while ((quote = memchr(text, '"', size))) {
		buffer_add(ret, text, quote - text + 1);
		buffer_puts(ret, "\"");
		size -= quote - text + 1;
		text = quote + 1;
	}
	buffer_add(ret, text, size);
	buffer_puts(ret, "\"");
}

static void add_csv_value(const struct command *cmd, const struct column *column,
			  struct span value, struct buffer *ret)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	_cleanup_(freep) char *safe = NULL;

	if (span_is_null(value))
		return;
	/* Numbers, times and booleans as they are; what has parts, as in a table. */
	if (column->show && (value.at[0] == '[' || value.at[0] == '{'))
		column->show(value, &text);
	else
		span_unescape(value, &text);
	if (cmd->terminal->is_terminal && text.data)
		safe = terminal_escape(text.data);
	if (safe)
		add_csv_field(safe, strlen(safe), ret);
	else
		add_csv_field(text.data, text.size, ret);
}

void render_csv_names(const struct selection *selection, struct buffer *ret)
{
	for (size_t i = 0; i < selection->n_columns; i++)
		buffer_printf(ret, "%s%s", i ? "," : "", selection->columns[i]->name);
	buffer_puts(ret, "\n");
}

void render_csv(const struct command *cmd, const struct selection *selection,
		const struct span *values, struct buffer *ret)
{
	for (size_t i = 0; i < selection->n_columns; i++) {
		if (i > 0)
			buffer_puts(ret, ",");
		add_csv_value(cmd, selection->columns[i], values[i], ret);
	}
	buffer_puts(ret, "\n");
}

static int render_all_csv(const struct command *cmd, const struct selection *selection,
			  const struct rows *rows)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };

	if (!cmd->globals->no_headers)
		render_csv_names(selection, &out);
	for (size_t i = 0; i < rows->count; i++)
		render_csv(cmd, selection, rows->values + i * rows->n_paths, &out);
	return output_buffer(&out);
}

int render_table(const struct command *cmd, const struct selection *selection,
		 const struct rows *rows, struct buffer *ret)
{
	_cleanup_(table_freep) struct table *table = NULL;
	struct table_style style = {
		.terminal = cmd->terminal,
		.headers = !cmd->globals->no_headers,
		.fit = cmd->terminal->is_terminal && cmd->globals->format == FORMAT_TABLE,
	};
	int err = table_new(selection->columns, selection->n_columns, &table);

	if (err < 0)
		return err;
	for (size_t i = 0; i < rows->count; i++)
		for (size_t k = 0; k < selection->n_columns; k++)
			table_add(table, rows_value(rows, i, k));
	return table_print(table, &style, ret);
}

static int print_table(const struct command *cmd, const struct selection *selection,
		       const struct rows *rows)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };
	int err;

	if (rows->count == 0 && selection->view->nothing) {
		log_info("%s", selection->view->nothing);
		return STATUS_DONE;
	}
	err = render_table(cmd, selection, rows, &out);
	return err < 0 ? failed(err) : output_buffer(&out);
}

struct names_filter {
	size_t path;
	char *const *names;
};

static bool is_named(const struct span *values, void *arg)
{
	const struct names_filter *filter = arg;
	struct span name = values[filter->path];

	if (!span_is_string(name))
		return false;
	name = (struct span){ name.at + 1, name.size - 2 };
	for (char *const *wanted = filter->names; *wanted; wanted++)
		if (span_is(name, *wanted))
			return true;
	return false;
}

static int choose(const struct command *cmd, const struct selection *selection,
		  struct span document, struct rows *ret)
{
	const char *paths[PATHS_MAX];
	size_t n = selection_paths(cmd, selection, paths);
	struct names_filter filter = { n - 1, selection->names };
	int err;

	err = rows_read(document.at, document.size, selection->view->key, paths, n, ret);
	if (err < 0)
		return err;
	if (selection->names)
		rows_keep(ret, is_named, &filter);
	if (selection->sort)
		err = rows_sort(ret, n - 2, selection->descending);
	return err;
}

int render_rows(const struct command *cmd, const struct selection *selection,
		const char *document, size_t size, size_t *ret_count)
{
	_cleanup_(rows_done) struct rows rows = { 0 };
	struct span whole = { document, size };
	int err = choose(cmd, selection, whole, &rows);

	if (ret_count)
		*ret_count = rows.count;
	if (err < 0)
		return failed(err);
	switch ((enum format)cmd->globals->format) {
	case FORMAT_JSON:
		return render_json(cmd, selection, &rows, whole);
	case FORMAT_JSONL:
		return render_jsonl(cmd, selection, &rows);
	case FORMAT_CSV:
		return render_all_csv(cmd, selection, &rows);
	case FORMAT_TABLE:
	case FORMAT_WIDE:
		break;
	}
	return print_table(cmd, selection, &rows);
}
