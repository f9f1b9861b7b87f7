// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "base/log.h"
#include "cli/render.h"
#include "cli/session.h"
#include "json/doc.h"

/* clang-format off */
static const struct column columns[] = {
	{ .name = "service", .header = "SERVICE", .flags = COLUMN_SHOWN },
	{ .name = "port", .header = "PORT", .flags = COLUMN_WIDE | COLUMN_RIGHT },
	{ .name = "result", .header = "RESULT", .flags = COLUMN_SHOWN | COLUMN_TONED },
	{ .name = "health", .header = "HEALTH", .flags = COLUMN_SHOWN | COLUMN_TONED },
	{ .name = "kind", .header = "KIND", .flags = COLUMN_SHOWN },
	{ .name = "target", .header = "TARGET", .flags = COLUMN_SHOWN | COLUMN_CUT },
	{ .name = "reason", .header = "REASON",
	  .flags = COLUMN_SHOWN | COLUMN_CUT | COLUMN_SPARE },
	{ .name = "latency_us", .header = "LATENCY_US",
	  .flags = COLUMN_WIDE | COLUMN_RIGHT },
	{ 0 },
};
/* clang-format on */

static const struct view view = {
	.key = "checks",
	.columns = columns,
	.nothing = "No service has a health check; 'portwatch register NAME --update "
		   "--health-endpoint URL' gives it one",
};

static int ask(struct session *session, const struct command *cmd, struct pw_reply **ret)
{
	_cleanup_(doc_freep) struct doc *body = doc_object();
	_cleanup_(freep) char *text = NULL;
	struct doc *names = doc_array();
	size_t size;

	for (size_t i = 0; i < cmd->n_args; i++)
		doc_append_string(names, cmd->args[i]);
	doc_set(body, "services", names);
	text = doc_print(body, false, &size);
	if (!text) {
		log_error("Out of memory");
		return STATUS_FAILED;
	}
	return session_post(session, API "/health-check", text, size, ret);
}

static bool is_result(const struct doc *check, const char *name)
{
	const char *result = doc_get_string(check, "result");

	return result && streq(result, name);
}

/* The worst of them.  What does not run, or has no check, only matters where it was
 * named. */
static int judge(const struct command *cmd, const char *body, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(body, size, NULL);
	bool sick = false, not_made = false, absent = false;
	const struct doc *checks = doc_get(doc, "checks");

	for (const struct doc *c = doc_first(checks); c; c = doc_next(c)) {
		const char *health = doc_get_string(c, "health");

		sick |= is_result(c, "failed") || (health && streq(health, "unhealthy"));
		not_made |= is_result(c, "not_made");
		absent |= cmd->n_args > 0 &&
			  (is_result(c, "not_running") || is_result(c, "no_check"));
	}
	if (sick)
		return finding(cmd, STATUS_UNHEALTHY);
	if (not_made)
		return STATUS_FAILED;
	return absent ? finding(cmd, STATUS_NOT_FOUND) : STATUS_DONE;
}

static int run(const struct command *cmd)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	struct selection selection;
	const char *body;
	size_t size, count;
	int status = usage_check_names(cmd->verb, cmd->args, cmd->n_args);

	if (status == 0)
		status = selection_make(cmd, &view, &selection);
	if (status == 0)
		status = session_open(&session, cmd);
	if (status == 0)
		status = ask(&session, cmd, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	status = render_rows(cmd, &selection, body, size, &count);
	return status ? status : judge(cmd, body, size);
}

const struct verb verb_health_check = {
	.name = "health-check",
	.arguments = "[NAME…]",
	.summary = "run the health checks now, of these services or of all",
	.details =
		"RESULT is of the check that was made now: passed, failed, not_running,\n"
		"no_check or not_made; HEALTH is what the checks make of the service "
		"by\n"
		"its thresholds, for which this one counts as any other.\n"
		"\n"
		"Exits 9 where one failed or is unhealthy, 3 where a NAME is not in the\n"
		"registry, does not run or has no check, 1 where one could not be "
		"made.\n",
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
