// SPDX-License-Identifier: GPL-2.0-only
/* What all sinks have: a queue with a bound, a timer, and counts. */
#include "sinks/private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/strings.h"
#include "base/time.h"

/* -- Messages -------------------------------------------------------------------------
 */

struct message *message_new(const struct event *event)
{
	struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return NULL;
	message->id = event->alert->id;
	message->wall_ns = event->wall_ns;
	message->kind = event->alert->v.kind;
	message->at = event->alert->v.at;
	snprintf(message->service, sizeof(message->service), "%s",
		 event->alert->v.service);
	return message;
}

struct message *message_free(struct message *message)
{
	if (!message)
		return NULL;
	free(message->text);
	strv_free(message->env);
	free(message);
	return NULL;
}

void queue_init(struct message_queue *queue)
{
	*queue = (struct message_queue){ .last = &queue->first };
}

void queue_done(struct message_queue *queue)
{
	struct message *message;

	while ((message = queue_take(queue)))
		message_free(message);
}

void queue_put(struct message_queue *queue, struct message *message)
{
	message->next = NULL;
	*queue->last = message;
	queue->last = &message->next;
	queue->count++;
	queue->bytes += message->text ? message->size : 0;
}

void queue_put_back(struct message_queue *queue, struct message *message)
{
	message->next = queue->first;
	queue->first = message;
	if (!message->next)
		queue->last = &message->next;
	queue->count++;
	queue->bytes += message->text ? message->size : 0;
}

struct message *queue_take(struct message_queue *queue)
{
	struct message *message = queue->first;

	if (!message)
		return NULL;
	queue->first = message->next;
	if (!queue->first)
		queue->last = &queue->first;
	queue->count--;
	queue->bytes -= message->text ? message->size : 0;
	return message;
}

/* -- Life -----------------------------------------------------------------------------
 */

static const struct sink_ops *const ops_of[] = {
	[SINK_STDOUT] = &file_sink_ops,
	[SINK_FILE] = &file_sink_ops,
	[SINK_JOURNALD] = &datagram_sink_ops,
	[SINK_SYSLOG] = &datagram_sink_ops,
	[SINK_EXEC] = &exec_sink_ops,
	[SINK_WEBHOOK] = &webhook_sink_ops,
	[SINK_ALERTMANAGER] = &alertmanager_sink_ops,
};

struct sink *sink_ref(struct sink *sink)
{
	sink->refs++;
	return sink;
}

void sink_unref(struct sink *sink)
{
	if (--sink->refs > 0)
		return;
	if (sink->ops->done)
		sink->ops->done(sink);
	queue_done(&sink->queue);
	sink_settings_free(sink->settings);
	free(sink);
}

static void timer_closed(uv_handle_t *handle)
{
	sink_unref(handle->data);
}

void sink_leave(struct sink *sink)
{
	sink->leaving = true;
	sink->sinks = NULL; /* which may go before it */
	sink->asked = 0;
	sink_ref(sink);
	if (sink->ops->leave)
		sink->ops->leave(sink);
	uv_close((uv_handle_t *)&sink->timer, timer_closed);
	sink_unref(sink);
}

int sink_new(struct sinks *sinks, struct sink_settings *settings, struct sink **ret)
{
	const struct sink_ops *ops = ops_of[settings->type];
	struct sink *sink = calloc(1, ops->size);
	int err;

	if (!sink) {
		sink_settings_free(settings);
		return -ENOMEM;
	}
	sink->sinks = sinks;
	sink->ops = ops;
	sink->settings = settings;
	queue_init(&sink->queue);
	uv_timer_init(sinks->options.loop, &sink->timer);
	sink->timer.data = sink;
	sink->refs = 1;
	err = ops->init ? ops->init(sink) : 0;
	if (err < 0) {
		sink_leave(sink);
		return err;
	}

	*ret = sink;
	return 0;
}

size_t sink_queued(const struct sink *sink)
{
	return sink->queue.count + (sink->ops->queued ? sink->ops->queued(sink) : 0);
}

/* -- What comes -----------------------------------------------------------------------
 */

void sink_drop(struct sink *sink, size_t n)
{
	sink->dropped += n;
}

void sink_put(struct sink *sink, struct message *message)
{
	/* Of what nobody has taken, the newest is worth most. */
	while (sink->queue.first &&
	       (sink_queued(sink) >= sink->settings->queue_max ||
		sink->queue.bytes + message->size > SINK_BYTES_MAX)) {
		struct message *oldest = queue_take(&sink->queue);

		if (sink->ops->forget)
			sink->ops->forget(sink, oldest);
		message_free(oldest);
		sink_drop(sink, 1);
	}
	queue_put(&sink->queue, message);
	sink_wake(sink);
}

