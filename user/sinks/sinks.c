// SPDX-License-Identifier: GPL-2.0-only
/* Which sinks there are, and the one portwatch-fetch that they share. */
#include "sinks/private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"

/* Later than this nothing comes of a question any more. */
enum { FETCH_PATIENCE_MS = 5000 };

int sinks_new(const struct sinks_options *options, struct sinks **ret)
{
	struct sinks *sinks = calloc(1, sizeof(*sinks));

	if (!sinks)
		return -ENOMEM;
	sinks->options = *options;
	if (gethostname(sinks->host, sizeof(sinks->host) - 1) < 0 || !sinks->host[0])
		strcpy(sinks->host, "localhost");

	*ret = sinks;
	return 0;
}

static void leave_all(struct sinks *sinks)
{
	struct sink *sink;

	while ((sink = sinks->first)) {
		sinks->first = sink->next;
		sink_leave(sink);
	}
}

struct sinks *sinks_free(struct sinks *sinks)
{
	if (!sinks)
		return NULL;
	leave_all(sinks);
	sinks->fetch = fetch_client_free(sinks->fetch);
	free(sinks);
	return NULL;
}

/* -- Which there are ------------------------------------------------------------------
 */

static struct sink *take_named(struct sinks *sinks, const struct sink_settings *settings)
{
	for (struct sink **link = &sinks->first; *link; link = &(*link)->next) {
		struct sink *sink = *link;

		if (sink->settings->type != settings->type ||
		    !streq(sink->settings->name, settings->name))
			continue;
		*link = sink->next;
		return sink;
	}
	return NULL;
}

static void change(struct sink *sink, struct sink_settings *settings)
{
	sink_settings_free(sink->settings);
	sink->settings = settings;
	if (sink->ops->changed)
		sink->ops->changed(sink);
	sink_wake_now(sink);
}

static int have(struct sinks *sinks, const struct sink_settings *wanted,
		struct sink **ret)
{
	struct sink_settings *settings;
	struct sink *sink = take_named(sinks, wanted);

	if (sink && sink_settings_equal(sink->settings, wanted)) {
		*ret = sink;
		return 0;
	}
	settings = sink_settings_copy(wanted);
	if (!settings) {
		if (sink)
			sink_leave(sink);
		return -ENOMEM;
	}
	if (!sink)
		return sink_new(sinks, settings, ret);
	change(sink, settings);
	*ret = sink;
	return 0;
}

int sinks_follow(struct sinks *sinks, const struct settings *settings)
{
	struct sink *first = NULL, **last = &first, *sink;
	int err = 0;

	for (size_t i = 0; i < settings->n_sinks; i++) {
		int failed = have(sinks, settings->sinks[i], &sink);

		if (failed < 0) {
			err = failed;
			continue;
		}
		sink->next = NULL;
		*last = sink;
		last = &sink->next;
	}
	leave_all(sinks);
	sinks->first = first;
	if (!first)
		sinks->fetch = fetch_client_free(sinks->fetch);
	return err;
}

void sinks_reopen(struct sinks *sinks)
{
	for (struct sink *sink = sinks->first; sink; sink = sink->next)
		if (sink->ops->reopen)
			sink->ops->reopen(sink);
}

size_t sinks_count(const struct sinks *sinks)
{
	size_t n = 0;

	for (const struct sink *sink = sinks->first; sink; sink = sink->next)
		n++;
	return n;
}

void sinks_tell(struct sinks *sinks, const struct event *event)
{
	if (!event->alert)
		return;
	for (struct sink *sink = sinks->first; sink; sink = sink->next)
		sink_tell(sink, event);
}

bool sinks_stats(const struct sinks *sinks, size_t index, struct sink_stats *ret)
{
	const struct sink *sink = sinks->first;

	while (sink && index-- > 0)
		sink = sink->next;
	if (!sink)
		return false;
	*ret = (struct sink_stats){
		.name = sink->settings->name,
		.type = sink->settings->type,
		.sent = sink->sent,
		.failed = sink->failed,
		.dropped = sink->dropped,
		.queued = sink_queued(sink),
		.last_error = sink->last_error_ns ? sink->last_error : NULL,
		.last_error_ns = sink->last_error_ns,
	};
	return true;
}

/* -- portwatch-fetch ------------------------------------------------------------------
 */

/* Nothing waits for an answer, and nothing is about to be asked. */
static void rest(struct sinks *sinks)
{
	for (const struct sink *sink = sinks->first; sink; sink = sink->next)
		if (sink->ops->answered &&
		    (sink->state == SINK_WOKEN || sink->state == SINK_BUSY))
			return;
	fetch_client_rest(sinks->fetch);
}

static void on_answer(const struct fetch_result *result, void *arg)
{
	struct sinks *sinks = arg;
	struct sink *sink = sinks->first;

	while (sink && sink->asked != result->id)
		sink = sink->next;
	if (sink) {
		sink->asked = 0;
		sink->ops->answered(sink, result->passed, result->text);
	}
	rest(sinks);
}

static void on_lost(const char *why, void *arg)
{
	struct sinks *sinks = arg;

	for (struct sink *sink = sinks->first; sink; sink = sink->next)
		if (sink->asked) {
			sink->asked = 0;
			sink->ops->answered(sink, false, why);
		}
}

void sinks_lose_fetch(struct sinks *sinks, const char *why)
{
	fetch_client_rest(sinks->fetch);
	on_lost(why, sinks);
}

static const char *say_unasked(int err)
{
	switch (err) {
	case -ENOENT:
		return "it is missing";
	case -EAGAIN:
		return "it ended a moment ago";
	default:
		return strerror(-err);
	}
}

void sinks_post(struct sink *sink, const char *block, size_t size)
{
	struct sinks *sinks = sink->sinks;
	const struct fetch_callbacks callbacks = { on_answer, on_lost, sinks };
	int err = 0;

	if (!sinks->fetch)
		err = fetch_client_new(sinks->options.loop, sinks->options.fetch,
				       &callbacks, &sinks->fetch);
	if (err == 0)
		err = fetch_client_post(sinks->fetch, sinks->last_asked + 1,
					sink->settings->timeout_ms, block, size);
	if (err < 0) {
		sink_fail(sink, "portwatch-fetch cannot be asked: %s", say_unasked(err));
		return;
	}
	sink->asked = ++sinks->last_asked;
	sink_begin(sink, sink->settings->timeout_ms + FETCH_PATIENCE_MS);
}
