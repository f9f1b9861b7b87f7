// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/target.h"

struct config {
	const char *since, *limit; /* NULL: not given */
	bool reverse;
};

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct option options[] = {
	{ "since", 'S', OPTION_TEXT, AT(since), "TIME",
	  "from a time on, or from so long ago on: 2026-01-17T12:00:00Z, 2h, 30d", NULL },
	{ "limit", 'n', OPTION_TEXT, AT(limit), "N",
	  "the last N entries (100, with --since all; at most 10000)", NULL },
	{ "reverse", 'r', OPTION_FLAG, AT(reverse), NULL,
	  "the newest first", NULL },
	{ 0 },
};

#define SHOWN COLUMN_SHOWN
#define WIDE COLUMN_WIDE

static const struct column columns[] = {
	{ .name = "time", .header = "TIME", .flags = SHOWN, .show = show_time },
	{ .name = "type", .header = "EVENT", .flags = SHOWN },
	{ .name = "port", .header = "PORT", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "proto", .header = "PROTO", .flags = SHOWN },
	{ .name = "address", .header = "ADDRESS",
	  .flags = SHOWN | COLUMN_CUT | COLUMN_ROOMY, .width = 0.1 },
	{ .name = "service", .header = "SERVICE",
	  .flags = SHOWN | COLUMN_CUT | COLUMN_SPARE },
	{ .name = "pid", .path = "process.pid", .header = "PID",
	  .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "process", .path = "process.comm", .header = "PROCESS",
	  .flags = SHOWN | COLUMN_CUT },
	{ .name = "user", .path = "process.user", .header = "USER",
	  .flags = SHOWN | COLUMN_CUT | COLUMN_ROOMY },
	{ .name = "text", .header = "WHAT", .flags = SHOWN | COLUMN_CUT },
	{ .name = "errno", .header = "ERRNO", .flags = WIDE },
	{ .name = "holder", .path = "holder.comm", .header = "HOLDER", .flags = WIDE },
	{ .name = "holder_pid", .path = "holder.pid", .header = "HOLDER_PID",
	  .flags = WIDE | COLUMN_RIGHT },
	{ .name = "netns", .header = "NETNS", .flags = WIDE | COLUMN_RIGHT },
	{ .name = "cookie", .header = "COOKIE", .flags = WIDE | COLUMN_RIGHT },
	{ .name = "unit", .path = "process.unit", .header = "UNIT", .flags = WIDE },
	{ .name = "container", .path = "process.container", .header = "CONTAINER",
	  .flags = WIDE },
	{ .name = "exe", .path = "process.exe", .header = "EXE", .flags = WIDE },
	{ .name = "cmdline", .path = "process.cmdline", .header = "CMDLINE",
	  .flags = WIDE, .show = show_words },
	{ .name = "id", .header = "ID", .flags = COLUMN_RIGHT },
	{ .name = "source", .header = "SOURCE" },
	{ .name = "cause", .header = "CAUSE" },
	{ .name = "lifetime_s", .header = "LIFETIME", .flags = COLUMN_RIGHT,
	  .show = show_age },
	{ .name = "exit_code", .header = "EXIT_CODE", .flags = COLUMN_RIGHT },
	{ .name = "signal", .header = "SIGNAL" },
	{ .name = "kind", .path = "alert.kind", .header = "KIND" },
	{ .name = "severity", .path = "alert.severity", .header = "SEVERITY",
	  .flags = COLUMN_TONED },
	{ .name = "fix", .path = "alert.fix", .header = "FIX" },
	{ .name = "ppid", .path = "process.ppid", .header = "PPID",
	  .flags = COLUMN_RIGHT },
	{ .name = "uid", .path = "process.uid", .header = "UID", .flags = COLUMN_RIGHT },
	{ .name = "cwd", .path = "process.cwd", .header = "CWD" },
	{ .name = "cgroup", .path = "process.cgroup", .header = "CGROUP" },
	{ 0 },
};
/* clang-format on */

static const struct view view = { .key = "entries",
				  .columns = columns,
				  .nothing = "Nothing is remembered of that" };

