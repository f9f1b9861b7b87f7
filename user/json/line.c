// SPDX-License-Identifier: GPL-2.0-only
#include "json/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

/* Where @size bytes of value go behind the key, which are counted; NULL: no memory. */
static char *put_key(struct buffer *to, const char *key, size_t size)
{
	size_t key_size = strlen(key);
	char *at;

	if (!buffer_reserve(to, key_size + 3 + size + 1))
		return NULL;
	at = to->data + to->size;
	*at++ = '"';
	memcpy(at, key, key_size);
	at += key_size;
	*at++ = '"';
	*at++ = ':';
	to->size += key_size + 3 + size + 1;
	at[size] = ','; /* line_end() puts the brace in place of the last */
	return at;
}

static void put(struct buffer *to, const char *key, const char *value, size_t size)
{
	char *at = put_key(to, key, size);

	if (at)
		memcpy(at, value, size);
}

/* Length of what goes in as it is, which is nearly always all of it. */
static size_t plain_prefix(const char *text)
{
	const char *p = text;

	while ((unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f && *p != '"' &&
	       *p != '\\')
		p++;
	return (size_t)(p - text);
}

void line_begin(struct buffer *to)
{
	buffer_add(to, "{", 1);
}

void line_string(struct buffer *to, const char *key, const char *value)
{
	size_t size;
	char *at;

	if (!value) {
		line_null(to, key);
		return;
	}
	size = plain_prefix(value);
	if (value[size]) {
		line_doc(to, key, doc_string_new(value));
		return;
	}
	at = put_key(to, key, size + 2);
	if (!at)
		return;
	at[0] = '"';
	memcpy(at + 1, value, size);
	at[1 + size] = '"';
}

void line_int(struct buffer *to, const char *key, int64_t value)
{
	char digits[24], *end = digits + sizeof(digits);
	const char *first = format_int(value, end);

	put(to, key, first, (size_t)(end - first));
}

void line_bool(struct buffer *to, const char *key, bool value)
{
	put(to, key, value ? "true" : "false", value ? 4 : 5);
}

void line_null(struct buffer *to, const char *key)
{
	put(to, key, "null", 4);
}

void line_time(struct buffer *to, const char *key, uint64_t wall_ns)
{
	char text[TIME_TEXT];

	line_string(to, key, wall_ns ? time_format(wall_ns, text) : NULL);
}

void line_doc(struct buffer *to, const char *key, struct doc *value)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;

	text = doc_print(value, false, &size);
	doc_free(value);
	if (text)
		put(to, key, text, size);
	else
		to->failed = true;
}

void line_end(struct buffer *to)
{
	if (to->failed)
		return;
	if (to->data[to->size - 1] == ',')
		to->data[to->size - 1] = '}';
	else
		buffer_add(to, "}", 1);
	if (!to->failed)
		to->data[to->size] = '\0';
}
