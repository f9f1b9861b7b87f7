// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/alert_text.h"
#include "cli/launch_run.h"
#include "cli/render.h"

struct config {
	const char *services;
	bool non_interactive, check_only, no_deps;
};

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct option options[] = {
	{ "services", 0, OPTION_TEXT, AT(services), "A,B",
	  "these, as if they were NAMEs", NULL },
	{ "non-interactive", 0, OPTION_FLAG, AT(non_interactive), NULL,
	  "ask nothing: on_conflict of each entry decides", NULL },
	{ "check-only", 0, OPTION_FLAG, AT(check_only), NULL,
	  "say what would be done, and do nothing", NULL },
	{ "no-deps", 0, OPTION_FLAG, AT(no_deps), NULL,
	  "without what they depend on", NULL },
	{ 0 },
};

static const struct column columns[] = {
	{ .name = "service", .header = "SERVICE", .flags = COLUMN_SHOWN },
	{ .name = "port", .header = "PORT", .flags = COLUMN_SHOWN | COLUMN_RIGHT },
	{ .name = "running", .header = "RUNNING", .flags = COLUMN_SHOWN },
	{ .name = "holder", .path = "conflict.holder.comm", .header = "HELD BY",
	  .flags = COLUMN_SHOWN | COLUMN_CUT },
	{ .name = "holder_pid", .path = "conflict.holder.pid", .header = "PID",
	  .flags = COLUMN_SHOWN | COLUMN_RIGHT },
	{ .name = "on_conflict", .header = "ON CONFLICT", .flags = COLUMN_SHOWN },
	{ .name = "wanted", .header = "WANTED", .flags = COLUMN_WIDE },
	{ .name = "conflict_port", .path = "conflict.port", .header = "CONFLICT",
	  .flags = COLUMN_WIDE | COLUMN_RIGHT },
	{ 0 },
};
/* clang-format on */

static const struct view view = {
	.key = "services",
	.columns = columns,
	.nothing = "The registry has no service with a startup_cmd",
};

/* -- The look before ------------------------------------------------------------------
 */

/* 0 and the plan, in both forms. */
static int check(struct session *session, struct launch_ask ask, struct pw_reply **ret,
		 struct doc **ret_plan)
{
	_cleanup_(freep) char *body = NULL;
	const char *text;
	size_t size;
	int status;

	ask.check_only = true;
	body = launch_body(&ask, &size);
	if (!body) {
		log_error("Out of memory");
		return STATUS_FAILED;
	}
	status = session_post(session, ask.path, body, size, ret);
	if (status != 0)
		return status;
	text = pw_reply_body(*ret, &size);
	*ret_plan = doc_parse(text, size, NULL);
	if (*ret_plan)
		return 0;
	log_error("The answer is no JSON");
	return STATUS_FAILED;
}

static int show_plan(const struct command *cmd, const struct selection *selection,
		     const struct pw_reply *reply, const struct doc *plan)
{
	size_t size;
	const char *body = pw_reply_body(reply, &size);
	int status = render_rows(cmd, selection, body, size, NULL);

	if (status == STATUS_DONE && doc_get_int(plan, "conflicts", 0) > 0)
		status = finding(cmd, STATUS_CONFLICT);
	return status;
}

/* -- The question ---------------------------------------------------------------------
 */

/* "kill", "next_free", "skip"; NULL: abort. */
static const char *ask_one(const struct doc *step)
{
	const struct doc *conflict = doc_get(step, "conflict");
	_cleanup_(buffer_done) struct buffer who = { 0 };
	char answer[16];

	process_text_add(doc_get(conflict, "holder"), &who);
	fprintf(stderr, "%s: port %jd is held by %s\n", doc_get_string(step, "service"),
		(intmax_t)doc_get_int(conflict, "port", 0),
		who.data && !who.failed ? who.data : "somebody unknown");
	for (;;) {
		fputs("[k]ill the holder, take the [n]ext free port, [s]kip, [a]bort? ",
		      stderr);
		fflush(stderr);
		if (!fgets(answer, sizeof(answer), stdin)) {
			fputc('\n', stderr);
			return NULL;
		}
		switch (answer[0]) {
		case 'k':
			return "kill";
		case 'n':
			return "next_free";
		case 's':
			return "skip";
		case 'a':
			return NULL;
		default:
			break;
		}
	}
}

/* 0 with what was chosen; else an enum exit_status. */
static int ask_all(const struct doc *plan, struct doc **ret)
{
	_cleanup_(doc_freep) struct doc *chosen = doc_object();
	const struct doc *steps = doc_get(plan, "services");

	for (const struct doc *s = doc_first(steps); s; s = doc_next(s)) {
		const char *choice;

		if (doc_type(doc_get(s, "conflict")) != DOC_OBJECT)
			continue;
		choice = ask_one(s);
		if (!choice) {
			log_info("Nothing was started");
			return STATUS_CONFLICT;
		}
		doc_set_string(chosen, doc_get_string(s, "service"), choice);
	}
	*ret = take(chosen);
	return 0;
}

static bool can_ask(const struct config *config)
{
	return !config->non_interactive && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static int run(const struct command *cmd)
{
	const struct config *config = cmd->config;
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *plan = NULL;
	_cleanup_(doc_freep) struct doc *chosen = NULL;
	struct launch_ask ask = {
		.path = API "/up",
		.names = cmd->args,
		.n_names = cmd->n_args,
		.services = config->services,
		.no_deps = config->no_deps,
	};
	struct selection selection;
	int status = 0;

	if (config->check_only)
		status = selection_make(cmd, &view, &selection);
	if (status == 0)
		status = session_open(&session, cmd);
	if (status == 0 && (config->check_only || can_ask(config)))
		status = check(&session, ask, &reply, &plan);
	if (status == 0 && config->check_only)
		return show_plan(cmd, &selection, reply, plan);
	if (status == 0 && plan && doc_get_int(plan, "conflicts", 0) > 0)
		status = ask_all(plan, &chosen);
	if (status != 0)
		return status;
	ask.on_conflict = chosen;
	return launch_run(&session, &ask);
}

const struct verb verb_up = {
	.name = "up",
	.arguments = "[NAME…]",
	.summary = "start services and what they depend on, in order",
	.details =
		"Without NAME every enabled service that has a startup_cmd.  Everything "
		"is\n"
		"looked at before anything is started: commands, folders, users, ports.\n"
		"A service is ready when the kernel says that it listens on its port, "
		"and\n"
		"its health check passes; who depends on it waits for that.\n"
		"\n"
		"Where somebody else has a port, asks: end the holder, take the next "
		"free\n"
		"port (in the registry, too), skip, or abort.  Without a terminal, and "
		"with\n"
		"--non-interactive, on_conflict of the entry decides.\n"
		"\n"
		"With a daemon the services are the daemon's and outlive this command "
		"and\n"
		"the daemon.  Without, up stays, and Ctrl-C stops them.\n"
		"\n"
		"Exits 7 where some failed, 5 where a port was somebody else's and "
		"nothing\n"
		"was started, 2 where something cannot be started as it is written, 3 "
		"where\n"
		"a NAME is not in the registry.\n",
	.options = options,
	.config_size = sizeof(struct config),
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
