// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/helpers/actor.h"
#include "kernel/helpers/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct slot slots[SLOTS];

int slot_find(const char *word, struct slot **ret)
{
	unsigned long n = strtoul(word, NULL, 10);

	if (n >= SLOTS || slots[n].fd < 0)
		return -EBADF;
	*ret = &slots[n];
	return 0;
}

int slot_put(const char *word, int fd, const struct path *path, struct slot **ret)
{
	unsigned long n = strtoul(word, NULL, 10);

	if (n >= SLOTS)
		return -EBADF;
	slots[n] = (struct slot){ .fd = fd, .path = path };
	if (ret)
		*ret = &slots[n];
	return 0;
}

static const struct command *find(const struct command *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

int64_t actor_do(struct request *rq)
{
	const struct command *command;

	if (rq->argc == 0)
		return -EINVAL;
	command = find(socket_commands, rq->argv[0]);
	if (!command)
		command = find(process_commands, rq->argv[0]);
	if (!command || rq->argc - 1 < command->min_args)
		return -EINVAL;
	return command->run(rq);
}

static void split(char *text, struct request *rq)
{
	char *rest = NULL;

	rq->argc = 0;
	for (char *word = strtok_r(text, " \n", &rest); word && rq->argc < WORDS;
	     word = strtok_r(NULL, " \n", &rest))
		rq->argv[rq->argc++] = word;
}

/* The number of bytes; 0 at the end; -errno. */
static ssize_t receive(char *text, size_t size, int *ret_fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { text, size - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	const struct cmsghdr *cmsg;
	ssize_t n = recvmsg(0, &msg, MSG_CMSG_CLOEXEC);

	*ret_fd = -1;
	if (n < 0)
		return -errno;
	text[n] = '\0';
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(cmsg), sizeof(int));
	return n;
}

static void answer(int64_t value, const char *word, int fd)
{
	char text[ANSWER + 32];
	int n = snprintf(text, sizeof(text), "%" PRId64 " %s", value, word);

	if (message_send(0, text, (size_t)n, fd) < 0)
		_exit(EXIT_FAILURE);
}

void actor_serve(void)
{
	char text[1024];

	for (;;) {
		struct request rq = { .fd_out = -1 };
		ssize_t n = receive(text, sizeof(text), &rq.fd_in);
		int64_t value;

		if (n == -EINTR)
			continue;
		if (n <= 0)
			_exit(EXIT_SUCCESS);
		split(text, &rq);
		value = actor_do(&rq);
		answer(value, rq.word, rq.fd_out);
		if (rq.fd_out >= 0)
			close(rq.fd_out);
	}
}

/* A copy is cut up: argv is what the program was started with, for whoever reads it. */
static int do_all(const char *text_of_all)
{
	char *script = strdup(text_of_all), *rest = NULL;

	for (char *text = strtok_r(script, ";", &rest); text;
	     text = strtok_r(NULL, ";", &rest)) {
		struct request rq = { .fd_in = -1, .fd_out = -1 };
		int64_t value;

		split(text, &rq);
		value = actor_do(&rq);
		if (value < 0) {
			fprintf(stderr, "actor: %s: %s\n", rq.argv[0],
				strerror((int)-value));
			return EXIT_FAILURE;
		}
	}
	return EXIT_SUCCESS;
}

/* "SLOT:FD,SLOT:FD", as an earlier self left it in the environment. */
static void recover_slots(const char *text)
{
	unsigned slot;
	int fd, used;

	while (text && sscanf(text, "%u:%d,%n", &slot, &fd, &used) == 2) {
		if (slot < SLOTS && path_sys.cookie(fd) != 0)
			slots[slot] = (struct slot){ .fd = fd, .path = &path_sys };
		text += used;
	}
	unsetenv("ACTOR_SLOTS");
}

int main(int argc, char **argv)
{
	struct rlimit limit;

	for (size_t i = 0; i < SLOTS; i++)
		slots[i].fd = -1;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (argc == 3 && strcmp(argv[1], "-c") == 0)
		return do_all(argv[2]);

	if (getenv("ACTOR_SLOTS")) {
		recover_slots(getenv("ACTOR_SLOTS"));
		answer(0, "", -1);
	}
	actor_serve();
}
