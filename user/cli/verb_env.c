// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "base/log.h"
#include "cli/render.h"
#include "cli/session.h"
#include "json/doc.h"

struct env_config {
	const char *format;
};

static const char *const formats[] = { "sh", "fish", "json", "dotenv", "systemd", NULL };

/* clang-format off */
static const struct option options[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct env_config, format), "FORMAT",
	  "sh, fish, json, dotenv or systemd", formats },
	{ 0 },
};

static const struct column columns[] = {
	{ .name = "name", .header = "NAME", .flags = COLUMN_SHOWN },
	{ .name = "value", .header = "VALUE", .flags = COLUMN_SHOWN },
	{ 0 },
};
/* clang-format on */

static const struct view view = { .key = "variables", .columns = columns };

/* The members of the document as rows. */
static int print_rows(const struct command *cmd, const struct selection *selection,
		      const char *body, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(body, size, NULL);
	_cleanup_(doc_freep) struct doc *rows = doc_object();
	const struct doc *variables = doc_get(doc, view.key);
	_cleanup_(freep) char *text = NULL;
	struct doc *list = doc_array();

	for (const struct doc *v = doc_first(variables); v; v = doc_next(v)) {
		struct doc *row = doc_object();

		doc_set_string(row, "name", doc_key(v));
		doc_set_string(row, "value", doc_string(v));
		doc_append(list, row);
	}
	doc_set(rows, view.key, list);
	text = doc_print(rows, false, &size);
	if (!doc || !text) {
		log_error("Cannot read the answer");
		return STATUS_FAILED;
	}
	return render_rows(cmd, selection, text, size, NULL);
}

static int print(const struct command *cmd, const struct selection *selection,
		 const char *format, const char *body, size_t size)
{
	enum format output = (enum format)cmd->globals->format;

	if (output == FORMAT_CSV || output == FORMAT_JSONL)
		return print_rows(cmd, selection, body, size);
	if (streq(format, "json"))
		return render_document(cmd, body, size);
	return output_write(body, size, NULL);
}

static int run(const struct command *cmd)
{
	const struct env_config *config = cmd->config;
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	enum format output = (enum format)cmd->globals->format;
	const char *format = config->format ? config->format : "sh", *body;
	struct selection selection;
	char path[64];
	size_t size;
	int status = selection_make(cmd, &view, &selection);

	if (status != 0)
		return status;
	if (output != FORMAT_TABLE && output != FORMAT_WIDE) {
		if (config->format && !streq(config->format, "json"))
			return usage_error(cmd->verb,
					   "--format %s and -o %s exclude each other",
					   config->format, format_names[output]);
		format = "json";
	}
	snprintf(path, sizeof(path), API "/env?format=%s", format);
	status = session_ask(cmd, path, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	return print(cmd, &selection, format, body, size);
}

const struct verb verb_env = {
	.name = "env",
	.arguments = "",
	.summary = "ports and URLs of the services, as environment variables",
	.details =
		"  eval \"$(portwatch env)\"\n"
		"  portwatch env --format fish | source\n"
		"  portwatch env --format systemd > /run/ports.env   "
		"(EnvironmentFile=)\n"
		"\n"
		"PREFIX_NAME_PORT and PREFIX_NAME_URL for every enabled service with a\n"
		"port, in registry order; PREFIX is the setting env_prefix.\n",
	.options = options,
	.config_size = sizeof(struct env_config),
	.has_rows = true,
	.run = run,
};
