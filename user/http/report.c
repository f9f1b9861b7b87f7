// SPDX-License-Identifier: GPL-2.0-only
#include "http/report.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "http/text_page.h"

/* What is more is for who looks at the host. */
enum { SERVICES_MAX = 200, ALERTS_MAX_SHOWN = 50, RESOLVED_MAX = 10, INDENT = 4 };

/* What a process is called may look like a line of ours: it stands further in. */
enum { QUOTED = 6 };

#define COLUMNS(columns) columns, sizeof(columns) / sizeof(*(columns))

#define CELL(name, member)                                                \
	static void add_##name(const struct doc *row, struct buffer *ret) \
	{                                                                 \
		text_add_value(doc_get(row, member), ret);                \
	}
CELL(name, "name")
CELL(state, "status")
CELL(pid, "pid")
CELL(environment, "environment")
CELL(user, "user")
CELL(comm, "comm")
CELL(port, "port")
CELL(health, "health_status")
CELL(service_name, "service_name")
CELL(started_by, "started_by")
CELL(purpose, "purpose")

static void add_allocated_at(const struct doc *row, struct buffer *ret)
{
	text_add_time(doc_get(row, "allocated_at"), ret);
}

static void add_ports(const struct doc *row, struct buffer *ret)
{
	const struct doc *ports = doc_get(row, "ports"), *first = doc_first(ports);

	for (const struct doc *p = first; p; p = doc_next(p)) {
		buffer_puts(ret, p == first ? "" : ",");
		text_add_value(doc_get(p, "port"), ret);
		if (streq(doc_get_string(p, "proto"), "udp"))
			buffer_puts(ret, "/udp");
	}
	if (!first && doc_type(doc_get(row, "port")) == DOC_NUMBER)
		text_add_value(doc_get(row, "port"), ret);
	else if (!first)
		buffer_puts(ret, "dynamic");
}

static void add_process(const struct doc *row, struct buffer *ret)
{
	text_add_value(doc_get(doc_get(row, "process"), "comm"), ret);
}

static void add_uptime(const struct doc *row, struct buffer *ret)
{
	int64_t seconds = doc_get_int(row, "uptime_s", -1);
	char text[40];

	if (seconds > 0)
		buffer_puts(ret, duration_format((uint64_t)seconds * NS_PER_S, text,
						 sizeof(text)));
	else if (seconds == 0)
		buffer_puts(ret, "0s");
}

static void add_address(const struct doc *row, struct buffer *ret)
{
	const char *address = doc_get_string(row, "address");
	bool is_v6 = address && strchr(address, ':');

	text_add(doc_get_string(row, "proto"), ret);
	buffer_puts(ret, is_v6 ? " [" : " ");
	text_add(address ? address : "*", ret);
	buffer_puts(ret, is_v6 ? "]:" : ":");
	text_add_value(doc_get(row, "port"), ret);
}

/* -- Is all well? ---------------------------------------------------------------------
 */

static size_t count_severity(const struct report *r, const char *severity)
{
	const struct doc *alerts = doc_get(r->status, "alerts");
	size_t n = 0;

	for (const struct doc *a = doc_first(alerts); a; a = doc_next(a))
		n += streq(doc_get_string(a, "severity"), severity);
	return n;
}

static size_t count_running(const struct report *r)
{
	const struct doc *services = doc_get(r->status, "services");
	size_t n = 0;

	for (const struct doc *s = doc_first(services); s; s = doc_next(s))
		n += streq(doc_get_string(s, "status"), "running");
	return n;
}

static const char *refused(const struct report *r)
{
	return doc_get_string(doc_get(r->status, "daemon"), "registry_refused");
}

bool report_is_well(const struct report *r)
{
	return !refused(r) && count_severity(r, "critical") == 0 &&
	       count_severity(r, "warning") == 0;
}

static void add_count(struct buffer *out, const char **before, size_t n, const char *what)
{
	if (n == 0)
		return;
	buffer_printf(out, "%s%zu %s%s", *before, n, what, n == 1 ? "" : "s");
	*before = ", ";
}

