// SPDX-License-Identifier: GPL-2.0-only
#include "http/hub_private.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

#define SOCKET_TYPES (1u << EVENT_SOCKET_BOUND | 1u << EVENT_SOCKET_LISTENING)

bool stream_wants(const struct stream *stream, const struct event *event)
{
	struct subject subject;

	if (!(stream->types & 1u << event->type))
		return false;
	if (stream->n_targets == 0 || !target_subject(event, &subject))
		return true;
	for (size_t i = 0; i < stream->n_targets; i++)
		if (target_covers(&stream->targets[i], &subject,
				  engine_world(stream->hub->engine)))
			return true;
	return false;
}

static struct frame *pop(struct stream *s)
{
	struct frame *frame = s->queue[s->head];

	s->head = (s->head + 1) % s->capacity;
	s->count--;
	s->queued_bytes -= frame->size;
	return frame;
}

static void forget_queue(struct stream *s)
{
	while (s->count)
		frame_unref(pop(s));
}

static int grow(struct stream *s)
{
	size_t capacity = s->capacity ? s->capacity * 2 : 16;
	struct frame **queue;

	if (s->count < s->capacity)
		return 0;
	queue = calloc(capacity, sizeof(struct frame *));
	if (!queue)
		return -ENOMEM;
	for (size_t i = 0; i < s->count; i++)
		queue[i] = s->queue[(s->head + i) % s->capacity];
	free(s->queue);
	s->queue = queue;
	s->head = 0;
	s->capacity = capacity;
	return 0;
}

void stream_push(struct stream *s, struct frame *frame)
{
	bool wake = s->starving;

	if (s->dropped) {
		frame_unref(frame);
		return;
	}
	if (!frame || s->queued_bytes + frame->size > s->limit_bytes || grow(s) < 0) {
		frame_unref(frame);
		forget_queue(s);
		s->dropped = true;
		wake = true;
	} else {
		s->queue[(s->head + s->count++) % s->capacity] = frame;
		s->queued_bytes += frame->size;
		s->spoke_mono_ns = now_mono_ns();
	}
	s->starving = false;
	if (wake)
		s->wake(s->arg);
}

/* A retained frame as this stream may see it; NULL for want of memory. */
static struct frame *shown(const struct stream *s, struct frame *frame)
{
	return s->viewer.all ? frame_ref(frame)
			     : frame_redact(frame, s->hub->epoch, &s->viewer);
}

/* The retained events behind @seq come first; they do not count as slowness. */
static void replay(struct stream *s, uint64_t seq)
{
	struct hub *hub = s->hub;

	s->limit_bytes = SIZE_MAX;
	for (uint64_t i = hub->oldest; i < hub->newest; i++) {
		struct frame *frame = hub->retained[i % HUB_RETAINED_MAX];

		if (frame->seq > seq && s->types & 1u << frame->type &&
		    frame_covers(frame, s->targets, s->n_targets))
			stream_push(s, shown(s, frame));
	}
	s->limit_bytes = s->queued_bytes + STREAM_BYTES_MAX;
}

static bool can_resume(const struct hub *hub, const char *last_id, uint64_t *ret_seq)
{
	uint64_t seq;

	if (!hub->retains || !last_id || frame_id_parse(last_id, hub->epoch, &seq) < 0)
		return false;
	if (seq < hub->evicted_seq || seq > engine_sequence(hub->engine))
		return false;

	*ret_seq = seq;
	return true;
}

static int collect(struct socket *sock, void *arg)
{
	struct stream *s = arg;

	s->cookies[s->n_cookies++] = sock->cookie;
	return 0;
}

/* Fix what the snapshot is of: what comes later comes as an event. */
static int begin_snapshot(struct stream *s, bool alerts)
{
	struct engine *engine = s->hub->engine;
	size_t n = sockets_count(engine_sockets(engine));
	uint64_t cursor = 0;

	s->phase = alerts && s->types & 1u << EVENT_ALERT_FIRING ? PHASE_ALERTS
								 : PHASE_SOCKETS;
	for (const struct alert *a; (a = alerts_next(engine_alerts(engine), &cursor));)
		s->alert_last = a->id;
	if (!(s->types & SOCKET_TYPES) || n == 0)
		return 0;
	s->cookies = malloc(n * sizeof(*s->cookies));
	if (!s->cookies)
		return -ENOMEM;
	sockets_each(engine_sockets(engine), collect, s);
	return 0;
}

static bool has_id(const struct stream_options *options)
{
	return options->last_id && *options->last_id;
}

int stream_open(struct hub *hub, const struct stream_options *options,
		struct stream **ret)
{
	_cleanup_(stream_closep) struct stream *s = calloc(1, sizeof(*s));
	uint64_t seq;
	bool resumes;
	int err = 0;

