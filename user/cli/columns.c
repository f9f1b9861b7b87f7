// SPDX-License-Identifier: GPL-2.0-only
#include "cli/columns.h"

#include <string.h>
#include <time.h>

#include "base/time.h"

/* Neither escaped in JSON nor in need of it on a terminal: nearly every value there is.
 */
static bool is_plain(struct span text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.at[i] < ' ' || text.at[i] > '~' || text.at[i] == '\\')
			return false;
	return true;
}

bool show_plain(struct span value, struct span *ret)
{
	if (span_is_null(value))
		*ret = (struct span){ "-", 1 };
	else if (span_is_string(value))
		*ret = (struct span){ value.at + 1, value.size - 2 };
	else
		*ret = value;
	return is_plain(*ret);
}

void show_text(struct span value, struct buffer *ret)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	_cleanup_(freep) char *safe = NULL;
	struct span plain;

	if (show_plain(value, &plain)) {
		buffer_add(ret, plain.at, plain.size);
		return;
	}
	span_unescape(value, &text);
	safe = text.data && !text.failed ? terminal_escape(text.data) : NULL;
	if (safe)
		buffer_puts(ret, safe);
	else
		ret->failed = true;
}

void show_bool(struct span value, struct buffer *ret)
{
	if (span_is(value, "true"))
		buffer_puts(ret, "yes");
	else if (span_is(value, "false"))
		buffer_puts(ret, "no");
	else
		show_text(value, ret);
}

/* Each element by @show, @between them; "-" where there is none. */
static void add_elements(struct span value, const char *between, show_fn show,
			 struct buffer *ret)
{
	struct span element;
	struct reader r;
	size_t n = 0;

	reader_init(&r, value.at, value.size);
	if (reader_enter(&r, '[')) {
		while (reader_element(&r) && reader_value(&r, &element)) {
			if (n++ > 0)
				buffer_puts(ret, between);
			show(element, ret);
		}
	} else if (reader_peek(&r) == '{') {
		struct span key;

		reader_enter(&r, '{');
		while (reader_key(&r, &key)) {
			reader_skip(&r);
			if (n++ > 0)
				buffer_puts(ret, between);
			buffer_add(ret, key.at, is_plain(key) ? key.size : 0);
		}
	} else if (!span_is_null(value)) {
		show_text(value, ret);
		return;
	}
	if (n == 0)
		buffer_add(ret, "-", 1);
}

void show_list(struct span value, struct buffer *ret)
{
	add_elements(value, ",", show_text, ret);
}

void show_words(struct span value, struct buffer *ret)
{
	add_elements(value, " ", show_text, ret);
}

void show_time(struct span value, struct buffer *ret)
{
	char text[TIME_TEXT + 8];
	uint64_t wall_ns;
	time_t seconds;
	struct tm tm;

	if (!span_is_string(value) || value.size - 2 >= sizeof(text)) {
		show_text(value, ret);
		return;
	}
	memcpy(text, value.at + 1, value.size - 2);
	text[value.size - 2] = '\0';
	if (time_parse(text, &wall_ns) < 0) {
		show_text(value, ret);
		return;
	}
	seconds = (time_t)(wall_ns / NS_PER_S);
	localtime_r(&seconds, &tm);
	buffer_add(ret, text, strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm));
}

void show_age(struct span value, struct buffer *ret)
{
	double seconds = span_number(value, -1);
	char text[32];

	if (seconds < 0 || seconds > 1e9)
		show_text(value, ret);
	else if (seconds < 1)
		buffer_puts(ret, "0s");
	else
		buffer_puts(ret, duration_format((uint64_t)(seconds * NS_PER_S), text,
						 sizeof(text)));
}

static void show_port(struct span value, struct buffer *ret)
{
	struct span proto = span_member(value, "proto");

	show_text(span_member(value, "port"), ret);
	if (span_is(proto, "\"udp\""))
		buffer_puts(ret, "/udp");
}

void show_ports(struct span value, struct buffer *ret)
{
	if (!span_is_null(value) && value.at[0] == '[')
		add_elements(value, ",", show_port, ret);
	else
		show_text(value, ret);
}

void show_service_ports(struct span row, struct buffer *ret)
{
	struct span port = span_member(row, "port"), ports = span_member(row, "ports");

	if (!span_is_null(ports) && !span_is(ports, "[]"))
		show_ports(ports, ret);
	else if (span_is_null(port))
		buffer_puts(ret, "dynamic");
	else
		show_port(row, ret);
}

static void show_process(struct span value, struct buffer *ret)
{
	show_text(span_member(value, "comm"), ret);
	buffer_puts(ret, "(");
	show_text(span_member(value, "pid"), ret);
	buffer_puts(ret, ")");
}

void show_processes(struct span value, struct buffer *ret)
{
	add_elements(value, ",", show_process, ret);
}
