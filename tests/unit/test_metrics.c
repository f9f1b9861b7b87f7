// SPDX-License-Identifier: GPL-2.0-only
/* The page that Prometheus reads, line by line. */
#include "harness.h"
#include "http/metrics.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

struct states {
	const char *const *names;
};

static const char *state_at(size_t index, void *arg)
{
	return ((const struct states *)arg)->names[index];
}

static const char *const no_names[] = { NULL };
static struct states no_states = { no_names };
static struct engine_counters counters;

static struct metrics_host plain_host(void)
{
	return (struct metrics_host){
		.version = "1.2.3",
		.backend = "bpf",
		.counters = &counters,
		.allocation_state = state_at,
		.arg = &no_states,
	};
}

static void check_line(const struct buffer *page, const char *line)
{
	size_t n = strlen(line);

	for (const char *at = page->data; (at = strstr(at, line)); at += n)
		if ((at == page->data || at[-1] == '\n') && at[n] == '\n')
			return;
	test_fail(__FILE__, __LINE__, "no line is %s", line);
}

static void check_rows(enum metrics_family family, const struct metrics_row *row,
		       const char *want)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };

	metrics_add(&out, family, row);
	CHECK_STR(out.data ? out.data : "", want);
}

TEST(a_family_has_help_and_type_before_its_rows)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };

	metrics_begin(&out, METRICS_SERVICE_RESTARTS);
	CHECK_STR(out.data, "# HELP portwatch_service_restarts_total How often portwatch "
			    "started a service again.\n"
			    "# TYPE portwatch_service_restarts_total counter\n");
}

TEST(a_service_has_the_rows_of_what_is_known_of_it)
{
	struct metrics_row row = { .service = "wizard", .is_up = true, .restarts = 3 };

	check_rows(METRICS_SERVICE_UP, &row,
		   "portwatch_service_up{service=\"wizard\"} 1\n");
	check_rows(METRICS_SERVICE_RESTARTS, &row,
		   "portwatch_service_restarts_total{service=\"wizard\"} 3\n");
	check_rows(METRICS_CONNECTIONS, &row, "");
	check_rows(METRICS_PROBE_SUCCESS, &row, "");
	check_rows(METRICS_PROBE_DURATION, &row, "");
	row.is_counted = row.is_probed = true;
	row.connections = UINT64_MAX;
	row.probe_us = 61000001;
	check_rows(
		METRICS_CONNECTIONS, &row,
		"portwatch_connections_total{service=\"wizard\"} 18446744073709551615\n");
	check_rows(METRICS_PROBE_SUCCESS, &row,
		   "portwatch_probe_success{service=\"wizard\"} 0\n");
	check_rows(METRICS_PROBE_DURATION, &row,
		   "portwatch_probe_duration_seconds{service=\"wizard\"} 61.000001000\n");
}

TEST(an_allocation_is_told_from_its_service_by_the_port)
{
	struct metrics_row row = { .service = "grace",
				   .proto = IPPROTO_TCP,
				   .port = 8000,
				   .is_counted = true,
				   .is_probed = true,
				   .probe_passed = true };

	check_rows(METRICS_SERVICE_UP, &row, "");
	check_rows(METRICS_SERVICE_RESTARTS, &row, "");
	check_rows(METRICS_CONNECTIONS, &row,
		   "portwatch_connections_total{service=\"grace\",port=\"8000\"} 0\n");
	row.proto = IPPROTO_UDP;
	check_rows(METRICS_PROBE_SUCCESS, &row,
		   "portwatch_probe_success{service=\"grace\",port=\"8000/udp\"} 1\n");
}

TEST(label_values_are_escaped)
{
	static const char *const names[][2] = {
		{ "plain", "plain" },
		{ "a\"b", "a\\\"b" },
		{ "a\\b", "a\\\\b" },
		{ "a\nb", "a\\nb" },
		{ "\\n", "\\\\n" },
		{ "\"\\\n\"", "\\\"\\\\\\n\\\"" },
		{ "", "" },
		{ "g\xc3\xb6"
		  "blin {x=\"y\"} 1 #",
		  "g\xc3\xb6"
		  "blin {x=\\\"y\\\"} 1 #" },
	};
	char want[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct metrics_row row = { .service = names[i][0] };

		snprintf(want, sizeof(want), "portwatch_service_up{service=\"%s\"} 0\n",
			 names[i][1]);
		check_rows(METRICS_SERVICE_UP, &row, want);
	}
}

TEST(the_host_tells_version_losses_and_listeners)
{
	_cleanup_(buffer_done) struct buffer page = { 0 };
	struct metrics_host host = plain_host();

	counters = (struct engine_counters){ .lost = 7, .resyncs = 2 };
	counters.events[EVENT_SOCKET_BOUND] = 5;
	host.listeners = 12;
	metrics_add_host(&page, &host);
	check_line(&page, "portwatch_build_info{version=\"1.2.3\",backend=\"bpf\"} 1");
	check_line(&page, "portwatch_listeners 12");
	check_line(&page, "portwatch_events_total{type=\"socket.bound\"} 5");
	check_line(&page, "portwatch_events_total{type=\"kernel.resynced\"} 0");
	check_line(&page, "portwatch_events_lost_total 7");
	check_line(&page, "portwatch_resyncs_total 2");
}

