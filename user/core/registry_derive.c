// SPDX-License-Identifier: GPL-2.0-only
/*
 * The match of an entry that gives none: its process_name and the arguments of its
 * startup_cmd.
 *
 * The process that will be seen is the one at the end of a chain: `sh -c`, `env` and
 * the like execute another program in their place, so that what they were called with
 * is gone by the time of the first bind.
 */
#include "core/registry_private.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/strings.h"

enum { UNWRAP_MAX = 4 };

static bool is_program(const char *word, const char *name)
{
	return name_equals(base_name(word), base_name(name));
}

static bool is_one_of(const char *word, const char *const *names)
{
	struct span base = base_name(word);

	for (; *names; names++)
		if (streq(base.text, *names))
			return true;
	return false;
}

/* NAME=value before a command */
static bool is_assignment(const char *word)
{
	const char *at = word;

	while (isalnum((unsigned char)*at) || *at == '_')
		at++;
	return at > word && *at == '=' && !isdigit((unsigned char)*word);
}

/* Programs that execute what follows, and those of their options that take a word. */
static const struct wrapper {
	const char *name;
	const char *subcommand; /* NULL none */
	const char *valued;
} wrappers[] = {
	/* clang-format off */
	{ "env", NULL, "uCS" }, { "exec", NULL, "a" }, { "command", NULL, "" },
	{ "nohup", NULL, "" }, { "setsid", NULL, "" }, { "nice", NULL, "n" },
	{ "ionice", NULL, "cn" }, { "stdbuf", NULL, "ioe" },
	{ "sudo", NULL, "ugpCDRTh" }, { "doas", NULL, "uC" },
	{ "poetry", "run", "" }, { "pipenv", "run", "" }, { "uv", "run", "" },
	{ "bundle", "exec", "" },
	/* words of the shell */
	{ "do", NULL, "" }, { "then", NULL, "" }, { "else", NULL, "" },
	{ "{", NULL, "" },
	/* clang-format on */
};

static const struct wrapper *find_wrapper(char *const *argv)
{
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++) {
		const struct wrapper *w = &wrappers[i];

		if (streq(base_name(argv[0]).text, w->name) &&
		    (!w->subcommand || streq(argv[1], w->subcommand)))
			return w;
	}
	return NULL;
}

/* The command behind assignments and wrappers. */
static char *const *skip_wrappers(char *const *argv)
{
	const struct wrapper *w;

	while (*argv) {
		if (is_assignment(*argv)) {
			argv++;
			continue;
		}
		w = find_wrapper(argv);
		if (!w)
			break;
		argv += w->subcommand ? 2 : 1;
		while (*argv && **argv == '-') {
			bool valued = (*argv)[1] && !(*argv)[2] &&
				      strchr(w->valued, (*argv)[1]);

			argv++;
			argv += valued && *argv;
		}
	}
	return argv;
}

/* What `sh -c` and the like are given to run, or NULL. */
static const char *script_of_shell(char *const *argv)
{
	static const char *const shells[] = { "sh", "bash", "dash", "zsh", "ksh", NULL };

	if (!argv[0] || !is_one_of(argv[0], shells))
		return NULL;
	for (argv++; *argv && **argv == '-'; argv++)
		if ((*argv)[1] != '-' && strchr(*argv, 'c'))
			return argv[1];
	return NULL;
}

/* Walks a script outside of its quotes. */
static const char *skip_quoted(const char *at)
{
	char quote = *at;

	if (quote == '\\')
		return at[1] ? at + 2 : at + 1;
	for (at++; *at && *at != quote; at++)
		if (*at == '\\' && quote == '"' && at[1])
			at++;
	return *at ? at + 1 : at;
}

/* The end of the simple command at @at: an operator, a redirection, the end. */
static const char *command_end(const char *at)
{
	while (*at && !strchr(";&|\n()<>", *at))
		at = strchr("'\"\\", *at) ? skip_quoted(at) : at + 1;
	return at;
}

/* Behind the redirections and the tail of the pipeline that follow a command. */
static const char *skip_rest(const char *at)
{
	char before = '\0';

	while (*at) {
		if (strchr(";\n()", *at) || (at[0] == '|' && at[1] == '|'))
			break;
		if (*at == '&' && before != '>' && before != '<' && at[1] != '>')
			break;
		before = *at;
		at = strchr("'\"\\", *at) ? skip_quoted(at) : at + 1;
	}
	return at + strspn(at, ";&|\n()");
}

/* Commands of a script that are not the service. */
static bool is_minor(char *const *argv)
{
	/* clang-format off */
	static const char *const minor[] = {
		"cd", "wait", "exit", "true", "trap", "echo", "printf", "set", "unset",
		"export", "umask", "ulimit", "sleep", "mkdir", ".", "source", "test", "[",
		"[[", "if", "elif", "fi", "while", "until", "for", "done", "case", "esac",
		"}", NULL,
	};
	/* clang-format on */

	return !argv || !argv[0] || is_one_of(argv[0], minor);
}

