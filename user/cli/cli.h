/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cli - what every verb is made of: a typed config, a table of options, run().
 *
 * A verb is one file.  Usage, help and completion are made from the tables, and only
 * main() exits.
 */
#ifndef PORTWATCH_CLI_CLI_H
#define PORTWATCH_CLI_CLI_H

#include "cli/options.h"
#include "cli/output.h"

/* SPEC section 4, the same in every format. */
enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2, /* or a bad registry */
	STATUS_NOT_FOUND = 3,
	STATUS_NOT_PERMITTED = 4,
	STATUS_CONFLICT = 5,
	STATUS_TIMED_OUT = 6,
	STATUS_PARTLY = 7,
	STATUS_NO_DAEMON = 8,
	STATUS_UNHEALTHY = 9,
};

enum format { FORMAT_TABLE, FORMAT_WIDE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };
extern const char *const format_names[]; /* by enum format; NULL-terminated */

/* Options that every verb takes, before it or behind it. */
struct globals {
	const char *registry, *socket; /* NULL: not given */
	bool local;
	int format;
	const char *fields, *sort; /* NULL: not given */
	bool no_headers, no_color, exit_zero, help, version;
};
extern const struct option global_options[];

struct verb;
struct command {
	const struct verb *verb;
	const struct globals *globals;
	const struct terminal *terminal;
	char *const *args; /* NULL-terminated, options taken out */
	size_t n_args;
	const void *config; /* of the verb's own type; NULL where it has no options */
};

struct verb {
	const char *name;
	const char *arguments;        /* "[NAME…]"; "" none */
	const char *summary;          /* one line without a full stop */
	const char *details;          /* paragraphs; lines of at most 78 columns */
	const struct option *options; /* NULL none */
	size_t config_size;
	size_t min_args, max_args;
	/* What stands where it takes words of a kind, for completion. */
	enum {
		TAKES_NOTHING,
		TAKES_SERVICES,
		TAKES_VERBS,
		TAKES_WORDS,
		TAKES_FILTERS
	} takes;
	const char *const *words; /* TAKES_WORDS and TAKES_FILTERS */
	bool has_rows;            /* --fields, --sort and --no-headers mean something */
	/* An enum exit_status. */
	int (*run)(const struct command *cmd);
};

/* In order of help; NULL past the last. */
const struct verb *verb_at(size_t index);
const struct verb *verb_find(const char *name);
/* "did you mean"; NULL. */
const char *verb_nearest(const char *name);

/* A usage error: one line that ends by pointing to the help.  Answers STATUS_USAGE. */
int usage_error(const struct verb *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Are these names of services?  0, or a usage error. */
int usage_check_names(const struct verb *verb, char *const *names, size_t n);

/* What was looked for and found: @status, or done with --exit-zero. */
int finding(const struct command *cmd, int status);

/* To stdout, each an enum exit_status. */
int help_print_overview(void);
int help_print_verb(const struct verb *verb);

/* The verbs. */
extern const struct verb verb_why, verb_watch, verb_status, verb_check, verb_conflicts,
	verb_alerts, verb_kill, verb_ls, verb_services, verb_available, verb_reassign,
	verb_register, verb_unregister, verb_enable, verb_disable, verb_env, verb_report,
	verb_doctor, verb_config, verb_completion, verb_help, verb_version, verb_allocate,
	verb_release, verb_allocations, verb_health_check, verb_up, verb_down,
	verb_restart, verb_logs, verb_wait, verb_run, verb_history, verb_top;

#endif /* PORTWATCH_CLI_CLI_H */
