// SPDX-License-Identifier: GPL-2.0-only
/* `conflicts` and `alerts`: what stands now, each with its fix. */
#include "base/log.h"
#include "cli/alert_columns.h"
#include "cli/alert_text.h"
#include "cli/render.h"
#include "cli/session.h"

/* On a terminal an alert is a paragraph: sentence and fix would be cut in a table. */
static bool is_for_reading(const struct command *cmd)
{
	return cmd->terminal->is_terminal && cmd->globals->format == FORMAT_TABLE &&
	       !cmd->globals->fields && !cmd->globals->sort;
}

static int print_paragraphs(const struct command *cmd, const struct view *view,
			    const char *body, size_t size, size_t *ret_count)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(body, size, NULL);
	const struct doc *alerts = doc_get(doc, view->key);
	_cleanup_(buffer_done) struct buffer out = { 0 };

	*ret_count = doc_count(alerts);
	if (*ret_count == 0) {
		log_info("%s", view->nothing);
		return STATUS_DONE;
	}
	for (const struct doc *a = doc_first(alerts); a; a = doc_next(a))
		alert_text_add(cmd->terminal, a, &out);
	return output_buffer(&out);
}

static int show(const struct command *cmd, const struct view *view, const char *path,
		size_t *ret_count)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	struct selection selection;
	const char *body;
	size_t size;
	int status = selection_make(cmd, view, &selection);

	*ret_count = 0;
	if (status == 0 && !is_for_reading(cmd))
		return session_show(cmd, path, &selection, ret_count);
	if (status == 0)
		status = session_ask(cmd, path, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	return print_paragraphs(cmd, view, body, size, ret_count);
}

static int run_alerts(const struct command *cmd)
{
	static const struct view view = { .key = "alerts",
					  .columns = alert_columns,
					  .nothing = "No alert stands" };
	size_t count;

	return show(cmd, &view, API "/alerts", &count);
}

static int run_conflicts(const struct command *cmd)
{
	static const struct view view = { .key = "conflicts",
					  .columns = alert_columns,
					  .nothing = "No conflict stands" };
	size_t count;
	int status = show(cmd, &view, API "/conflicts", &count);

	if (status != STATUS_DONE || count == 0)
		return status;
	return finding(cmd, STATUS_CONFLICT);
}

const struct verb verb_conflicts = {
	.name = "conflicts",
	.arguments = "",
	.summary = "the conflicts that stand now, each with its fix",
	.details = "Exits 5 where there are any (0 with --exit-zero).\n",
	.has_rows = true,
	.run = run_conflicts,
};

const struct verb verb_alerts = {
	.name = "alerts",
	.arguments = "",
	.summary = "all alerts that stand now, each with its fix",
	.details = "Exits 0 whether there are any or not.\n",
	.has_rows = true,
	.run = run_alerts,
};
