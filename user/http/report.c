// SPDX-License-Identifier: GPL-2.0-only
#include "http/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

enum { COLUMNS_MAX = 8, CELL_MAX = 40 };

/* Adds one cell, fit for a terminal. */
typedef void (*cell_fn)(const struct doc *row, struct buffer *ret);

struct column {
	const char *title;
	cell_fn add;
};

/* Characters, of which each is taken to have one column. */
static size_t width_of(const struct buffer *text)
{
	size_t width = 0;

	for (size_t i = 0; i < text->size; i++)
		width += (text->data[i] & 0xc0) != 0x80;
	return width;
}

static void make_cell(const struct column *column, const struct doc *row,
		      struct buffer *ret)
{
	*ret = (struct buffer){ 0 };
	if (row)
		column->add(row, ret);
	else
		buffer_puts(ret, column->title);
	if (ret->size == 0)
		buffer_puts(ret, "-");
}

/* @row NULL: the titles. */
static void add_line(const struct column *columns, size_t n, const size_t *widths,
		     const struct doc *row, struct buffer *out)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buffer_done) struct buffer cell;

		make_cell(&columns[i], row, &cell);
		out->failed |= cell.failed;
		buffer_printf(out, "  %s", cell.failed ? "" : cell.data);
		for (size_t k = width_of(&cell); i + 1 < n && k < widths[i]; k++)
			buffer_puts(out, " ");
	}
	buffer_puts(out, "\n");
}

static void widen(const struct column *columns, size_t n, const struct doc *row,
		  size_t *widths)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buffer_done) struct buffer cell;
		size_t width;

		make_cell(&columns[i], row, &cell);
		width = width_of(&cell);
		if (width > CELL_MAX)
			width = CELL_MAX;
		if (width > widths[i])
			widths[i] = width;
	}
}

static void add_table(const struct column *columns, size_t n, const struct doc *rows,
		      struct buffer *out)
{
	size_t widths[COLUMNS_MAX] = { 0 };

	widen(columns, n, NULL, widths);
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row))
		widen(columns, n, row, widths);
	add_line(columns, n, widths, NULL, out);
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row))
		add_line(columns, n, widths, row, out);
}

static void add_text(const char *text, struct buffer *ret)
{
	_cleanup_(freep) char *safe = text ? terminal_escape(text) : NULL;

	if (text && !safe)
		ret->failed = true;
	if (safe)
		buffer_puts(ret, safe);
}

static void add_value(const struct doc *value, struct buffer *ret)
{
	int64_t number;

	if (doc_int(value, &number))
		buffer_printf(ret, "%" PRId64, number);
	else
		add_text(doc_string(value), ret);
}

#define CELL(name, member)                                                \
	static void add_##name(const struct doc *row, struct buffer *ret) \
	{                                                                 \
		add_value(doc_get(row, member), ret);                     \
	}
CELL(name, "name")
CELL(state, "status")
CELL(pid, "pid")
CELL(environment, "environment")
CELL(user, "user")
CELL(service, "service")
CELL(comm, "comm")
CELL(port, "port")
CELL(service_name, "service_name")
CELL(started_by, "started_by")
CELL(purpose, "purpose")
CELL(allocated_at, "allocated_at")

static void add_ports(const struct doc *row, struct buffer *ret)
{
	const struct doc *ports = doc_get(row, "ports"), *first = doc_first(ports);

	for (const struct doc *p = first; p; p = doc_next(p)) {
		buffer_puts(ret, p == first ? "" : ",");
		add_value(doc_get(p, "port"), ret);
		if (streq(doc_get_string(p, "proto"), "udp"))
			buffer_puts(ret, "/udp");
	}
	if (!first && doc_type(doc_get(row, "port")) == DOC_NUMBER)
		add_value(doc_get(row, "port"), ret);
	else if (!first)
		buffer_puts(ret, "dynamic");
}

static void add_process(const struct doc *row, struct buffer *ret)
{
	add_value(doc_get(doc_get(row, "process"), "comm"), ret);
}

static void add_uptime(const struct doc *row, struct buffer *ret)
{
	int64_t seconds = doc_get_int(row, "uptime_s", -1);
	char text[40];

	if (seconds >= 0)
		buffer_puts(ret, duration_format((uint64_t)seconds * NS_PER_S, text,
						 sizeof(text)));
}

static void add_address(const struct doc *row, struct buffer *ret)
{
	const char *address = doc_get_string(row, "address");

	add_text(doc_get_string(row, "proto"), ret);
	buffer_printf(ret, address && strchr(address, ':') ? " [%s]:" : " %s:",
		      address ? address : "*");
	add_value(doc_get(row, "port"), ret);
}

static void add_head(const struct report *r, struct buffer *out)
{
	const struct doc *kernel = doc_get(r->status, "kernel");
	const struct doc *daemon = doc_get(r->status, "daemon");
	const char *refused = doc_get_string(daemon, "registry_refused");

	buffer_puts(out, "portwatch report\n================\n\n");
	buffer_printf(out, "Host      %s, Linux %s\n", r->host, r->kernel);
	buffer_puts(out, "Time      ");
	add_value(doc_get(r->status, "timestamp"), out);
	buffer_puts(out, "\nRegistry  ");
	add_value(doc_get(daemon, "registry"), out);
	if (refused) {
		buffer_puts(out, "\n          refused as it is now: ");
		add_text(refused, out);
	}
	buffer_puts(out, "\nWatching  ");
	buffer_puts(out, doc_get_bool(kernel, "realtime", false) ? "in real time, with "
								 : "now and then, with ");
	add_value(doc_get(kernel, "backend"), out);
	buffer_puts(out, "; failed binds: ");
	add_value(doc_get(kernel, "bind_failures"), out);
	buffer_puts(out, "\nEvents    ");
	add_value(doc_get(kernel, "events_seen"), out);
	buffer_puts(out, " seen, ");
	add_value(doc_get(kernel, "events_lost"), out);
	buffer_puts(out, " lost, ");
	add_value(doc_get(kernel, "resyncs"), out);
	buffer_puts(out, " resyncs\n");
}

