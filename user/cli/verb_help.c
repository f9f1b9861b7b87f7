// SPDX-License-Identifier: GPL-2.0-only
/* Help, made from the tables of verbs and options. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { NAME_COLUMN = 12, OPTION_COLUMN = 26 };

static const char statuses[] = "Exit status: 0 done; 1 failed; 2 usage or bad registry; "
			       "3 no such thing, or not\n"
			       "running; 4 not permitted; 5 conflict; 6 timed out; 7 "
			       "partly done; 8 no daemon on\n"
			       "the socket that was named; 9 unhealthy.\n";

static void add_options(const struct option *options, struct buffer *ret)
{
	for (const struct option *o = options; o && o->name; o++) {
		char text[80];

		snprintf(text, sizeof(text), "%s%c%s--%s%s%s", o->letter ? "-" : " ",
			 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			 o->value ? " " : "", o->value ? o->value : "");
		buffer_printf(ret, "  %-*s  %s\n", OPTION_COLUMN, text, o->help);
	}
}

int help_print_overview(void)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };

	buffer_puts(&out, "Usage: portwatch [OPTION…] VERB [TARGET…]\n\n"
			  "Which service should own which port, who does, and what to do "
			  "about it.\n\n");
	for (size_t i = 0; verb_at(i); i++)
		buffer_printf(&out, "  %-*s  %s\n", NAME_COLUMN, verb_at(i)->name,
			      verb_at(i)->summary);
	buffer_puts(&out, "\nOptions, before or behind the verb:\n\n");
	add_options(global_options, &out);
	buffer_puts(&out, "\nA target is NAME, :PORT, :LOW-HIGH, :PORT/udp or pid:N.\n"
			  "The registry is --registry, else PORTWATCH_REGISTRY, else\n"
			  "/etc/portwatch/registry.json; the socket --socket, else "
			  "PORTWATCH_SOCKET,\n"
			  "else /run/portwatch/portwatch.sock.\n\n");
	buffer_puts(&out, statuses);
	buffer_puts(&out, "\n'portwatch help VERB' says more of each.\n");
	return output_buffer(&out);
}

int help_print_verb(const struct verb *verb)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };

	buffer_printf(&out, "Usage: portwatch %s%s%s%s\n\n%s\n", verb->name,
		      verb->options ? " [OPTION…]" : "", *verb->arguments ? " " : "",
		      verb->arguments, verb->summary);
	if (*verb->details)
		buffer_printf(&out, "\n%s", verb->details);
	if (verb->options) {
		buffer_puts(&out, "\nOptions:\n\n");
		add_options(verb->options, &out);
	}
	buffer_puts(&out, "\nOptions of every verb:\n\n");
	add_options(global_options, &out);
	return output_buffer(&out);
}

static int run(const struct command *cmd)
{
	const struct verb *verb;
	const char *near;

	if (cmd->n_args == 0)
		return help_print_overview();
	verb = verb_find(cmd->args[0]);
	if (verb)
		return help_print_verb(verb);
	near = verb_nearest(cmd->args[0]);
	if (near)
		return usage_error(NULL, "there is no verb '%s' (did you mean '%s'?)",
				   cmd->args[0], near);
	return usage_error(NULL, "there is no verb '%s'", cmd->args[0]);
}

const struct verb verb_help = {
	.name = "help",
	.arguments = "[VERB]",
	.summary = "explain portwatch, or one verb",
	.details = "",
	.max_args = 1,
	.takes = TAKES_VERBS,
	.run = run,
};
