// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "base/log.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/service_columns.h"

static const struct view view = {
	.key = "services",
	.columns = service_status_columns,
	.nothing = "The registry has no services; 'portwatch config init FILE' writes a "
		   "starter",
};

static bool is_among(const struct rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->count; i++)
		if (span_is(rows->keys[i], name))
			return true;
	return false;
}

/* Each name must be one, before any is shown. */
static int check_names(const struct command *cmd, const char *body, size_t size)
{
	_cleanup_(rows_done) struct rows rows = { 0 };
	int err = rows_read(body, size, view.key, NULL, 0, &rows);

	for (size_t i = 0; err == 0 && i < cmd->n_args; i++) {
		if (is_among(&rows, cmd->args[i]))
			continue;
		log_error("No service is called %s", cmd->args[i]);
		return STATUS_NOT_FOUND;
	}
	return 0;
}

static int run(const struct command *cmd)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	struct selection selection;
	const char *body;
	size_t size, count;
	int status = usage_check_names(cmd->verb, cmd->args, cmd->n_args);

	if (status == 0)
		status = selection_make(cmd, &view, &selection);
	if (status == 0)
		status = session_ask(cmd, API "/status", &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	if (cmd->n_args > 0) {
		status = check_names(cmd, body, size);
		selection.names = cmd->args;
	}
	return status ? status : render_rows(cmd, &selection, body, size, &count);
}

const struct verb verb_status = {
	.name = "status",
	.arguments = "[NAME…]",
	.summary = "a row a service: port, state, process, health, uptime",
	.details =
		"STATE is running, starting, stopped, conflict, unhealthy or disabled.\n"
		"Exits 3 where a NAME is not in the registry.\n",
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
