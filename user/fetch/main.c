// SPDX-License-Identifier: GPL-2.0-only
/*
 * portwatch-fetch - the network side of health checks and sinks, started by portwatchd.
 *
 * A program of its own, since libcurl costs a daemon that checks nothing 3 MB and each
 * command that runs an engine its loading; and so that what strangers' servers send is
 * read by a process without a single capability.
 *
 * Standard input is a stream socket to the daemon.  A line asks: ID TIMEOUT_MS KIND
 * TARGET, where KIND is http or tcp, or post with a number of bytes for a TARGET: as many
 * follow, and are what fetch/post.h says.  A line answers: ID PASSED LATENCY_US TEXT.  At
 * its end this ends.
 */
#include <cap-ng.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/strings.h"
#include "fetch/fetch.h"
#include "fetch/post.h"

enum { LINE_MAX_BYTES = 64 * 1024 };

/* A post, as far as it has arrived. */
struct block {
	struct fetch_order order;
	char *data; /* NULL: none is expected */
	size_t size, wanted;
};

struct server {
	uv_loop_t loop;
	uv_pipe_t pipe;
	struct fetcher *fetcher;
	char line[LINE_MAX_BYTES];
	size_t size; /* of what is there of it */
	struct block block;
};

struct letter {
	uv_write_t request;
	char text[]; /* one line */
};

static void stop(struct server *server)
{
	uv_stop(&server->loop);
}

static void on_written(uv_write_t *request, int status)
{
	struct server *server = request->handle->data;

	free(request->data);
	if (status < 0)
		stop(server);
}

static void on_answer(const struct fetch_answer *answer, void *arg)
{
	struct server *server = arg;
	size_t max = strlen(answer->text) + 64;
	struct letter *letter = malloc(sizeof(*letter) + max);
	uv_buf_t buf;
	int n;

	if (!letter) {
		stop(server);
		return;
	}
	n = snprintf(letter->text, max, "%" PRIu64 " %d %" PRIu64 " %s\n", answer->id,
		     answer->passed, answer->latency_us, answer->text);
	/* A line is one, whatever a server made the library say. */
	for (int i = 0; i < n - 1; i++)
		if ((unsigned char)letter->text[i] < ' ')
			letter->text[i] = ' ';
	letter->request.data = letter;
	buf = uv_buf_init(letter->text, (unsigned)n);
	if (uv_write(&letter->request, (uv_stream_t *)&server->pipe, &buf, 1,
		     on_written) < 0) {
		free(letter);
		stop(server);
	}
}

static void submit(struct server *server, const struct fetch_order *order)
{
	struct fetch_answer failed = { .id = order->id,
				       .text = "not enough memory to ask" };

	if (fetcher_submit(server->fetcher, order) < 0)
		on_answer(&failed, server);
}

static bool expect(struct server *server, const struct fetch_order *order,
		   const char *size)
{
	struct block *block = &server->block;
	uint64_t wanted;

	if (parse_u64(size, POST_MAX, &wanted) < 0 || wanted == 0)
		return false;
	block->order = *order;
	block->order.kind = FETCH_POST;
	block->data = malloc(wanted + 1);
	block->size = 0;
	block->wanted = wanted;
	return block->data != NULL;
}

static void submit_block(struct server *server)
{
	struct block *block = &server->block;
	_cleanup_(freep) char *data = take(block->data);
	struct fetch_answer failed = { .id = block->order.id };
	struct post post;
	int err;

	data[block->wanted] = '\0';
	err = post_parse(data, block->wanted, &post);
	if (err < 0) {
		failed.text = err == -EINVAL ? "a secret is none of Standard Webhooks"
					     : "it cannot be sent";
		on_answer(&failed, server);
		return;
	}
	block->order.target = post.url;
	block->order.post = &post;
	submit(server, &block->order);
	post_done(&post);
	explicit_bzero(data, block->wanted);
}

/* False for a line that is none of ours. */
static bool obey(struct server *server, char *line)
{
	struct fetch_order order = { 0 };
	char kind[8];
	int at = 0;

	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %7s %n", &order.id, &order.timeout_ms,
		   kind, &at) != 3 ||
	    at == 0)
		return false;
	if (streq(kind, "post"))
		return expect(server, &order, line + at);
	order.kind = streq(kind, "tcp") ? FETCH_TCP : FETCH_HTTP;
	order.target = line + at;
	submit(server, &order);
	return true;
}

/* How many of the @n bytes at @from went into the block. */
static size_t fill_block(struct server *server, const char *from, size_t n)
{
	struct block *block = &server->block;

	if (n > block->wanted - block->size)
		n = block->wanted - block->size;
	memcpy(block->data + block->size, from, n);
	block->size += n;
	if (block->size == block->wanted)
		submit_block(server);
	return n;
}

static void obey_all(struct server *server)
{
	char *from = server->line, *end;
	size_t left = server->size;

	while (left > 0) {
		size_t n;

		if (server->block.data) {
			n = fill_block(server, from, left);
		} else {
			end = memchr(from, '\n', left);
			if (!end)
				break;
			*end = '\0';
			if (!obey(server, from))
				stop(server);
			n = (size_t)(end + 1 - from);
		}
		from += n;
		left -= n;
	}
	server->size = left;
	memmove(server->line, from, left);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct server *server = handle->data;

	(void)suggested;
	*buf = uv_buf_init(server->line + server->size,
			   (unsigned)(sizeof(server->line) - server->size));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct server *server = stream->data;

	(void)buf;
	if (n < 0) { /* the end, or a line that does not end */
		stop(server);
		return;
	}
	server->size += (size_t)n;
	obey_all(server);
}

/* Thousands of checks are as many sockets. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int serve(struct server *server)
{
	int err = uv_loop_init(&server->loop);

	if (err < 0)
		return err;
	err = uv_pipe_init(&server->loop, &server->pipe, 0);
	if (err == 0)
		err = uv_pipe_open(&server->pipe, 0);
	if (err == 0)
		err = fetcher_new(&server->loop, on_answer, server, &server->fetcher);
	if (err < 0)
		return err;
	server->pipe.data = server;
	err = uv_read_start((uv_stream_t *)&server->pipe, on_room, on_read);
	if (err < 0)
		return err;
	uv_run(&server->loop, UV_RUN_DEFAULT);
	return 0;
}

int main(int argc, char **argv)
{
	static struct server server;
	int err;

	(void)argv;
	if (argc != 1) {
		fputs("portwatch-fetch is started by portwatchd, to make its health "
		      "checks and to send its alerts.\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		log_warning("Cannot drop capabilities; continuing with them");
	raise_descriptors();
	err = serve(&server);
	if (err < 0) {
		log_error_errno(err, "Cannot reach the network");
		return 1;
	}
	return 0;
}
