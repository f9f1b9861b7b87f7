// SPDX-License-Identifier: GPL-2.0-only
#include "http/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

struct family {
	const char *name; /* without portwatch_ */
	const char *type, *help;
};

struct label {
	const char *name; /* NULL: none */
	const char *value;
};

static void begin(struct buffer *out, const struct family *family)
{
	buffer_printf(out, "# HELP portwatch_%s %s\n# TYPE portwatch_%s %s\n",
		      family->name, family->help, family->name, family->type);
}

/* The format knows no other escapes in a label, and no byte but these that needs one. */
static void add_escaped(struct buffer *out, const char *text)
{
	while (*text) {
		size_t plain = strcspn(text, "\\\"\n");

		buffer_add(out, text, plain);
		text += plain;
		if (*text)
			buffer_puts(out, *text == '\n'  ? "\\n"
					 : *text == '"' ? "\\\""
							: "\\\\");
		text += *text != '\0';
	}
}

/* The name of a sample with its labels, as far as the value. */
static void add_name(struct buffer *out, const char *name, const char *suffix,
		     const struct label *a, const struct label *b)
{
	const struct label *labels[] = { a, b };
	const char *before = "{";

	buffer_puts(out, "portwatch_");
	buffer_puts(out, name);
	buffer_puts(out, suffix);
	for (size_t i = 0; i < 2; i++) {
		if (!labels[i] || !labels[i]->name)
			continue;
		buffer_puts(out, before);
		buffer_puts(out, labels[i]->name);
		buffer_puts(out, "=\"");
		add_escaped(out, labels[i]->value);
		buffer_puts(out, "\"");
		before = ",";
	}
	buffer_puts(out, *before == ',' ? "} " : " ");
}

static void add_number(struct buffer *out, uint64_t value)
{
	buffer_printf(out, "%" PRIu64 "\n", value);
}

/* Exactly: without a floating point number in between. */
static void add_seconds(struct buffer *out, uint64_t ns)
{
	buffer_printf(out, "%llu.%09llu\n", (unsigned long long)ns / NS_PER_S,
		      (unsigned long long)ns % NS_PER_S);
}

static void add_one(struct buffer *out, const struct family *family, const char *label,
		    const char *value, uint64_t number)
{
	add_name(out, family->name, "", &(struct label){ label, value }, NULL);
	add_number(out, number);
}

static void add_alone(struct buffer *out, const struct family *family, uint64_t number)
{
	begin(out, family);
	add_one(out, family, NULL, NULL, number);
}

/* -- The host -------------------------------------------------------------------------
 */

static void add_build(struct buffer *out, const struct metrics_host *host)
{
	static const struct family family = { "build_info", "gauge",
					      "1, with the version and who watches: bpf, "
					      "or procfs, which is not immediate." };

	begin(out, &family);
	add_name(out, family.name, "", &(struct label){ "version", host->version },
		 &(struct label){ "backend", host->backend });
	add_number(out, 1);
}

static void add_by_kind(struct buffer *out, const struct family *family,
			uint64_t (*number)(const struct metrics_host *host, size_t kind),
			const struct metrics_host *host)
{
	begin(out, family);
	for (unsigned kind = 0; kind < ALERT_KINDS; kind++) {
		enum alert_severity severity = alert_kind_severity((enum alert_kind)kind);

		add_name(
			out, family->name, "",
			&(struct label){ "kind", alert_kind_name((enum alert_kind)kind) },
			&(struct label){ "severity", severity_name(severity) });
		add_number(out, number(host, kind));
	}
}

static uint64_t firing(const struct metrics_host *host, size_t kind)
{
	return host->alerts[kind];
}

static uint64_t fired(const struct metrics_host *host, size_t kind)
{
	return host->alerts_ever[kind];
}

static void add_alerts(struct buffer *out, const struct metrics_host *host)
{
	static const struct family now = { "alerts", "gauge", "Alerts that stand now." };
	static const struct family ever = { "alerts_total", "counter",
					    "Alerts that have fired." };

	add_by_kind(out, &now, firing, host);
	add_by_kind(out, &ever, fired, host);
}

/* These are there from the beginning, so that the first of them is an increase. */
static bool is_expected(int error)
{
	return error == EADDRINUSE || error == EACCES || error == EADDRNOTAVAIL ||
	       error == EINVAL;
}

static void add_bind_failures(struct buffer *out, const struct metrics_host *host)
{
	static const struct family family = {
		"bind_failures_total", "counter",
		"Binds that failed, by why; unknown: the kernel did not say."
	};

	begin(out, &family);
	for (int error = 0; error < ERRNO_MAX; error++) {
		const char *name = error ? strerrorname_np(error) : "unknown";
		uint64_t n = host->counters->bind_failures[error];

		if (name && (n > 0 || is_expected(error)))
			add_one(out, &family, "errno", name, n);
	}
}

static void add_events(struct buffer *out, const struct engine_counters *counters)
{
	static const struct family events = { "events_total", "counter",
					      "Events by type, whether anybody listened "
					      "to them or not." };
	static const struct family lost = { "events_lost_total", "counter",
					    "What the kernel told and had no room for." };
	static const struct family resyncs = {
		"resyncs_total", "counter",
		"How often the table was rebuilt after a loss."
	};

	begin(out, &events);
	for (unsigned type = 0; type < EVENT_TYPES; type++)
		add_one(out, &events, "type", event_type_name((enum event_type)type),
			counters->events[type]);
	add_alone(out, &lost, counters->lost);
	add_alone(out, &resyncs, counters->resyncs);
}

