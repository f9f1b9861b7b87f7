// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/client_private.h"
#include "client/sse.h"

enum { EVENT_MAX = 16 * 1024 * 1024 };

#define STREAM_TYPES "text/event-stream, " PROBLEM_TYPE

struct pw_stream {
	struct pw_client *client;
	struct sse sse;
	struct message head; /* its headers alone */
};

static bool is_event_stream(const struct message *msg)
{
	static const char wanted[] = "text/event-stream";
	const char *type = message_header(msg, "Content-Type");

	return type && strncasecmp(type, wanted, strlen(wanted)) == 0;
}

/* The headers have come and are not those of a stream. */
static int refused(struct pw_client *client, const char *path)
{
	int err;

	if (client->wire.msg.status < 300) {
		wire_close(&client->wire);
		return client_fail(client, -EPROTO, "%s is no stream of events", path);
	}
	err = wire_await_message(&client->wire);
	return err < 0 ? client_broken(client, err, path) : client_refused(client);
}

static int stream_answer(struct pw_client *client, const struct request *request,
			 struct pw_stream **ret)
{
	struct pw_stream *stream;
	int err;

	/* The body is what has arrived and is not read yet: one event, and what one
	 * reception may add. */
	client->wire.body_max = EVENT_MAX + 1024 * 1024;
	err = client_ask(client, request);
	if (err < 0)
		return err;
	if (client->wire.msg.status >= 300 || !is_event_stream(&client->wire.msg))
		return refused(client, request->path);

	stream = calloc(1, sizeof(*stream));
	if (!stream) {
		wire_close(&client->wire);
		return -ENOMEM;
	}
	stream->client = client;
	client->streaming = true;
	stream->head.headers = client->wire.msg.headers;
	client->wire.msg.headers = (struct buffer){ 0 };
	sse_init(&stream->sse, EVENT_MAX);
	*ret = stream;
	return 0;
}

int client_stream(struct pw_client *client, const char *path, const char *after,
		  struct pw_stream **ret)
{
	struct request request = { .method = "GET",
				   .path = path,
				   .last_event_id = after,
				   .accept = STREAM_TYPES };

	return stream_answer(client, &request, ret);
}

int client_stream_post(struct pw_client *client, const char *path, const char *body,
		       size_t size, struct pw_stream **ret)
{
	struct request request = { .method = "POST",
				   .path = path,
				   .body = body,
				   .size = size,
				   .accept = STREAM_TYPES };

	return stream_answer(client, &request, ret);
}

int pw_stream_open(struct pw_client *client, const char *path, struct pw_stream **ret)
{
	return client_stream(client, path, NULL, ret);
}

struct pw_stream *pw_stream_close(struct pw_stream *stream)
{
	if (!stream)
		return NULL;
	stream->client->streaming = false;
	/* One that has been told to its end leaves a connection to ask again. */
	if (!stream->client->wire.msg.complete || !stream->client->wire.reusable)
		wire_close(&stream->client->wire);
	message_done(&stream->head);
	sse_done(&stream->sse);
	free(stream);
	return NULL;
}

int pw_stream_fd(const struct pw_stream *stream)
{
	return stream->client->wire.fd;
}

const char *pw_stream_header(const struct pw_stream *stream, const char *name)
{
	return message_header(&stream->head, name);
}

int pw_stream_next(struct pw_stream *stream, struct pw_item *ret)
{
	struct wire *wire = &stream->client->wire;

	for (;;) {
		int err = sse_next(&stream->sse, &wire->msg.body, ret);

		if (err != 0)
			return err;
		if (wire->msg.complete)
			return client_fail(stream->client, -ENODATA,
					   "The daemon has ended the stream");
		if (wire->fd < 0)
			return -ECONNRESET;
		err = wire_receive(wire);
		if (err == 0)
			return 0;
		if (err < 0)
			return client_broken(stream->client, err, "the stream");
	}
}
