// SPDX-License-Identifier: GPL-2.0-only
/* The rows of the full-screen view, from what the API says. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "base/utf8.h"
#include "cli/top_private.h"

const char *const top_titles[TOP_COLUMNS] = {
	[TOP_PORT] = "PORT",       [TOP_ADDRESS] = "ADDRESS", [TOP_STATE] = "STATE",
	[TOP_PID] = "PID",         [TOP_PROCESS] = "PROCESS", [TOP_USER] = "USER",
	[TOP_SERVICE] = "SERVICE", [TOP_AGE] = "AGE",         [TOP_ALERT] = "ALERT",
	[TOP_COMMAND] = "COMMAND",
};

/* What is no ASCII has no width that is known there. */
static void only_ascii(char *text)
{
	char *to = text;

	for (const char *from = text; *from;) {
		size_t n = utf8_sequence(from, strlen(from));

		*to++ = n == 1 ? *from : '?';
		from += n ? n : 1;
	}
	*to = '\0';
}

char *top_safe(const struct top *top, const char *text)
{
	char *safe = terminal_escape(text ? text : "");

	if (safe && !top->utf8)
		only_ascii(safe);
	return safe;
}

static void free_row(struct top_row *row)
{
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		free(row->cells[i]);
	free(row->id);
}

void top_free_rows(struct top_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_row(&rows[i]);
	free(rows);
}

static int set_cell(const struct top *top, struct top_row *row, enum top_column column,
		    const char *text)
{
	free(row->cells[column]);
	row->cells[column] = top_safe(top, text);
	return row->cells[column] ? 0 : -ENOMEM;
}

static int set_number(const struct top *top, struct top_row *row, enum top_column column,
		      int64_t number, const char *suffix)
{
	char text[40];

	snprintf(text, sizeof(text), "%" PRId64 "%s", number, suffix);
	row->numbers[column] = number;
	return set_cell(top, row, column, text);
}

static int set_command(const struct top *top, struct top_row *row,
		       const struct doc *process)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	const struct doc *words = doc_get(process, "cmdline");

	for (const struct doc *w = doc_first(words); w && text.size < 1024;
	     w = doc_next(w)) {
		buffer_puts(&text, text.size ? " " : "");
		buffer_puts(&text, doc_string(w) ? doc_string(w) : "");
	}
	if (text.failed)
		return -ENOMEM;
	for (size_t i = 0; i < text.size; i++)
		if (isspace((unsigned char)text.data[i]))
			text.data[i] = ' ';
	return set_cell(top, row, TOP_COMMAND, text.data);
}

static int set_age(const struct top *top, struct top_row *row, const struct doc *socket)
{
	int64_t age_s = doc_get_int(socket, "age_s", -1);
	char text[40];

	if (age_s < 0)
		return 0;
	row->numbers[TOP_AGE] = age_s + 1;
	return set_cell(top, row, TOP_AGE,
			duration_format((uint64_t)age_s * NS_PER_S, text, sizeof(text)));
}

/* Each cell is there, if empty. */
static int begin_row(const struct top *top, struct top_row *row, char *id)
{
	*row = (struct top_row){ .id = id };
	for (unsigned i = 0; i < TOP_COLUMNS; i++)
		if (set_cell(top, row, (enum top_column)i, "") < 0)
			return -ENOMEM;
	return id ? 0 : -ENOMEM;
}

static int set_port(const struct top *top, struct top_row *row, const struct doc *from)
{
	int64_t port = doc_get_int(from, "port", 0);

	row->is_udp = streq(doc_get_string(from, "proto"), "udp");
	row->port = port > 0 && port < 65536 ? (uint16_t)port : 0;
	if (row->port == 0)
		return 0;
	return set_number(top, row, TOP_PORT, port, row->is_udp ? "/udp" : "");
}

char *top_socket_id(const struct doc *socket)
{
	const char *cookie = doc_get_string(socket, "cookie");
	const char *address = doc_get_string(socket, "address");
	char *id = NULL;

	/* Without BPF there may be none. */
	if (asprintf(&id, "socket %s %s %" PRId64 " %s", cookie ? cookie : "",
		     address ? address : "", doc_get_int(socket, "port", 0),
		     streq(doc_get_string(socket, "proto"), "udp") ? "udp" : "tcp") < 0)
		return NULL;
	return id;
}

