// SPDX-License-Identifier: GPL-2.0-only
/* Scripts for the shells, made from the tables of verbs and options. */
#include <stdio.h>

#include "cli/cli.h"

/* How a script asks for what only the registry knows. */
#define SERVICES "portwatch services -o csv --fields name --no-headers 2>/dev/null"

static void add_names(const struct option *options, struct buffer *ret)
{
	for (const struct option *o = options; o && o->name; o++)
		buffer_printf(ret, " --%s", o->name);
}

static void add_verbs(struct buffer *ret)
{
	for (size_t i = 0; verb_at(i); i++)
		buffer_printf(ret, "%s%s", i ? " " : "", verb_at(i)->name);
}

static void add_words(const char *const *words, struct buffer *ret)
{
	for (size_t i = 0; words && words[i]; i++)
		buffer_printf(ret, "%s%s", i ? " " : "", words[i]);
}

static void add_bash_verb(const struct verb *verb, struct buffer *ret)
{
	buffer_printf(ret, "\t%s)\n\t\toptions=\"", verb->name);
	add_names(verb->options, ret);
	buffer_puts(ret, "\"\n\t\twords=\"");
	switch (verb->takes) {
	case TAKES_SERVICES:
		buffer_puts(ret, "$(" SERVICES ")");
		break;
	case TAKES_VERBS:
		add_verbs(ret);
		break;
	case TAKES_WORDS:
	case TAKES_FILTERS:
		add_words(verb->words, ret);
		break;
	case TAKES_NOTHING:
		break;
	}
	buffer_puts(ret, "\" ;;\n");
}

static void add_bash(struct buffer *ret)
{
	buffer_puts(ret, "# bash completion of portwatch\n"
			 "_portwatch() {\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
			 "before=${COMP_WORDS[COMP_CWORD-1]}\n"
			 "\tlocal verb='' options='' words='' word\n"
			 "\tCOMPREPLY=()\n"
			 "\tcase $before in\n"
			 "\t--registry|--socket)\n"
			 "\t\tcompopt -o filenames\n"
			 "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
			 "\t\treturn ;;\n"
			 "\t-o|--output)\n"
			 "\t\tmapfile -t COMPREPLY < <(compgen -W \"");
	add_words(format_names, ret);
	buffer_puts(ret, "\" -- \"$cur\")\n"
			 "\t\treturn ;;\n"
			 "\tesac\n"
			 "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
			 "\t\tcase \" ");
	add_verbs(ret);
	buffer_puts(ret, " \" in *\" $word \"*) verb=$word; break ;; esac\n"
			 "\tdone\n"
			 "\tcase $verb in\n"
			 "\t'')\n\t\twords=\"");
	add_verbs(ret);
	buffer_puts(ret, "\" ;;\n");
	for (size_t i = 0; verb_at(i); i++)
		add_bash_verb(verb_at(i), ret);
	buffer_puts(ret,
		    "\tesac\n"
		    "\tif [[ $verb == config && $before != config ]]; then\n"
		    "\t\tcompopt -o filenames\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		    "\t\treturn\n"
		    "\tfi\n"
		    "\tif [[ $verb == run && $before == -- ]]; then\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n"
		    "\t\treturn\n"
		    "\tfi\n"
		    "\tif [[ $verb == run && \" ${COMP_WORDS[*]:1:COMP_CWORD-1} \" == "
		    "*' -- '* ]]; then\n"
		    "\t\tcompopt -o filenames\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		    "\t\treturn\n"
		    "\tfi\n"
		    "\t[[ $cur == -* ]] && words=\"$options");
	add_names(global_options, ret);
	buffer_puts(ret, "\"\n"
			 "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
			 "\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"
			 "\treturn 0\n"
			 "}\n"
			 "complete -F _portwatch portwatch\n");
}

/* Within single quotes and an _arguments or _describe specification. */
static void add_zsh_text(const char *text, struct buffer *ret)
{
	for (; *text; text++) {
		if (*text == '\'')
			buffer_puts(ret, "'\\''");
		else if (*text == '[' || *text == ']' || *text == ':')
			buffer_printf(ret, "\\%c", *text);
		else
			buffer_add(ret, text, 1);
	}
}

static void add_zsh_options(const struct option *options, struct buffer *ret)
{
	for (const struct option *o = options; o && o->name; o++) {
		buffer_printf(ret, " \\\n\t\t'--%s[", o->name);
		add_zsh_text(o->help, ret);
		buffer_puts(ret, "]");
		if (o->choices) {
			buffer_printf(ret, ":%s:(", o->value);
			add_words(o->choices, ret);
			buffer_puts(ret, ")");
		} else if (o->value) {
			buffer_puts(ret, ":");
			add_zsh_text(o->value, ret);
			buffer_puts(ret, ":_files");
		}
		buffer_puts(ret, "'");
	}
}

