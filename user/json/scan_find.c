// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places in a text that is known to be JSON: strings and brackets are all that must be
 * told apart.
 */
#include "json/scan.h"

#include <ctype.h>
#include <string.h>

enum { NOWHERE = -1 };

void scan_finder_init(struct scan_finder *finder, const char *text, size_t size)
{
	*finder = (struct scan_finder){
		.text = text,
		.size = size,
		.top = (size_t)NOWHERE,
		.counted = scan_mark(text, size),
		.line = 1,
		.column = 1,
	};
}

static size_t skip_filler(const struct scan_finder *f, size_t at)
{
	while (at < f->size && strchr(" \n\t\r,:", f->text[at]))
		at++;
	return at;
}

/* From the opening quote to behind the closing one. */
static size_t skip_string(const char *text, size_t size, size_t at)
{
	for (at++; at < size && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < size ? at + 1 : size;
}

static bool is_scalar_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '+' || c == '.';
}

static size_t skip_value(const struct scan_finder *f, size_t at)
{
	size_t depth = 0;

	do {
		at = skip_filler(f, at);
		if (at >= f->size)
			return f->size;
		switch (f->text[at]) {
		case '{':
		case '[':
			depth++;
			at++;
			break;
		case '}':
		case ']':
			depth--;
			at++;
			break;
		case '"':
			at = skip_string(f->text, f->size, at);
			break;
		default:
			while (at < f->size && is_scalar_byte(f->text[at]))
				at++;
		}
	} while (depth > 0);
	return at;
}

/* The start of the next item at or after @at, of an object its name; the end of the text
 * behind the last. */
static size_t item_at(const struct scan_finder *f, size_t at)
{
	at = skip_filler(f, at);
	if (at < f->size && (f->text[at] == '}' || f->text[at] == ']'))
		return f->size;
	return at;
}

static size_t value_of_item(const struct scan_finder *f, size_t at, bool in_object)
{
	if (in_object && at < f->size)
		at = skip_filler(f, skip_string(f->text, f->size, at));
	return at;
}

/* The @n-th item of the container whose bracket is at @at, walking on from item @from at
 * @from_offset (0: from the first). */
static size_t nth_item(const struct scan_finder *f, size_t at, size_t n, size_t from,
		       size_t from_offset)
{
	bool in_object = f->text[at] == '{';
	size_t item = from_offset ? from_offset : item_at(f, at + 1);

	for (size_t i = from; i < n && item < f->size; i++)
		item = item_at(f, skip_value(f, value_of_item(f, item, in_object)));
	return item;
}

/* The item of the second level, which is where long lists are: the last one is kept, and
 * the walk goes on from there. */
static size_t second_item(struct scan_finder *f, size_t at, const size_t *ordinals)
{
	bool ahead = f->top == ordinals[0] && f->item <= ordinals[1];
	size_t item = nth_item(f, at, ordinals[1], ahead ? f->item : 0,
			       ahead ? f->item_offset : 0);

	if (item < f->size) {
		f->top = ordinals[0];
		f->item = ordinals[1];
		f->item_offset = item;
	}
	return item;
}

size_t scan_find(struct scan_finder *f, const size_t *ordinals, size_t depth, bool key)
{
	size_t at = skip_filler(f, scan_mark(f->text, f->size));

	for (size_t i = 0; i < depth; i++) {
		bool in_object;
		size_t item;

		if (at >= f->size || (f->text[at] != '{' && f->text[at] != '['))
			return f->size;
		in_object = f->text[at] == '{';
		item = i == 1 ? second_item(f, at, ordinals)
			      : nth_item(f, at, ordinals[i], 0, 0);
		if (key && i + 1 == depth)
			return item;
		at = value_of_item(f, item, in_object);
	}
	return at;
}

void scan_place(struct scan_finder *f, size_t offset, unsigned *ret_line,
		unsigned *ret_column)
{
	if (offset < f->counted) {
		f->counted = scan_mark(f->text, f->size);
		f->line = 1;
		f->column = 1;
	}
	for (; f->counted < offset && f->counted < f->size; f->counted++) {
		unsigned char c = (unsigned char)f->text[f->counted];

		if (c == '\n') {
			f->line++;
			f->column = 1;
		} else if ((c & 0xc0) != 0x80) { /* no continuation of a character */
			f->column++;
		}
	}
	*ret_line = f->line;
	*ret_column = f->column;
}

bool scan_next_number(const char *text, size_t size, size_t *offset, size_t *ret_size)
{
	size_t at = *offset;

	while (at < size && text[at] != '-' && !isdigit((unsigned char)text[at]))
		at = text[at] == '"' ? skip_string(text, size, at) : at + 1;
	*offset = at;
	while (at < size && is_scalar_byte(text[at]))
		at++;
	*ret_size = at - *offset;
	return *ret_size > 0;
}