static void add_summary(const struct report *r, struct buffer *out)
{
	size_t services = doc_count(doc_get(r->status, "services"));
	const char *before = ": ";

	buffer_puts(out, report_is_well(r) ? "All is well on " : "Not well on ");
	text_add(r->host, out);
	if (refused(r)) {
		buffer_puts(out, ": the registry is refused");
		before = ", ";
	}
	add_count(out, &before, count_severity(r, "critical"), "critical alert");
	add_count(out, &before, count_severity(r, "warning"), "warning");
	if (services)
		buffer_printf(out, "%s%zu of %zu service%s %s", before, count_running(r),
			      services, services == 1 ? "" : "s",
			      count_running(r) == 1 ? "runs" : "run");
}

/* -- The parts ------------------------------------------------------------------------
 */

static void add_head(const struct report *r, struct buffer *out)
{
	const struct doc *daemon = doc_get(r->status, "daemon");

	add_summary(r, out);
	buffer_puts(out, "\n\nportwatch ");
	text_add_value(doc_get(daemon, "version"), out);
	buffer_puts(out, " on ");
	text_add(r->host, out);
	buffer_puts(out, ", Linux ");
	text_add(r->kernel, out);
	buffer_puts(out, ", ");
	text_add_time(doc_get(r->status, "timestamp"), out);
	buffer_puts(out, " UTC\n");
	if (!refused(r))
		return;
	buffer_puts(out, "\n");
	text_wrap(out, INDENT, 0,
		  "The registry file as it is now is refused, and the one "
		  "before it stays in force:");
	text_wrap(out, INDENT, 0, refused(r));
}

static void add_more(struct buffer *out, size_t count, size_t max, const char *command)
{
	if (count > max)
		buffer_printf(out, "  and %zu more: %s\n", count - max, command);
}

/* From when to when, both of documents; 0 where that is not known. */
static uint64_t passed_ns(const struct doc *from, const struct doc *to)
{
	uint64_t begin, end;

	if (!doc_string(from) || !doc_string(to) ||
	    time_parse(doc_string(from), &begin) < 0 ||
	    time_parse(doc_string(to), &end) < 0)
		return 0;
	return end > begin ? end - begin : 0;
}

/* "occupied goblin :8767" */
static void add_subject(const struct doc *alert, struct buffer *out)
{
	text_add_value(doc_get(alert, "kind"), out);
	if (doc_get_string(alert, "service")) {
		buffer_puts(out, " ");
		text_add_value(doc_get(alert, "service"), out);
	}
	if (doc_type(doc_get(alert, "port")) == DOC_NUMBER) {
		buffer_puts(out, " :");
		text_add_value(doc_get(alert, "port"), out);
	}
}

static void add_for(const struct doc *from, const struct doc *to, struct buffer *out)
{
	uint64_t ns = passed_ns(from, to);
	char text[40];

	buffer_puts(out, ns < NS_PER_S ? "a moment"
				       : duration_format(ns - ns % NS_PER_S, text,
							 sizeof(text)));
}

static void add_alert(const struct report *r, const struct doc *alert, struct buffer *out)
{
	const char *severity = doc_get_string(alert, "severity");
	int64_t repeats = doc_get_int(alert, "repeats", 0);

	buffer_puts(out, "  ");
	for (; severity && *severity; severity++)
		buffer_printf(out, "%c", toupper((unsigned char)*severity));
	buffer_puts(out, " ");
	add_subject(alert, out);
	buffer_puts(out, ", for ");
	add_for(doc_get(alert, "since"), doc_get(r->status, "timestamp"), out);
	if (repeats)
		buffer_printf(out, ", came back %" PRId64 " times", repeats);
	buffer_puts(out, "\n");
	text_wrap(out, QUOTED, 0, doc_get_string(alert, "message"));
	if (doc_get_string(alert, "fix")) {
		buffer_puts(out, "    Fix: ");
		text_add_value(doc_get(alert, "fix"), out);
		buffer_puts(out, "\n");
	}
}

static void add_severity(const struct report *r, const char *severity, size_t *left,
			 struct buffer *out)
{
	const struct doc *alerts = doc_get(r->status, "alerts");

