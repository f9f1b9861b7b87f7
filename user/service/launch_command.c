// SPDX-License-Identifier: GPL-2.0-only
#include "service/launch_command.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "service/launch_group.h"

enum { ENV_FILE_MAX = 1024 * 1024 };

void launch_command_done(struct launch_command *command)
{
	strv_free(command->argv);
	strv_free(command->env);
	free(command->dir);
	*command = (struct launch_command){ 0 };
}

static int refuse(char *reterr, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int refuse(char *reterr, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reterr, COMMAND_ERROR, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* -- {port} ---------------------------------------------------------------------------
 */

/* How many bytes of @text are a placeholder, and for which port; 0: none. */
static size_t placeholder(const struct service *svc, const char *text, uint16_t *ret)
{
	size_t n = strcspn(text, "}");

	if (strncmp(text, "{port", 5) != 0 || text[n] != '}' || svc->n_claims == 0)
		return 0;
	*ret = svc->claims[0].at.port;
	if (n == 5)
		return n + 1;
	for (size_t i = 0; text[5] == ':' && i < svc->n_claims; i++) {
		const char *name = svc->claims[i].name;

		if (!name || strlen(name) != n - 6 || strncmp(name, text + 6, n - 6) != 0)
			continue;
		*ret = svc->claims[i].at.port;
		return n + 1;
	}
	return 0;
}

/* Owned; NULL for want of memory. */
static char *fill_in(const struct service *svc, const char *text)
{
	struct buffer out = { 0 };

	buffer_puts(&out, "");
	while (*text) {
		uint16_t port;
		size_t n = *text == '{' ? placeholder(svc, text, &port) : 0;

		if (n > 0)
			buffer_printf(&out, "%u", port);
		else
			buffer_add(&out, text, n = 1);
		text += n;
	}
	if (!out.data && !out.failed)
		return strdup("");
	if (out.failed)
		buffer_done(&out);
	return out.failed ? NULL : out.data;
}

static int fill_in_all(const struct service *svc, char *const *words, char ***ret)
{
	_cleanup_(strv_freep) char **all = NULL;

	for (; words && *words; words++) {
		_cleanup_(freep) char *word = fill_in(svc, *words);

		if (!word || strv_append(&all, word) < 0)
			return -ENOMEM;
	}
	*ret = take(all);
	return 0;
}

/* -- The environment ------------------------------------------------------------------
 */

static bool is_same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

/* "NAME=value"; the last one of a name counts. */
static int set(char ***env, const char *line)
{
	for (char **at = *env; at && *at; at++) {
		char *copy;

		if (!is_same_name(*at, line))
			continue;
		copy = strdup(line);
		if (!copy)
			return -ENOMEM;
		free(*at);
		*at = copy;
		return 0;
	}
	return strv_append(env, line);
}

static int set_printf(char ***env, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int set_printf(char ***env, const char *fmt, ...)
{
	_cleanup_(freep) char *line = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&line, fmt, args);
	va_end(args);
	if (n < 0) {
		line = NULL;
		return -ENOMEM;
	}
	return set(env, line);
}

static bool is_of_daemon(const char *line)
{
	static const char *const names[] = {
		"NOTIFY_SOCKET=",     "WATCHDOG_USEC=",
		"WATCHDOG_PID=",      "LISTEN_FDS=",
		"LISTEN_PID=",        "LISTEN_FDNAMES=",
		"INVOCATION_ID=",     "JOURNAL_STREAM=",
		"MAINPID=",           "SYSTEMD_EXEC_PID=",
		"STATE_DIRECTORY=",   "LOGS_DIRECTORY=",
		"RUNTIME_DIRECTORY=", "CONFIGURATION_DIRECTORY=",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (starts_with(line, names[i]))
			return true;
	return starts_with(line, "PORTWATCH_");
}

static int inherit(char ***env)
{
	int err = 0;

	for (char **at = environ; at && *at && err == 0; at++)
		if (!is_of_daemon(*at))
			err = strv_append(env, *at);
	if (err == 0 && !getenv("PATH"))
		err = set(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
			       "/sbin:/bin");
	return err;
}

static int set_ports(const struct service *svc, char ***env)
{
	int err = set_printf(env, "PORTWATCH_SERVICE=%s", svc->name);

	if (err == 0 && svc->n_claims > 0)
		err = set_printf(env, "PORT=%u", svc->claims[0].at.port);
	if (err == 0 && svc->n_claims > 0)
		err = set_printf(env, "PORTWATCH_PORT=%u", svc->claims[0].at.port);
	for (size_t i = 0; err == 0 && i < svc->n_claims; i++) {
		char name[SERVICE_NAME_MAX + 1];
		size_t n = 0;

		if (!svc->claims[i].name)
			continue;
		for (const char *c = svc->claims[i].name; *c && n < sizeof(name) - 1; c++)
			name[n++] = isalnum((unsigned char)*c)
					    ? (char)toupper((unsigned char)*c)
					    : '_';
		name[n] = '\0';
		err = set_printf(env, "PORTWATCH_PORT_%s=%u", name,
				 svc->claims[i].at.port);
	}
	return err;
}

/* The user's own, unless the entry says otherwise. */
static int set_user(const struct service *svc, char ***env, char *reterr)
{
	const struct passwd *pw;
	uint64_t number;
	int err;

	if (!svc->user)
		return 0;
	pw = getpwnam(svc->user);
	if (!pw && parse_u64(svc->user, UINT32_MAX - 1, &number) == 0) {
		pw = getpwuid((uid_t)number);
		if (!pw)
			return 0;
	}
	if (!pw)
		return refuse(reterr, "%s: there is no user %s", svc->name, svc->user);
	err = set_printf(env, "USER=%s", pw->pw_name);
	if (err == 0)
		err = set_printf(env, "LOGNAME=%s", pw->pw_name);
	if (err == 0)
		err = set_printf(env, "HOME=%s", pw->pw_dir);
	return err;
}

/* "NAME=value", "export NAME='a value'", "# …" */
static int set_line(const struct service *svc, char *line, char ***env)
{
	_cleanup_(strv_freep) char **words = NULL;
	_cleanup_(freep) char *filled = NULL;
	size_t at;

	line += strspn(line, " \t");
	if (*line == '#' || *line == '\0')
		return 0;
	if (shell_split(line, &words) < 0 || !words)
		return -EINVAL;
	at = streq(words[0], "export") && words[1];
	if (!strchr(words[at], '=') || words[at][0] == '=' || words[at + 1])
		return -EINVAL;
	filled = fill_in(svc, words[at]);
	return filled ? set(env, filled) : -ENOMEM;
}

static int read_env_file(const struct service *svc, char ***env, char *reterr)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(freep) char *text = NULL;
	unsigned number = 0;
	int err;

	if (!svc->env_file)
		return 0;
	if (asprintf(&path, "%s%s%s",
		     svc->env_file[0] != '/' && svc->working_dir ? svc->working_dir : "",
		     svc->env_file[0] != '/' && svc->working_dir ? "/" : "",
		     svc->env_file) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	err = file_read(path, ENV_FILE_MAX, &text, NULL);
	if (err < 0)
		return refuse(reterr, "%s: its env_file %s cannot be read: %s", svc->name,
			      path, strerror(-err));
	for (char *at = text, *line; (line = strsep(&at, "\n"));) {
		number++;
		err = set_line(svc, line, env);
		if (err == -ENOMEM)
			return err;
		if (err < 0)
			return refuse(reterr, "%s: %s:%u: this is no NAME=value",
				      svc->name, path, number);
	}
	return 0;
}

static int make_env(const struct service *svc, const char *mark, char ***env,
		    char *reterr)
{
	_cleanup_(strv_freep) char **own = NULL;
	int err = inherit(env);

	if (err == 0)
		err = set_user(svc, env, reterr);
	if (err == 0)
		err = set_ports(svc, env);
	if (err == 0)
		err = read_env_file(svc, env, reterr);
	if (err == 0)
		err = fill_in_all(svc, svc->env, &own);
	for (char **at = own; err == 0 && at && *at; at++)
		err = set(env, *at);
	if (err == 0 && *mark)
		err = set_printf(env, LAUNCH_MARK_VARIABLE "=%s", mark);
	return err;
}

/* -- The program ----------------------------------------------------------------------
 */

static const char *value_of(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return "";
}

static int look_at_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	return st.st_mode & 0111 ? 0 : -EACCES;
}

static int look_in(const char *folder, size_t size, const char *name)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%.*s/%s", size ? (int)size : 1, size ? folder : ".", name) <
	    0) {
		path = NULL;
		return -ENOMEM;
	}
	return look_at_program(path);
}

