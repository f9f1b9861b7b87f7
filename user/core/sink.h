/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink - where alerts go: one entry of settings.sinks, and which alerts it wants.
 *
 * Pure data.  What is done about it is in user/sinks.
 */
#ifndef PORTWATCH_CORE_SINK_H
#define PORTWATCH_CORE_SINK_H

#include "core/alerts.h"

enum sink_type {
	SINK_STDOUT,
	SINK_FILE,
	SINK_JOURNALD,
	SINK_SYSLOG,
	SINK_EXEC,
	SINK_WEBHOOK,
	SINK_ALERTMANAGER,
	SINK_TYPES,
};

enum { SINKS_MAX = 64, SINK_SECRETS_MAX = 8, SINK_QUEUE_MAX = 100000 };

struct sink_settings {
	char *name; /* as a service's, and no other sink's */
	enum sink_type type;
	uint32_t kinds;  /* 1 << enum alert_kind; 0 all */
	char **services; /* NULL all */
	enum alert_severity min_severity;
	bool command_lines; /* of processes are told */
	unsigned queue_max; /* alerts that wait at most */

	char *path;           /* of the file, or the socket of journald or syslog */
	char **argv;          /* exec */
	char *user;           /* exec; NULL: the daemon's */
	unsigned max_running; /* exec */
	char *url;            /* webhook, alertmanager */
	char **secrets;       /* webhook: "whsec_…"; NULL none */
	char *secret_file;    /* webhook: the same, one a line; NULL none */
	uint64_t timeout_ms;  /* exec, webhook, alertmanager: of one attempt */
	uint64_t backoff_ms;  /* webhook, alertmanager: before the second attempt */
	uint64_t backoff_max_ms;
	uint64_t max_age_ms; /* webhook: what is older is given up */
	uint64_t resend_ms;  /* alertmanager: how often it is told what is firing */
};

/* With the defaults of that type; NULL for want of memory. */
struct sink_settings *sink_settings_new(enum sink_type type);
struct sink_settings *sink_settings_copy(const struct sink_settings *from);
struct sink_settings *sink_settings_free(struct sink_settings *sink);
DEFINE_CLEANUP(struct sink_settings, sink_settings_free)
bool sink_settings_equal(const struct sink_settings *a, const struct sink_settings *b);

/* Do kinds, services and min_severity let it through? */
bool sink_wants(const struct sink_settings *sink, const struct alert *alert);

const char *sink_type_name(enum sink_type type);

/* What became of the alerts of one sink.  An alert counts once for firing and once for
 * resolving. */
struct sink_stats {
	const char *name; /* borrowed, as is last_error */
	enum sink_type type;
	uint64_t sent;    /* taken by the other side */
	uint64_t failed;  /* attempts that were not */
	uint64_t dropped; /* alerts given up: no room, too old, or refused for good */
	uint64_t queued;  /* alerts that wait now */
	const char *last_error; /* of the last attempt that failed; NULL none */
	uint64_t last_error_ns; /* wall clock; 0 */
};

#endif /* PORTWATCH_CORE_SINK_H */