	for (const struct doc *a = doc_first(alerts); a && *left; a = doc_next(a)) {
		if (!streq(doc_get_string(a, "severity"), severity))
			continue;
		add_alert(r, a, out);
		(*left)--;
	}
}

static void add_alerts(const struct report *r, struct buffer *out)
{
	size_t count = doc_count(doc_get(r->status, "alerts")), left = ALERTS_MAX_SHOWN;

	text_title(out, "Alerts", count);
	if (count == 0)
		buffer_puts(out, "  none\n");
	add_severity(r, "critical", &left, out);
	add_severity(r, "warning", &left, out);
	add_severity(r, "info", &left, out);
	add_more(out, count, ALERTS_MAX_SHOWN, "portwatch alerts");
}

static void add_order(struct buffer *out, const struct doc *order)
{
	_cleanup_(buffer_done) struct buffer names = { 0 };

	for (const struct doc *name = doc_first(order); name; name = doc_next(name)) {
		buffer_puts(&names, names.size ? ", " : "");
		buffer_puts(&names, doc_string(name));
	}
	out->failed |= names.failed;
	if (names.failed || names.size == 0)
		return;
	buffer_puts(out, "  start:");
	text_wrap(out, 9, 8, names.data);
}

static void add_services(const struct report *r, struct buffer *out)
{
	static const struct text_column columns[] = {
		{ "NAME", add_name },
		{ "PORT", add_ports },
		{ "STATE", add_state },
		{ "PID", add_pid },
		{ "PROCESS", add_process },
		{ "UPTIME", add_uptime },
		{ "ENVIRONMENT", add_environment },
	};
	const struct doc *services = doc_get(r->status, "services");
	size_t count = doc_count(services);

	text_title(out, "Services", count);
	if (count == 0) {
		buffer_puts(out, "  none\n");
		return;
	}
	text_table(out, COLUMNS(columns), services, SERVICES_MAX);
	add_more(out, count, SERVICES_MAX, "portwatch status");
	if (count <= SERVICES_MAX)
		add_order(out, doc_get(r->status, "startup_order"));
}

static void add_sockets(const struct report *r, struct buffer *out)
{
	static const struct text_column columns[] = {
		{ "ADDRESS", add_address },
		{ "PID", add_pid },
		{ "PROCESS", add_comm },
		{ "USER", add_user },
	};

	text_title(out, "Bound ports of no service", doc_count(r->sockets) + r->left_out);
	if (doc_first(r->sockets))
		text_table(out, COLUMNS(columns), r->sockets, SIZE_MAX);
	else
		buffer_puts(out, "  none\n");
	if (r->left_out)
		buffer_printf(out, "  and %zu more: portwatch ls\n", r->left_out);
	if (r->elsewhere)
		buffer_printf(out, "  and %zu in other network namespaces\n",
			      r->elsewhere);
}

static void add_allocations(const struct report *r, struct buffer *out)
{
	static const struct text_column columns[] = {
		{ "PORT", add_port },       { "SERVICE", add_service_name },
		{ "STATE", add_health },    { "PID", add_pid },
		{ "BY", add_started_by },   { "SINCE (UTC)", add_allocated_at },
		{ "PURPOSE", add_purpose },
	};
	const struct doc *manager = doc_get(r->status, "port_manager");
	const struct doc *allocations = doc_get(manager, "allocations");
	size_t count = doc_count(allocations);

	text_title(out, "Allocations", count);
	if (count)
		text_table(out, COLUMNS(columns), allocations, SERVICES_MAX);
	add_more(out, count, SERVICES_MAX, "portwatch allocations");
	buffer_puts(out, "  managed: ");
	text_add_value(doc_get(manager, "port_range"), out);
	buffer_puts(out, ", ");
	text_add_value(doc_get(manager, "available_ports"), out);
	buffer_puts(out, " of ");
	text_add_value(doc_get(manager, "total_ports"), out);
	buffer_puts(out, " available\n");
}

