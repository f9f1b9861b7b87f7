// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's end. */
#include "service/launch_spawn.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "service/launch_wire.h"

struct spawner {
	int sock;
	pid_t pid;
};

int launch_wire_send(int sock, const void *data, size_t size, const int *fds,
		     size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (n_fds > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	}
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int launch_wire_receive(int sock, void *data, size_t size, int *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { data, size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *cmsg;
	ssize_t n;

	for (size_t i = 0; i < WIRE_FDS; i++)
		fds[i] = -EBADF;
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
	return (size_t)n == size ? 1 : -EPIPE;
}

int spawner_start(const struct spawner_options *options, struct spawner **ret)
{
	_cleanup_(spawner_freep) struct spawner *spawner = calloc(1, sizeof(*spawner));
	int pair[2];

	if (!spawner)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		spawner->sock = -EBADF;
		return -errno;
	}
	spawner->sock = pair[0];
	spawner->pid = fork();
	if (spawner->pid == 0)
		_exit(launch_spawner_main(pair[1], options));
	close(pair[1]);
	if (spawner->pid < 0)
		return -errno;

	*ret = take(spawner);
	return 0;
}

struct spawner *spawner_free(struct spawner *spawner)
{
	if (!spawner)
		return NULL;
	close_fd(spawner->sock);
	while (spawner->pid > 0 && waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(spawner);
	return NULL;
}

int spawner_fd(const struct spawner *spawner)
{
	return spawner->sock;
}

static void add_string(struct buffer *buf, const char *text)
{
	buffer_add(buf, text ? text : "", text ? strlen(text) + 1 : 1);
}

static int make_file(const struct buffer *strings)
{
	_cleanup_(close_fdp) int fd = memfd_create("portwatch-order", MFD_CLOEXEC);
	size_t done = 0;
	int ret;

	if (fd < 0)
		return -errno;
	while (done < strings->size) {
		ssize_t n = write(fd, strings->data + done, strings->size - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	ret = fd;
	fd = -EBADF;
	return ret;
}

int spawner_submit(struct spawner *spawner, const struct spawn_order *order)
{
	_cleanup_(buffer_done) struct buffer strings = { 0 };
	_cleanup_(close_fdp) int file = -EBADF;
	struct wire_order head = {
		.id = order->id,
		.n_args = (uint32_t)strv_length(order->argv),
		.n_env = (uint32_t)strv_length(order->env),
	};

	add_string(&strings, order->dir);
	add_string(&strings, order->user);
	add_string(&strings, order->cgroup);
	add_string(&strings, order->netns);
	for (uint32_t i = 0; i < head.n_args; i++)
		add_string(&strings, order->argv[i]);
	for (uint32_t i = 0; i < head.n_env; i++)
		add_string(&strings, order->env[i]);
	if (strings.failed)
		return -ENOMEM;
	if (strings.size > WIRE_ORDER_MAX)
		return -E2BIG;
	head.size = strings.size;
	file = make_file(&strings);
	if (file < 0)
		return file;
	return launch_wire_send(spawner->sock, &head, sizeof(head),
				(int[WIRE_FDS]){ file, order->log }, WIRE_FDS);
}

int spawner_next(struct spawner *spawner, struct spawn_news *ret)
{
	struct wire_news packet;
	int fds[WIRE_FDS], err;

	if (recv(spawner->sock, &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	err = launch_wire_receive(spawner->sock, &packet, sizeof(packet), fds);
	if (err <= 0)
		return err;
	*ret = packet.news;
	ret->pidfd = fds[0];
	return 1;
}
