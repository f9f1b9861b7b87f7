// SPDX-License-Identifier: GPL-2.0-only
/*
 * Alertmanager's API v2: POST /api/v2/alerts.
 *
 * It is a state that is told, not a message: what is firing, again and again as long as
 * it does, with an end that lies in the future (four times as far as the next telling, as
 * Prometheus has it), so that it ends there, too, if this program does; and what has
 * resolved, until it was heard.  Alerts are known there by their labels.
 */
#include "sinks/private.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

#define API_PATH "/api/v2/alerts"

enum { BATCH = 32, LIVES = 4 };

struct alertmanager {
	struct sink sink;
	struct message_queue flying; /* news that were sent; none: the round's */
	bool in_round;               /* all that fires is being told */
	uint64_t cursor;             /* the next of the round */
	uint64_t cursor_sent;        /* what it is when they were heard */
	uint64_t round_ns;           /* when the next one begins, CLOCK_MONOTONIC */
};

static const struct viewer *viewer_of(const struct sink *sink)
{
	static const struct viewer all = { .all = true };

	return sink->settings->command_lines ? &all : NULL;
}

/* -- What is sent ---------------------------------------------------------------------
 */

static void add(struct buffer *body, const char *text)
{
	buffer_puts(body, body->size ? "," : "[");
	buffer_puts(body, text);
}

static void add_firing(const struct sink *sink, const struct alert *alert,
		       struct buffer *body)
{
	uint64_t ends_ns = now_wall_ns() + LIVES * sink->settings->resend_ms * NS_PER_MS;
	_cleanup_(doc_freep) struct doc *doc =
		message_alertmanager(alert, viewer_of(sink), sink->sinks->host, ends_ns);
	_cleanup_(freep) char *text = doc_print(doc, false, NULL);

	if (text)
		add(body, text);
	else
		body->failed = true;
}

/* The labels of both are the same. */
static bool is_same(const struct alert *alert, const struct message *message)
{
	const struct endpoint *a = &alert->v.at, *b = &message->at;

	return alert->v.kind == message->kind &&
	       streq(alert->v.service, message->service) && a->port == b->port &&
	       a->proto == b->proto && a->netns == b->netns;
}

/* Another alert with its labels fires, so that there is nothing to resolve. */
static bool is_alive(const struct sink *sink, const struct message *message)
{
	const struct alerts *alerts = sink->sinks->options.alerts;
	const struct alert *other = NULL;
	uint64_t cursor = 0;

	if (message->service[0]) {
		while ((other = alerts_next_of_service(alerts, message->service, other)))
			if (is_same(other, message))
				return true;
		return false;
	}
	while ((other = alerts_next(alerts, &cursor)))
		if (is_same(other, message))
			return true;
	return false;
}

static void add_news(struct alertmanager *am, struct buffer *body)
{
	const struct alerts *alerts = am->sink.sinks->options.alerts;

	for (const struct message *m = am->flying.first; m; m = m->next) {
		const struct alert *alert = m->text ? NULL : alerts_find(alerts, m->id);

		if (m->text && !is_alive(&am->sink, m))
			add(body, m->text);
		if (alert && alert->firing)
			add_firing(&am->sink, alert, body);
	}
}

static void add_round(struct alertmanager *am, struct buffer *body)
{
	const struct sink *sink = &am->sink;
	const struct alert *alert = NULL;
	size_t n = 0;

	am->cursor_sent = am->cursor;
	while (n < BATCH &&
	       (alert = alerts_next(sink->sinks->options.alerts, &am->cursor_sent)))
		if (sink_wants(sink->settings, alert)) {
			add_firing(sink, alert, body);
			n++;
		}
	if (!alert)
		am->cursor_sent = UINT64_MAX;
}

static bool any_fires(const struct sink *sink)
{
	const struct alert *alert;
	uint64_t cursor = 0;

	while ((alert = alerts_next(sink->sinks->options.alerts, &cursor)))
		if (sink_wants(sink->settings, alert))
			return true;
	return false;
}