	if (!s)
		return -ENOMEM;
	s->hub = hub;
	s->viewer = options->viewer;
	s->types = options->types;
	s->wake = options->wake;
	s->arg = options->arg;
	s->limit_bytes = STREAM_BYTES_MAX;
	s->phase = PHASE_LIVE;
	s->spoke_mono_ns = now_mono_ns();
	s->n_targets = options->n_targets;
	s->targets = calloc(s->n_targets + 1, sizeof(*s->targets));
	if (!s->targets)
		return -ENOMEM;
	memcpy(s->targets, options->targets, s->n_targets * sizeof(*s->targets));

	resumes = can_resume(hub, options->last_id, &seq);
	if (resumes)
		replay(s, seq);
	/* What came meanwhile is lost to who cannot resume: what stands makes up for it.
	 */
	if (options->snapshot || (has_id(options) && !resumes))
		err = begin_snapshot(s, !resumes);
	if (err < 0)
		return err;

	s->next = hub->streams;
	hub->streams = s;
	err = hub_update(hub);
	if (err < 0)
		return err;

	*ret = take(s);
	return 0;
}

struct stream *stream_close(struct stream *s)
{
	if (!s)
		return NULL;
	for (struct stream **link = &s->hub->streams; *link; link = &(*link)->next) {
		if (*link == s) {
			*link = s->next;
			/* Wanting less cannot fail in a way that matters. */
			(void)hub_update(s->hub);
			break;
		}
	}
	forget_queue(s);
	frame_unref(s->current);
	free(s->queue);
	free(s->cookies);
	free(s->targets);
	free(s);
	return NULL;
}

/* 1 with a frame (NULL: skipped), 0 at the end. */
static int next_alert(struct stream *s, struct frame **ret)
{
	struct engine *engine = s->hub->engine;
	const struct alert *alert = alerts_next(engine_alerts(engine), &s->alert_cursor);
	struct event event = {
		.type = EVENT_ALERT_FIRING,
		.source = SOURCE_SNAPSHOT,
		.seq = engine_sequence(engine),
		.alert = alert,
	};

	if (!alert || alert->id > s->alert_last)
		return 0;
	event.wall_ns = alert->since_ns;
	event.service = alert->v.service[0] ? alert->v.service : NULL;
	if (!stream_wants(s, &event))
		return 1;
	*ret = frame_encode(&event, s->hub->epoch, &s->viewer);
	return *ret ? 1 : -ENOMEM;
}

static int next_socket(struct stream *s, struct frame **ret)
{
	struct engine *engine = s->hub->engine;
	const struct service *svc;
	struct socket *sock;
	struct event event = {
		.source = SOURCE_SNAPSHOT,
		.seq = engine_sequence(engine),
		.wall_ns = now_wall_ns(),
	};

	if (s->next_cookie == s->n_cookies)
		return 0;
	sock = sockets_find(engine_sockets(engine), s->cookies[s->next_cookie++]);
	if (!sock)
		return 1;
	if (sock->owner)
		engine_complete_process(engine, sock->owner);
	svc = engine_service_of(engine, sock);
	event.type = sock->state == SOCKET_LISTENING ? EVENT_SOCKET_LISTENING
						     : EVENT_SOCKET_BOUND;
	event.socket = sock;
	event.service = svc ? svc->name : NULL;
	if (!stream_wants(s, &event))
		return 1;
	*ret = frame_encode(&event, s->hub->epoch, &s->viewer);
	return *ret ? 1 : -ENOMEM;
}

/* The next frame of the snapshot, then of the queue.  0: nothing now. */
static int next_frame(struct stream *s, struct frame **ret)
{
	int more = 0;

	while (s->phase != PHASE_LIVE) {
		more = s->phase == PHASE_ALERTS ? next_alert(s, ret)
						: next_socket(s, ret);
		if (more < 0 || *ret)
			return more;
		if (more == 0)
			s->phase++;
	}
	if (s->count == 0)
		return 0;
	*ret = pop(s);
	return 1;
}

ssize_t stream_read(struct stream *s, char *buf, size_t size)
{
	size_t done = 0;

	while (done < size && !s->dropped) {
		size_t n;

		if (!s->current) {
			int more = next_frame(s, &s->current);

			if (more < 0)
				return more;
			if (more == 0)
				break;
			s->offset = 0;
		}
		n = s->current->size - s->offset;
		if (n > size - done)
			n = size - done;
		memcpy(buf + done, s->current->text + s->offset, n);
		s->offset += n;
		done += n;
		if (s->offset == s->current->size)
			s->current = frame_unref(s->current);
	}
	if (s->dropped)
		return -EPIPE;
	if (done)
		return (ssize_t)done;
	s->starving = true;
	return 0;
}
