// SPDX-License-Identifier: GPL-2.0-only
/* What an actor does with processes, threads and namespaces. */
#include "kernel/helpers/actor.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void shift(struct request *rq, int n)
{
	rq->argc -= n;
	memmove(rq->argv, rq->argv + n, (size_t)rq->argc * sizeof(rq->argv[0]));
}

static int64_t do_fork(struct request *rq)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		dup2(ends[0], 0);
		close(ends[0]);
		close(ends[1]);
		actor_serve();
	}
	close(ends[0]);
	if (pid < 0)
		return -errno;
	rq->fd_out = ends[1];
	return pid;
}

static int64_t do_exec(struct request *rq)
{
	size_t size = SLOTS * 16, used = 0;
	char *text = malloc(size);
	char *argv[WORDS + 1] = { (char *)"actor" };

	if (!text)
		return -ENOMEM;
	text[0] = '\0';
	for (unsigned i = 0; i < SLOTS; i++)
		if (slots[i].fd >= 0 && slots[i].path == &path_sys)
			used += (size_t)snprintf(text + used, size - used, "%u:%d,", i,
						 slots[i].fd);
	setenv("ACTOR_SLOTS", text, 1);
	free(text);
	for (int i = 1; i < rq->argc; i++)
		argv[i] = rq->argv[i];
	execv("/proc/self/exe", argv);
	return -errno;
}

/* The parent knows no more of its sockets than before; its copies of the descriptors
 * that the child made are not there. */
static int64_t do_child(struct request *rq)
{
	int64_t value = -EPIPE;
	int ends[2];
	pid_t pid;

	shift(rq, 1);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		value = actor_do(rq);
		_exit(write(ends[1], &value, sizeof(value)) == sizeof(value) ? 0 : 1);
	}
	close(ends[1]);
	if (pid < 0 || read(ends[0], &value, sizeof(value)) != sizeof(value))
		value = -EPIPE;
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return value;
}

struct errand {
	struct request *rq;
	int64_t value;
};

static void *run_errand(void *arg)
{
	struct errand *errand = arg;

	errand->value = actor_do(errand->rq);
	return NULL;
}

static int64_t do_thread(struct request *rq)
{
	struct errand errand = { .rq = rq };
	pthread_t thread;
	int err;

	shift(rq, 1);
	err = pthread_create(&thread, NULL, run_errand, &errand);
	if (err != 0)
		return -err;
	pthread_join(thread, NULL);
	return errand.value;
}

static int64_t do_run(struct request *rq)
{
	char *argv[WORDS + 1] = { NULL };
	int status;
	pid_t pid;

	for (int i = 1; i < rq->argc; i++)
		argv[i - 1] = rq->argv[i];
	/* One word can hold a script for -c: blanks are written as '+'. */
	for (int i = 0; argv[i]; i++)
		for (char *p = argv[i]; *p; p++)
			*p = *p == '+' ? ' ' : *p;
	pid = fork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	snprintf(rq->word, sizeof(rq->word), "%d", pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int64_t do_netns(struct request *rq)
{
	struct stat st;

	(void)rq;
	return stat("/proc/thread-self/ns/net", &st) < 0 ? -errno : (int64_t)st.st_ino;
}

static int64_t do_unshare(struct request *rq)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd, err = 0;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		err = -errno;
	close(fd);
	return err < 0 ? err : do_netns(rq);
}

static int64_t do_pid(struct request *rq)
{
	(void)rq;
	return getpid();
}

static int64_t do_uid(struct request *rq)
{
	uid_t uid = (uid_t)strtoul(rq->argv[1], NULL, 10);

	return setresuid(uid, uid, uid) < 0 ? -errno : 0;
}

static int64_t do_comm(struct request *rq)
{
	return prctl(PR_SET_NAME, rq->argv[1]) < 0 ? -errno : 0;
}

static int64_t do_cd(struct request *rq)
{
	return chdir(rq->argv[1]) < 0 ? -errno : 0;
}

static int64_t do_have(struct request *rq)
{
	const struct path *path = path_find(rq->argv[1]);

	return path ? path->probe() : -EINVAL;
}

static int64_t do_exit(struct request *rq)
{
	_exit(atoi(rq->argv[1]));
}

static int64_t do_kill(struct request *rq)
{
	(void)rq;
	kill(getpid(), SIGKILL);
	return -EINTR;
}

const struct command process_commands[] = {
	{ "fork", 0, do_fork },       { "exec", 0, do_exec }, { "child", 1, do_child },
	{ "thread", 1, do_thread },   { "run", 1, do_run },   { "netns", 0, do_netns },
	{ "unshare", 0, do_unshare }, { "pid", 0, do_pid },   { "uid", 1, do_uid },
	{ "comm", 1, do_comm },       { "cd", 1, do_cd },     { "have", 1, do_have },
	{ "exit", 1, do_exit },       { "kill", 0, do_kill }, { NULL, 0, NULL },
};
