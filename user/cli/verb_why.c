// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "base/log.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/target.h"
#include "cli/why_page.h"

#define SHOWN COLUMN_SHOWN
#define WIDE COLUMN_WIDE

/* clang-format off */
static const struct column columns[] = {
	{ .name = "proto", .header = "PROTO", .flags = SHOWN },
	{ .name = "address", .header = "ADDRESS", .flags = SHOWN | COLUMN_CUT },
	{ .name = "port", .header = "PORT", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "as", .header = "AS", .flags = SHOWN },
	{ .name = "options", .header = "OPTIONS", .flags = SHOWN | COLUMN_CUT,
	  .show = show_list },
	{ .name = "result", .header = "RESULT", .flags = SHOWN },
	{ .name = "errno", .header = "ERRNO", .flags = SHOWN },
	{ .name = "reason", .header = "REASON", .flags = SHOWN },
	{ .name = "pid", .path = "culprit.pid", .header = "PID",
	  .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "process", .path = "culprit.comm", .header = "PROCESS",
	  .flags = SHOWN | COLUMN_CUT },
	{ .name = "until", .header = "UNTIL", .flags = WIDE, .show = show_time },
	{ .name = "peer", .header = "PEER", .flags = WIDE },
	{ .name = "text", .header = "TEXT", .flags = WIDE },
	{ .name = "family", .header = "FAMILY" },
	{ 0 },
};
/* clang-format on */

static const struct view view = { .key = "binds", .columns = columns };

static int print_page(const struct command *cmd, const char *body, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(body, size, NULL);
	_cleanup_(buffer_done) struct buffer text = { 0 };

	if (!doc) {
		log_error("The answer is no JSON");
		return STATUS_FAILED;
	}
	why_page_add(cmd->terminal, doc, &text);
	return output_buffer(&text);
}

static int print(const struct command *cmd, const struct selection *selection,
		 const char *body, size_t size)
{
	enum format format = (enum format)cmd->globals->format;
	size_t count;

	if (format == FORMAT_JSON && !selection->asked)
		return render_document(cmd, body, size);
	if (format == FORMAT_TABLE && !selection->asked)
		return print_page(cmd, body, size);
	return render_rows(cmd, selection, body, size, &count);
}

static int run(const struct command *cmd)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(freep) char *target = NULL;
	_cleanup_(buffer_done) struct buffer path = { 0 };
	char error[TARGET_ERROR];
	struct selection selection;
	enum target_kind kind;
	const char *body;
	size_t size;
	int status;

	if (target_check(cmd->args[0], &kind, error, sizeof(error)) < 0)
		return usage_error(cmd->verb, "%s", error);
	status = selection_make(cmd, &view, &selection);
	if (status != 0)
		return status;
	target = pw_percent_encode(cmd->args[0]);
	buffer_printf(&path, API "/why/%s", target ? target : "");
	if (!target || path.failed)
		return STATUS_FAILED;
	status = session_ask(cmd, path.data, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	return print(cmd, &selection, body, size);
}

const struct verb verb_why = {
	.name = "why",
	.arguments = "TARGET",
	.summary = "explain who holds a port, and why it is not to be had",
	.details =
		"Who holds it, since when and who started that; what a bind would get "
		"now\n"
		"on each address, and for which reason; what tried and failed lately; "
		"and\n"
		"the one command to run.\n"
		"\n"
		"  portwatch why :8080        portwatch why wizard\n"
		"  portwatch why :53/udp      portwatch why pid:4711\n"
		"\n"
		"Rows of -o wide, jsonl and csv are the binds; -o json has everything.\n"
		"Without a daemon nobody knows what failed, nor since when it is held.\n",
	.min_args = 1,
	.max_args = 1,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
