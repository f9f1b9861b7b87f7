// SPDX-License-Identifier: GPL-2.0-only
#include "cli/watch_print.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/alert_text.h"

#define SHOWN COLUMN_SHOWN

/* clang-format off */
static const struct column columns[] = {
	{ .name = "time", .header = "TIME", .flags = SHOWN },
	{ .name = "type", .header = "TYPE", .flags = SHOWN },
	{ .name = "severity", .path = "alert.severity", .header = "SEVERITY",
	  .flags = SHOWN },
	{ .name = "kind", .path = "alert.kind", .header = "KIND", .flags = SHOWN },
	{ .name = "service", .path = "alert.service", .header = "SERVICE",
	  .flags = SHOWN },
	{ .name = "port", .path = "alert.port", .header = "PORT", .flags = SHOWN },
	{ .name = "proto", .path = "alert.proto", .header = "PROTO", .flags = SHOWN },
	{ .name = "pid", .path = "alert.found.pid", .header = "PID", .flags = SHOWN },
	{ .name = "process", .path = "alert.found.comm", .header = "PROCESS",
	  .flags = SHOWN },
	{ .name = "message", .path = "alert.message", .header = "MESSAGE",
	  .flags = SHOWN },
	{ .name = "fix", .path = "alert.fix", .header = "FIX", .flags = SHOWN },
	{ .name = "seq", .header = "SEQ" },
	{ .name = "source", .header = "SOURCE" },
	{ .name = "id", .path = "alert.id", .header = "ID" },
	{ .name = "state", .path = "alert.state", .header = "STATE" },
	{ .name = "cmdline", .path = "alert.found.cmdline", .header = "CMDLINE",
	  .show = show_words },
	{ .name = "user", .path = "alert.found.user", .header = "USER" },
	{ .name = "cwd", .path = "alert.found.cwd", .header = "CWD" },
	{ .name = "latency_us", .path = "alert.latency_us", .header = "LATENCY_US" },
	{ .name = "socket_cookie", .path = "cookie", .header = "COOKIE" },
	{ .name = "socket_address", .path = "address", .header = "ADDRESS" },
	{ .name = "socket_port", .path = "port", .header = "PORT" },
	{ .name = "socket_pid", .path = "process.pid", .header = "PID" },
	{ .name = "socket_process", .path = "process.comm", .header = "PROCESS" },
	{ .name = "errno", .header = "ERRNO" },
	{ 0 },
};
/* clang-format on */

static const struct view view = { .columns = columns };

int watch_print_init(struct watch_print *print, const struct command *cmd, bool all)
{
	*print = (struct watch_print){ .cmd = cmd, .all = all };
	if (cmd->globals->sort)
		return usage_error(cmd->verb, "a stream cannot be sorted");
	return selection_make(cmd, &view, &print->selection);
}

void watch_print_done(struct watch_print *print)
{
	buffer_done(&print->out);
}

void watch_print_begin(struct watch_print *print)
{
	if (print->cmd->globals->format == FORMAT_CSV && !print->cmd->globals->no_headers)
		render_csv_names(&print->selection, &print->out);
}

/* The values of the selected columns in one event. */
static void find_values(const struct watch_print *print, struct span event,
			struct span *ret)
{
	for (size_t i = 0; i < print->selection.n_columns; i++) {
		const char *path = column_path(print->selection.columns[i]);
		struct span value = event;

		while (value.at && *path) {
			char key[32];
			size_t n = strcspn(path, ".");

			snprintf(key, sizeof(key), "%.*s", (int)n, path);
			value = span_member(value, key);
			path += n + (path[n] == '.');
		}
		ret[i] = value;
	}
}

/* The line as the daemon wrote it, unless something asks for another one. */
static void add_json(struct watch_print *print, const struct pw_item *item)
{
	_cleanup_(buffer_done) struct buffer line = { 0 };
	struct span values[PATHS_MAX];

	if (print->selection.asked) {
		find_values(print, (struct span){ item->data, item->size }, values);
		render_object(&print->selection, values, &line);
	} else if (print->cmd->terminal->is_terminal) {
		buffer_add(&line, item->data, item->size);
	} else {
		buffer_add(&print->out, item->data, item->size);
		buffer_add(&print->out, "\n", 1);
		return;
	}
	if (print->cmd->terminal->is_terminal)
		output_add_safe_json(&print->out, line.data, line.size);
	else
		buffer_add(&print->out, line.data, line.size);
	buffer_add(&print->out, "\n", 1);
}

static void add_csv(struct watch_print *print, const struct pw_item *item)
{
	struct span values[PATHS_MAX];

	find_values(print, (struct span){ item->data, item->size }, values);
	render_csv(print->cmd, &print->selection, values, &print->out);
}

static void add_process_line(const char *label, const struct doc *process,
			     struct buffer *ret)
{
	const char *cwd = doc_get_string(process, "cwd");

	if (doc_type(process) != DOC_OBJECT)
		return;
	buffer_printf(ret, "%14s%s: ", "", label);
	process_text_add(process, ret);
	if (cwd) {
		buffer_puts(ret, ", in ");
		member_text_add(process, "cwd", "", ret);
	}
	buffer_puts(ret, "\n");
}

static void add_text(struct watch_print *print, const struct pw_item *item)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(item->data, item->size, NULL);
	const struct doc *alert = doc_get(doc, "alert");

	if (!doc) {
		log_warning("watch: an event that is no JSON");
		return;
	}
	event_text_add(print->cmd->terminal, doc, &print->out);
	if (print->cmd->globals->format != FORMAT_WIDE)
		return;
	add_process_line("found", doc_get(alert, "found"), &print->out);
	add_process_line("holder", doc_get(alert, "holder"), &print->out);
}

/* "kernel.lost: 17", "registry.rejected: line 3: …" */
static void tell(const struct pw_item *item)
{
	struct span event = { item->data, item->size };
	struct span count = span_member(event, "count"), reason;
	_cleanup_(buffer_done) struct buffer text = { 0 };

	reason = span_member(event, "reason");
	buffer_puts(&text, item->type);
	if (!span_is_null(reason)) {
		buffer_puts(&text, ": ");
		span_unescape(reason, &text);
	} else if (!span_is_null(count)) {
		buffer_puts(&text, ": ");
		span_unescape(count, &text);
	}
	if (!text.failed)
		log_warning("watch: %s", text.data);
}

void watch_print_add(struct watch_print *print, const struct pw_item *item)
{
	if (!print->all && !starts_with(item->type, "alert.")) {
		tell(item);
		return;
	}
	switch ((enum format)print->cmd->globals->format) {
	case FORMAT_JSON:
	case FORMAT_JSONL:
		add_json(print, item);
		break;
	case FORMAT_CSV:
		add_csv(print, item);
		break;
	case FORMAT_TABLE:
	case FORMAT_WIDE:
		add_text(print, item);
		break;
	}
}
