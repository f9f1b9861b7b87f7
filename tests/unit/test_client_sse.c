// SPDX-License-Identifier: GPL-2.0-only
#include "client/sse.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>

/* What comes out of @text, fed in pieces of @piece bytes: "type|id|data;" each. */
static void check_stream(const char *text, size_t piece, const char *want)
{
	_cleanup_(buffer_done) struct buffer input = { 0 }, got = { 0 };
	_cleanup_(sse_done) struct sse sse;
	size_t size = strlen(text);

	sse_init(&sse, 1024);
	buffer_puts(&got, "");
	for (size_t at = 0; at < size; at += piece) {
		struct pw_item item;

		buffer_add(&input, text + at, piece < size - at ? piece : size - at);
		while (sse_next(&sse, &input, &item) == 1) {
			CHECK_EQ(strlen(item.data), item.size);
			buffer_printf(&got, "%s|%s|%s;", item.type, item.id, item.data);
		}
	}
	CHECK_STR(got.data, want);
}

static void check_any_pieces(const char *text, const char *want)
{
	for (size_t piece = 1; piece <= strlen(text); piece++)
		check_stream(text, piece, want);
}

TEST(an_event_has_type_id_and_data)
{
	check_any_pieces("id: 7\nevent: alert.firing\ndata: {\"a\":1}\n\n",
			 "alert.firing|7|{\"a\":1};");
}

TEST(every_end_of_line_counts)
{
	check_any_pieces("data: a\r\n\r\ndata: b\r\rdata: c\n\n",
			 "message||a;message||b;message||c;");
}

TEST(data_lines_are_joined_and_one_space_is_cut)
{
	check_any_pieces("data:a\ndata:  b\ndata\ndata: c\n\n", "message||a\n b\n\nc;");
}

TEST(comments_and_unknown_fields_are_nothing)
{
	check_any_pieces(": keep-alive\n\nretry: 10\nfoo: bar\nbaz\ndata: x\n\n",
			 "message||x;");
}

TEST(the_id_lasts_and_the_type_does_not)
{
	check_any_pieces("id: 1\nevent: a\ndata: x\n\ndata: y\n\nid\ndata: z\n\n",
			 "a|1|x;message|1|y;message||z;");
}

TEST(an_event_without_data_is_none)
{
	check_any_pieces("event: a\n\ndata: x\n\n", "message||x;");
}

TEST(an_event_that_is_cut_off_is_not_told)
{
	check_any_pieces("data: x\n\ndata: y\n", "message||x;");
}

TEST(a_byte_order_mark_is_skipped_once)
{
	check_stream("\xef\xbb\xbf"
		     "data: x\n\n",
		     64, "message||x;");
	check_any_pieces("\n\xef\xbb\xbf"
			 "data: x\n\ndata: y\n\n",
			 "message||y;");
}

static void check_too_large(const char *piece)
{
	_cleanup_(buffer_done) struct buffer input = { 0 };
	_cleanup_(sse_done) struct sse sse;
	struct pw_item item;
	int err = 0;

	sse_init(&sse, 64);
	for (int i = 0; i < 20 && err == 0; i++) {
		buffer_puts(&input, piece);
		err = sse_next(&sse, &input, &item);
	}
	CHECK_EQ(err, -EMSGSIZE);
}

TEST(the_limit_is_refused_not_exceeded)
{
	check_too_large("data: 0123456789\n");
}

TEST(a_line_without_end_is_refused)
{
	check_too_large("0123456789");
}

TEST(what_is_consumed_is_not_kept)
{
	_cleanup_(buffer_done) struct buffer input = { 0 };
	_cleanup_(sse_done) struct sse sse;
	struct pw_item item;

	sse_init(&sse, 1024);
	for (int i = 0; i < 100000; i++) {
		buffer_puts(&input, "data: 0123456789\n\nda");
		CHECK_EQ(sse_next(&sse, &input, &item), 1);
		CHECK_EQ(sse_next(&sse, &input, &item), 0);
		CHECK_EQ(input.size, 2);
		buffer_puts(&input, "ta: x\n\n");
		CHECK_EQ(sse_next(&sse, &input, &item), 1);
	}
	CHECK(input.capacity < 4096);
}
