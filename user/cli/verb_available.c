// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "base/log.h"
#include "cli/render.h"
#include "cli/session.h"
#include "json/doc.h"

struct available_config {
	const char *number;
};

/* clang-format off */
static const struct option options[] = {
	{ "number", 'n', OPTION_TEXT, offsetof(struct available_config, number), "N",
	  "so many of them; 1", NULL },
	{ 0 },
};

static const struct column columns[] = {
	{ .name = "port", .path = ".", .header = "PORT", .flags = COLUMN_SHOWN },
	{ 0 },
};
/* clang-format on */

static const struct view view = { .key = "ports", .columns = columns };

static int read_number(const struct command *cmd, const char *text, const char *what,
		       uint64_t *ret)
{
	if (parse_u64(text, UINT16_MAX, ret) == 0 && *ret > 0)
		return 0;
	return usage_error(cmd->verb, "'%.40s' is no %s: a number from 1 to 65535", text,
			   what);
}

static int print_numbers(const struct doc *ports)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };
	int64_t port;

	for (const struct doc *i = doc_first(ports); i; i = doc_next(i))
		if (doc_int(i, &port))
			buffer_printf(&out, "%jd\n", (intmax_t)port);
	return output_buffer(&out);
}

static int print(const struct command *cmd, struct selection *selection,
		 const struct doc *doc, const char *body, size_t size)
{
	switch ((enum format)cmd->globals->format) {
	case FORMAT_TABLE:
	case FORMAT_WIDE:
		return print_numbers(doc_get(doc, "ports"));
	case FORMAT_JSONL:
		selection->asked = true; /* an object a line, though a row is a number */
		break;
	case FORMAT_JSON:
	case FORMAT_CSV:
		break;
	}
	return render_rows(cmd, selection, body, size, NULL);
}

/* Fewer than were wanted: how many, of which ports. */
static int judge(const struct command *cmd, const struct doc *doc)
{
	size_t found = doc_count(doc_get(doc, "ports"));
	int64_t wanted = doc_get_int(doc, "wanted", 1);
	intmax_t from = doc_get_int(doc, "from", 0), to = doc_get_int(doc, "to", 0);

	if ((int64_t)found >= wanted)
		return STATUS_DONE;
	if (found == 0)
		log_error("No port from %jd to %jd is available", from, to);
	else
		log_error("Only %zu of the ports from %jd to %jd are available", found,
			  from, to);
	return finding(cmd, found ? STATUS_PARTLY : STATUS_NOT_FOUND);
}

static int run(const struct command *cmd)
{
	const struct available_config *config = cmd->config;
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	uint64_t port = 0, number = 1;
	struct selection selection;
	char path[80], from[24] = "";
	const char *body;
	size_t size;
	int status = selection_make(cmd, &view, &selection);

	if (status == 0 && cmd->n_args > 0)
		status = read_number(cmd, cmd->args[0], "port", &port);
	if (status == 0 && config->number)
		status = read_number(cmd, config->number, "number of ports", &number);
	if (status != 0)
		return status;
	if (port)
		snprintf(from, sizeof(from), "&port=%u", (unsigned)port);
	snprintf(path, sizeof(path), API "/available?n=%u%s", (unsigned)number, from);
	status = session_ask(cmd, path, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	doc = doc_parse(body, size, NULL);
	if (!doc) {
		log_error("The answer is no JSON");
		return STATUS_FAILED;
	}
	status = print(cmd, &selection, doc, body, size);
	return status ? status : judge(cmd, doc);
}

const struct verb verb_available = {
	.name = "available",
	.arguments = "[PORT]",
	.summary = "the first free ports from PORT, or of the managed range",
	.details =
		"A free port is one that nothing holds on any address, family or "
		"protocol,\n"
		"not even as the local end of a connection; that is not reserved\n"
		"(ip_local_reserved_ports); and that no service, enabled or not, and no\n"
		"allocation claims.  Nothing keeps it free: portwatch allocate does.\n"
		"\n"
		"Exits 3 where there is none, 7 where there are fewer than N.\n",
	.options = options,
	.config_size = sizeof(struct available_config),
	.max_args = 1,
	.has_rows = true,
	.run = run,
};
