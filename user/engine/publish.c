// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is told of what: subscriptions, and events made for those that want them.
 *
 * Every event is counted and numbered; it is built only where somebody wants it.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>

static void sum_wants(struct outlet *outlet)
{
	outlet->wants = 0;
	for (struct engine_subscription *s = outlet->subscriptions; s; s = s->next)
		outlet->wants |= s->fn ? s->wants : 0;
}

int engine_subscribe(struct engine *engine, uint32_t wants, engine_event_fn fn, void *arg,
		     struct engine_subscription **ret)
{
	struct engine_subscription *sub, **end;

	sub = calloc(1, sizeof(*sub));
	if (!sub)
		return -ENOMEM;
	*sub = (struct engine_subscription){ .wants = wants, .fn = fn, .arg = arg };
	for (end = &engine->outlet.subscriptions; *end;)
		end = &(*end)->next;
	*end = sub;
	sum_wants(&engine->outlet);
	*ret = sub;
	return 0;
}

/* Those that ended while events were being told. */
static void sweep(struct outlet *outlet)
{
	struct engine_subscription **link = &outlet->subscriptions;

	while (*link) {
		struct engine_subscription *sub = *link;

		if (sub->fn) {
			link = &sub->next;
			continue;
		}
		*link = sub->next;
		free(sub);
	}
}

struct engine_subscription *engine_unsubscribe(struct engine *engine,
					       struct engine_subscription *sub)
{
	if (!sub)
		return NULL;
	sub->fn = NULL;
	if (engine->outlet.telling == 0)
		sweep(&engine->outlet);
	sum_wants(&engine->outlet);
	return NULL;
}

uint64_t engine_sequence(const struct engine *engine)
{
	return engine->outlet.seq;
}

void publish_done(struct engine *e)
{
	for (struct engine_subscription *s = e->outlet.subscriptions; s; s = s->next)
		s->fn = NULL;
	sweep(&e->outlet);
}

static void count_latency(struct engine *e)
{
	uint64_t now_ns = now_mono_ns();

	if (now_ns >= e->cause.mono_ns)
		latency_add(&e->counters.latency, now_ns - e->cause.mono_ns);
}

bool publish_wanted(struct engine *e, enum event_type type)
{
	e->counters.events[type]++;
	e->outlet.seq++;
	if (e->cause.source == SOURCE_KERNEL && e->cause.mono_ns != 0)
		count_latency(e);
	return e->outlet.wants & 1u << type;
}

void publish_event(struct engine *e, struct event *event)
{
	struct outlet *outlet = &e->outlet;

	event->seq = outlet->seq;
	event->source = e->cause.source;
	if (event->wall_ns == 0)
		event->wall_ns = engine_wall_ns(e);
	outlet->telling++;
	for (struct engine_subscription *s = outlet->subscriptions; s; s = s->next) {
		if (s->fn && s->wants & 1u << event->type)
			s->fn(event, s->arg);
	}
	if (--outlet->telling == 0)
		sweep(outlet);
}

void publish_socket(struct engine *e, enum event_type type, const struct socket *sock,
		    enum release_cause cause)
{
	struct event event = { .type = type, .socket = sock, .cause = cause };
	const struct service *svc;

	if (!publish_wanted(e, type))
		return;
	svc = engine_service_of(e, sock);
	event.service = svc ? svc->name : NULL;
	who_complete(e, sock->owner);
	event.wall_ns = engine_wall_ns(e);
	if (type == EVENT_SOCKET_RELEASED && sock->since_ns != 0 &&
	    event.wall_ns > sock->since_ns)
		event.lifetime_ns = event.wall_ns - sock->since_ns;
	publish_event(e, &event);
}

void publish_service(struct engine *e, enum event_type type, const struct slot *slot,
		     const char *reason)
{
	struct event event = { .type = type, .reason = reason };

	if (!publish_wanted(e, type))
		return;
	event.service = slot->state->service->name;
	event.process = slot->state->recorded;
	who_complete(e, slot->state->recorded);
	publish_event(e, &event);
}

void publish_count(struct engine *e, enum event_type type, uint64_t count,
		   const char *reason)
{
	struct event event = { .type = type, .count = count, .reason = reason };

	if (publish_wanted(e, type))
		publish_event(e, &event);
}

void publish_allocation(struct engine *e, enum event_type type,
			const struct allocation *alloc)
{
	struct event event = { .type = type,
			       .allocation = alloc,
			       .service = alloc->service_name };

	if (publish_wanted(e, type))
		publish_event(e, &event);
}

void publish_alert(const struct alert *alert, void *arg)
{
	struct engine *e = arg;
	struct event event = {
		.type = alert->firing ? EVENT_ALERT_FIRING : EVENT_ALERT_RESOLVED,
		.alert = alert,
		.service = alert->v.service[0] ? alert->v.service : NULL,
		.wall_ns = alert->firing ? alert->since_ns : alert->resolved_ns,
	};

	if (publish_wanted(e, event.type))
		publish_event(e, &event);
}
