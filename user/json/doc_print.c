// SPDX-License-Identifier: GPL-2.0-only
/*
 * Documents as text.  cJSON prints too, but rounds integers to 15 digits (cookies and
 * times in nanoseconds have more), spends half a microsecond on each number, and does
 * not say how long its answer is.
 */
#include "json/doc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "json/doc_private.h"

enum { INDENT = 2, FIRST_CAPACITY = 512 };

struct out {
	char *data;
	size_t size, capacity;
	bool indented;
	bool failed;
};

static bool grow(struct out *out, size_t more)
{
	size_t capacity = out->capacity ? out->capacity : FIRST_CAPACITY;
	char *data;

	while (capacity <= out->size + more)
		capacity *= 2;
	data = out->failed ? NULL : realloc(out->data, capacity);
	if (!data) {
		out->failed = true;
		return false;
	}
	out->data = data;
	out->capacity = capacity;
	return true;
}

/* Room for @more bytes and a NUL. */
static inline bool reserve(struct out *out, size_t more)
{
	return out->size + more < out->capacity || grow(out, more);
}

static inline void put_char(struct out *out, char c)
{
	if (reserve(out, 1))
		out->data[out->size++] = c;
}

static inline void put(struct out *out, const char *text, size_t size)
{
	if (!reserve(out, size))
		return;
	memcpy(out->data + out->size, text, size);
	out->size += size;
}

static void put_escaped(struct out *out, unsigned char c)
{
	static const char short_form[] = {
		['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
		['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
	};
	char text[8];

	if (short_form[c]) {
		put_char(out, '\\');
		put_char(out, short_form[c]);
		return;
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	put(out, text, 6);
}

static bool must_escape(unsigned char c)
{
	return c < ' ' || c == '"' || c == '\\';
}

/* Length of what goes in as it is. */
static size_t plain_prefix(const char *text)
{
	const char *p = text;

	while (*p && !must_escape((unsigned char)*p))
		p++;
	return (size_t)(p - text);
}

static void put_escaping(struct out *out, const char *text)
{
	put_char(out, '"');
	for (;;) {
		size_t size = plain_prefix(text);

		put(out, text, size);
		text += size;
		if (!*text)
			break;
		put_escaped(out, (unsigned char)*text++);
	}
	put_char(out, '"');
}

static void put_string(struct out *out, const char *text)
{
	size_t size = plain_prefix(text);

	if (text[size] || !reserve(out, size + 2)) {
		put_escaping(out, text);
		return;
	}
	out->data[out->size++] = '"';
	memcpy(out->data + out->size, text, size);
	out->size += size;
	out->data[out->size++] = '"';
}

static void put_integer(struct out *out, int64_t value)
{
	char digits[24], *end = digits + sizeof(digits);
	const char *first = format_int(value, end);

	put(out, first, (size_t)(end - first));
}

/* The shortest of the forms that read back as the same number. */
static void put_fraction(struct out *out, double value)
{
	char text[32];

	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	put(out, text, strlen(text));
}

static void put_number(struct out *out, double value)
{
	if (!isfinite(value))
		put(out, "null", 4);
	else if (value >= -(double)DOC_EXACT_MAX && value <= (double)DOC_EXACT_MAX &&
		 (double)(int64_t)value == value)
		put_integer(out, (int64_t)value);
	else
		put_fraction(out, value);
}

static void put_line(struct out *out, unsigned depth)
{
	if (!out->indented || !reserve(out, 1 + (size_t)depth * INDENT))
		return;
	out->data[out->size++] = '\n';
	memset(out->data + out->size, ' ', (size_t)depth * INDENT);
	out->size += (size_t)depth * INDENT;
}

/* An argv or a list of names reads better on one line. */
static bool is_flat(const cJSON *node)
{
	if (node_kind(node) != cJSON_Array)
		return false;
	for (const cJSON *item = node->child; item; item = item->next)
		if (item->child)
			return false;
	return true;
}

static void put_node(struct out *out, const cJSON *node, unsigned depth);

static void put_container(struct out *out, const cJSON *node, unsigned depth)
{
	bool is_object = node_kind(node) == cJSON_Object;
	bool flat = is_flat(node);

	put_char(out, is_object ? '{' : '[');
	for (const cJSON *item = node->child; item; item = item->next) {
		if (!flat)
			put_line(out, depth + 1);
		if (is_object) {
			put_string(out, item->string ? item->string : "");
			put(out, ": ", out->indented ? 2 : 1);
		}
		put_node(out, item, depth + 1);
		if (item->next)
			put(out, ", ", out->indented && flat ? 2 : 1);
	}
	if (!flat && node->child)
		put_line(out, depth);
	put_char(out, is_object ? '}' : ']');
}

static void put_node(struct out *out, const cJSON *node, unsigned depth)
{
	if (node->type & DOC_FAILED)
		out->failed = true;

	switch (node_kind(node)) {
	case cJSON_False:
		put(out, "false", 5);
		break;
	case cJSON_True:
		put(out, "true", 4);
		break;
	case cJSON_Number:
		put_number(out, node->valuedouble);
		break;
	case cJSON_Raw:
		put(out, node->valuestring, strlen(node->valuestring));
		break;
	case cJSON_String:
		put_string(out, node->valuestring);
		break;
	case cJSON_Array:
	case cJSON_Object:
		put_container(out, node, depth);
		break;
	default:
		put(out, "null", 4);
		break;
	}
}

char *doc_print(const struct doc *doc, bool indented, size_t *ret_size)
{
	struct out out = { .indented = indented };

	if (!doc)
		return NULL;

	put_node(&out, to_const_node(doc), 0);
	put_char(&out, '\0');
	if (out.failed) {
		free(out.data);
		return NULL;
	}

	if (ret_size)
		*ret_size = out.size - 1;
	return out.data;
}
