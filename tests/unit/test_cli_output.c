// SPDX-License-Identifier: GPL-2.0-only
#include "cli/output.h"
#include "harness.h"

#include <locale.h>

static void check_safe(const char *json, const char *want)
{
	_cleanup_(buffer_done) struct buffer got = { 0 };

	output_add_safe_json(&got, json, strlen(json));
	CHECK_STR(got.data, want);
}

TEST(json_on_a_terminal_keeps_its_meaning_and_loses_its_bite)
{
	check_safe("{\n\t\"a\": 1\n}\n", "{\n\t\"a\": 1\n}\n");
	check_safe("\"\xc3\xa9 \xf0\x9f\x98\x80\"", "\"\xc3\xa9 \xf0\x9f\x98\x80\"");
	check_safe("\"\x7f\"", "\"\\u007f\"");
	check_safe("\"\xc2\x9b[31m\"", "\"\\u009b[31m\"");
	check_safe("\"\xe2\x80\xae\"", "\"\\u202e\"");
	check_safe("\"\xf3\xa0\x80\x81\"", "\"\\udb40\\udc01\"");
	check_safe("\"\x1b\"", "\"\\u001b\"");
	check_safe("\"\xff\xc3\"", "\"\\ufffd\\ufffd\"");
}

TEST(width_is_counted_in_columns)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	CHECK_EQ(text_width("abc", 3), 3);
	CHECK_EQ(text_width("\xc3\xa9", 2), 1);
	CHECK_EQ(text_width("\xe6\x97\xa5", 3), 2);
	CHECK_EQ(text_width("e\xcc\x81", 3), 1);
	CHECK_EQ(text_width("\xff\xff", 2), 2);
	CHECK_EQ(text_width("", 0), 0);
}

TEST(no_colour_unless_the_terminal_has_it)
{
	struct terminal plain = { 0 }, coloured = { .colour = true };

	CHECK_STR(tone_begin(&plain, TONE_BAD), "");
	CHECK_STR(tone_end(&plain, TONE_BAD), "");
	CHECK_STR(tone_begin(&coloured, TONE_BAD), "\033[1;31m");
	CHECK_STR(tone_end(&coloured, TONE_BAD), "\033[0m");
	CHECK_STR(tone_end(&coloured, TONE_NONE), "");
	CHECK_EQ(tone_of("critical", 8), TONE_BAD);
	CHECK_EQ(tone_of("criticals", 9), TONE_NONE);
}
