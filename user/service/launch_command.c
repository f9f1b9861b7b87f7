// SPDX-License-Identifier: GPL-2.0-only
#include "service/launch_command.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/port_words.h"
#include "base/strings.h"
#include "service/launch_group.h"

enum { ENV_FILE_MAX = 1024 * 1024 };

void launch_command_done(struct launch_command *command)
{
	strv_free(command->argv);
	strv_free(command->env);
	free(command->dir);
	free(command->netns);
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

/* -- The environment ------------------------------------------------------------------
 */

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
		err = env_set(env,
			      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
			      "/sbin:/bin");
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
	err = env_printf(env, "USER=%s", pw->pw_name);
	if (err == 0)
		err = env_printf(env, "LOGNAME=%s", pw->pw_name);
	if (err == 0)
		err = env_printf(env, "HOME=%s", pw->pw_dir);
	return err;
}

/* "NAME=value", "export NAME='a value'", "# …" */
static int set_line(const struct port_words *given, char *line, char ***env)
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
	filled = port_words_fill_in(given, words[at]);
	return filled ? env_set(env, filled) : -ENOMEM;
}

static int read_env_file(const struct service *svc, const struct port_words *given,
			 char ***env, char *reterr)
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
		err = set_line(given, line, env);
		if (err == -ENOMEM)
			return err;
		if (err < 0)
			return refuse(reterr, "%s: %s:%u: this is no NAME=value",
				      svc->name, path, number);
	}
	return 0;
}

static int make_env(const struct service *svc, const struct port_words *given,
		    const char *mark, char ***env, char *reterr)
{
	_cleanup_(strv_freep) char **own = NULL;
	int err = inherit(env);

	if (err == 0)
		err = set_user(svc, env, reterr);
	if (err == 0)
		err = port_words_export(given, env);
	if (err == 0)
		err = read_env_file(svc, given, env, reterr);
	if (err == 0)
		err = port_words_fill_in_all(given, svc->env, &own);
	for (char **at = own; err == 0 && at && *at; at++)
		err = env_set(env, *at);
	if (err == 0 && *mark)
		err = env_printf(env, LAUNCH_MARK_VARIABLE "=%s", mark);
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
	if (command->netns && access(command->netns, F_OK) < 0)
		return refuse(reterr, "%s: its network namespace %s is not there",
			      svc->name, command->netns);
	err = look_for_program(command);
	if (err == -ENOENT)
		return refuse(reterr, "%s: its command %s is not there", svc->name,
			      command->argv[0]);
	if (err < 0)
		return refuse(reterr, "%s: its command %s cannot be executed: %s",
			      svc->name, command->argv[0], strerror(-err));
	return 0;
}

/* @ret borrows from *ret_ports and from @svc. */
static int name_ports(const struct service *svc, struct named_port **ret_ports,
		      struct port_words *ret)
{
	struct named_port *ports = calloc(svc->n_claims + 1, sizeof(*ports));

	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < svc->n_claims; i++)
		ports[i] = (struct named_port){ svc->claims[i].name,
						svc->claims[i].at.port };
	*ret_ports = ports;
	*ret = (struct port_words){ svc->name, ports, svc->n_claims };
	return 0;
}

static int find_places(const struct service *svc, struct launch_command *command)
{
	if (svc->working_dir) {
		command->dir = strdup(svc->working_dir);
		if (!command->dir)
			return -ENOMEM;
	}
	if (svc->netns &&
	    asprintf(&command->netns, "%s%s",
		     strchr(svc->netns, '/') ? "" : "/run/netns/", svc->netns) < 0) {
		command->netns = NULL;
		return -ENOMEM;
	}
	return 0;
}

int launch_command_make(const struct service *svc, const char *mark,
			struct launch_command *ret, char *reterr)
{
	_cleanup_(launch_command_done) struct launch_command command = { 0 };
	_cleanup_(freep) struct named_port *ports = NULL;
	struct port_words given;
	int err;

	reterr[0] = '\0';
	err = name_ports(svc, &ports, &given);
	if (err == 0)
		err = port_words_fill_in_all(&given, svc->startup_argv, &command.argv);
	if (err < 0)
		return err;
	if (!command.argv)
		return refuse(reterr, "%s has no startup_cmd", svc->name);
	if (svc->working_dir && svc->working_dir[0] != '/')
		return refuse(reterr, "%s: its working_dir %s is not absolute", svc->name,
			      svc->working_dir);
	err = find_places(svc, &command);
	if (err == 0)
		err = make_env(svc, &given, mark, &command.env, reterr);
	if (err == 0)
		err = check(svc, &command, reterr);
	if (err < 0)
		return err;

	*ret = command;
	command = (struct launch_command){ 0 };
	return 0;
}
