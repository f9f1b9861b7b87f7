// SPDX-License-Identifier: GPL-2.0-only
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/verb_allocations.h"

static const char *const protos[] = { "tcp", "udp", NULL };

struct allocate_config {
	const char *port, *purpose, *started_by, *pid;
	struct duration ttl;
	int proto;
};

#define AT(member) offsetof(struct allocate_config, member)

/* clang-format off */
static const struct option options[] = {
	{ "port", 0, OPTION_TEXT, AT(port), "P", "this one, or none", NULL },
	{ "purpose", 0, OPTION_TEXT, AT(purpose), "TEXT", "what it is for", NULL },
	{ "started-by", 0, OPTION_TEXT, AT(started_by), "TEXT",
	  "who asks; else your user name", NULL },
	{ "pid", 0, OPTION_TEXT, AT(pid), "N",
	  "the process that it is for: it is given back when that ends", NULL },
	{ "ttl", 0, OPTION_DURATION, AT(ttl), "TIME",
	  "it is given back after so long", NULL },
	{ "proto", 0, OPTION_CHOICE, AT(proto), "PROTO", "tcp (else) or udp", protos },
	{ 0 },
};
/* clang-format on */

static int add_number(const struct command *cmd, const char *text, const char *key,
		      uint64_t max, const char *what, struct doc *doc)
{
	uint64_t value;

	if (!text)
		return 0;
	if (parse_u64(text, max, &value) < 0 || value == 0)
		return usage_error(cmd->verb, "'%.40s' is no %s", text, what);
	doc_set_int(doc, key, (int64_t)value);
	return 0;
}

static void set_started_by(const struct allocate_config *config, struct doc *doc)
{
	const struct passwd *user = config->started_by ? NULL : getpwuid(getuid());

	doc_set_string(doc, "started_by",
		       config->started_by ? config->started_by
		       : user             ? user->pw_name
					  : NULL);
}

/* 0, or an enum exit_status after saying why. */
static int make_body(const struct command *cmd, struct doc *doc)
{
	const struct allocate_config *config = cmd->config;
	int status;

	status = usage_check_names(cmd->verb, cmd->args, 1);
	if (status != 0)
		return status;
	if (config->ttl.given && config->ttl.ms == 0)
		return usage_error(cmd->verb, "--ttl is a time above 0");
	doc_set_string(doc, "service_name", cmd->args[0]);
	doc_set_string(doc, "proto", protos[config->proto]);
	doc_set_string(doc, "purpose", config->purpose);
	set_started_by(config, doc);
	if (config->ttl.given)
		doc_set_double(doc, "ttl", (double)config->ttl.ms / 1000);
	status = add_number(cmd, config->port, "port", UINT16_MAX,
			    "port: they go from 1 to 65535", doc);
	if (status == 0)
		status =
			add_number(cmd, config->pid, "pid", INT32_MAX, "process id", doc);
	return status;
}

static int print(const struct command *cmd, const struct selection *selection,
		 const char *body, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(body, size, NULL);
	const struct doc *alloc = doc_get(doc, "allocation");
	_cleanup_(buffer_done) struct buffer out = { 0 };
	struct doc *array;

	if (cmd->globals->format == FORMAT_JSON || !alloc)
		return render_document(cmd, body, size);
	if (allocations_in_words(cmd)) {
		buffer_printf(&out, "%jd\n", (intmax_t)doc_get_int(alloc, "port", 0));
		return output_buffer(&out);
	}
	array = doc_array();
	doc_append(array, doc_copy(alloc));
	return allocations_print(cmd, selection, array);
}

static int run(const struct command *cmd)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = doc_object();
	_cleanup_(freep) char *text = NULL;
	struct selection selection;
	const char *body;
	size_t size;
	int status = selection_make(cmd, &allocations_view, &selection);

	if (status == 0)
		status = make_body(cmd, doc);
	if (status == 0)
		status = session_open(&session, cmd);
	if (status != 0)
		return status;
	text = doc_print(doc, false, &size);
	if (!text) {
		log_error("Out of memory");
		return STATUS_FAILED;
	}
	status = session_post(&session, API "/allocations", text, size, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	return print(cmd, &selection, body, size);
}

const struct verb verb_allocate = {
	.name = "allocate",
	.arguments = "NAME",
	.summary = "keep a free port of the managed range for NAME",
	.details = "Prints the port: one that nothing holds on any address, family or "
		   "protocol,\n"
		   "and that nothing reserves, registers or was allocated.  It is NAME's "
		   "until it\n"
		   "is released, its time is up, or the process that bound it, or that "
		   "--pid\n"
		   "announced, has ended.\n"
		   "\n"
		   "  PORT=$(portwatch allocate web --purpose 'preview' --pid $$)\n"
		   "\n"
		   "Exits 5 where the port, or the range, is taken.\n",
	.options = options,
	.config_size = sizeof(struct allocate_config),
	.min_args = 1,
	.max_args = 1,
	.has_rows = true,
	.run = run,
};