static void add_zsh_verb(const struct verb *verb, struct buffer *ret)
{
	buffer_printf(ret, "\t%s)\n\t\t_arguments", verb->name);
	add_zsh_options(verb->options, ret);
	add_zsh_options(global_options, ret);
	switch (verb->takes) {
	case TAKES_SERVICES:
		buffer_puts(ret, " \\\n\t\t'*:service:_portwatch_services'");
		break;
	case TAKES_VERBS:
		buffer_puts(ret, " \\\n\t\t'*:verb:(");
		add_verbs(ret);
		buffer_puts(ret, ")'");
		break;
	case TAKES_WORDS:
	case TAKES_FILTERS:
		buffer_puts(ret, " \\\n\t\t'1:word:(");
		add_words(verb->words, ret);
		buffer_puts(ret, ")' '*:file:_files'");
		break;
	case TAKES_NOTHING:
		break;
	}
	buffer_puts(ret, " ;;\n");
}

static void add_zsh(struct buffer *ret)
{
	buffer_puts(ret, "#compdef portwatch\n"
			 "_portwatch_services() {\n"
			 "\tlocal -a names=(${(f)\"$(" SERVICES ")\"})\n"
			 "\tcompadd -a names\n"
			 "}\n"
			 "_portwatch() {\n"
			 "\tlocal curcontext=$curcontext state line\n"
			 "\tlocal -a verbs=(\n");
	for (size_t i = 0; verb_at(i); i++) {
		buffer_printf(ret, "\t\t'%s:", verb_at(i)->name);
		add_zsh_text(verb_at(i)->summary, ret);
		buffer_puts(ret, "'\n");
	}
	buffer_puts(ret, "\t)\n\t_arguments -C");
	add_zsh_options(global_options, ret);
	buffer_puts(ret, " \\\n\t\t'1:verb:->verb' '*::argument:->argument'\n"
			 "\tcase $state in\n"
			 "\tverb) _describe verb verbs; return ;;\n"
			 "\tesac\n"
			 "\tcase $words[1] in\n");
	for (size_t i = 0; verb_at(i); i++)
		add_zsh_verb(verb_at(i), ret);
	buffer_puts(ret, "\tesac\n}\n_portwatch \"$@\"\n");
}

static void add_fish_text(const char *text, struct buffer *ret)
{
	buffer_puts(ret, "'");
	for (; *text; text++)
		buffer_printf(ret, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
	buffer_puts(ret, "'");
}

static void add_fish_options(const char *verb, const struct option *options,
			     struct buffer *ret)
{
	for (const struct option *o = options; o && o->name; o++) {
		buffer_puts(ret, "complete -c portwatch");
		if (verb)
			buffer_printf(ret, " -n '__fish_seen_subcommand_from %s'", verb);
		buffer_printf(ret, " -l %s", o->name);
		if (o->letter)
			buffer_printf(ret, " -s %c", o->letter);
		if (o->choices) {
			buffer_puts(ret, " -x -a '");
			add_words(o->choices, ret);
			buffer_puts(ret, "'");
		} else if (o->value) {
			buffer_puts(ret,
				    streq(o->value, "FILE") || streq(o->value, "PATH")
					    ? " -r -F"
					    : " -x");
		}
		buffer_puts(ret, " -d ");
		add_fish_text(o->help, ret);
		buffer_puts(ret, "\n");
	}
}

static void add_fish_verb(const struct verb *verb, struct buffer *ret)
{
	buffer_printf(ret, "complete -c portwatch -n __fish_use_subcommand -a %s -d ",
		      verb->name);
	add_fish_text(verb->summary, ret);
	buffer_puts(ret, "\n");
	add_fish_options(verb->name, verb->options, ret);
	if (verb->takes == TAKES_NOTHING)
		return;
	buffer_printf(ret,
		      "complete -c portwatch -n '__fish_seen_subcommand_from %s' -a '",
		      verb->name);
	if (verb->takes == TAKES_SERVICES)
		buffer_puts(ret, "(" SERVICES ")");
	else if (verb->takes == TAKES_VERBS)
		add_verbs(ret);
	else
		add_words(verb->words, ret);
	buffer_puts(ret, "'\n");
}

static void add_fish(struct buffer *ret)
{
	buffer_puts(ret, "# fish completion of portwatch\n"
			 "complete -c portwatch -f\n");
	add_fish_options(NULL, global_options, ret);
	for (size_t i = 0; verb_at(i); i++)
		add_fish_verb(verb_at(i), ret);
	buffer_puts(ret, "complete -c portwatch -n '__fish_seen_subcommand_from config' "
			 "-F\n");
}

static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static int run(const struct command *cmd)
{
	static void (*const makers[])(struct buffer *) = { add_bash, add_zsh, add_fish };
	_cleanup_(buffer_done) struct buffer out = { 0 };

	for (size_t i = 0; shells[i]; i++) {
		if (!streq(shells[i], cmd->args[0]))
			continue;
		makers[i](&out);
		return output_buffer(&out);
	}
	return usage_error(cmd->verb, "'%s' is no shell that is known: bash, zsh or fish",
			   cmd->args[0]);
}

const struct verb verb_completion = {
	.name = "completion",
	.arguments = "bash|zsh|fish",
	.summary = "print a completion script for a shell",
	.details = "  bash: source <(portwatch completion bash)\n"
		   "  zsh:  portwatch completion zsh > \"${fpath[1]}/_portwatch\"\n"
		   "  fish: portwatch completion fish > "
		   "~/.config/fish/completions/portwatch.fish\n",
	.min_args = 1,
	.max_args = 1,
	.takes = TAKES_WORDS,
	.words = shells,
	.run = run,
};