/* The command of a script that is the service: the last one that may be, or the one that
 * runs @name.  *ret is NULL where there is none. */
static int command_of_script(const char *script, const char *name, char ***ret)
{
	_cleanup_(strv_freep) char **found = NULL;

	while (*script) {
		const char *end = command_end(script);
		_cleanup_(freep) char *text = strndup(script, end - script);
		_cleanup_(strv_freep) char **argv = NULL;
		char *const *program;
		int err = text ? shell_split(text, &argv) : -ENOMEM;

		if (err == -ENOMEM)
			return err;
		script = skip_rest(end);
		program = argv ? skip_wrappers(argv) : NULL;
		if (err < 0 || is_minor(program))
			continue;
		strv_free(found);
		found = take(argv);
		if (name && is_program(*program, name))
			break;
	}

	*ret = take(found);
	return 0;
}

/* @argv as it will stand once wrappers and shells have executed the program; owned. */
static int unwrap(char *const *argv, const char *name, char ***ret)
{
	_cleanup_(strv_freep) char **current = strv_copy(argv);
	const char *script;
	char **inner;
	int err;

	if (!current)
		return -ENOMEM;
	for (int i = 0; i < UNWRAP_MAX; i++) {
		script = script_of_shell(skip_wrappers(current));
		if (!script)
			break;
		err = command_of_script(script, name, &inner);
		if (err < 0)
			return err;
		if (!inner)
			break;
		strv_free(current);
		current = inner;
	}

	inner = strv_copy(skip_wrappers(current));
	if (!inner)
		return -ENOMEM;
	*ret = inner;
	return 0;
}

/* What a shell or the launcher would have replaced is not in argv as it stands here. */
static bool is_literal(const char *word)
{
	return *word && !strpbrk(word, "$`*?") && !strstr(word, "{port}");
}

/* "&&", "2>&1", "|": what a command line that is written for a shell ends with. */
static bool is_operator(const char *word)
{
	word += strspn(word, "0123456789");
	return *word && strspn(word, "<>&|;") > 0;
}

static int add_words(struct match *m, char *const *words)
{
	int err;

	for (; words && *words && !is_operator(*words); words++) {
		if (!is_literal(*words))
			continue;
		err = strv_append(&m->cmdline, *words);
		if (err < 0)
			return err;
	}
	return 0;
}

/* The arguments of @name in @argv; NULL where it is not among the words. */
static char *const *arguments_of(char *const *argv, const char *name)
{
	for (; argv && *argv; argv++)
		if (is_program(*argv, name))
			return argv + 1;
	return NULL;
}

/* Those that have somebody else start it: its argv is not theirs. */
static bool is_manager(const char *program)
{
	/* clang-format off */
	static const char *const managers[] = {
		"systemctl", "service", "rc-service", "supervisorctl", "pm2", "docker",
		"docker-compose", "podman", "podman-compose", "machinectl", NULL,
	};
	/* clang-format on */

	return is_one_of(program, managers);
}

/*
 * The process_name is another program than the one that is started: an interpreter
 * has the arguments of the script it runs among its own; of anything else nothing is
 * known but the name.
 */
static int derive_other(struct match *m, char *const *argv)
{
	bool script = name_is_interpreter(base_name(m->process_name));

	if (!script || !argv[0] || is_manager(argv[0]))
		return 0;
	return add_words(m, argv + 1);
}

static int derive_name(struct match *m, char *const *argv)
{
	if (!argv[0] || is_manager(argv[0]))
		return 0;
	m->process_name = strdup(base_name(argv[0]).text);
	if (!m->process_name)
		return -ENOMEM;
	m->by_command = true;
	return add_words(m, argv + 1);
}

static bool is_given(const struct match *m)
{
	return m->exe || m->cmdline || m->user || m->unit || m->cgroup;
}

int service_derive_match(struct service *svc)
{
	_cleanup_(strv_freep) char **unwrapped = NULL;
	struct match *m = &svc->match;
	char *const *words;
	int err;

	if (!m->derived || is_given(m) || !strv_length(svc->startup_argv))
		return 0;
	err = unwrap(svc->startup_argv, m->process_name, &unwrapped);
	if (err < 0)
		return err;
	if (!m->process_name)
		return derive_name(m, unwrapped);

	words = arguments_of(unwrapped, m->process_name);
	if (!words)
		words = arguments_of(svc->startup_argv, m->process_name);
	return words ? add_words(m, words) : derive_other(m, unwrapped);
}
