// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "http/routes.h"

struct event_stream {
	struct producer producer;
	struct stream *stream;
};

static struct event_stream *of(struct producer *producer)
{
	return (struct event_stream *)producer; /* its first member */
}

static void wake(void *arg)
{
	struct producer *producer = arg;

	producer->wake(producer->wake_arg);
}

static ssize_t read_events(struct producer *producer, char *buf, size_t size)
{
	return stream_read(of(producer)->stream, buf, size);
}

static void close_events(struct producer *producer)
{
	stream_close(of(producer)->stream);
	free(producer);
}

/* As the next one, -EINVAL with *reply filled in. */
static int parse_targets(const struct request *req, struct stream_options *options,
			 struct reply *reply)
{
	const char *text;

	while ((text = request_arg(req, "target", options->n_targets))) {
		if (target_parse(text, &options->targets[options->n_targets++]) < 0) {
			reply_problem(
				reply, 400,
				"%s is no target: NAME, :PORT, :LOW-HIGH, :PORT/udp or "
				"pid:N",
				text);
			return -EINVAL;
		}
	}
	return 0;
}

static int parse_options(const struct request *req, struct stream_options *options,
			 struct reply *reply)
{
	const char *types = request_arg(req, "types", 0);
	const char *snapshot = request_arg(req, "snapshot", 0);

	options->viewer = req->peer->viewer;
	options->types = (1u << EVENT_TYPES) - 1;
	options->snapshot = !streq(snapshot, "0");
	options->last_id = req->last_event_id;
	if (snapshot && !streq(snapshot, "0") && !streq(snapshot, "1")) {
		reply_problem(reply, 400, "snapshot is 0 or 1, not %s", snapshot);
		return -EINVAL;
	}
	if (types && event_types_parse(types, &options->types) < 0) {
		reply_problem(reply, 400,
			      "%s does not name types of events: alert, "
			      "socket.bound, …",
			      types);
		return -EINVAL;
	}
	return parse_targets(req, options, reply);
}

int handle_events(const struct request *req, struct reply *reply)
{
	struct stream_options options = { .wake = wake };
	struct event_stream *events;
	int err = parse_options(req, &options, reply);

	if (err < 0)
		return reply->status ? 0 : err;
	events = calloc(1, sizeof(*events));
	if (!events)
		return -ENOMEM;
	options.arg = &events->producer;
	err = stream_open(req->api->hub, &options, &events->stream);
	if (err < 0) {
		free(events);
		return err;
	}
	events->producer.read = read_events;
	events->producer.close = close_events;
	events->producer.endless = true;
	*reply = (struct reply){
		.status = 200,
		.type = "text/event-stream",
		.backend = probe_backend(engine_probe(req->api->engine)),
		.producer = &events->producer,
	};
	return 0;
}