static int encode(const struct sink *sink, const struct event *event,
		  struct message *message)
{
	static const struct viewer all = { .all = true };
	int err = sink->ops->encode(sink, event,
				    sink->settings->command_lines ? &all : NULL, message);

	if (err < 0 || message->size <= MESSAGE_MAX)
		return err;
	freep(&message->text);
	message->env = strv_free(message->env);
	err = sink->ops->encode(sink, event, NULL, message);
	return err == 0 && message->size > MESSAGE_MAX ? -E2BIG : err;
}

void sink_tell(struct sink *sink, const struct event *event)
{
	_cleanup_(message_freep) struct message *message = NULL;
	int err = -ENOMEM;

	if (!sink_wants(sink->settings, event->alert))
		return;
	message = message_new(event);
	if (message)
		err = encode(sink, event, message);
	if (err < 0) {
		sink_note(sink, "an alert cannot be written: %s", strerror(-err));
		sink_drop(sink, 1);
		return;
	}
	if (sink->ops->put)
		sink->ops->put(sink, take(message));
	else
		sink_put(sink, take(message));
}

/* -- When -----------------------------------------------------------------------------
 */

static void on_timer(uv_timer_t *timer)
{
	struct sink *sink = timer->data;

	if (sink->state == SINK_BUSY) {
		if (sink->ops->overdue)
			sink->ops->overdue(sink);
		return;
	}
	sink->state = SINK_IDLE;
	sink->ops->pump(sink);
}

void sink_wake(struct sink *sink)
{
	if (sink->leaving)
		return;
	if (sink->state == SINK_BUSY && sink->ops->more)
		sink->ops->more(sink);
	if (sink->state != SINK_IDLE)
		return;
	sink->state = SINK_WOKEN;
	uv_timer_start(&sink->timer, on_timer, 0, 0);
}

void sink_wake_now(struct sink *sink)
{
	if (sink->state == SINK_WAITING) {
		sink->state = SINK_IDLE;
		sink->attempts = 0;
	}
	sink_wake(sink);
}

void sink_sleep(struct sink *sink, uint64_t ms)
{
	if (sink->state == SINK_IDLE && !sink->leaving)
		uv_timer_start(&sink->timer, on_timer, ms, 0);
}

void sink_begin(struct sink *sink, uint64_t patience_ms)
{
	sink->state = SINK_BUSY;
	if (sink->leaving)
		return;
	uv_timer_stop(&sink->timer);
	if (patience_ms > 0)
		uv_timer_start(&sink->timer, on_timer, patience_ms, 0);
}

void sink_succeed(struct sink *sink, size_t n)
{
	sink->sent += n;
	sink->attempts = 0;
	sink->state = SINK_IDLE;
	if (sink->leaving)
		return;
	uv_timer_stop(&sink->timer);
	if (sink->queue.first)
		sink_wake(sink);
}

static void note(struct sink *sink, const char *fmt, va_list args)
{
	struct sinks *sinks = sink->sinks;
	char text[SINK_ERROR_MAX + 128];

	vsnprintf(sink->last_error, sizeof(sink->last_error), fmt, args);
	sink->last_error_ns = now_wall_ns();
	sink->failed++;
	if (++sink->attempts != 1 || !sinks || !sinks->options.complain)
		return;
	snprintf(text, sizeof(text), "Sink %s: %s", sink->settings->name,
		 sink->last_error);
	sinks->options.complain(text, sinks->options.arg);
}

void sink_note(struct sink *sink, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(sink, fmt, args);
	va_end(args);
}

uint64_t sink_backoff_ms(uint64_t initial, uint64_t max, unsigned attempts,
			 uint32_t chance)
{
	uint64_t ms = initial;

	for (unsigned i = 1; i < attempts && ms < max; i++)
		ms *= 2;
	if (ms > max)
		ms = max;
	return ms - ms / 2 + (ms / 2 * chance >> 32);
}

void sink_fail(struct sink *sink, const char *fmt, ...)
{
	const struct sink_settings *settings = sink->settings;
	uint32_t chance = 0;
	va_list args;

	va_start(args, fmt);
	note(sink, fmt, args);
	va_end(args);
	sink->state = SINK_WAITING;
	if (sink->leaving)
		return;
	/* Where there is no chance to be had, less is lost than by waiting for one. */
	(void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	uv_timer_start(&sink->timer, on_timer,
		       sink_backoff_ms(settings->backoff_ms, settings->backoff_max_ms,
				       sink->attempts, chance),
		       0);
}
