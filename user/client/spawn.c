// SPDX-License-Identifier: GPL-2.0-only
#include "client/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

enum {
	ENGINE_FD = 3,
	ABOVE_STANDARD = 10, /* descriptors moved up here collide with nothing */
	END_PATIENCE_MS = 500,
};

#define ENGINE_NAME "portwatchd"

extern char **environ;

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* FOLDER (of @size bytes) + @rest, where that is a program.  -ENOENT, -ENOMEM. */
static int try_path(const char *folder, size_t size, const char *rest, char **ret)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%.*s%s", (int)size, folder, rest) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (!is_program(path))
		return -ENOENT;
	*ret = take(path);
	return 0;
}

static int find_near(char **ret)
{
	static const char *const places[] = { "/" ENGINE_NAME, "/../sbin/" ENGINE_NAME,
					      "/../libexec/" ENGINE_NAME };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int err = -ENOENT;

	while (n > 0 && self[n - 1] != '/')
		n--;
	if (n <= 0)
		return -ENOENT;
	for (size_t i = 0; i < 3 && err == -ENOENT; i++)
		err = try_path(self, n - 1, places[i], ret);
	return err;
}

static int find_in_path(char **ret)
{
	const char *path = getenv("PATH");
	int err = -ENOENT;

	while (path && *path && err == -ENOENT) {
		size_t n = strcspn(path, ":");

		if (n > 0)
			err = try_path(path, n, "/" ENGINE_NAME, ret);
		path += n + (path[n] == ':');
	}
	return err;
}

int spawn_find_engine(char **ret)
{
	int err = find_near(ret);

	if (err == -ENOENT)
		err = find_in_path(ret);
	return err == -ENOENT ? -ENOPKG : err;
}

/* Close-on-exec, and clear of the descriptors that the child is given. */
static int move_up(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_STANDARD);
	int err = moved < 0 ? -errno : moved;

	close_fd(fd);
	return err;
}

/*
 * A process group of its own: Ctrl-C is meant for the client, whose end ends the engine.
 * stdout is the client's alone, too.
 */
static int spawn(const char *engine, char *const *argv, int fd, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	err = posix_spawn_file_actions_adddup2(&files, fd, ENGINE_FD);
	if (!err)
		err = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
						       O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null",
						       O_WRONLY, 0);
	if (!err)
		err = posix_spawn(ret, engine, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -err;
}

int spawn_engine(const char *engine, const char *registry, pid_t *ret_pid, int *ret_fd)
{
	char number[12];
	char *argv[] = { (char *)engine,   "--serve-fd",
			 number,           registry ? "--registry" : NULL,
			 (char *)registry, NULL };
	_cleanup_(close_fdp) int ours = -EBADF;
	_cleanup_(close_fdp) int theirs = -EBADF;
	int pair[2];
	pid_t pid;
	int err;

	snprintf(number, sizeof(number), "%d", ENGINE_FD);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = move_up(pair[0]);
	theirs = move_up(pair[1]);
	if (ours < 0 || theirs < 0)
		return ours < 0 ? ours : theirs;
	err = spawn(engine, argv, theirs, &pid);
	if (err < 0)
		return err;

	*ret_pid = pid;
	*ret_fd = ours;
	ours = -EBADF;
	return 0;
}

static bool has_ended(pid_t pid, unsigned patience_ms)
{
	_cleanup_(close_fdp) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&pfd, 1, (int)patience_ms) > 0;
}

/* In a program that reaps all its children, the number may be another's by now. */
static bool is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void spawn_reap(pid_t pid, unsigned patience_ms)
{
	if (!is_child(pid))
		return;
	if (!has_ended(pid, patience_ms))
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

bool spawn_describe_end(pid_t pid, char *buf, size_t size)
{
	int status;

	if (!is_child(pid) || !has_ended(pid, END_PATIENCE_MS) ||
	    waitpid(pid, &status, 0) < 0) {
		snprintf(buf, size, "but still runs");
		return false;
	}
	if (WIFSIGNALED(status))
		snprintf(buf, size, "and ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "and ended with exit code %d", WEXITSTATUS(status));
	return true;
}