static void post(struct sink *sink, const struct buffer *body)
{
	_cleanup_(buffer_done) struct buffer block = { 0 };
	const char *url = sink->settings->url;
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	if (n > strlen(API_PATH) && starts_with(url + n - strlen(API_PATH), API_PATH))
		n -= strlen(API_PATH);
	buffer_printf(&block, "url %.*s%s\nheader Content-Type: application/json\n\n",
		      (int)n, url, API_PATH);
	buffer_add(&block, body->data, body->size);
	buffer_puts(&block, "]");
	if (body->failed || block.failed)
		sink_fail(sink, "%s", strerror(ENOMEM));
	else
		sinks_post(sink, block.data, block.size);
}

/* -- When -----------------------------------------------------------------------------
 */

static void heard(struct alertmanager *am)
{
	struct sink *sink = &am->sink;
	size_t n = am->flying.count;
	uint64_t now_ns = now_mono_ns();

	if (n > 0) {
		queue_done(&am->flying);
		queue_init(&am->flying);
	} else if (am->in_round) {
		am->cursor = am->cursor_sent;
		am->in_round = am->cursor != UINT64_MAX;
	}
	sink_succeed(sink, n);
	if (am->in_round)
		sink_wake(sink);
	else if (!sink->queue.first && any_fires(sink))
		sink_sleep(sink, am->round_ns > now_ns
					 ? (am->round_ns - now_ns) / NS_PER_MS + 1
					 : 0);
}

static void begin_round(struct alertmanager *am)
{
	am->in_round = true;
	am->cursor = 0;
	am->round_ns = now_mono_ns() + am->sink.settings->resend_ms * NS_PER_MS;
}

static void alertmanager_pump(struct sink *sink)
{
	struct alertmanager *am = (struct alertmanager *)sink;
	_cleanup_(buffer_done) struct buffer body = { 0 };

	while (am->flying.count < BATCH && sink->queue.first)
		queue_put(&am->flying, queue_take(&sink->queue));
	if (!am->in_round && now_mono_ns() >= am->round_ns)
		begin_round(am);
	if (am->flying.first)
		add_news(am, &body);
	else if (am->in_round)
		add_round(am, &body);
	if (body.size == 0 && !body.failed) {
		heard(am);
		return;
	}
	post(sink, &body);
}

static void alertmanager_answered(struct sink *sink, bool passed, const char *text)
{
	if (passed)
		heard((struct alertmanager *)sink);
	else
		sink_fail(sink, "%s", text);
}

static void alertmanager_overdue(struct sink *sink)
{
	sinks_lose_fetch(sink->sinks, "portwatch-fetch does not answer");
}

/* Of what fires, the alert itself is looked at when it is sent. */
static int alertmanager_encode(const struct sink *sink, const struct event *event,
			       const struct viewer *viewer, struct message *message)
{
	const struct alert *alert = event->alert;
	_cleanup_(doc_freep) struct doc *doc = NULL;

	if (alert->firing)
		return 0;
	doc = message_alertmanager(alert, viewer, sink->sinks->host, alert->resolved_ns);
	message->text = doc_print(doc, false, &message->size);
	return message->text ? 0 : -ENOMEM;
}

static int alertmanager_init(struct sink *sink)
{
	struct alertmanager *am = (struct alertmanager *)sink;

	queue_init(&am->flying);
	begin_round(am);
	if (any_fires(sink))
		sink_wake(sink);
	return 0;
}

/* Another filter, or another server, which knows nothing yet. */
static void alertmanager_changed(struct sink *sink)
{
	begin_round((struct alertmanager *)sink);
}

static void alertmanager_done(struct sink *sink)
{
	queue_done(&((struct alertmanager *)sink)->flying);
}

static size_t alertmanager_queued(const struct sink *sink)
{
	return ((const struct alertmanager *)sink)->flying.count;
}

const struct sink_ops alertmanager_sink_ops = {
	.size = sizeof(struct alertmanager),
	.init = alertmanager_init,
	.encode = alertmanager_encode,
	.pump = alertmanager_pump,
	.overdue = alertmanager_overdue,
	.answered = alertmanager_answered,
	.changed = alertmanager_changed,
	.done = alertmanager_done,
	.queued = alertmanager_queued,
};
