// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"
#include "cli/render.h"

static int run(const struct command *cmd)
{
	static const char json[] = "{\"schema\":\"portwatch.version/v1\","
				   "\"version\":\"" PORTWATCH_VERSION "\"}";
	static const char text[] = "portwatch " PORTWATCH_VERSION "\n";
	static const char line[] = "{\"version\":\"" PORTWATCH_VERSION "\"}\n";

	if (cmd->globals->format == FORMAT_JSON)
		return render_document(cmd, json, sizeof(json) - 1);
	if (cmd->globals->format == FORMAT_JSONL)
		return output_write(line, sizeof(line) - 1, NULL);
	return output_write(text, sizeof(text) - 1, NULL);
}

const struct verb verb_version = {
	.name = "version",
	.arguments = "",
	.summary = "print the version",
	.details = "",
	.run = run,
};