enum { LIMIT_MAX = 10000 };
#define LIMIT_MAX_TEXT "10000"

static int check(const struct command *cmd, const struct config *config)
{
	enum target_kind kind;
	char error[TARGET_ERROR];
	uint64_t value;

	if (cmd->n_args && target_check(cmd->args[0], &kind, error, sizeof(error)) < 0)
		return usage_error(cmd->verb, "%s", error);
	if (config->since && time_parse(config->since, &value) < 0 &&
	    duration_parse(config->since, &value) < 0)
		return usage_error(cmd->verb,
				   "'%s' is no time: 2026-01-17T12:00:00Z, or how long "
				   "ago, such as 2h or 30d",
				   config->since);
	if (config->limit &&
	    (parse_u64(config->limit, LIMIT_MAX, &value) < 0 || value == 0))
		return usage_error(cmd->verb, "--limit is a number from 1 to %d, not %s",
				   LIMIT_MAX, config->limit);
	return 0;
}

static void add_argument(struct buffer *path, const char *key, const char *value)
{
	_cleanup_(freep) char *encoded = value ? pw_percent_encode(value) : NULL;

	if (encoded)
		buffer_printf(path, "&%s=%s", key, encoded);
	else if (value)
		path->failed = true;
}

/* What the rows do not tell. */
static void tell_rest(const char *body, size_t size, size_t count)
{
	struct span document = { body, size };
	struct span fault = span_member(document, "fault");
	double dropped = span_number(span_member(document, "dropped"), 0);
	_cleanup_(buffer_done) struct buffer text = { 0 };

	if (!span_is_null(span_member(document, "next")))
		log_info("These are the last %zu; --limit N shows more, --since TIME all "
			 "from then on",
			 count);
	if (dropped > 0)
		log_warning("%.0f entries of that time are missing: they could not be "
			    "written",
			    dropped);
	if (span_is_null(fault))
		return;
	span_unescape(fault, &text);
	log_warning("Nothing is written at the moment: %s", text.data ? text.data : "");
}

static int run(const struct command *cmd)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(buffer_done) struct buffer path = { 0 };
	const struct config *config = cmd->config;
	struct selection selection;
	const char *body;
	size_t size, count;
	int status = selection_make(cmd, &view, &selection);

	if (status == 0)
		status = check(cmd, config);
	if (status != 0)
		return status;
	buffer_printf(&path, API "/history?order=%s",
		      config->reverse ? "newest" : "oldest");
	add_argument(&path, "target", cmd->args[0]);
	add_argument(&path, "since", config->since);
	/* Whoever says from when on means all of it. */
	add_argument(&path, "limit",
		     config->limit   ? config->limit
		     : config->since ? LIMIT_MAX_TEXT
				     : NULL);
	if (path.failed)
		return output_buffer(&path);
	status = session_ask(cmd, path.data, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	status = render_rows(cmd, &selection, body, size, &count);
	if (status == 0)
		tell_rest(body, size, count);
	return status;
}

const struct verb verb_history = {
	.name = "history",
	.arguments = "[TARGET]",
	.summary = "past owners, binds, failures and alerts of a port or service",
	.details =
		"TARGET is NAME, :PORT, :LOW-HIGH, :PORT/udp or pid:N; without one, all\n"
		"that happened.  NAME covers what the service did and what anybody did "
		"on\n"
		"its ports.  The newest entry stands last, as in a log; with --reverse "
		"it\n"
		"stands first.\n"
		"\n"
		"  portwatch history :8080 --since 2h\n"
		"  portwatch history wizard -n 20 --reverse\n"
		"  portwatch history --since 2026-01-17T12:00:00Z -o jsonl\n"
		"\n"
		"A time without a zone is UTC.  Without a daemon, what the last one "
		"wrote is\n"
		"read; that takes root or group portwatch.  Exits 3 where no history "
		"was kept,\n"
		"or where no service is or was called NAME.\n",
	.options = options,
	.config_size = sizeof(struct config),
	.max_args = 1,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
