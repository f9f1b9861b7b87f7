/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics - what is counted, as Prometheus reads it: text format 0.0.4.
 *
 * Pure: numbers in, text out.  The page is metrics_add_host() once and then each of the
 * families of services as a whole, since a reader refuses a family that comes back.
 * Whatever becomes a label is the registry's or from a fixed list, so that the number of
 * series is bounded by the registry; no PID is among them.
 */
#ifndef PORTWATCH_HTTP_METRICS_H
#define PORTWATCH_HTTP_METRICS_H

#include "base/strings.h"
#include "core/sink.h"
#include "engine/engine.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What is said once. */
struct metrics_host {
	const char *version;
	const char *backend;
	const struct engine_counters *counters;
	size_t alerts[ALERT_KINDS]; /* firing */
	uint64_t alerts_ever[ALERT_KINDS];
	size_t listeners;
	size_t available; /* ports of the managed range */
	/* Each by the name of its state, in any order; what has none of the known names
	 * counts as "unknown". */
	const char *(*allocation_state)(size_t index, void *arg); /* NULL past the last */
	/* Of the @index-th sink; false past the last; NULL: there are none. */
	bool (*sink_stats)(size_t index, struct sink_stats *ret, void *arg);
	void *arg, *sink_arg;
};
void metrics_add_host(struct buffer *out, const struct metrics_host *host);

/* What is said of each service, and in part of each allocation. */
enum metrics_family {
	METRICS_SERVICE_UP,
	METRICS_SERVICE_RESTARTS,
	METRICS_CONNECTIONS,
	METRICS_PROBE_SUCCESS,
	METRICS_PROBE_DURATION,
	METRICS_FAMILIES,
};

struct metrics_row {
	const char *service;
	uint16_t proto, port; /* of an allocation; port 0: the service itself */
	bool is_up;
	uint64_t restarts;
	bool is_counted; /* the kernel counts its connections */
	uint64_t connections;
	bool is_probed;
	bool probe_passed;
	uint64_t probe_us;
};
/* HELP and TYPE, before its rows. */
void metrics_begin(struct buffer *out, enum metrics_family family);
/* Nothing where @row has nothing to say there. */
void metrics_add(struct buffer *out, enum metrics_family family,
		 const struct metrics_row *row);

#endif /* PORTWATCH_HTTP_METRICS_H */
