// SPDX-License-Identifier: GPL-2.0-only
#include "cli/render.h"
#include "cli/session.h"

#define SHOWN COLUMN_SHOWN
#define WIDE COLUMN_WIDE

/* clang-format off */
static const struct column columns[] = {
	{ .name = "name", .header = "NAME", .flags = SHOWN },
	{ .name = "port", .header = "PORT", .flags = SHOWN | COLUMN_RIGHT,
	  .show = show_ports },
	{ .name = "state", .path = "status", .header = "STATE",
	  .flags = SHOWN | COLUMN_TONED },
	{ .name = "enabled", .header = "ENABLED", .flags = SHOWN, .show = show_bool },
	{ .name = "environment", .header = "ENVIRONMENT", .flags = SHOWN },
	{ .name = "startup_cmd", .header = "COMMAND", .flags = SHOWN | COLUMN_CUT,
	  .show = show_words, .width = 0.2 },
	{ .name = "description", .header = "DESCRIPTION", .flags = SHOWN | COLUMN_CUT,
	  .width = 0.2 },
	{ .name = "process_name", .header = "PROCESS_NAME", .flags = WIDE },
	{ .name = "proto", .header = "PROTO", .flags = WIDE },
	{ .name = "address", .header = "ADDRESS", .flags = WIDE },
	{ .name = "user", .header = "USER", .flags = WIDE },
	{ .name = "working_dir", .header = "WORKING_DIR", .flags = WIDE },
	{ .name = "depends_on", .header = "DEPENDS_ON", .flags = WIDE, .show = show_list },
	{ .name = "health_endpoint", .header = "HEALTH_ENDPOINT", .flags = WIDE },
	{ .name = "restart", .header = "RESTART", .flags = WIDE },
	{ .name = "on_conflict", .header = "ON_CONFLICT", .flags = WIDE },
	{ .name = "tags", .header = "TAGS", .flags = WIDE, .show = show_list },
	{ .name = "netns", .header = "NETNS" },
	{ .name = "env_file", .header = "ENV_FILE" },
	{ 0 },
};
/* clang-format on */

static const struct view view = {
	.key = "services",
	.columns = columns,
	.nothing = "The registry has no services; 'portwatch config init FILE' writes a "
		   "starter",
};

static int run(const struct command *cmd)
{
	struct selection selection;
	size_t count;
	int status = selection_make(cmd, &view, &selection);

	if (status != 0)
		return status;
	return session_show(cmd, API "/services", &selection, &count);
}

const struct verb verb_services = {
	.name = "services",
	.arguments = "",
	.summary = "list the registry: what each service should be",
	.details = "What each service is just now: portwatch status.\n",
	.has_rows = true,
	.run = run,
};
