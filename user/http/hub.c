// SPDX-License-Identifier: GPL-2.0-only
#include "http/hub_private.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

#define VOLATILE_TYPES                                                  \
	(1u << EVENT_SOCKET_BOUND | 1u << EVENT_SOCKET_LISTENING |      \
	 1u << EVENT_SOCKET_RELEASED | 1u << EVENT_SOCKET_BIND_FAILED | \
	 1u << EVENT_PROCESS_EXITED)
#define ALL_TYPES ((1u << EVENT_TYPES) - 1)

/* One event in the shapes that its readers may see; made when first asked for. */
struct shapes {
	const struct event *event;
	uint32_t epoch;
	struct {
		struct viewer viewer;
		struct frame *frame;
	} items[8];
	size_t count;
};

static void shapes_done(struct shapes *shapes)
{
	for (size_t i = 0; i < shapes->count; i++)
		frame_unref(shapes->items[i].frame);
}

/* With a reference for the caller; NULL for want of memory. */
static struct frame *shape_for(struct shapes *shapes, const struct viewer *viewer)
{
	struct frame *frame;

	for (size_t i = 0; i < shapes->count; i++)
		if (viewer_equal(&shapes->items[i].viewer, viewer))
			return frame_ref(shapes->items[i].frame);

	frame = frame_encode(shapes->event, shapes->epoch, viewer);
	if (frame && shapes->count < sizeof(shapes->items) / sizeof(shapes->items[0])) {
		shapes->items[shapes->count].viewer = *viewer;
		shapes->items[shapes->count++].frame = frame_ref(frame);
	}
	return frame;
}

static void evict(struct hub *hub)
{
	struct frame *frame = hub->retained[hub->oldest % HUB_RETAINED_MAX];

	hub->evicted_seq = frame->seq;
	hub->retained_bytes -= frame->size;
	hub->retained[hub->oldest++ % HUB_RETAINED_MAX] = frame_unref(frame);
}

/* Takes over @frame. */
static void retain(struct hub *hub, struct frame *frame)
{
	if (hub->newest - hub->oldest == HUB_RETAINED_MAX)
		evict(hub);
	hub->retained[hub->newest++ % HUB_RETAINED_MAX] = frame;
	hub->retained_bytes += frame->size;
	while (hub->retained_bytes > HUB_RETAINED_BYTES)
		evict(hub);
}

static void publish(const struct event *event, void *arg)
{
	static const struct viewer everything = { .all = true };
	struct hub *hub = arg;
	__attribute__((cleanup(shapes_done))) struct shapes shapes = {
		.event = event,
		.epoch = hub->epoch,
	};

	for (struct stream *s = hub->streams; s; s = s->next)
		if (stream_wants(s, event))
			stream_push(s, shape_for(&shapes, &s->viewer));

	if (hub->retains && !(VOLATILE_TYPES & 1u << event->type)) {
		struct frame *frame = shape_for(&shapes, &everything);

		/* What could not be kept cannot be resumed across. */
		if (frame)
			retain(hub, frame);
		else
			hub->evicted_seq = event->seq;
	}
}

int hub_update(struct hub *hub)
{
	uint32_t wants = hub->retains ? ALL_TYPES & ~VOLATILE_TYPES : 0;
	struct engine_subscription *sub = NULL;
	int err = 0;

	for (struct stream *s = hub->streams; s; s = s->next)
		wants |= s->types;
	if (wants == hub->wants)
		return 0;
	if (wants)
		err = engine_subscribe(hub->engine, wants, publish, hub, &sub);
	if (err < 0)
		return err;

	engine_unsubscribe(hub->engine, hub->subscription);
	hub->subscription = sub;
	hub->wants = wants;
	return 0;
}

int hub_new(struct engine *engine, bool retains, struct hub **ret)
{
	_cleanup_(hub_freep) struct hub *hub = calloc(1, sizeof(*hub));
	int err;

	if (!hub)
		return -ENOMEM;
	hub->engine = engine;
	hub->retains = retains;
	hub->epoch = (uint32_t)(now_wall_ns() / NS_PER_MS);
	hub->evicted_seq = engine_sequence(engine);
	hub->comment = frame_comment();
	if (!hub->comment)
		return -ENOMEM;
	err = hub_update(hub);
	if (err < 0)
		return err;

	*ret = take(hub);
	return 0;
}

struct hub *hub_free(struct hub *hub)
{
	if (!hub)
		return NULL;
	engine_unsubscribe(hub->engine, hub->subscription);
	while (hub->oldest < hub->newest)
		evict(hub);
	frame_unref(hub->comment);
	free(hub);
	return NULL;
}

uint64_t hub_tick(struct hub *hub, uint64_t mono_ns)
{
	uint64_t soonest_ms = 0;

	for (struct stream *s = hub->streams; s; s = s->next) {
		uint64_t quiet_ms = (mono_ns - s->spoke_mono_ns) / NS_PER_MS, left_ms;

		if (quiet_ms >= HUB_QUIET_MS) {
			stream_push(s, frame_ref(hub->comment));
			quiet_ms = 0;
		}
		left_ms = HUB_QUIET_MS - quiet_ms;
		if (!soonest_ms || left_ms < soonest_ms)
			soonest_ms = left_ms;
	}
	return soonest_ms;
}

size_t hub_streams(const struct hub *hub)
{
	size_t n = 0;

	for (const struct stream *s = hub->streams; s; s = s->next)
		n++;
	return n;
}

/* The types called @word, or whose name has @word before its dot. */
static uint32_t types_named(const char *word, size_t size)
{
	uint32_t types = 0;

	for (unsigned type = 0; type < EVENT_TYPES; type++) {
		const char *name = event_type_name((enum event_type)type);

		if (strncmp(name, word, size) == 0 && (name[size] == '.' || !name[size]))
			types |= 1u << type;
	}
	return types;
}

int event_types_parse(const char *text, uint32_t *ret)
{
	uint32_t types = 0;

	for (const char *word = text;; word++) {
		size_t size = strcspn(word, ",");
		uint32_t found = size ? types_named(word, size) : 0;

		if (!found)
			return -EINVAL;
		types |= found;
		word += size;
		if (!*word)
			break;
	}

	*ret = types;
	return 0;
}
