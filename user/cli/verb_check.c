// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/alert_text.h"
#include "cli/page.h"
#include "cli/render.h"
#include "cli/service_columns.h"
#include "cli/session.h"
#include "cli/socket_columns.h"

static void add_ports(const char *body, size_t size, struct page *page)
{
	struct span status = span_member((struct span){ body, size }, "status");
	_cleanup_(buffer_done) struct buffer text = { 0 };

	show_service_ports(status, &text);
	page_add(page, "Port", text.data);
}

static void add_process(const struct doc *status, struct page *page)
{
	const struct doc *process = doc_get(status, "process");
	_cleanup_(buffer_done) struct buffer text = { 0 };

	if (doc_type(process) != DOC_OBJECT)
		return;
	process_text_add(process, &text);
	page_add(page, "Process", text.data);
	page_add_member(page, "Executable", process, "exe");
	page_add_member(page, "Directory", process, "cwd");
	page_add_member(page, "Unit", process, "unit");
	page_add_member(page, "Container", process, "container");
	page_add_span(page, "Since", doc_get_string(status, "since"), show_time);
	page_add_number(page, "Uptime", doc_get(status, "uptime_s"), show_age);
}

static void add_health(const struct doc *status, struct page *page)
{
	const char *endpoint = doc_get_string(status, "health_endpoint");
	const char *health = doc_get_string(status, "health");
	_cleanup_(buffer_done) struct buffer text = { 0 };

	if (!endpoint && !health)
		return;
	buffer_puts(&text, health ? health : "not checked");
	if (endpoint)
		buffer_printf(&text, " (%s)", endpoint);
	page_add_text(page, "Health", text.data);
}

static void add_entry(const struct doc *entry, const char *body, size_t size,
		      struct page *page)
{
	struct span service = span_member((struct span){ body, size }, "service");
	static const char *const lists[][2] = { { "Command", "startup_cmd" },
						{ "Depends on", "depends_on" },
						{ "Tags", "tags" } };

	page_add_member(page, "Environment", entry, "environment");
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(buffer_done) struct buffer text = { 0 };

		(i == 0 ? show_words : show_list)(span_member(service, lists[i][1]),
						  &text);
		if (text.data && !streq(text.data, "-"))
			page_add(page, lists[i][0], text.data);
	}
	page_add_member(page, "Runs in", entry, "working_dir");
	page_add_member(page, "Runs as", entry, "user");
	page_add_member(page, "Restart", entry, "restart");
	page_add_member(page, "On conflict", entry, "on_conflict");
}

static int add_sockets(const struct command *cmd, const char *body, size_t size,
		       struct buffer *out)
{
	static const struct view view = { .key = "sockets", .columns = socket_columns };
	_cleanup_(rows_done) struct rows rows = { 0 };
	const char *paths[PATHS_MAX];
	struct selection selection;
	int err = selection_make(cmd, &view, &selection);

	if (err != 0)
		return -EINVAL;
	err = rows_read(body, size, view.key, paths,
			selection_paths(cmd, &selection, paths), &rows);
	if (err < 0 || rows.count == 0)
		return err;
	buffer_puts(out, "\n");
	return render_table(cmd, &selection, &rows, out);
}

static int print_page(const struct command *cmd, const struct doc *doc, const char *body,
		      size_t size)
{
	const struct doc *entry = doc_get(doc, "service"),
			 *status = doc_get(doc, "status");
	const struct doc *alerts = doc_get(doc, "alerts");
	_cleanup_(page_done) struct page page = { .terminal = cmd->terminal };

	page_add_member(&page, "Service", entry, "name");
	page_add_member(&page, "Description", entry, "description");
	page_add_member(&page, "State", status, "status");
	add_ports(body, size, &page);
	page_add_member(&page, "Address", status, "address");
	add_process(status, &page);
	add_health(status, &page);
	add_entry(entry, body, size, &page);
	if (add_sockets(cmd, body, size, &page.text) < 0)
		page.text.failed = true;
	if (doc_count(alerts) > 0)
		buffer_puts(&page.text, "\n");
	for (const struct doc *a = doc_first(alerts); a; a = doc_next(a))
		alert_text_add(cmd->terminal, a, &page.text);
	return output_buffer(&page.text);
}

/* The status alone, as the one row that it is. */
static int print_row(const struct command *cmd, const char *body, size_t size)
{
	static const struct view view = { .key = "services",
					  .columns = service_status_columns };
	struct span status = span_member((struct span){ body, size }, "status");
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct selection selection;
	size_t count;
	int err = selection_make(cmd, &view, &selection);

	if (err != 0)
		return err;
	buffer_puts(&text, "{\"services\":[");
	buffer_add(&text, status.at, status.size);
	buffer_puts(&text, "]}");
	if (text.failed)
		return output_buffer(&text);
	return render_rows(cmd, &selection, text.data, text.size, &count);
}

static int status_of(const char *word)
{
	if (streq(word, "running"))
		return STATUS_DONE;
	if (streq(word, "conflict"))
		return STATUS_CONFLICT;
	return streq(word, "unhealthy") ? STATUS_UNHEALTHY : STATUS_NOT_FOUND;
}

static int print(const struct command *cmd, const struct doc *doc, const char *body,
		 size_t size)
{
	enum format format = (enum format)cmd->globals->format;

	if (format == FORMAT_JSON && !cmd->globals->fields)
		return render_document(cmd, body, size);
	if (format == FORMAT_CSV || format == FORMAT_JSONL || cmd->globals->fields)
		return print_row(cmd, body, size);
	return print_page(cmd, doc, body, size);
}

static int run(const struct command *cmd)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	char path[128];
	const char *body, *word;
	size_t size;
	int status;

	status = usage_check_names(cmd->verb, cmd->args, 1);
	if (status != 0)
		return status;
	snprintf(path, sizeof(path), API "/services/%s", cmd->args[0]);
	status = session_ask(cmd, path, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	doc = doc_parse(body, size, NULL);
	word = doc_get_string(doc_get(doc, "status"), "status");
	if (!word) {
		log_error("The answer tells no status");
		return STATUS_FAILED;
	}
	status = print(cmd, doc, body, size);
	return status ? status : finding(cmd, status_of(word));
}

const struct verb verb_check = {
	.name = "check",
	.arguments = "NAME",
	.summary = "one service in full: state, process, sockets, alerts",
	.details =
		"Exits 0 where it runs, 3 where it does not or is not in the registry,\n"
		"5 in a conflict, 9 where it is unhealthy.  With --exit-zero: 0, "
		"whatever\n"
		"its state.\n",
	.min_args = 1,
	.max_args = 1,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
