// SPDX-License-Identifier: GPL-2.0-only
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"
#include "cli/cli.h"

enum { ERROR_TEXT = 512 };

/* The command line, taken apart. */
struct line {
	struct globals globals;
	struct terminal terminal;
	const struct verb *verb;
	_Alignas(max_align_t) char config[4096];
	char **args; /* as many as argv has, at most */
	size_t n_args;
};

static int take_word(struct line *line, char *word)
{
	const char *near;

	if (line->verb) {
		line->args[line->n_args++] = word;
		return 0;
	}
	line->verb = verb_find(word);
	if (line->verb)
		return 0;
	near = verb_nearest(word);
	if (near)
		return usage_error(NULL, "there is no verb '%s' (did you mean '%s'?)",
				   word, near);
	return usage_error(NULL, "there is no verb '%s'", word);
}

static int take_option(struct line *line, char **argv, int *at)
{
	char error[ERROR_TEXT];
	struct option_set sets[2] = {
		{ global_options, &line->globals },
		{ line->verb ? line->verb->options : NULL, line->config },
	};

	if (options_take(sets, 2, argv, at, error, sizeof(error)) < 0)
		return usage_error(line->verb, "%s", error);
	return 0;
}

/* 0, or an enum exit_status after saying why. */
static int parse(struct line *line, char **argv)
{
	bool options = true;
	int status = 0;

	for (int at = 1; argv[at] && status == 0;) {
		const char *word = argv[at];

		if (options && streq(word, "--")) {
			options = false;
			at++;
		} else if (options && word[0] == '-' && word[1]) {
			status = take_option(line, argv, &at);
		} else {
			status = take_word(line, argv[at++]);
		}
	}
	return status;
}

static int check_count(const struct line *line)
{
	const struct verb *verb = line->verb;

	if (line->n_args < verb->min_args)
		return usage_error(verb, "needs %s", verb->arguments);
	if (line->n_args > verb->max_args)
		return usage_error(verb, "'%s' is one word too many",
				   line->args[verb->max_args]);
	if (line->globals.local && line->globals.socket)
		return usage_error(verb, "--local and --socket exclude each other");
	return 0;
}

static int run(struct line *line)
{
	struct command cmd = { .verb = line->verb,
			       .globals = &line->globals,
			       .terminal = &line->terminal,
			       .args = line->args,
			       .config = line->config };
	int status;

	if (line->globals.version)
		return verb_version.run(&cmd);
	if (line->globals.help)
		return line->verb ? help_print_verb(line->verb) : help_print_overview();
	if (!line->verb)
		return usage_error(NULL, "say what to do");
	status = check_count(line);
	if (status)
		return status;
	cmd.n_args = line->n_args;
	return line->verb->run(&cmd);
}

int main(int argc, char **argv)
{
	struct line line = { 0 };
	int status;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN); /* a write says EPIPE, and that is told apart */
	log_set_program("portwatch");
	line.args = calloc((size_t)argc + 1, sizeof(*line.args));
	if (!line.args)
		return STATUS_FAILED;
	status = parse(&line, argv);
	terminal_init(&line.terminal, line.globals.no_color);
	if (status == 0)
		status = run(&line);
	free(line.args);
	return status;
}
