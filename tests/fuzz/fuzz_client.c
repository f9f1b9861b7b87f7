// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a server sends: JSON read in place or into structs, and event streams in pieces of
 * any size, which must come out the same as in one piece.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/reader.h"
#include "client/shapes.h"
#include "client/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Visit everything, as deep as it goes. */
static void walk(struct reader *r, struct buffer *out, int depth)
{
	struct span span;

	if (depth < 40 && reader_enter(r, '{')) {
		while (reader_key(r, &span)) {
			span_unescape(span, out);
			walk(r, out, depth + 1);
		}
	} else if (depth < 40 && reader_enter(r, '[')) {
		while (reader_element(r))
			walk(r, out, depth + 1);
	} else if (reader_value(r, &span)) {
		span_unescape(span, out);
		span_number(span, 0);
		span_member(span, "port");
	} else {
		must(reader_failed(r));
	}
}

static void check_reader(const char *text, size_t size)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };
	struct reader r;

	reader_init(&r, text, size);
	walk(&r, &out, 0);
}

static void check_shapes(const char *text, size_t size)
{
	static const struct shape *const shapes[] = {
		&status_shape,
		&alert_shape,
		&killed_shape,
		&event_shape,
	};
	void *result;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		result = NULL;
		must((shape_decode((struct span){ text, size }, shapes[i], &result) ==
		      0) == (result != NULL));
		shape_free(result);
	}
	if (shape_decode_list((struct span){ text, size }, &service_shape, &result) == 0)
		shape_free(result);
}

/* All events of the text, given in pieces of @piece bytes, in one string. */
static void read_events(const char *text, size_t size, size_t piece, struct buffer *out)
{
	_cleanup_(buffer_done) struct buffer input = { 0 };
	struct pw_item item;
	struct sse sse;
	int err = 0;

	sse_init(&sse, 4096);
	for (size_t at = 0; at < size && err >= 0; at += piece) {
		buffer_add(&input, text + at, size - at < piece ? size - at : piece);
		while ((err = sse_next(&sse, &input, &item)) > 0)
			buffer_printf(out, "%s|%s|%s\n", item.type, item.id, item.data);
	}
	sse_done(&sse);
}

static void check_events(const char *text, size_t size)
{
	_cleanup_(buffer_done) struct buffer whole = { 0 }, pieces = { 0 };

	read_events(text, size, size ? size : 1, &whole);
	read_events(text, size, 1 + size % 7, &pieces);
	must(whole.size == pieces.size);
	must(whole.size == 0 || memcmp(whole.data, pieces.data, whole.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = malloc(size ? size : 1);

	if (size)
		memcpy(text, data, size);
	check_reader(text, size);
	check_shapes(text, size);
	check_events(text, size);
	return 0;
}
