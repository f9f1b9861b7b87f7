// SPDX-License-Identifier: GPL-2.0-only
#include "base/strings.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>

TEST(equality_knows_null)
{
	CHECK(streq(NULL, NULL));
	CHECK(!streq(NULL, ""));
	CHECK(!streq("a", NULL));
	CHECK(streq("a", "a"));
	CHECK(!streq("a", "A"));
	CHECK(starts_with("portwatch", "port"));
	CHECK(!starts_with("port", "portwatch"));
}

TEST(a_null_strv_is_an_empty_one)
{
	_cleanup_(strv_freep) char **copy = strv_copy(NULL);
	_cleanup_(freep) char *joined = strv_join(NULL, " ");

	CHECK_EQ(strv_length(NULL), 0);
	CHECK(!strv_contains(NULL, "a"));
	CHECK(copy && !copy[0]);
	CHECK_STR(joined, "");
	CHECK(!strv_free(NULL));
}

TEST(a_strv_copies_what_it_is_given)
{
	_cleanup_(strv_freep) char **strv = NULL;
	char word[] = "one";

	CHECK_EQ(strv_append(&strv, word), 0);
	word[0] = 'x';
	CHECK_EQ(strv_append(&strv, ""), 0);
	CHECK_EQ(strv_append(&strv, "three"), 0);
	CHECK_EQ(strv_length(strv), 3);
	CHECK(strv_contains(strv, "one"));
	CHECK(strv_contains(strv, ""));
	CHECK(!strv_contains(strv, "xne"));
}

TEST(a_copied_strv_stands_alone)
{
	_cleanup_(strv_freep) char **strv = NULL, **copy = NULL;
	_cleanup_(freep) char *joined = NULL;

	strv_append(&strv, "a");
	strv_append(&strv, "b");
	copy = strv_copy(strv);
	strv = strv_free(strv);
	joined = strv_join(copy, ", ");
	CHECK_STR(joined, "a, b");
}

/* The words of @text between bars, or the error as "EINVAL". */
static char *split(const char *text)
{
	_cleanup_(strv_freep) char **words = NULL;
	int err = shell_split(text, &words);
	_cleanup_(freep) char *inner = strv_join(words, "|");
	struct buffer buf = { 0 };

	if (err == -EINVAL)
		buffer_puts(&buf, "EINVAL");
	else if (!words)
		buffer_puts(&buf, "nothing");
	else
		buffer_printf(&buf, "|%s|", inner);
	return buf.data;
}

TEST(words_are_split_as_a_shell_does)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "nothing" },
		{ " \t\n", "nothing" },
		{ "python -m wizard.server", "|python|-m|wizard.server|" },
		{ "  a\tb\nc  ", "|a|b|c|" },
		{ "'a b' \"c d\"", "|a b|c d|" },
		{ "a'b'\"c\"d", "|abcd|" },
		{ "'' \"\"", "|||" },
		{ "a\\ b", "|a b|" },
		{ "'a\\b'", "|a\\b|" },
		{ "\"a\\b\\\"\\$\\`\\\\\"", "|a\\b\"$`\\|" },
		{ "\"it's\" 'say \"hi\"'", "|it's|say \"hi\"|" },
		{ "a\\\nb", "|ab|" },
		{ "a \\\n b", "|a|b|" },
		{ "\"a\\\nb\"", "|ab|" },
		{ "$HOME *.c ~", "|$HOME|*.c|~|" },
		{ "a\\", "|a\\|" },
		{ "'open", "EINVAL" },
		{ "\"open", "EINVAL" },
		{ "a 'b c", "EINVAL" },
		{ "\"ends in \\\"", "EINVAL" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(freep) char *got = split(cases[i].text);

		CHECK_STR(got, cases[i].words);
	}
}

TEST(a_failed_split_leaves_the_answer_alone)
{
	char **words = NULL;

	CHECK_EQ(shell_split("a 'b", &words), -EINVAL);
	CHECK(!words);
}

TEST(a_quoted_word_splits_into_itself)
{
	static const char *const words[] = {
		"plain", "",  "a b", "it's", "\"",   "$x", "\\",
		"a\nb",  "'", "~",   "*",    "grün", "#",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		_cleanup_(freep) char *quoted = shell_quote(words[i]);
		_cleanup_(strv_freep) char **back = NULL;

		CHECK_EQ(shell_split(quoted, &back), 0);
		CHECK_EQ(strv_length(back), 1);
		CHECK_STR(back[0], words[i]);
	}
}

TEST(words_that_need_no_quotes_get_none)
{
	_cleanup_(freep) char *plain = shell_quote("/usr/bin/python3.11");
	_cleanup_(freep) char *option = shell_quote("--port=80,81:82");
	_cleanup_(freep) char *spaced = shell_quote("a b");

	CHECK_STR(plain, "/usr/bin/python3.11");
	CHECK_STR(option, "--port=80,81:82");
	CHECK_STR(spaced, "'a b'");
}

