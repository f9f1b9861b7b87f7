// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/actors.h"
#include "kernel/helpers/actor.h"
#include "kernel/helpers/message.h"

#include "base/files.h"
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct actor {
	int fd; /* to its descriptor 0 */
	pid_t pid;
	int pidfd;
	bool child; /* of this process, to be waited for */
	int fd_in;  /* came with the last answer, not taken; -EBADF */
	char word[ANSWER];
};

const char *actor_program(void)
{
	static char path[4096];
	ssize_t n;

	if (path[0])
		return path;
	n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("/helpers/actor"));
	if (n < 0)
		test_fail(__FILE__, __LINE__, "/proc/self/exe: %s", strerror(errno));
	path[n] = '\0';
	strcpy(strrchr(path, '/'), "/helpers/actor");
	return path;
}

static struct actor *new_actor(int fd, pid_t pid, bool child)
{
	struct actor *a = calloc(1, sizeof(*a));

	if (!a)
		test_fail(__FILE__, __LINE__, "out of memory");
	*a = (struct actor){ .fd = fd, .pid = pid, .child = child, .fd_in = -EBADF };
	a->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (a->pidfd < 0)
		test_fail(__FILE__, __LINE__, "pidfd_open: %s", strerror(errno));
	return a;
}

struct actor *actor_start(void)
{
	const char *program = actor_program();
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		test_fail(__FILE__, __LINE__, "socketpair: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(ends[0], 0);
		execl(program, "actor", NULL);
		fprintf(stderr, "# %s: %s\n", program, strerror(errno));
		_exit(127);
	}
	close(ends[0]);
	if (pid < 0)
		test_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
	return new_actor(ends[1], pid, true);
}

struct actor *actor_fork(struct actor *a)
{
	pid_t pid = (pid_t)actor_must(a, "fork");

	return new_actor(actor_take_fd(a), pid, false);
}

/* Its descriptors are closed when it has ended, and not when its end can be read: that
 * is the first of them. */
static void await_end(struct actor *a)
{
	struct pollfd fd = { .fd = a->pidfd, .events = POLLIN };

	if (poll(&fd, 1, 10000) != 1)
		test_fail(__FILE__, __LINE__, "actor %d does not end", a->pid);
	if (a->child)
		waitpid(a->pid, NULL, 0);
	a->child = false;
}

struct actor *actor_stop(struct actor *a)
{
	if (!a)
		return NULL;
	close_fd(a->fd);
	close_fd(a->fd_in);
	await_end(a);
	close_fd(a->pidfd);
	free(a);
	return NULL;
}

void actor_kill(struct actor *a)
{
	kill(a->pid, SIGKILL);
	await_end(a);
}

static void send_text(struct actor *a, int fd, const char *text)
{
	int err = message_send(a->fd, text, strlen(text), fd);

	if (err < 0)
		test_fail(__FILE__, __LINE__, "actor, told \"%s\": %s", text,
			  strerror(-err));
}

static void tell(struct actor *a, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	send_text(a, -1, text);
}

int64_t actor_answer(struct actor *a)
{
	char control[CMSG_SPACE(sizeof(int))];
	char text[ANSWER + 32];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	const struct cmsghdr *cmsg;
	ssize_t n;
	char *end;
	int64_t value;

	n = recvmsg(a->fd, &msg, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		test_fail(__FILE__, __LINE__, "actor %d gave no answer", a->pid);
	text[n] = '\0';
	a->fd_in = close_fd(a->fd_in);
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&a->fd_in, CMSG_DATA(cmsg), sizeof(int));
	value = strtoll(text, &end, 10);
	snprintf(a->word, sizeof(a->word), "%s", *end ? end + 1 : end);
	return value;
}

void actor_tell(struct actor *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(a, fmt, ap);
	va_end(ap);
}

int64_t actor_ask(struct actor *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(a, fmt, ap);
	va_end(ap);
	return actor_answer(a);
}

int64_t actor_must(struct actor *a, const char *fmt, ...)
{
	char text[1024];
	int64_t value;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_text(a, -1, text);
	value = actor_answer(a);
	if (value < 0)
		test_fail(__FILE__, __LINE__, "actor, told \"%s\": %s", text,
			  strerror((int)-value));
	return value;
}

const char *actor_word(const struct actor *a)
{
	return a->word;
}

int actor_take_fd(struct actor *a)
{
	int fd = a->fd_in;

	a->fd_in = -EBADF;
	if (fd < 0)
		test_fail(__FILE__, __LINE__, "no descriptor came from actor %d", a->pid);
	return fd;
}

uint64_t actor_pass(struct actor *from, unsigned slot, struct actor *to, unsigned to_slot)
{
	char text[32];
	int64_t cookie;
	int fd;

	actor_must(from, "give %u", slot);
	fd = actor_take_fd(from);
	snprintf(text, sizeof(text), "take %u", to_slot);
	send_text(to, fd, text);
	close(fd);
	cookie = actor_answer(to);
	if (cookie <= 0)
		test_fail(__FILE__, __LINE__, "a passed socket did not arrive");
	return (uint64_t)cookie;
}

int actor_fd(const struct actor *a)
{
	return a->fd;
}

pid_t actor_pid(const struct actor *a)
{
	return a->pid;
}