static void add_latency(struct buffer *out, const struct latency *latency)
{
	static const struct family family = {
		"event_latency_seconds", "histogram",
		"From what the kernel did to the event or alert that tells of it."
	};
	uint64_t count = 0;
	char bound[32];

	begin(out, &family);
	for (size_t i = 0; i <= LATENCY_BOUNDS; i++) {
		count += latency->buckets[i];
		if (i < LATENCY_BOUNDS)
			snprintf(bound, sizeof(bound), "%g",
				 (double)latency_bounds_ns[i] / NS_PER_S);
		add_name(out, family.name, "_bucket",
			 &(struct label){ "le", i < LATENCY_BOUNDS ? bound : "+Inf" },
			 NULL);
		add_number(out, count);
	}
	add_name(out, family.name, "_sum", NULL, NULL);
	add_seconds(out, latency->sum_ns);
	add_name(out, family.name, "_count", NULL, NULL);
	add_number(out, count);
}

static void add_allocations(struct buffer *out, const struct metrics_host *host)
{
	static const struct family family = {
		"allocations", "gauge",
		"Ports that are allocated, by how they are; available: those of the "
		"managed range that can be."
	};
	static const char *const states[] = { "active",   "pending",       "dead",
					      "orphaned", "not_listening", "unhealthy",
					      "unknown" };
	enum { STATES = sizeof(states) / sizeof(*states), UNKNOWN = STATES - 1 };
	size_t counts[STATES] = { 0 };
	const char *name;

	for (size_t i = 0; (name = host->allocation_state(i, host->arg)); i++) {
		size_t state = 0;

		while (state < UNKNOWN && !streq(states[state], name))
			state++;
		counts[state]++;
	}
	begin(out, &family);
	for (size_t i = 0; i < STATES; i++)
		add_one(out, &family, "state", states[i], counts[i]);
	add_one(out, &family, "state", "available", host->available);
}

static uint64_t sink_number(const struct sink_stats *stats, size_t family)
{
	const uint64_t numbers[] = { stats->sent, stats->failed, stats->dropped,
				     stats->queued };

	return numbers[family];
}

static void add_sinks(struct buffer *out, const struct metrics_host *host)
{
	static const struct family families[] = {
		{ "sink_sent_total", "counter", "Alerts that a sink has passed on." },
		{ "sink_failed_total", "counter", "Attempts of a sink that failed." },
		{ "sink_dropped_total", "counter", "Alerts that a sink gave up." },
		{ "sink_queued", "gauge", "Alerts that wait in a sink." },
	};
	struct sink_stats stats;

	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++) {
		begin(out, &families[f]);
		for (size_t i = 0;
		     host->sink_stats && host->sink_stats(i, &stats, host->sink_arg);
		     i++) {
			const char *type = sink_type_name(stats.type);

			add_name(out, families[f].name, "",
				 &(struct label){ "sink", stats.name },
				 &(struct label){ "type", type });
			add_number(out, sink_number(&stats, f));
		}
	}
}

void metrics_add_host(struct buffer *out, const struct metrics_host *host)
{
	static const struct family listeners = {
		"listeners", "gauge",
		"TCP sockets that listen, in every network namespace."
	};

	add_build(out, host);
	add_alerts(out, host);
	add_bind_failures(out, host);
	add_alone(out, &listeners, host->listeners);
	add_events(out, host->counters);
	add_latency(out, &host->counters->latency);
	add_allocations(out, host);
	add_sinks(out, host);
}

/* -- Services -------------------------------------------------------------------------
 */

static const struct family of_services[METRICS_FAMILIES] = {
	[METRICS_SERVICE_UP] = { "service_up", "gauge",
				 "1 while an enabled service serves on its port." },
	[METRICS_SERVICE_RESTARTS] = { "service_restarts_total", "counter",
				       "How often portwatch started a service again." },
	[METRICS_CONNECTIONS] = { "connections_total", "counter",
				  "Connections that the kernel accepted on the port of a "
				  "service or, with a port, of an allocation." },
	[METRICS_PROBE_SUCCESS] = { "probe_success", "gauge",
				    "1 where the last health check passed." },
	[METRICS_PROBE_DURATION] = { "probe_duration_seconds", "gauge",
				     "How long the last health check took." },
};

static bool has_value(enum metrics_family family, const struct metrics_row *row)
{
	switch (family) {
	case METRICS_SERVICE_UP:
	case METRICS_SERVICE_RESTARTS:
		return row->port == 0;
	case METRICS_CONNECTIONS:
		return row->is_counted;
	case METRICS_PROBE_SUCCESS:
	case METRICS_PROBE_DURATION:
		return row->is_probed;
	case METRICS_FAMILIES:
		break;
	}
	return false;
}

static void add_value(struct buffer *out, enum metrics_family family,
		      const struct metrics_row *row)
{
	switch (family) {
	case METRICS_SERVICE_UP:
		return add_number(out, row->is_up);
	case METRICS_SERVICE_RESTARTS:
		return add_number(out, row->restarts);
	case METRICS_CONNECTIONS:
		return add_number(out, row->connections);
	case METRICS_PROBE_SUCCESS:
		return add_number(out, row->probe_passed);
	case METRICS_PROBE_DURATION:
		return add_seconds(out, row->probe_us * 1000);
	case METRICS_FAMILIES:
		break;
	}
}

void metrics_begin(struct buffer *out, enum metrics_family family)
{
	begin(out, &of_services[family]);
}

void metrics_add(struct buffer *out, enum metrics_family family,
		 const struct metrics_row *row)
{
	const struct label service = { "service", row->service };
	char port[16];

	if (!has_value(family, row))
		return;
	snprintf(port, sizeof(port), "%u%s", row->port,
		 row->proto == IPPROTO_UDP ? "/udp" : "");
	add_name(out, of_services[family].name, "", &service,
		 &(struct label){ row->port ? "port" : NULL, port });
	add_value(out, family, row);
}
