// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams to journald and syslog.
 *
 * Not by sd_journal_send(3) and syslog(3): both wait where the other side does not read,
 * and neither can be told where it is.  Their protocols are a page each.
 */
#include "sinks/private.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

struct datagram_sink {
	struct sink sink;
	int fd;
};

static const char *path_of(const struct sink *sink)
{
	if (sink->settings->path)
		return sink->settings->path;
	return sink->settings->type == SINK_JOURNALD ? "/run/systemd/journal/socket"
						     : "/dev/log";
}

static int connect_to(const char *path, int type, int *ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -EBADF;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = fd;
	fd = -EBADF;
	return 0;
}

static int send_one(struct datagram_sink *out, const struct message *message)
{
	const char *path = path_of(&out->sink);
	int err = 0;

	if (out->fd < 0)
		err = connect_to(path, SOCK_DGRAM, &out->fd);
	if (err < 0)
		return err;
	if (send(out->fd, message->text, message->size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	err = -errno;
	/* Whoever listens there now is somebody else. */
	if (err != -EAGAIN && err != -EMSGSIZE && err != -ENOBUFS)
		out->fd = close_fd(out->fd);
	return err;
}

static void datagram_pump(struct sink *sink)
{
	struct datagram_sink *out = (struct datagram_sink *)sink;
	size_t n = 0;

	while (sink->queue.first) {
		int err = send_one(out, sink->queue.first);

		if (err == -ECONNREFUSED) /* it was started anew, perhaps */
			err = send_one(out, sink->queue.first);
		if (err < 0 && err != -EMSGSIZE) {
			sink->sent += n;
			sink_fail(sink, "cannot write to %s: %s", path_of(sink),
				  err == -EAGAIN ? "nobody reads" : strerror(-err));
			return;
		}
		message_free(queue_take(&sink->queue));
		if (err < 0) {
			sink_note(sink, "%s takes no message as long as this",
				  path_of(sink));
			sink_drop(sink, 1);
		} else {
			n++;
		}
	}
	sink_succeed(sink, n);
}

static int datagram_init(struct sink *sink)
{
	((struct datagram_sink *)sink)->fd = -EBADF;
	return 0;
}

static int datagram_encode(const struct sink *sink, const struct event *event,
			   const struct viewer *viewer, struct message *message)
{
	if (sink->settings->type == SINK_JOURNALD) {
		message->text = message_journal(event, viewer, &message->size);
	} else {
		message->text = message_syslog(event, viewer);
		message->size = message->text ? strlen(message->text) : 0;
	}
	return message->text ? 0 : -ENOMEM;
}

static void datagram_changed(struct sink *sink)
{
	struct datagram_sink *out = (struct datagram_sink *)sink;

	out->fd = close_fd(out->fd);
}

static void datagram_leave(struct sink *sink)
{
	if (sink->state == SINK_WOKEN)
		datagram_pump(sink);
}

static void datagram_done(struct sink *sink)
{
	datagram_changed(sink);
}

const struct sink_ops datagram_sink_ops = {
	.size = sizeof(struct datagram_sink),
	.init = datagram_init,
	.encode = datagram_encode,
	.pump = datagram_pump,
	.changed = datagram_changed,
	.reopen = datagram_changed,
	.leave = datagram_leave,
	.done = datagram_done,
};
