// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>

#include "base/time.h"
#include "client/client_private.h"
#include "client/shapes.h"

int pw_events(struct pw_client *client, const struct pw_events_options *options,
	      struct pw_stream **ret)
{
	static const struct pw_events_options defaults = { 0 };
	_cleanup_(buffer_done) struct buffer path = { 0 };

	if (!options)
		options = &defaults;
	buffer_printf(&path, "/api/ports/events?snapshot=%d", !options->no_snapshot);
	if (options->types)
		client_add_path(&path, "&types=", options->types, "");
	for (const char *const *t = options->targets; t && *t; t++)
		client_add_path(&path, "&target=", *t, "");
	if (path.failed)
		return -ENOMEM;
	return client_stream(client, path.data, options->after, ret);
}

/* What is left of @timeout_ms; -1: for ever. */
static int left_ms(int timeout_ms, uint64_t began_ns)
{
	uint64_t elapsed_ms = (now_mono_ns() - began_ns) / NS_PER_MS;

	if (timeout_ms < 0)
		return -1;
	return elapsed_ms < (unsigned)timeout_ms ? timeout_ms - (int)elapsed_ms : 0;
}

int pw_stream_wait(struct pw_stream *stream, int timeout_ms, struct pw_item *ret)
{
	uint64_t began_ns = now_mono_ns();

	for (;;) {
		struct pollfd pfd = { .events = POLLIN };
		int n, err = pw_stream_next(stream, ret);

		if (err != 0)
			return err;
		pfd.fd = pw_stream_fd(stream);
		n = poll(&pfd, 1, left_ms(timeout_ms, began_ns));
		if (n <= 0)
			return n < 0 ? -errno : 0;
	}
}

int pw_event_read(const struct pw_item *item, struct pw_event_data **ret)
{
	return shape_decode((struct span){ item->data, item->size }, &event_shape, ret);
}

struct pw_event_data *pw_event_free(struct pw_event_data *event)
{
	return shape_free(event);
}
