// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/run_private.h"

enum { LISTEN_FD = 3, ABOVE = 10, NAME_SIZE = 68 };

/* A port, which was not known when the child was forked. */
struct word {
	uint16_t port, proto;
	char name[NAME_SIZE]; /* "" none */
};

/* -- The child ------------------------------------------------------------------------
 */

/* Not among the descriptors that are handed on, whatever those of the caller are. */
static int move_above(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);

	if (moved < 0)
		_exit(126);
	close(fd);
	return moved;
}

static void fail(int faults, int err)
{
	if (write(faults, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static void default_signals(void)
{
	sigset_t none;

	/* main() ignores it; what the caller had ignored stays so. */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void hand_on(int listener, int faults)
{
	if (listener < 0)
		return;
	if (listener == LISTEN_FD) {
		if (fcntl(LISTEN_FD, F_SETFD, 0) < 0)
			fail(faults, -errno);
	} else if (dup2(listener, LISTEN_FD) < 0) {
		fail(faults, -errno);
	}
}

/* Until the gate is closed; nothing came through one that was not opened. */
static void wait_at_gate(int gate, struct run_ports *ports)
{
	struct word word;

	/* Each is written at once, and a pipe keeps what is shorter than PIPE_BUF whole.
	 */
	while (read(gate, &word, sizeof(word)) == sizeof(word)) {
		const struct run_port port = { .name = *word.name ? word.name : NULL,
					       .port = word.port,
					       .proto = word.proto };

		if (run_ports_add(ports, &port) < 0)
			_exit(126);
	}
	if (ports->n == 0)
		_exit(126);
}

void run_child_become(const struct run_child *child, const struct run_job *job)
{
	struct run_ports ports = { .service = job->ports->service };
	char **words = NULL, **env = NULL;
	int faults = move_above(child->faults), err;

	wait_at_gate(child->gate, &ports);
	err = run_words(&ports, job->words, &words);
	if (err == 0)
		err = run_environment(&ports, environ, job->listener >= 0 ? getpid() : 0,
				      &env);
	if (err < 0)
		fail(faults, err);
	hand_on(job->listener, faults);
	default_signals();
	environ = env;
	execvp(words[0], words);
	fail(faults, -errno);
	_exit(127);
}

/* -- Its parent -----------------------------------------------------------------------
 */

int run_child_fork(struct run_child *ret)
{
	pid_t parent = getpid(), pid;
	int gate[2], faults[2];

	if (pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(faults, O_CLOEXEC) < 0) {
		close(gate[0]);
		close(gate[1]);
		return -errno;
	}
	pid = fork();
	if (pid == 0) {
		/* Nothing is left behind, however we end. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(126);
	}
	close(gate[pid == 0]);
	close(faults[pid != 0]);
	*ret = (struct run_child){ .pid = pid,
				   .gate = gate[pid != 0],
				   .faults = faults[pid == 0] };
	if (pid == 0)
		return 1;
	if (pid > 0)
		return 0;
	ret->gate = close_fd(ret->gate);
	ret->faults = close_fd(ret->faults);
	ret->pid = 0;
	return -errno;
}

void run_child_drop(struct run_child *child)
{
	child->gate = close_fd(child->gate);
	child->faults = close_fd(child->faults);
	if (child->pid > 0)
		waitpid(child->pid, NULL, 0);
	child->pid = 0;
}

/* 0 once it is the command; else why it is not. */
static int open_gate(struct run_child *child, const struct run_ports *ports)
{
	int err = 0;
	ssize_t n;

	for (size_t i = 0; i < ports->n && err == 0; i++) {
		struct word word = { ports->items[i].port, ports->items[i].proto, "" };

		if (ports->items[i].name)
			snprintf(word.name, sizeof(word.name), "%s",
				 ports->items[i].name);
		if (write(child->gate, &word, sizeof(word)) < 0)
			err = -errno;
	}
	child->gate = close_fd(child->gate);
	do {
		n = read(child->faults, &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	child->faults = close_fd(child->faults);
	return err;
}

int run_child_start(struct run_child *child, const struct run_job *job)
{
	int err = open_gate(child, job->ports);

	if (err == 0)
		return 0;
	run_child_drop(child);
	log_error("Cannot execute %s: %s", job->words[0],
		  err == -ENOENT ? "there is no such command" : strerror(-err));
	return err == -ENOENT ? 127 : 126;
}