TEST(numbers_fill_the_whole_text)
{
	static const struct {
		const char *text;
		uint64_t max;
		int err;
		uint64_t value;
	} cases[] = {
		{ "0", 10, 0, 0 },
		{ "65535", 65535, 0, 65535 },
		{ "0080", 65535, 0, 80 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "65536", 65535, -ERANGE, 0 },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999", UINT64_MAX, -ERANGE, 0 },
		{ "", 10, -EINVAL, 0 },
		{ "-1", 10, -EINVAL, 0 },
		{ "+1", 10, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 },
		{ "1 ", 10, -EINVAL, 0 },
		{ "80x", 100, -EINVAL, 0 },
		{ "0x10", 100, -EINVAL, 0 },
		{ "1.0", 100, -EINVAL, 0 },
		{ "99999999999999999999999x", UINT64_MAX, -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = 77;

		CHECK_EQ(parse_u64(cases[i].text, cases[i].max, &value), cases[i].err);
		CHECK(value == (cases[i].err ? 77 : cases[i].value));
	}
}

TEST(a_buffer_grows_and_stays_terminated)
{
	_cleanup_(buffer_done) struct buffer buf = { 0 };

	CHECK(!buf.data);
	for (int i = 0; i < 1000; i++) {
		buffer_printf(&buf, "%03d,", i);
		CHECK_EQ(buf.size, (i + 1) * 4);
		CHECK_EQ(buf.data[buf.size], '\0');
	}
	CHECK(memcmp(buf.data + 3996, "999,", 5) == 0);
	buffer_add(&buf, "\0x", 2);
	CHECK_EQ(buf.size, 4002);
	CHECK(!buf.failed);
}

TEST(a_buffer_that_failed_stays_failed)
{
	_cleanup_(buffer_done) struct buffer buf = { 0 };

	buffer_add(&buf, "a", SIZE_MAX);
	CHECK(buf.failed);
	buffer_puts(&buf, "b");
	CHECK_EQ(buf.size, 0);
}

TEST(a_terminal_is_kept_from_what_moves_or_turns_it)
{
	static const struct {
		const char *text, *safe;
	} cases[] = {
		{ "plain ~ text", "plain ~ text" },
		{ "", "" },
		{ "grün 日本 🙂", "grün 日本 🙂" },
		{ "\x1b[31mred", "\\x1b[31mred" },
		{ "a\r\n\tb\x7f", "a\\x0d\\x0a\\x09b\\x7f" },
		{ "\xc2\x9b"
		  "31m",
		  "\\u{009b}31m" },
		{ "\xc2\x80\xc2\x9f", "\\u{0080}\\u{009f}" },
		{ "\xc2\xa0", "\xc2\xa0" },
		{ "a\xe2\x80\xae"
		  "b",
		  "a\\u{202e}b" },
		{ "\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\x8f", "\\u{2066}\\u{2069}\\u{200f}" },
		{ "\xd8\x9c", "\\u{061c}" },
		{ "\xe2\x80\xa8", "\\u{2028}" },
		{ "\xf3\xa0\x81\x81", "\\u{e0041}" },
		/* Not UTF-8: alone, cut short, overlong, surrogate, past the end. */
		{ "\x9b", "\\x9b" },
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "\xc3", "\\xc3" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xc3(", "\\xc3(" },
		{ "\xc0\x9b", "\\xc0\\x9b" },
		{ "\xe0\x80\x9b", "\\xe0\\x80\\x9b" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(freep) char *safe = terminal_escape(cases[i].text);

		CHECK_STR(safe, cases[i].safe);
	}
}

TEST(a_number_is_written_as_printf_writes_it)
{
	static const int64_t numbers[] = { 0,         7,         -7,        10,
					   65535,     -100000,   INT64_MAX, INT64_MIN,
					   INT32_MAX, INT32_MIN, 999,       1000 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		char wanted[32], room[21] = "", *end = room + sizeof(room) - 1;

		snprintf(wanted, sizeof(wanted), "%jd", (intmax_t)numbers[i]);
		CHECK_STR(format_int(numbers[i], end), wanted);
	}
}

TEST(distance_counts_edits_and_swaps)
{
	CHECK_EQ(edit_distance("", ""), 0);
	CHECK_EQ(edit_distance("", "abc"), 3);
	CHECK_EQ(edit_distance("abc", ""), 3);
	CHECK_EQ(edit_distance("port", "port"), 0);
	CHECK_EQ(edit_distance("port", "prot"), 1);
	CHECK_EQ(edit_distance("port", "ports"), 1);
	CHECK_EQ(edit_distance("port", "pert"), 1);
	CHECK_EQ(edit_distance("kitten", "sitting"), 3);
	CHECK_EQ(edit_distance("ca", "abc"), 3);
}

TEST(a_very_long_word_is_far_from_everything)
{
	char word[1001];

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	CHECK_EQ(edit_distance(word, "a"), 1000);
	CHECK_EQ(edit_distance(word, word), 0);
}

TEST(the_nearest_name_is_within_a_third)
{
	static const char *const names[] = { "status", "check", "conflicts", "ls", NULL };
	static const char *const none[] = { NULL };

	CHECK_STR(nearest_name("statsu", names), "status");
	CHECK_STR(nearest_name("chekc", names), "check");
	CHECK_STR(nearest_name("conflict", names), "conflicts");
	CHECK_STR(nearest_name("ls", names), "ls");
	CHECK(!nearest_name("sl", names));
	CHECK(!nearest_name("banana", names));
	CHECK(!nearest_name("", names));
	CHECK(!nearest_name("status", none));
}
