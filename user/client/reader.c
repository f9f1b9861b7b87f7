// SPDX-License-Identifier: GPL-2.0-only
#include "client/reader.h"

#include <stdint.h>
#include <string.h>

void reader_init(struct reader *r, const char *text, size_t size)
{
	*r = (struct reader){ .at = text, .end = size ? text + size : text };
}

static bool fail(struct reader *r)
{
	r->failed = true;
	r->at = r->end;
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char skip_spaces(struct reader *r)
{
	while (r->at < r->end && is_space(*r->at))
		r->at++;
	return r->at < r->end ? *r->at : '\0';
}

/* What comes next; usually there is no space to skip. */
static inline char skip_space(struct reader *r)
{
	return r->at<r->end && * r->at> ' ' ? *r->at : skip_spaces(r);
}

char reader_peek(struct reader *r)
{
	char c = skip_space(r);

	return c == '-' || (c >= '0' && c <= '9') ? '0' : c;
}

bool reader_enter(struct reader *r, char bracket)
{
	if (skip_space(r) != bracket)
		return false;
	r->at++;
	return true;
}

/* Past the comma or the closing bracket; false at the latter. */
static bool next(struct reader *r, char closing)
{
	char c = skip_space(r);

	if (c == ',') {
		r->at++;
		c = skip_space(r);
	}
	if (c == closing) {
		r->at++;
		return false;
	}
	return c != '\0' || fail(r);
}

enum { SHORT_STRING = 32 };

static const char *escaped_string_end(const char *p, const char *end)
{
	for (; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p : NULL;
}

/* @p stands behind the opening quote; answers the closing one, or NULL. */
static const char *string_end(const char *p, const char *end)
{
	const char *near = end - p > SHORT_STRING ? p + SHORT_STRING : end;
	const char *quote;

	/* Most strings are over before a call of memchr() has begun. */
	for (; p < near && *p != '\\'; p++)
		if (*p == '"')
			return p;
	quote = p < end ? memchr(p, '"', end - p) : NULL;
	if (!quote || !memchr(p, '\\', quote - p))
		return quote;
	return escaped_string_end(p, end);
}

/* The contents of the string that starts here; the reader is left behind it. */
static bool take_string(struct reader *r, struct span *ret)
{
	const char *close;

	if (skip_space(r) != '"')
		return fail(r);
	close = string_end(r->at + 1, r->end);
	if (!close)
		return fail(r);
	*ret = (struct span){ r->at + 1, close - r->at - 1 };
	r->at = close + 1;
	return true;
}

bool reader_key(struct reader *r, struct span *ret)
{
	if (!next(r, '}') || !take_string(r, ret))
		return false;
	if (skip_space(r) != ':')
		return fail(r);
	r->at++;
	return true;
}

bool reader_key_again(struct reader *r, struct span key)
{
	const char *p = r->at;

	if (p < r->end && *p == ',')
		p++;
	/* With the quote and what is usually the colon behind it. */
	if ((size_t)(r->end - p) < key.size + 3 || *p != '"' ||
	    key.at[key.size + 1] != ':' || memcmp(p + 1, key.at, key.size + 2) != 0)
		return false;
	r->at = p + key.size + 3;
	return true;
}

bool reader_element(struct reader *r)
{
	return next(r, ']');
}

/* Past the bracket that closes the one the reader stands at. */
static bool skip_nested(struct reader *r)
{
	const char *p = r->at;
	size_t depth = 0;

	for (; p < r->end; p++) {
		if (*p == '"') {
			p = string_end(p + 1, r->end);
			if (!p)
				break;
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if ((*p == '}' || *p == ']') && --depth == 0) {
			r->at = p + 1;
			return true;
		}
	}
	return fail(r);
}

static bool skip_scalar(struct reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && !is_space(*r->at) && *r->at != ',' && *r->at != '}' &&
	       *r->at != ']' && *r->at != ':')
		r->at++;
	return r->at > start || fail(r);
}

bool reader_value(struct reader *r, struct span *ret)
{
	struct span contents;
	const char *start;
	bool ok;

	switch (skip_space(r)) {
	case '"':
		start = r->at;
		ok = take_string(r, &contents);
		break;
	case '{':
	case '[':
		start = r->at;
		ok = skip_nested(r);
		break;
	default:
		start = r->at;
		ok = skip_scalar(r);
	}
	if (ok)
		*ret = (struct span){ start, r->at - start };
	return ok;
}

void reader_skip(struct reader *r)
{
	struct span ignored;

	reader_value(r, &ignored);
}

bool span_is(struct span span, const char *text)
{
	return span.at && strlen(text) == span.size &&
	       memcmp(span.at, text, span.size) == 0;
}

bool span_is_null(struct span span)
{
	return !span.at || span_is(span, "null");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX; -1 where they are not four. */
static int32_t take_hex(const char **p, const char *end)
{
	int32_t value = 0;

	if (end - *p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit((*p)[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	*p += 4;
	return value;
}

static void add_utf8(struct buffer *ret, uint32_t c)
{
	char text[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		text[i] = (char)(0x80 | (c & 0x3f));
	text[0] = (char)(lead[n] | c);
	buffer_add(ret, text, n);
}

/* @p stands behind "\u"; answers what it is left at. */
static const char *add_unicode(const char *p, const char *end, struct buffer *ret)
{
	int32_t c = take_hex(&p, end), low;

	if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		const char *after = p + 2;

		low = take_hex(&after, end);
		if (low >= 0xdc00 && low < 0xe000) {
			add_utf8(ret, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
			return after;
		}
	}
	add_utf8(ret, c <= 0 || (c >= 0xd800 && c < 0xe000) ? 0xfffd : (uint32_t)c);
	return p;
}

static const char *add_escape(const char *p, const char *end, struct buffer *ret)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	const char *letter = strchr(letters, *p);

	if (*p == 'u')
		return add_unicode(p + 1, end, ret);
	buffer_add(ret, letter && *letter ? &meanings[letter - letters] : p, 1);
	return p + 1;
}

void span_unescape(struct span span, struct buffer *ret)
{
	const char *p, *end, *slash;

	if (!span_is_string(span)) {
		buffer_add(ret, span.at, span.size);
		return;
	}
	p = span.at + 1;
	end = span.at + span.size - 1;
	while ((slash = memchr(p, '\\', end - p)) && slash + 1 < end) {
		buffer_add(ret, p, slash - p);
		p = add_escape(slash + 1, end, ret);
	}
	buffer_add(ret, p, end - p);
}

struct span span_member(struct span span, const char *key)
{
	struct span name, value = { 0 };
	struct reader r;

	reader_init(&r, span.at, span.size);
	if (!reader_enter(&r, '{'))
		return value;
	while (reader_key(&r, &name)) {
		if (!reader_value(&r, &value))
			break;
		if (span_is(name, key))
			return value;
	}
	return (struct span){ 0 };
}

/* Nearly every number there is.  -1: something else. */
static int64_t small_integer(struct span span)
{
	int64_t value = 0;

	if (span.size == 0 || span.size > 15)
		return -1;
	for (size_t i = 0; i < span.size; i++) {
		if (span.at[i] < '0' || span.at[i] > '9')
			return -1;
		value = value * 10 + (span.at[i] - '0');
	}
	return value;
}

double span_number(struct span span, double otherwise)
{
	int64_t small = small_integer(span);
	char text[40];
	char *end;
	double value;

	if (small >= 0)
		return (double)small;
	if (!span.at || span.size == 0 || span.size >= sizeof(text))
		return otherwise;
	memcpy(text, span.at, span.size);
	text[span.size] = '\0';
	value = strtod(text, &end);
	return *end ? otherwise : value;
}
