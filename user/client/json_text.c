// SPDX-License-Identifier: GPL-2.0-only
#include "client/json_text.h"

void json_begin(struct buffer *text)
{
	buffer_puts(text, "{");
}

void json_end(struct buffer *text)
{
	buffer_puts(text, "}");
}

static void begin_member(struct buffer *text, const char *key)
{
	if (text->size > 0 && text->data[text->size - 1] != '{')
		buffer_puts(text, ",");
	buffer_printf(text, "\"%s\":", key);
}

/* RFC 8259, 7: quotes, backslashes and control characters. */
static void add_string(struct buffer *text, const char *value)
{
	buffer_puts(text, "\"");
	for (const char *p = value; *p; p++) {
		if (*p == '"' || *p == '\\')
			buffer_printf(text, "\\%c", *p);
		else if ((unsigned char)*p < ' ')
			buffer_printf(text, "\\u%04x", (unsigned)*p);
		else
			buffer_add(text, p, 1);
	}
	buffer_puts(text, "\"");
}

void json_text(struct buffer *text, const char *key, const char *value)
{
	if (!value)
		return;
	begin_member(text, key);
	add_string(text, value);
}

void json_number(struct buffer *text, const char *key, int64_t value)
{
	begin_member(text, key);
	buffer_printf(text, "%jd", (intmax_t)value);
}

void json_flag(struct buffer *text, const char *key, bool value)
{
	begin_member(text, key);
	buffer_puts(text, value ? "true" : "false");
}
