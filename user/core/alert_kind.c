// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of alert as SPEC section 2 lists them. */
#include "core/alerts.h"

#include <errno.h>

#include "base/strings.h"

struct kind {
	const char *name;
	enum alert_severity severity;
	bool conflict;
};

static const struct kind kinds[ALERT_KINDS] = {
	[ALERT_OCCUPIED] = { "occupied", SEVERITY_CRITICAL, true },
	[ALERT_BLOCKED] = { "blocked", SEVERITY_CRITICAL, true },
	[ALERT_SHARED] = { "shared", SEVERITY_CRITICAL, true },
	[ALERT_SHADOWED] = { "shadowed", SEVERITY_WARNING, true },
	[ALERT_DRIFTED] = { "drifted", SEVERITY_WARNING, true },
	[ALERT_DEAD_OWNER] = { "dead_owner", SEVERITY_CRITICAL, false },
	[ALERT_ORPHANED] = { "orphaned", SEVERITY_CRITICAL, true },
	[ALERT_NOT_LISTENING] = { "not_listening", SEVERITY_CRITICAL, false },
	[ALERT_UNHEALTHY] = { "unhealthy", SEVERITY_WARNING, false },
	[ALERT_EPHEMERAL] = { "ephemeral", SEVERITY_WARNING, false },
	[ALERT_DUPLICATE] = { "duplicate", SEVERITY_WARNING, true },
	[ALERT_UNREGISTERED] = { "unregistered", SEVERITY_INFO, false },
};

const char *alert_kind_name(enum alert_kind kind)
{
	return (unsigned)kind < ALERT_KINDS ? kinds[kind].name : "unknown";
}

int alert_kind_parse(const char *text, enum alert_kind *ret)
{
	for (unsigned kind = 0; kind < ALERT_KINDS; kind++)
		if (streq(text, kinds[kind].name)) {
			*ret = kind;
			return 0;
		}
	return -EINVAL;
}

enum alert_severity alert_kind_severity(enum alert_kind kind)
{
	return (unsigned)kind < ALERT_KINDS ? kinds[kind].severity : SEVERITY_INFO;
}

bool alert_kind_is_conflict(enum alert_kind kind)
{
	return (unsigned)kind < ALERT_KINDS && kinds[kind].conflict;
}

const char *severity_name(enum alert_severity severity)
{
	static const char *const names[] = {
		[SEVERITY_INFO] = "info",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_CRITICAL] = "critical",
	};

	return (unsigned)severity <= SEVERITY_CRITICAL ? names[severity] : "unknown";
}
