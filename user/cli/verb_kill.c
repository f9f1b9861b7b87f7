// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/alert_text.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/target.h"
#include "json/doc.h"

struct config {
	const char *signal; /* NULL: not given */
	struct duration grace;
	bool force, sockets, dry_run, yes;
};

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct option options[] = {
	{ "signal", 's', OPTION_TEXT, AT(signal), "SIGNAL",
	  "send this instead of SIGTERM, or of the service's own", NULL },
	{ "grace", 0, OPTION_DURATION, AT(grace), "TIME",
	  "wait so long for them to end (10s, or the service's own)", NULL },
	{ "force", 0, OPTION_FLAG, AT(force), NULL,
	  "SIGKILL for those that are still there after that", NULL },
	{ "sockets", 0, OPTION_FLAG, AT(sockets), NULL,
	  "end TIME_WAIT and outgoing connections on the port, and no process", NULL },
	{ "dry-run", 'n', OPTION_FLAG, AT(dry_run), NULL,
	  "say whom it would end, and do nothing", NULL },
	{ "yes", 'y', OPTION_FLAG, AT(yes), NULL,
	  "do not ask", NULL },
	{ 0 },
};

static const struct column process_columns[] = {
	{ .name = "pid", .header = "PID", .flags = COLUMN_SHOWN | COLUMN_RIGHT },
	{ .name = "process", .path = "comm", .header = "PROCESS",
	  .flags = COLUMN_SHOWN | COLUMN_CUT },
	{ .name = "user", .header = "USER", .flags = COLUMN_SHOWN },
	{ .name = "ports", .header = "PORTS", .flags = COLUMN_SHOWN | COLUMN_CUT,
	  .show = show_list },
	{ .name = "signal", .header = "SIGNAL", .flags = COLUMN_SHOWN },
	{ .name = "result", .header = "RESULT", .flags = COLUMN_SHOWN },
	{ .name = "reason", .header = "REASON",
	  .flags = COLUMN_SHOWN | COLUMN_CUT | COLUMN_SPARE },
	{ .name = "end", .header = "END", .flags = COLUMN_WIDE },
	{ .name = "unit", .path = "process.unit", .header = "UNIT", .flags = COLUMN_WIDE },
	{ .name = "cmdline", .path = "process.cmdline", .header = "CMDLINE",
	  .flags = COLUMN_WIDE, .show = show_words },
	{ .name = "rule", .header = "RULE" },
	{ .name = "exe", .path = "process.exe", .header = "EXE" },
	{ .name = "container", .path = "process.container", .header = "CONTAINER" },
	{ 0 },
};

static const struct column connection_columns[] = {
	{ .name = "proto", .header = "PROTO", .flags = COLUMN_SHOWN },
	{ .name = "local", .header = "LOCAL", .flags = COLUMN_SHOWN | COLUMN_CUT },
	{ .name = "remote", .header = "REMOTE", .flags = COLUMN_SHOWN | COLUMN_CUT },
	{ .name = "state", .header = "STATE", .flags = COLUMN_SHOWN },
	{ .name = "result", .header = "RESULT", .flags = COLUMN_SHOWN },
	{ .name = "reason", .header = "REASON",
	  .flags = COLUMN_SHOWN | COLUMN_CUT | COLUMN_SPARE },
	{ .name = "port", .header = "PORT", .flags = COLUMN_RIGHT },
	{ .name = "uid", .header = "UID", .flags = COLUMN_WIDE | COLUMN_RIGHT },
	{ .name = "cookie", .header = "COOKIE", .flags = COLUMN_WIDE | COLUMN_RIGHT },
	{ 0 },
};
/* clang-format on */

static const struct view processes = { .key = "processes", .columns = process_columns };
static const struct view connections = { .key = "sockets",
					 .columns = connection_columns };

/* -- The request ----------------------------------------------------------------------
 */

/* ":80/udp" is asked for at /ports/80, with the protocol in the body. */
static void make_path(const char *target, struct buffer *path, const char **ret_proto)
{
	const char *slash = strchr(target, '/');
	size_t n = slash ? (size_t)(slash - target) : strlen(target);

	*ret_proto = NULL;
	if (target[0] == ':') {
		*ret_proto = slash ? slash + 1 : NULL;
		buffer_printf(path, API "/ports/%.*s/kill", (int)n - 1, target + 1);
	} else if (starts_with(target, "pid:")) {
		buffer_printf(path, API "/processes/%s/kill", target + 4);
	} else {
		buffer_printf(path, API "/services/%s/kill", target);
	}
}

/* @agreed: the processes of a dry run; NULL: whoever it is. */
static char *make_body(const struct config *config, const char *proto, bool dry_run,
		       const struct doc *agreed, size_t *ret_size)
{
	_cleanup_(doc_freep) struct doc *body = doc_object();
	char grace[32];

	if (config->signal)
		doc_set_string(body, "signal", config->signal);
	if (config->grace.given) {
		snprintf(grace, sizeof(grace), "%jums", (uintmax_t)config->grace.ms);
		doc_set_string(body, "grace", grace);
	}
	doc_set_bool(body, "force", config->force);
	doc_set_bool(body, "sockets", config->sockets);
	doc_set_bool(body, "dry_run", dry_run);
	if (proto)
		doc_set_string(body, "proto", proto);
	if (agreed) {
		struct doc *only = doc_array();

		for (const struct doc *p = doc_first(agreed); p; p = doc_next(p))
			doc_append(only, doc_int_new(doc_get_int(p, "pid", 0)));
		doc_set(body, "only", only);
	}
	return doc_print(body, false, ret_size);
}

