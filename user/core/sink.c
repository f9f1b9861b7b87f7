// SPDX-License-Identifier: GPL-2.0-only
#include "core/sink.h"

#include <stddef.h>
#include <string.h>

#include "base/strings.h"

static const struct sink_settings common = {
	.min_severity = SEVERITY_INFO,
	.queue_max = 1000,
	.max_running = 4,
	.timeout_ms = 10000,
	.backoff_ms = 1000,
	.backoff_max_ms = 300000,
	.max_age_ms = 24ull * 3600 * 1000,
	.resend_ms = 60000,
};

#define MEMBER(member) offsetof(struct sink_settings, member)

static const size_t strings[] = { MEMBER(name), MEMBER(path), MEMBER(user), MEMBER(url),
				  MEMBER(secret_file) };
static const size_t vectors[] = { MEMBER(services), MEMBER(argv), MEMBER(secrets) };

enum {
	STRINGS = sizeof(strings) / sizeof(strings[0]),
	VECTORS = sizeof(vectors) / sizeof(vectors[0]),
};

static char **string_of(const struct sink_settings *sink, size_t i)
{
	return (char **)((char *)sink + strings[i]);
}

static char ***vector_of(const struct sink_settings *sink, size_t i)
{
	return (char ***)((char *)sink + vectors[i]);
}

struct sink_settings *sink_settings_new(enum sink_type type)
{
	struct sink_settings *sink = malloc(sizeof(*sink));

	if (!sink)
		return NULL;
	*sink = common;
	sink->type = type;
	/* What is on this host comes back soon, or not at all. */
	if (type != SINK_WEBHOOK && type != SINK_ALERTMANAGER) {
		sink->backoff_ms = 100;
		sink->backoff_max_ms = 5000;
	}
	return sink;
}

struct sink_settings *sink_settings_free(struct sink_settings *sink)
{
	for (size_t i = 0; sink && i < STRINGS; i++)
		free(*string_of(sink, i));
	for (size_t i = 0; sink && i < VECTORS; i++)
		strv_free(*vector_of(sink, i));
	free(sink);
	return NULL;
}

struct sink_settings *sink_settings_copy(const struct sink_settings *from)
{
	_cleanup_(sink_settings_freep) struct sink_settings *copy = malloc(sizeof(*copy));
	bool ok = copy != NULL;

	if (!ok)
		return NULL;
	*copy = *from;
	for (size_t i = 0; i < STRINGS; i++)
		*string_of(copy, i) = NULL;
	for (size_t i = 0; i < VECTORS; i++)
		*vector_of(copy, i) = NULL;
	for (size_t i = 0; ok && i < STRINGS; i++) {
		const char *text = *string_of(from, i);

		*string_of(copy, i) = text ? strdup(text) : NULL;
		ok = !text || *string_of(copy, i);
	}
	for (size_t i = 0; ok && i < VECTORS; i++) {
		char **words = *vector_of(from, i);

		*vector_of(copy, i) = words ? strv_copy(words) : NULL;
		ok = !words || *vector_of(copy, i);
	}
	return ok ? take(copy) : NULL;
}

static bool same_words(char *const *a, char *const *b)
{
	if (!a || !b)
		return strv_length(a) == strv_length(b);
	while (*a && streq(*a, *b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

bool sink_settings_equal(const struct sink_settings *a, const struct sink_settings *b)
{
	bool same = a->type == b->type && a->kinds == b->kinds &&
		    a->min_severity == b->min_severity &&
		    a->command_lines == b->command_lines &&
		    a->queue_max == b->queue_max && a->max_running == b->max_running &&
		    a->timeout_ms == b->timeout_ms && a->backoff_ms == b->backoff_ms &&
		    a->backoff_max_ms == b->backoff_max_ms &&
		    a->max_age_ms == b->max_age_ms && a->resend_ms == b->resend_ms;

	for (size_t i = 0; same && i < STRINGS; i++)
		same = streq(*string_of(a, i), *string_of(b, i));
	for (size_t i = 0; same && i < VECTORS; i++)
		same = same_words(*vector_of(a, i), *vector_of(b, i));
	return same;
}

bool sink_wants(const struct sink_settings *sink, const struct alert *alert)
{
	return alert->severity >= sink->min_severity &&
	       (sink->kinds == 0 || sink->kinds & 1u << alert->v.kind) &&
	       (!sink->services ||
		(alert->v.service[0] && strv_contains(sink->services, alert->v.service)));
}

const char *sink_type_name(enum sink_type type)
{
	static const char *const names[] = {
		[SINK_STDOUT] = "stdout",
		[SINK_FILE] = "file",
		[SINK_JOURNALD] = "journald",
		[SINK_SYSLOG] = "syslog",
		[SINK_EXEC] = "exec",
		[SINK_WEBHOOK] = "webhook",
		[SINK_ALERTMANAGER] = "alertmanager",
	};

	return names[type];
}