TEST(every_kind_of_alert_has_a_row_with_its_severity)
{
	_cleanup_(buffer_done) struct buffer page = { 0 };
	struct metrics_host host = plain_host();

	host.alerts[ALERT_SHADOWED] = 3;
	host.alerts_ever[ALERT_UNREGISTERED] = 9;
	metrics_add_host(&page, &host);
	check_line(&page, "portwatch_alerts{kind=\"shadowed\",severity=\"warning\"} 3");
	check_line(&page, "portwatch_alerts{kind=\"blocked\",severity=\"critical\"} 0");
	check_line(&page,
		   "portwatch_alerts_total{kind=\"unregistered\",severity=\"info\"} 9");
}

TEST(bind_failures_have_the_name_of_their_errno)
{
	_cleanup_(buffer_done) struct buffer page = { 0 };
	struct metrics_host host = plain_host();

	counters = (struct engine_counters){ 0 };
	counters.bind_failures[0] = 4;
	counters.bind_failures[EPERM] = 1;
	/* There is no such errno. */
	counters.bind_failures[ERRNO_MAX - 1] = 1;
	metrics_add_host(&page, &host);
	check_line(&page, "portwatch_bind_failures_total{errno=\"unknown\"} 4");
	check_line(&page, "portwatch_bind_failures_total{errno=\"EPERM\"} 1");
	check_line(&page, "portwatch_bind_failures_total{errno=\"EADDRINUSE\"} 0");
	CHECK(!strstr(page.data, "ENOENT"));
}

TEST(buckets_are_cumulative_and_end_in_infinity)
{
	_cleanup_(buffer_done) struct buffer page = { 0 };
	struct metrics_host host = plain_host();

	counters = (struct engine_counters){ .latency.sum_ns = 12000000345 };
	counters.latency.buckets[0] = 2;
	counters.latency.buckets[6] = 3;
	counters.latency.buckets[LATENCY_BOUNDS] = 1;
	metrics_add_host(&page, &host);
	check_line(&page, "portwatch_event_latency_seconds_bucket{le=\"1e-05\"} 2");
	check_line(&page, "portwatch_event_latency_seconds_bucket{le=\"0.0005\"} 2");
	check_line(&page, "portwatch_event_latency_seconds_bucket{le=\"0.001\"} 5");
	check_line(&page, "portwatch_event_latency_seconds_bucket{le=\"10\"} 5");
	check_line(&page, "portwatch_event_latency_seconds_bucket{le=\"+Inf\"} 6");
	check_line(&page, "portwatch_event_latency_seconds_sum 12.000000345");
	check_line(&page, "portwatch_event_latency_seconds_count 6");
}

static bool two_sinks(size_t index, struct sink_stats *ret, void *arg)
{
	*ret = (struct sink_stats){ .name = index ? "hook" : "log",
				    .type = index ? SINK_WEBHOOK : SINK_FILE,
				    .sent = 10 + index,
				    .failed = 20 + index,
				    .dropped = 30 + index,
				    .queued = 40 + index };
	CHECK(!arg);
	return index < 2;
}

TEST(each_sink_says_what_became_of_its_alerts)
{
	_cleanup_(buffer_done) struct buffer page = { 0 };
	struct metrics_host host = plain_host();

	host.sink_stats = two_sinks;
	metrics_add_host(&page, &host);
	check_line(&page, "portwatch_sink_sent_total{sink=\"log\",type=\"file\"} 10");
	check_line(&page,
		   "portwatch_sink_failed_total{sink=\"hook\",type=\"webhook\"} 21");
	check_line(&page, "portwatch_sink_dropped_total{sink=\"log\",type=\"file\"} 30");
	check_line(&page, "portwatch_sink_queued{sink=\"hook\",type=\"webhook\"} 41");
}

TEST(allocations_count_by_a_fixed_list_of_states)
{
	static const char *const names[] = { "active",      "pending", "active", "",
					     "my status\n", "dead",    NULL };
	_cleanup_(buffer_done) struct buffer page = { 0 };
	struct metrics_host host = plain_host();
	struct states states = { names };

	host.arg = &states;
	host.available = 95;
	metrics_add_host(&page, &host);
	check_line(&page, "portwatch_allocations{state=\"active\"} 2");
	check_line(&page, "portwatch_allocations{state=\"pending\"} 1");
	check_line(&page, "portwatch_allocations{state=\"dead\"} 1");
	check_line(&page, "portwatch_allocations{state=\"orphaned\"} 0");
	check_line(&page, "portwatch_allocations{state=\"unknown\"} 2");
	check_line(&page, "portwatch_allocations{state=\"available\"} 95");
}
