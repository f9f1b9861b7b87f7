// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"
#include "cli/session.h"

struct config {
	const char *goal; /* NULL: not given */
	struct duration timeout;
};

#define AT(member) offsetof(struct config, member)

static const char *const goals[] = { "listening", "healthy", "gone", NULL };

/* clang-format off */
static const struct option options[] = {
	{ "for", 0, OPTION_TEXT, AT(goal), "STATE",
	  "listening (as it is without), healthy or gone", goals },
	{ "timeout", 0, OPTION_DURATION, AT(timeout), "TIME",
	  "give up after so long: 30s, 5m; else never", NULL },
	{ 0 },
};
/* clang-format on */

static int time_left_ms(uint64_t until_ns)
{
	uint64_t now = now_mono_ns(), ms;

	if (until_ns == 0)
		return -1;
	if (now >= until_ns)
		return 0;
	ms = (until_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static int wait_for(struct session *session, struct pw_stream *stream,
		    const struct config *config, const char *name, const char *goal)
{
	uint64_t until_ns = 0;
	struct pw_item item;
	int n;

	if (config->timeout.given && config->timeout.ms < INT64_MAX / NS_PER_MS)
		until_ns = now_mono_ns() + config->timeout.ms * NS_PER_MS;
	do {
		n = pw_stream_wait(stream, time_left_ms(until_ns), &item);
		if (n > 0)
			return STATUS_DONE;
		if (n < 0)
			return session_complain(session, n);
	} while (time_left_ms(until_ns) != 0);
	log_error("%s is not %s within the time", name, goal);
	return STATUS_TIMED_OUT;
}

static int run(const struct command *cmd)
{
	const struct config *config = cmd->config;
	const char *goal = config->goal ? config->goal : goals[0];
	_cleanup_(session_close) struct session session = { 0 };
	struct pw_stream *stream;
	char path[256];
	int status;

	status = usage_check_names(cmd->verb, cmd->args, 1);
	if (status != 0)
		return status;
	status = session_open(&session, cmd);
	if (status != 0)
		return status;
	snprintf(path, sizeof(path), API "/services/%s/wait?for=%s", cmd->args[0], goal);
	status = session_stream(&session, path, &stream);
	if (status != 0)
		return status;
	status = wait_for(&session, stream, config, cmd->args[0], goal);
	pw_stream_close(stream);
	return status;
}

const struct verb verb_wait = {
	.name = "wait",
	.arguments = "NAME",
	.summary = "wait until a service listens, is healthy, or is gone",
	.details =
		"Ends at once where it is so already.  gone: its process has ended and "
		"its\n"
		"port is free of it.\n"
		"\n"
		"Exits 6 where --timeout TIME ran out first, 3 where NAME is not in the\n"
		"registry, 2 where it has no health check to wait for.\n",
	.options = options,
	.config_size = sizeof(struct config),
	.min_args = 1,
	.max_args = 1,
	.takes = TAKES_SERVICES,
	.run = run,
};