static void add_title(const char *title, size_t count, struct buffer *out)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%s (%zu)", title, count);

	buffer_printf(out, "\n%s\n", text);
	for (int i = 0; i < n; i++)
		buffer_puts(out, "-");
	buffer_puts(out, "\n");
	if (count == 0)
		buffer_puts(out, "  none\n");
}

static void add_services(const struct doc *status, struct buffer *out)
{
	static const struct column columns[] = {
		{ "NAME", add_name },
		{ "PORT", add_ports },
		{ "STATE", add_state },
		{ "PID", add_pid },
		{ "PROCESS", add_process },
		{ "UPTIME", add_uptime },
		{ "ENVIRONMENT", add_environment },
	};
	const struct doc *services = doc_get(status, "services");

	add_title("Services", doc_count(services), out);
	if (doc_first(services))
		add_table(columns, sizeof(columns) / sizeof(*columns), services, out);
}

static void add_alert(const struct doc *alert, struct buffer *out)
{
	buffer_puts(out, "  [");
	add_value(doc_get(alert, "severity"), out);
	buffer_puts(out, "] ");
	add_value(doc_get(alert, "kind"), out);
	if (doc_get_string(alert, "service")) {
		buffer_puts(out, " ");
		add_value(doc_get(alert, "service"), out);
	}
	if (doc_type(doc_get(alert, "port")) == DOC_NUMBER) {
		buffer_puts(out, " :");
		add_value(doc_get(alert, "port"), out);
	}
	buffer_puts(out, ", since ");
	add_value(doc_get(alert, "since"), out);
	buffer_puts(out, "\n      ");
	add_value(doc_get(alert, "message"), out);
	if (doc_get_string(alert, "fix")) {
		buffer_puts(out, "\n      fix: ");
		add_value(doc_get(alert, "fix"), out);
	}
	buffer_puts(out, "\n");
}

static void add_alerts(const struct doc *status, struct buffer *out)
{
	const struct doc *alerts = doc_get(status, "alerts");

	add_title("Alerts", doc_count(alerts), out);
	for (const struct doc *a = doc_first(alerts); a; a = doc_next(a))
		add_alert(a, out);
}

static void add_allocations(const struct doc *status, struct buffer *out)
{
	static const struct column columns[] = {
		{ "PORT", add_port },
		{ "SERVICE", add_service_name },
		{ "PID", add_pid },
		{ "STARTED BY", add_started_by },
		{ "SINCE", add_allocated_at },
		{ "PURPOSE", add_purpose },
	};
	const struct doc *manager = doc_get(status, "port_manager");
	const struct doc *allocations = doc_get(manager, "allocations");

	add_title("Allocations", doc_count(allocations), out);
	if (doc_first(allocations))
		add_table(columns, sizeof(columns) / sizeof(*columns), allocations, out);
	buffer_puts(out, "  managed: ");
	add_value(doc_get(manager, "port_range"), out);
	buffer_puts(out, ", ");
	add_value(doc_get(manager, "available_ports"), out);
	buffer_puts(out, " of ");
	add_value(doc_get(manager, "total_ports"), out);
	buffer_puts(out, " not allocated\n");
}

static void add_order(const struct doc *order, const char *label, struct buffer *out)
{
	const struct doc *first = doc_first(order);

	buffer_printf(out, "  %s:", label);
	for (const struct doc *name = first; name; name = doc_next(name)) {
		buffer_puts(out, name == first ? " " : ", ");
		add_value(name, out);
	}
	buffer_puts(out, first ? "\n" : " none\n");
}

static void add_sockets(const struct report *r, struct buffer *out)
{
	static const struct column columns[] = {
		{ "ADDRESS", add_address }, { "PID", add_pid },
		{ "PROCESS", add_comm },    { "USER", add_user },
		{ "SERVICE", add_service },
	};

	add_title("Bound ports", doc_count(r->sockets) + r->left_out, out);
	if (doc_first(r->sockets))
		add_table(columns, sizeof(columns) / sizeof(*columns), r->sockets, out);
	if (r->left_out)
		buffer_printf(out, "  and %zu more\n", r->left_out);
	if (r->elsewhere)
		buffer_printf(out, "  and %zu in other network namespaces\n",
			      r->elsewhere);
}

char *report_render(const struct report *report)
{
	struct buffer out = { 0 };

	add_head(report, &out);
	add_services(report->status, &out);
	add_alerts(report->status, &out);
	add_allocations(report->status, &out);
	buffer_puts(&out, "\nOrder\n-----\n");
	add_order(doc_get(report->status, "startup_order"), "start", &out);
	add_order(doc_get(report->status, "shutdown_order"), "stop", &out);
	add_sockets(report, &out);
	if (out.failed)
		buffer_done(&out);
	return out.data;
}
