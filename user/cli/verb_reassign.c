// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "cli/change.h"

struct reassign_config {
	const char *which;
	bool force;
};

#define AT(member) offsetof(struct reassign_config, member)

/* clang-format off */
static const struct option options[] = {
	{ "which", 0, OPTION_TEXT, AT(which), "NAME|PORT",
	  "of a service with several ports, the one to change", NULL },
	{ "force", 0, OPTION_FLAG, AT(force), NULL,
	  "also where the port is taken or claimed", NULL },
	{ 0 },
};
/* clang-format on */

static int run(const struct command *cmd)
{
	const struct reassign_config *config = cmd->config;
	_cleanup_(doc_freep) struct doc *body = doc_object();
	struct change change = { "POST", "/reassign", body, "reassigned" };
	uint64_t port;

	if (parse_u64(cmd->args[1], UINT16_MAX, &port) < 0 || port == 0)
		return usage_error(cmd->verb,
				   "'%.40s' is no port: they go from 1 to 65535",
				   cmd->args[1]);
	doc_set_int(body, "port", (int64_t)port);
	if (config->which)
		doc_set_string(body, "which", config->which);
	if (config->force)
		doc_set_bool(body, "force", true);
	return change_run(cmd, &change, cmd->args, 1);
}

const struct verb verb_reassign = {
	.name = "reassign",
	.arguments = "NAME PORT",
	.summary = "give a service another port, in the registry",
	.details = "Refuses a port that somebody else holds, or that another service or\n"
		   "allocation claims (exit 5), unless --force.  A health check of this "
		   "host\n"
		   "on the old port follows; what else seems to name that is told.\n"
		   "\n"
		   "  portwatch reassign goblin $(portwatch available 9000)\n",
	.options = options,
	.config_size = sizeof(struct reassign_config),
	.min_args = 2,
	.max_args = 2,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
