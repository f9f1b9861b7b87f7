// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON lines to a file or to stdout.
 *
 * Opening and writing are done by a thread of libuv's: a disk may hang.  What is no
 * regular file, and may be read slowly or not at all, is only ever written what it has
 * room for; what is left waits in the queue.
 */
#include "sinks/private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

enum { BATCH_MAX = 64 * 1024, FILE_MODE = 0640 };

struct file_sink {
	struct sink sink;
	uv_work_t work;
	bool reopen;                 /* before the next write */
	struct message_queue flying; /* what the batch is made of */
	/* Of the thread, while busy. */
	int fd;     /* negative: to be opened */
	int old_fd; /* to be closed */
	struct buffer batch;
	size_t written; /* of the batch */
	char *path;     /* to open; NULL: stdout, or it is open */
	bool is_stdout;
	int error;
};

/* -- In the thread --------------------------------------------------------------------
 */

static int open_target(struct file_sink *file)
{
	if (file->fd >= 0)
		return 0;
	/* A FIFO without a reader answers ENXIO, and never waits. */
	file->fd = file->is_stdout ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
				   : open(file->path,
					  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
						  O_NONBLOCK | O_NOCTTY,
					  FILE_MODE);
	return file->fd < 0 ? -errno : 0;
}

/* As much as there is room for, at least a byte; -EAGAIN where there is none. */
static ssize_t write_some(int fd, const char *data, size_t size)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISSOCK(st.st_mode)) {
		n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		return n < 0 ? -errno : n;
	}
	if (!S_ISREG(st.st_mode)) {
		if (poll(&room, 1, 0) <= 0)
			return -EAGAIN;
		/* pipe(7): what fits into PIPE_BUF never waits then. */
		size = size < PIPE_BUF ? size : PIPE_BUF;
	}
	n = write(fd, data, size);
	return n < 0 ? -errno : n;
}

static void run(uv_work_t *work)
{
	struct file_sink *file = work->data;
	int err;

	file->old_fd = close_fd(file->old_fd);
	err = open_target(file);
	while (err == 0 && file->written < file->batch.size) {
		ssize_t n = write_some(file->fd, file->batch.data + file->written,
				       file->batch.size - file->written);

		if (n < 0 && n != -EINTR)
			err = (int)n;
		file->written += n > 0 ? (size_t)n : 0;
	}
	file->error = err;
}

/* -- In the loop ----------------------------------------------------------------------
 */

static void on_written(uv_work_t *work, int status);

static void begin(struct file_sink *file)
{
	struct sink *sink = &file->sink;

	if (file->reopen && file->fd >= 0) {
		file->old_fd = file->fd;
		file->fd = -EBADF;
	}
	if (file->reopen && file->written > 0) {
		/* The other file has the beginning of a line that this one needs whole.
		 */
		buffer_done(&file->batch);
		file->written = 0;
		for (struct message *m = file->flying.first; m; m = m->next)
			buffer_add(&file->batch, m->text, m->size);
	}
	file->reopen = false;
	freep(&file->path);
	if (file->batch.failed ||
	    (!file->is_stdout && !(file->path = strdup(sink->settings->path)))) {
		sink_fail(sink, "%s", strerror(ENOMEM));
		return;
	}
	sink_begin(sink, 0);
	sink_ref(sink);
	file->work.data = file;
	/* It fails for want of a function alone. */
	uv_queue_work(sink->timer.loop, &file->work, run, on_written);
}

static void take_batch(struct file_sink *file)
{
	struct message *message;

	while (file->batch.size < BATCH_MAX &&
	       (message = queue_take(&file->sink.queue))) {
		buffer_add(&file->batch, message->text, message->size);
		queue_put(&file->flying, message);
	}
}

static void file_pump(struct sink *sink)
{
	struct file_sink *file = (struct file_sink *)sink;

	if (!file->flying.first)
		take_batch(file);
	if (file->flying.first || file->reopen)
		begin(file);
}

/* The lines that are written as a whole are. */
static size_t forget_written(struct file_sink *file)
{
	size_t n = 0, done = 0;

	while (file->flying.first && done + file->flying.first->size <= file->written) {
		struct message *message = queue_take(&file->flying);

		done += message->size;
		message_free(message);
		n++;
	}
	memmove(file->batch.data, file->batch.data + done, file->batch.size - done);
	file->batch.size -= done;
	file->written -= done;
	return n;
}

static void on_written(uv_work_t *work, int status)
{
	struct file_sink *file = work->data;
	struct sink *sink = &file->sink;
	size_t n = file->batch.size > 0 ? forget_written(file) : 0;
	int err = status < 0 ? status : file->error;

	if (err == 0) {
		buffer_done(&file->batch);
		file->batch = (struct buffer){ 0 };
		sink_succeed(sink, n);
		if (file->reopen)
			sink_wake(sink);
		if (sink->leaving && sink->queue.first)
			file_pump(sink);
	} else {
		sink->sent += n;
		/* A full disk stays; another file may do better. */
		if (err != -EAGAIN && err != -ENOSPC && err != -EDQUOT)
			file->reopen = true;
		sink_fail(sink, "cannot write %s: %s",
			  file->is_stdout ? "to stdout" : file->path,
			  err == -EAGAIN ? "nobody reads" : strerror(-err));
	}
	sink_unref(sink);
}

static int file_init(struct sink *sink)
{
	struct file_sink *file = (struct file_sink *)sink;

	file->fd = file->old_fd = -EBADF;
	file->is_stdout = sink->settings->type == SINK_STDOUT;
	queue_init(&file->flying);
	return 0;
}

static int file_encode(const struct sink *sink, const struct event *event,
		       const struct viewer *viewer, struct message *message)
{
	(void)sink;
	message->text = message_event(event, viewer);
	message->size = message->text ? strlen(message->text) : 0;
	return message->text ? 0 : -ENOMEM;
}

static void file_reopen(struct sink *sink)
{
	struct file_sink *file = (struct file_sink *)sink;

	/* A thread has the old one, if it is busy: then afterwards. */
	if (file->is_stdout)
		return;
	file->reopen = true;
	sink_wake_now(sink);
}

/* What can be written yet, is. */
static void file_leave(struct sink *sink)
{
	if (sink->state == SINK_WOKEN)
		file_pump(sink);
}

static void file_done(struct sink *sink)
{
	struct file_sink *file = (struct file_sink *)sink;

	close_fd(file->fd);
	queue_done(&file->flying);
	buffer_done(&file->batch);
	free(file->path);
}

static size_t file_queued(const struct sink *sink)
{
	return ((const struct file_sink *)sink)->flying.count;
}

const struct sink_ops file_sink_ops = {
	.size = sizeof(struct file_sink),
	.init = file_init,
	.encode = file_encode,
	.pump = file_pump,
	.changed = file_reopen,
	.reopen = file_reopen,
	.leave = file_leave,
	.done = file_done,
	.queued = file_queued,
};