static int look_for_program(const struct launch_command *command)
{
	const char *name = command->argv[0];
	const char *path = value_of(command->env, "PATH");
	int err = -ENOENT;

	if (name[0] == '/')
		return look_at_program(name);
	if (strchr(name, '/'))
		return look_in(command->dir ? command->dir : "/",
			       strlen(command->dir ? command->dir : "/"), name);
	while (*path && err != 0) {
		size_t n = strcspn(path, ":");

		err = look_in(path, n, name);
		path += n + (path[n] == ':');
	}
	return err;
}

static int check(const struct service *svc, const struct launch_command *command,
		 char *reterr)
{
	struct stat st;
	int err;

	if (command->dir && stat(command->dir, &st) < 0)
		return refuse(reterr, "%s: its working_dir %s cannot be entered: %s",
			      svc->name, command->dir, strerror(errno));
	if (command->dir && !S_ISDIR(st.st_mode))
		return refuse(reterr, "%s: its working_dir %s is no folder", svc->name,
			      command->dir);
	err = look_for_program(command);
	if (err == -ENOENT)
		return refuse(reterr, "%s: its command %s is not there", svc->name,
			      command->argv[0]);
	if (err < 0)
		return refuse(reterr, "%s: its command %s cannot be executed: %s",
			      svc->name, command->argv[0], strerror(-err));
	return 0;
}

int launch_command_make(const struct service *svc, const char *mark,
			struct launch_command *ret, char *reterr)
{
	_cleanup_(launch_command_done) struct launch_command command = { 0 };
	int err = fill_in_all(svc, svc->startup_argv, &command.argv);

	reterr[0] = '\0';
	if (err < 0)
		return err;
	if (!command.argv)
		return refuse(reterr, "%s has no startup_cmd", svc->name);
	if (svc->working_dir && svc->working_dir[0] != '/')
		return refuse(reterr, "%s: its working_dir %s is not absolute", svc->name,
			      svc->working_dir);
	if (svc->working_dir) {
		command.dir = strdup(svc->working_dir);
		if (!command.dir)
			return -ENOMEM;
	}
	err = make_env(svc, mark, &command.env, reterr);
	if (err == 0)
		err = check(svc, &command, reterr);
	if (err < 0)
		return err;

	*ret = command;
	command = (struct launch_command){ 0 };
	return 0;
}
