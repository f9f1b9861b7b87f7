// SPDX-License-Identifier: GPL-2.0-only
#include "cli/alert_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

enum { KIND_WIDTH = 13, SEVERITY_WIDTH = 8, INDENT = 14 };

void escaped_text_add(const char *text, struct buffer *ret)
{
	_cleanup_(freep) char *safe = terminal_escape(text);

	if (safe)
		buffer_puts(ret, safe);
	else
		ret->failed = true;
}

void member_text_add(const struct doc *object, const char *key, const char *otherwise,
		     struct buffer *ret)
{
	const char *text = doc_get_string(object, key);

	escaped_text_add(text ? text : otherwise, ret);
}

/* "12:00:03.123"; with the date where it is not today's. */
static void add_time(const struct doc *object, const char *key, struct buffer *ret)
{
	const char *text = doc_get_string(object, key);
	time_t seconds, now = (time_t)(now_wall_ns() / NS_PER_S);
	struct tm at, today;
	char clock[32];
	uint64_t wall_ns;

	if (!text || time_parse(text, &wall_ns) < 0) {
		buffer_puts(ret, "            ");
		return;
	}
	seconds = (time_t)(wall_ns / NS_PER_S);
	localtime_r(&seconds, &at);
	localtime_r(&now, &today);
	if (at.tm_yday != today.tm_yday || at.tm_year != today.tm_year) {
		strftime(clock, sizeof(clock), "%Y-%m-%d ", &at);
		buffer_puts(ret, clock);
	}
	strftime(clock, sizeof(clock), "%H:%M:%S", &at);
	buffer_printf(ret, "%s.%03u", clock, (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
}

static void add_word(const struct terminal *terminal, const char *word, int width,
		     struct buffer *ret)
{
	enum tone tone = tone_of(word, strlen(word));
	int room = width - (int)strlen(word);

	buffer_puts(ret, tone_begin(terminal, tone));
	escaped_text_add(word, ret);
	buffer_puts(ret, tone_end(terminal, tone));
	buffer_printf(ret, "%*s", room > 0 ? room : 0, "");
}

/* "goblin :8767", ":8767/udp", "goblin" */
static void add_subject(const struct doc *alert, struct buffer *ret)
{
	const char *service = doc_get_string(alert, "service");
	int64_t port = doc_get_int(alert, "port", 0);

	if (service)
		escaped_text_add(service, ret);
	if (service && port)
		buffer_puts(ret, " ");
	if (port)
		buffer_printf(ret, ":%" PRId64, port);
	if (port && streq(doc_get_string(alert, "proto"), "udp"))
		buffer_puts(ret, "/udp");
	if (!service && !port)
		buffer_puts(ret, "-");
}

static void add_indented(const char *label, const struct doc *object, const char *key,
			 struct buffer *ret)
{
	if (!doc_get_string(object, key))
		return;
	buffer_printf(ret, "%*s%s", INDENT, "", label);
	member_text_add(object, key, "", ret);
	buffer_puts(ret, "\n");
}

void wrapped_text_add(const char *text, int indent, size_t width, struct buffer *ret)
{
	while (*text) {
		size_t size = 0, next = strcspn(text, " ");

		/* One word at least, however long, then as many as there is room for. */
		do {
			size = next;
			next = size +
			       (text[size] ? 1 + strcspn(text + size + 1, " ") : 0);
		} while (next > size && text_width(text, next) <= width);
		buffer_printf(ret, "\n%*s%.*s", indent, "", (int)size, text);
		text += size + strspn(text + size, " ");
	}
}

/* On the line that was begun at @start where it fits the terminal, else below it. */
static void add_message(const struct terminal *terminal, const char *message,
			size_t start, struct buffer *ret)
{
	_cleanup_(freep) char *safe = terminal_escape(message);
	size_t used;

	if (!safe || ret->failed) {
		ret->failed = true;
		return;
	}
	used = text_width(ret->data + start, ret->size - start);
	if (!terminal->is_terminal ||
	    used + 2 + text_width(safe, strlen(safe)) <= terminal->width)
		buffer_printf(ret, "  %s", safe);
	else
		wrapped_text_add(safe, INDENT,
				 terminal->width > 2 * INDENT ? terminal->width - INDENT
							      : INDENT,
				 ret);
	buffer_puts(ret, "\n");
}

/* How long it stood, or how often it came back. */
static void add_history(const struct doc *alert, struct buffer *ret)
{
	const char *since = doc_get_string(alert, "since");
	const char *end = doc_get_string(alert, "resolved_at");
	int64_t repeats = doc_get_int(alert, "repeats", 0);
	uint64_t from, to;
	char text[32];

	if (since && end && time_parse(since, &from) == 0 && time_parse(end, &to) == 0 &&
	    to >= from)
		buffer_printf(ret, " (after %s)",
			      duration_format(to - from, text, sizeof(text)));
	if (repeats > 0)
		buffer_printf(ret, " (%" PRId64 " more times)", repeats);
}

static void add_alert(const struct terminal *terminal, const struct doc *alert,
		      const struct doc *timed, const char *time_key, struct buffer *ret)
{
	const char *kind = doc_get_string(alert, "kind");
	const char *message = doc_get_string(alert, "message");
	bool resolved = streq(doc_get_string(alert, "state"), "resolved");
	const char *word = resolved ? "resolved" : doc_get_string(alert, "severity");
	size_t start = ret->size;

	add_time(timed, time_key, ret);
	buffer_puts(ret, "  ");
	add_word(terminal, word ? word : "-", SEVERITY_WIDTH, ret);
	buffer_puts(ret, "  ");
	add_word(terminal, kind ? kind : "-", KIND_WIDTH, ret);
	buffer_puts(ret, "  ");
	add_subject(alert, ret);
	add_history(alert, ret);
	add_message(terminal, message ? message : "", start, ret);
	if (!resolved)
		add_indented("fix: ", alert, "fix", ret);
}

void alert_text_add(const struct terminal *terminal, const struct doc *alert,
		    struct buffer *ret)
{
	add_alert(terminal, alert, alert, "since", ret);
}

void process_text_add(const struct doc *process, struct buffer *ret)
{
	const struct doc *words = doc_get(process, "cmdline");
	const char *user = doc_get_string(process, "user");

	if (doc_type(process) != DOC_OBJECT) {
		buffer_puts(ret, "-");
		return;
	}
	member_text_add(process, "comm", "?", ret);
	buffer_printf(ret, " (pid %" PRId64, doc_get_int(process, "pid", 0));
	if (user) {
		buffer_puts(ret, ", user ");
		escaped_text_add(user, ret);
	}
	buffer_puts(ret, ")");
	if (doc_count(words) > 0)
		buffer_puts(ret, ":");
	for (const struct doc *w = doc_first(words); w; w = doc_next(w)) {
		buffer_puts(ret, " ");
		escaped_text_add(doc_string(w) ? doc_string(w) : "", ret);
	}
}

/* "tcp 127.0.0.1:80", "udp [::]:53" */
static void add_endpoint(const struct doc *event, struct buffer *ret)
{
	const char *address = doc_get_string(event, "address");
	bool v6 = address && strchr(address, ':');

	member_text_add(event, "proto", "-", ret);
	buffer_printf(ret, " %s%s%s:%" PRId64, v6 ? "[" : "", address ? address : "*",
		      v6 ? "]" : "", doc_get_int(event, "port", 0));
}

static void add_socket(const struct doc *event, struct buffer *ret)
{
	const struct doc *process = doc_get(event, "process");
	const struct doc *lifetime = doc_get(event, "lifetime_s");
	const struct doc *holders = doc_get(event, "holders");
	const char *service = doc_get_string(event, "service");
	const char *error = doc_get_string(event, "errno");
	const char *cause = doc_get_string(event, "cause");
	char text[32];

	add_endpoint(event, ret);
	buffer_puts(ret, "  ");
	process_text_add(process, ret);
	if (service) {
		buffer_puts(ret, "  service ");
		escaped_text_add(service, ret);
	}
	if (error)
		buffer_printf(ret, "  %s%s", error,
			      doc_get_bool(event, "inferred", false) ? " (inferred)"
								     : "");
	for (const struct doc *h = doc_first(holders); h; h = doc_next(h)) {
		buffer_puts(ret, "  held by ");
		process_text_add(h, ret);
	}
	if (cause)
		buffer_printf(ret, "  by %s", cause);
	if (doc_type(lifetime) == DOC_NUMBER)
		buffer_printf(ret, " after %s",
			      duration_format((uint64_t)(doc_number(lifetime) * NS_PER_S),
					      text, sizeof(text)));
}

static void add_exit(const struct doc *event, struct buffer *ret)
{
	const char *signal = doc_get_string(event, "signal");

	process_text_add(doc_get(event, "process"), ret);
	if (signal)
		buffer_printf(ret, "  by %s", signal);
	else if (doc_type(doc_get(event, "exit_code")) == DOC_NUMBER)
		buffer_printf(ret, "  with exit code %" PRId64,
			      doc_get_int(event, "exit_code", 0));
}

static void add_rest(const struct doc *event, struct buffer *ret)
{
	const struct doc *allocation = doc_get(event, "allocation");
	const char *service = doc_get_string(event, "service");
	const char *reason = doc_get_string(event, "reason");

	if (allocation) {
		member_text_add(allocation, "service_name", "-", ret);
		buffer_printf(ret, " :%" PRId64, doc_get_int(allocation, "port", 0));
	}
	if (service) {
		escaped_text_add(service, ret);
		buffer_puts(ret, "  ");
	}
	if (doc_type(doc_get(event, "process")) == DOC_OBJECT)
		process_text_add(doc_get(event, "process"), ret);
	if (doc_type(doc_get(event, "count")) == DOC_NUMBER)
		buffer_printf(ret, "%" PRId64 "%s", doc_get_int(event, "count", 0),
			      reason ? "  " : "");
	if (reason)
		escaped_text_add(reason, ret);
}

void event_text_add(const struct terminal *terminal, const struct doc *event,
		    struct buffer *ret)
{
	const char *type = doc_get_string(event, "type");

	if (doc_type(doc_get(event, "alert")) == DOC_OBJECT) {
		add_alert(terminal, doc_get(event, "alert"), event, "time", ret);
		return;
	}
	add_time(event, "time", ret);
	buffer_printf(ret, "  %s", tone_begin(terminal, TONE_DIM));
	escaped_text_add(type ? type : "-", ret);
	buffer_printf(ret, "%s  ", tone_end(terminal, TONE_DIM));
	if (type && starts_with(type, "socket."))
		add_socket(event, ret);
	else if (streq(type, "process.exited"))
		add_exit(event, ret);
	else
		add_rest(event, ret);
	buffer_puts(ret, "\n");
}
