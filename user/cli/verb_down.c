// SPDX-License-Identifier: GPL-2.0-only
#include "cli/launch_run.h"

static int run_as(const struct command *cmd, const char *path)
{
	_cleanup_(session_close) struct session session = { 0 };
	struct launch_ask ask = {
		.path = path,
		.names = cmd->args,
		.n_names = cmd->n_args,
	};
	int status = session_open(&session, cmd);

	return status == 0 ? launch_run(&session, &ask) : status;
}

static int run_down(const struct command *cmd)
{
	return run_as(cmd, API "/down");
}

static int run_restart(const struct command *cmd)
{
	return run_as(cmd, API "/restart");
}

const struct verb verb_down = {
	.name = "down",
	.arguments = "[NAME…]",
	.summary = "stop services that portwatch started, and what depends on them",
	.details =
		"Without NAME all of them.  What depends on another is stopped before "
		"it.\n"
		"Each gets its stop signal and the grace of its entry; then whatever is\n"
		"left of it, children and their children, is killed.\n"
		"\n"
		"Exits 7 where some could not be stopped, 3 where a NAME is not in the\n"
		"registry.\n",
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run_down,
};

const struct verb verb_restart = {
	.name = "restart",
	.arguments = "NAME…",
	.summary = "stop services and start them again",
	.details = "Only those that are named; one that does not run is started.\n"
		   "\n"
		   "Exits as up does.\n",
	.min_args = 1,
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run_restart,
};