static void add_resolved(const struct report *r, struct buffer *out)
{
	size_t n = 0, count = doc_count(r->resolved);

	text_title(out, "Resolved lately", count);
	if (count == 0)
		buffer_puts(out, "  none\n");
	for (const struct doc *a = doc_first(r->resolved); a && n < RESOLVED_MAX;
	     a = doc_next(a), n++) {
		buffer_puts(out, "  ");
		text_add_time(doc_get(a, "resolved_at"), out);
		buffer_puts(out, "  ");
		add_subject(a, out);
		buffer_puts(out, ", stood for ");
		add_for(doc_get(a, "since"), doc_get(a, "resolved_at"), out);
		buffer_puts(out, "\n");
	}
	add_more(out, count, RESOLVED_MAX, "portwatch history");
}

/* -- What it sees ---------------------------------------------------------------------
 */

static void add_finding(const struct doc *finding, struct buffer *out)
{
	static const char *const members[] = { "what", "reason", "remedy" };
	static const char *const before[] = { ", for ", ": ", "; " };
	_cleanup_(buffer_done) struct buffer line = { 0 };

	buffer_puts(&line, doc_get_string(finding, "name"));
	for (size_t i = 0; i < 3; i++) {
		const char *text = doc_get_string(finding, members[i]);

		if (text) {
			buffer_puts(&line, before[i]);
			buffer_puts(&line, text);
		}
	}
	buffer_puts(out, "  -");
	out->failed |= line.failed;
	text_wrap(out, INDENT, 3, line.failed ? NULL : line.data);
}

static void add_losses(const struct report *r, struct buffer *out)
{
	const struct doc *kernel = doc_get(r->status, "kernel");
	const struct doc *daemon = doc_get(r->status, "daemon");
	int64_t lost = doc_get_int(kernel, "events_lost", 0);
	int64_t turned_away = doc_get_int(kernel, "sockets_refused", 0);

	buffer_puts(out, "  ");
	text_add_value(doc_get(kernel, "events_seen"), out);
	buffer_printf(out, " events, %" PRId64 " lost, ", lost);
	text_add_value(doc_get(kernel, "resyncs"), out);
	buffer_puts(out, " resyncs since portwatch began, ");
	add_uptime(daemon, out);
	buffer_puts(out, " ago\n");
	if (turned_away)
		buffer_printf(out, "  %" PRId64 " sockets had no room in the table\n",
			      turned_away);
}

static size_t count_failures(const struct report *r)
{
	size_t n = 0;

	for (const struct doc *f = doc_first(r->findings); f; f = doc_next(f))
		n += !doc_get_bool(f, "ok", true);
	return n;
}

static void add_sight(const struct report *r, struct buffer *out)
{
	const struct doc *kernel = doc_get(r->status, "kernel");

	text_title(out, "What portwatch goes without", count_failures(r));
	for (const struct doc *f = doc_first(r->findings); f; f = doc_next(f))
		if (!doc_get_bool(f, "ok", true))
			add_finding(f, out);
	buffer_puts(out, "  It watches ");
	buffer_puts(out, doc_get_bool(kernel, "realtime", false) ? "in real time, with "
								 : "now and then, with ");
	text_add_value(doc_get(kernel, "backend"), out);
	buffer_puts(out, "; failed binds by ");
	text_add_value(doc_get(kernel, "bind_failures"), out);
	buffer_puts(out, "\n");
	add_losses(r, out);
	buffer_puts(out, "  registry:");
	text_wrap(out, INDENT, 11,
		  doc_get_string(doc_get(r->status, "daemon"), "registry"));
}

char *report_summary(const struct report *report)
{
	struct buffer out = { 0 };

	add_summary(report, &out);
	if (out.failed)
		buffer_done(&out);
	return out.data;
}

char *report_render(const struct report *report)
{
	struct buffer out = { 0 };

	add_head(report, &out);
	add_alerts(report, &out);
	add_services(report, &out);
	add_sockets(report, &out);
	add_allocations(report, &out);
	add_resolved(report, &out);
	add_sight(report, &out);
	if (out.failed)
		buffer_done(&out);
	return out.data;
}
