// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/alerting.h"

#include <errno.h>

#include "base/log.h"

#define ALERT_EVENTS (1u << EVENT_ALERT_FIRING | 1u << EVENT_ALERT_RESOLVED)

struct alerting {
	uv_loop_t *loop;
	struct engine *engine;
	const char *state;
	struct sinks *sinks; /* NULL: the registry never had any */
	struct engine_subscription *subscription;
};

int alerting_new(uv_loop_t *loop, struct engine *engine, const char *state,
		 struct alerting **ret)
{
	struct alerting *alerting = calloc(1, sizeof(*alerting));

	if (!alerting)
		return -ENOMEM;
	alerting->loop = loop;
	alerting->engine = engine;
	alerting->state = state;

	*ret = alerting;
	return 0;
}

struct alerting *alerting_free(struct alerting *alerting)
{
	if (!alerting)
		return NULL;
	engine_unsubscribe(alerting->engine, alerting->subscription);
	sinks_free(alerting->sinks);
	free(alerting);
	return NULL;
}

static void on_complaint(const char *what, void *arg)
{
	(void)arg;
	log_warning("%s; continuing without, until it can be reached", what);
}

static void on_alert(const struct event *event, void *arg)
{
	struct alerting *alerting = arg;

	sinks_tell(alerting->sinks, event);
}

static int follow(struct alerting *alerting)
{
	const struct settings *settings =
		registry_get_settings(engine_world(alerting->engine)->registry);
	const struct sinks_options options = {
		.loop = alerting->loop,
		.alerts = engine_alerts(alerting->engine),
		.state = alerting->state,
		.complain = on_complaint,
		.arg = alerting,
	};
	int err = 0;

	if (settings->n_sinks == 0 && !alerting->sinks)
		return 0;
	if (!alerting->sinks)
		err = sinks_new(&options, &alerting->sinks);
	if (err == 0)
		err = sinks_follow(alerting->sinks, settings);
	if (err == 0 && !alerting->subscription)
		err = engine_subscribe(alerting->engine, ALERT_EVENTS, on_alert, alerting,
				       &alerting->subscription);
	return err;
}

void alerting_follow(struct alerting *alerting)
{
	int err = follow(alerting);

	if (err < 0)
		log_warning_errno(err, "Cannot set up all sinks; continuing without");
}

void alerting_begin(struct alerting *alerting)
{
	const struct alerts *alerts = engine_alerts(alerting->engine);
	struct event event = { .type = EVENT_ALERT_FIRING, .source = SOURCE_SNAPSHOT };
	uint64_t cursor = 0;

	alerting_follow(alerting);
	if (!alerting->sinks)
		return;
	event.seq = engine_sequence(alerting->engine);
	while ((event.alert = alerts_next(alerts, &cursor))) {
		event.wall_ns = event.alert->since_ns;
		sinks_tell(alerting->sinks, &event);
	}
}

void alerting_reopen(struct alerting *alerting)
{
	if (alerting->sinks)
		sinks_reopen(alerting->sinks);
}

bool alerting_stats(const struct alerting *alerting, size_t index, struct sink_stats *ret)
{
	return alerting && alerting->sinks && sinks_stats(alerting->sinks, index, ret);
}
