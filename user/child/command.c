// SPDX-License-Identifier: GPL-2.0-only
#include "child/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

enum { DESCRIPTION_MAX = 128, STAT_MAX = 4096, CHILDREN_MAX = 64 * 1024, DEPTH_MAX = 32 };

struct command {
	uv_process_t process;
	void (*ended)(void *arg, bool passed, const char *text); /* NULL: killed */
	void *arg;
};

static void run_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal_number)
{
	struct command *run = process->data;
	char text[DESCRIPTION_MAX];

	if (run->ended) {
		if (signal_number)
			snprintf(text, sizeof(text), "was ended by SIG%s",
				 sigabbrev_np(signal_number));
		else
			snprintf(text, sizeof(text), "exit code %d", (int)status);
		run->ended(run->arg, status == 0 && signal_number == 0, text);
	}
	/* While any of them is left, the number is its group's and nobody else's. */
	kill(-uv_process_get_pid(process), SIGKILL);
	uv_close((uv_handle_t *)process, run_closed);
}

/* What a command finds in its environment of ours. */
static int add_inherited(char ***env)
{
	static const char *const names[] = { "PATH", "LANG", "LC_ALL", "TZ" };
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_(freep) char *pair = NULL;
		const char *value = getenv(names[i]);

		if (!value)
			continue;
		if (asprintf(&pair, "%s=%s", names[i], value) < 0) {
			pair = NULL;
			return -ENOMEM;
		}
		err = strv_append(env, pair);
	}
	return err;
}

static int make_env(const struct command_order *order, char ***ret)
{
	_cleanup_(strv_freep) char **env = NULL;
	int err = add_inherited(&env);

	for (char *const *e = order->env; err == 0 && e && *e; e++)
		err = strv_append(&env, *e);
	if (err < 0)
		return err;
	*ret = take(env);
	return 0;
}

/* A file in memory: it is read when the program likes, and nobody waits for that. */
static int make_input(const struct command_order *order, int *ret)
{
	_cleanup_(close_fdp) int fd = -EBADF;

	if (!order->input)
		return 0;
	fd = memfd_create("portwatch-input", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < order->input_size;) {
		ssize_t n = write(fd, order->input + at, order->input_size - at);

		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*ret = fd;
	fd = -EBADF;
	return 0;
}

/* Whom it runs as: uid and gid, where that is somebody else. */
static int set_user(const char *user, uv_process_options_t *options)
{
	struct passwd *found;
	uint64_t uid;

	if (!user)
		return 0;
	errno = 0;
	found = parse_u64(user, UINT32_MAX - 1, &uid) == 0 ? getpwuid((uid_t)uid)
							   : getpwnam(user);
	if (!found)
		return errno == ENOMEM ? -ENOMEM : -ESRCH;
	if (found->pw_uid == geteuid())
		return 0;
	options->uid = found->pw_uid;
	options->gid = found->pw_gid;
	options->flags |= UV_PROCESS_SETUID | UV_PROCESS_SETGID;
	return 0;
}

int command_start(uv_loop_t *loop, const struct command_order *order,
		  void (*ended)(void *arg, bool passed, const char *text), void *arg,
		  struct command **ret)
{
	_cleanup_(strv_freep) char **env = NULL;
	_cleanup_(close_fdp) int input = -EBADF;
	uv_stdio_container_t stdio[3] = { { .flags = UV_IGNORE },
					  { .flags = UV_IGNORE },
					  { .flags = UV_IGNORE } };
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = order->argv[0],
		.args = (char **)order->argv,
		.cwd = order->dir ? order->dir : "/",
		.flags = UV_PROCESS_DETACHED, /* a session, and so a group, of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};
	struct command *run;
	int err = make_env(order, &env);

	if (err == 0)
		err = set_user(order->user, &options);
	if (err == 0)
		err = make_input(order, &input);
	if (err < 0)
		return err;
	if (input >= 0)
		stdio[0] = (uv_stdio_container_t){ .flags = UV_INHERIT_FD,
						   .data.fd = input };
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	options.env = env;
	run->process.data = run;
	run->ended = ended;
	run->arg = arg;
	err = uv_spawn(loop, &run->process, &options);
	if (err < 0) {
		uv_close((uv_handle_t *)&run->process, run_closed);
		return err;
	}

	*ret = run;
	return 0;
}

/* -- The end of all of them -----------------------------------------------------------
 */

static pid_t parent_of(pid_t pid)
{
	_cleanup_(freep) char *text = NULL;
	const char *at;
	char path[32];
	pid_t parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, STAT_MAX, &text, NULL) < 0)
		return 0;
	at = strrchr(text, ')');
	return at && sscanf(at + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static void kill_below(pid_t parent, unsigned depth);

/* Held still, so that what it has started is all there is; and only if it is what it was
 * when it was found. */
static void kill_child(pid_t pid, pid_t parent, unsigned depth)
{
	_cleanup_(close_fdp) int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0 || parent_of(pid) != parent)
		return;
	syscall(SYS_pidfd_send_signal, fd, SIGSTOP, NULL, 0);
	kill_below(pid, depth + 1);
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
}

static void kill_children_of(const char *task, pid_t parent, unsigned depth)
{
	_cleanup_(freep) char *text = NULL;
	char path[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/children", parent, task);
	if (file_read(path, CHILDREN_MAX, &text, NULL) < 0)
		return;
	at = text;
	for (;;) {
		char *end;
		pid_t pid = (pid_t)strtol(at, &end, 10);

		if (end == at)
			return;
		kill_child(pid, parent, depth);
		at = end;
	}
}

static void kill_below(pid_t parent, unsigned depth)
{
	char path[32];
	struct dirent *task;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", parent);
	tasks = depth < DEPTH_MAX ? opendir(path) : NULL;
	while (tasks && (task = readdir(tasks)))
		if (task->d_name[0] != '.')
			kill_children_of(task->d_name, parent, depth);
	if (tasks)
		closedir(tasks);
}

void command_kill(struct command *command)
{
	pid_t pid = uv_process_get_pid(&command->process);

	/* It is not waited for yet, so that this number is still its own. */
	kill(pid, SIGSTOP);
	kill_below(pid, 0);
	kill(-pid, SIGKILL);
	command->ended = NULL;
}