static int fill_socket(const struct top *top, struct top_row *row,
		       const struct doc *socket)
{
	const struct doc *process = doc_get(socket, "process");
	int err = begin_row(top, row, top_socket_id(socket));

	if (err == 0)
		err = set_port(top, row, socket);
	if (err == 0)
		err = set_cell(top, row, TOP_ADDRESS, doc_get_string(socket, "address"));
	if (err == 0)
		err = set_cell(top, row, TOP_STATE, doc_get_string(socket, "state"));
	if (err == 0)
		err = set_cell(top, row, TOP_PROCESS, doc_get_string(socket, "comm"));
	if (err == 0)
		err = set_cell(top, row, TOP_USER, doc_get_string(socket, "user"));
	if (err == 0)
		err = set_cell(top, row, TOP_SERVICE, doc_get_string(socket, "service"));
	row->pid = (pid_t)doc_get_int(socket, "pid", 0);
	row->netns = (uint32_t)doc_get_int(socket, "netns", 0);
	if (err == 0 && row->pid)
		err = set_number(top, row, TOP_PID, row->pid, "");
	if (err == 0)
		err = set_age(top, row, socket);
	return err < 0 ? err : set_command(top, row, process);
}

static int fill_service(const struct top *top, struct top_row *row,
			const struct doc *service)
{
	const char *name = doc_get_string(service, "name");
	char *id = NULL;
	int err;

	if (asprintf(&id, "service %s", name ? name : "") < 0)
		id = NULL;
	err = begin_row(top, row, id);
	if (err == 0)
		err = set_port(top, row, service);
	if (err == 0)
		err = set_cell(top, row, TOP_STATE, doc_get_string(service, "status"));
	return err < 0 ? err : set_cell(top, row, TOP_SERVICE, name);
}

/* -- Alerts ---------------------------------------------------------------------------
 */

static enum tone tone_of_alert(const struct doc *alert)
{
	const char *severity = doc_get_string(alert, "severity");

	return severity ? tone_of(severity, strlen(severity)) : TONE_NONE;
}

/* Is it about this row: its port, or a service that has no socket? */
static bool is_about(const struct doc *alert, const struct top_row *row)
{
	const char *service = doc_get_string(alert, "service");

	if (row->port && doc_get_int(alert, "port", 0) == row->port &&
	    streq(doc_get_string(alert, "proto"), "udp") == row->is_udp)
		return true;
	return service && *row->cells[TOP_SERVICE] &&
	       streq(service, row->cells[TOP_SERVICE]) &&
	       doc_get_int(alert, "port", 0) == 0;
}

/* The worst first, then the first. */
static int set_alert(const struct top *top, struct top_row *row, const struct doc *alerts)
{
	const struct doc *worst = NULL;

	for (const struct doc *a = doc_first(alerts); a; a = doc_next(a))
		if (is_about(a, row) &&
		    (!worst || tone_of_alert(a) > tone_of_alert(worst)))
			worst = a;
	if (!worst)
		return 0;
	row->tone = tone_of_alert(worst);
	row->numbers[TOP_ALERT] = -(int64_t)row->tone;
	return set_cell(top, row, TOP_ALERT, doc_get_string(worst, "kind"));
}

/* -- All of them ----------------------------------------------------------------------
 */

/* A service that serves has its sockets. */
static bool has_row(const struct doc *service)
{
	const char *status = doc_get_string(service, "status");

	return !streq(status, "running") && !streq(status, "unhealthy") &&
	       !streq(status, "disabled");
}

int top_make_rows(const struct top *top, const struct doc *status,
		  const struct doc *sockets, struct top_row **ret, size_t *ret_n)
{
	const struct doc *services = doc_get(status, "services");
	size_t most = doc_count(services) + doc_count(sockets), n = 0;
	struct top_row *rows = calloc(most + 1, sizeof(*rows));
	int err = rows ? 0 : -ENOMEM;

	for (const struct doc *s = doc_first(sockets); s && err == 0; s = doc_next(s))
		if (!streq(doc_get_string(s, "state"), "connected"))
			err = fill_socket(top, &rows[n++], s);
	for (const struct doc *s = doc_first(services); s && err == 0; s = doc_next(s))
		if (has_row(s))
			err = fill_service(top, &rows[n++], s);
	for (size_t i = 0; i < n && err == 0; i++)
		err = set_alert(top, &rows[i], doc_get(status, "alerts"));
	if (err < 0) {
		top_free_rows(rows, rows ? n : 0);
		return err;
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}
