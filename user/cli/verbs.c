// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/strings.h"
#include "cli/cli.h"
#include "cli/target.h"

const char *const format_names[] = { "table", "wide", "json", "jsonl", "csv", NULL };

#define AT(member) offsetof(struct globals, member)

/* clang-format off */
const struct option global_options[] = {
	{ "registry", 0, OPTION_TEXT, AT(registry), "FILE",
	  "the registry to go by", NULL },
	{ "socket", 0, OPTION_TEXT, AT(socket), "PATH",
	  "ask the daemon on this socket and no other", NULL },
	{ "local", 0, OPTION_FLAG, AT(local), NULL,
	  "ask no daemon; look for yourself", NULL },
	{ "output", 'o', OPTION_CHOICE, AT(format), "FORMAT",
	  "table, wide, json, jsonl or csv", format_names },
	{ "fields", 0, OPTION_TEXT, AT(fields), "A,B",
	  "these fields, in this order", NULL },
	{ "sort", 0, OPTION_TEXT, AT(sort), "FIELD[:desc]",
	  "order by a field", NULL },
	{ "no-headers", 0, OPTION_FLAG, AT(no_headers), NULL,
	  "leave the heading out", NULL },
	{ "no-color", 0, OPTION_FLAG, AT(no_color), NULL,
	  "no colour, not even on a terminal", NULL },
	{ "exit-zero", 0, OPTION_FLAG, AT(exit_zero), NULL,
	  "exit 0 whatever was found, for monitoring wrappers", NULL },
	{ "help", 'h', OPTION_FLAG, AT(help), NULL,
	  "explain, and do nothing", NULL },
	{ "version", 'V', OPTION_FLAG, AT(version), NULL,
	  "print the version, and do nothing", NULL },
	{ 0 },
};
/* clang-format on */

static const struct verb *const all[] = {
	&verb_why,          &verb_watch,     &verb_top,        &verb_status,
	&verb_check,        &verb_conflicts, &verb_alerts,     &verb_ls,
	&verb_history,      &verb_kill,      &verb_services,   &verb_available,
	&verb_reassign,     &verb_register,  &verb_unregister, &verb_enable,
	&verb_disable,      &verb_allocate,  &verb_release,    &verb_allocations,
	&verb_env,          &verb_report,    &verb_doctor,     &verb_up,
	&verb_down,         &verb_restart,   &verb_logs,       &verb_wait,
	&verb_health_check, &verb_run,       &verb_config,     &verb_completion,
	&verb_help,         &verb_version,
};

enum { N_VERBS = sizeof(all) / sizeof(*all) };

const struct verb *verb_at(size_t index)
{
	return index < N_VERBS ? all[index] : NULL;
}

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (streq(all[i]->name, name))
			return all[i];
	return NULL;
}

const char *verb_nearest(const char *name)
{
	const char *names[N_VERBS + 1], *near;

	for (size_t i = 0; i < N_VERBS; i++)
		names[i] = all[i]->name;
	names[N_VERBS] = NULL;
	near = nearest_name(name, names);
	for (size_t i = 0; i < N_VERBS && !near; i++)
		if (starts_with(names[i], name))
			near = names[i];
	return near;
}

int finding(const struct command *cmd, int status)
{
	return cmd->globals->exit_zero ? STATUS_DONE : status;
}

int usage_error(const struct verb *verb, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (verb)
		log_error("%s: %s; see 'portwatch help %s'", verb->name, text,
			  verb->name);
	else
		log_error("%s; see 'portwatch help'", text);
	return STATUS_USAGE;
}

int usage_check_names(const struct verb *verb, char *const *names, size_t n)
{
	char error[TARGET_ERROR];

	for (size_t i = 0; i < n; i++)
		if (target_check_name(names[i], error, sizeof(error)) < 0)
			return usage_error(verb, "%s", error);
	return 0;
}