static int ask(struct session *session, const struct command *cmd, bool dry_run,
	       const struct doc *agreed, struct pw_reply **ret)
{
	_cleanup_(buffer_done) struct buffer path = { 0 };
	_cleanup_(freep) char *body = NULL;
	const char *proto;
	size_t size;

	make_path(cmd->args[0], &path, &proto);
	body = make_body(cmd->config, proto, dry_run, agreed, &size);
	if (!body || path.failed) {
		log_error("Out of memory");
		return STATUS_FAILED;
	}
	return session_post(session, path.data, body, size, ret);
}

/* -- The question ---------------------------------------------------------------------
 */

/* On the terminal that stderr is: stdout may be going elsewhere. */
static bool confirm(const struct command *cmd, const struct doc *plan)
{
	const struct config *config = cmd->config;
	const struct doc *rows = doc_get(plan, config->sockets ? "sockets" : "processes");
	_cleanup_(buffer_done) struct buffer text = { 0 };
	char answer[16];

	for (const struct doc *p = doc_first(rows); p && !config->sockets;
	     p = doc_next(p)) {
		if (!streq(doc_get_string(p, "result"), "would_end"))
			continue;
		buffer_puts(&text, "  ");
		process_text_add(doc_get(p, "process"), &text);
		buffer_puts(&text, "\n");
	}
	if (config->sockets)
		member_text_add(plan, "message", "", &text);
	fprintf(stderr, "%s%s", text.data ? text.data : "", config->sockets ? "\n" : "");
	fprintf(stderr, "End %s? [y/N] ",
		config->sockets       ? "these connections"
		: doc_count(rows) > 1 ? "these processes"
				      : "this process");
	fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin)) {
		fputc('\n', stderr);
		return false;
	}
	return answer[0] == 'y' || answer[0] == 'Y';
}

/* 0 with what was agreed to; else an enum exit_status. */
static int agree(struct session *session, const struct command *cmd, struct doc **ret)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *plan = NULL;
	const char *body;
	size_t size;
	int status = ask(session, cmd, true, NULL, &reply);

	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	plan = doc_parse(body, size, NULL);
	if (!plan) {
		log_error("The answer is no JSON");
		return STATUS_FAILED;
	}
	if (!confirm(cmd, plan)) {
		log_info("Nothing was ended");
		return STATUS_FAILED;
	}
	*ret = take(plan);
	return 0;
}

/* -- The answer -----------------------------------------------------------------------
 */

static int status_of(const char *outcome)
{
	static const struct {
		const char *outcome;
		int status;
	} table[] = {
		{ "done", STATUS_DONE },           { "planned", STATUS_DONE },
		{ "timed_out", STATUS_TIMED_OUT }, { "taken", STATUS_CONFLICT },
		{ "partly", STATUS_PARTLY },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (streq(table[i].outcome, outcome))
			return table[i].status;
	return STATUS_FAILED;
}

static int show(const struct command *cmd, const struct selection *selection,
		const char *body, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(body, size, NULL);
	const char *message = doc_get_string(doc, "message");
	int status, shown;

	if (!doc) {
		log_error("The answer is no JSON");
		return STATUS_FAILED;
	}
	status = status_of(doc_get_string(doc, "outcome"));
	shown = render_rows(cmd, selection, body, size, NULL);
	if (message && status == STATUS_DONE)
		log_info("%s", message);
	else if (message)
		log_error("%s", message);
	return shown != STATUS_DONE ? shown : status;
}

static int run(const struct command *cmd)
{
	const struct config *config = cmd->config;
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *plan = NULL;
	bool asks = !config->yes && !config->dry_run;
	enum target_kind kind;
	struct selection selection;
	char error[TARGET_ERROR];
	const char *body;
	size_t size;
	int status;

	if (target_check(cmd->args[0], &kind, error, sizeof(error)) < 0)
		return usage_error(cmd->verb, "%s", error);
	if (config->sockets && kind == TARGET_PROCESS)
		return usage_error(cmd->verb, "--sockets takes a port or a service");
	if (asks && (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)))
		return usage_error(cmd->verb,
				   "there is no terminal to ask on: -y ends them "
				   "unasked, -n says whom");
	status = selection_make(cmd, config->sockets ? &connections : &processes,
				&selection);
	if (status == 0)
		status = session_open(&session, cmd);
	if (status == 0 && asks)
		status = agree(&session, cmd, &plan);
	if (status == 0)
		status = ask(&session, cmd, config->dry_run,
			     config->sockets ? NULL : doc_get(plan, "processes"), &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	return show(cmd, &selection, body, size);
}

const struct verb verb_kill = {
	.name = "kill",
	.arguments = "TARGET",
	.summary = "end the processes that hold a port, and see it free",
	.details =
		"TARGET is NAME, :PORT, :LOW-HIGH, :PORT/udp or pid:N.  Ends all "
		"holders\n"
		"of what is bound there, and never its clients: SIGTERM, then waiting "
		"for\n"
		"their end and for the port.  NAME is refused where somebody else sits "
		"on\n"
		"its port; :PORT ends whoever it is.  PID 1, portwatch itself and other\n"
		"users' processes (but for root and group portwatch) are left alone.\n"
		"\n"
		"Exits 3 where nothing holds it, 4 where it is not permitted, 5 where a\n"
		"stranger sits on the port or somebody else has taken it meanwhile, 6\n"
		"where a process lives on, 7 where only some could be ended.\n",
	.options = options,
	.config_size = sizeof(struct config),
	.min_args = 1,
	.max_args = 1,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
