// SPDX-License-Identifier: GPL-2.0-only
#include "client/reader.h"
#include "harness.h"

static struct span whole(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static void check_unescaped(const char *json, const char *want)
{
	_cleanup_(buffer_done) struct buffer got = { 0 };

	span_unescape(whole(json), &got);
	CHECK_STR(got.data, want);
}

TEST(members_are_found_in_any_order_and_depth)
{
	struct span doc =
		whole(" {\"a\" : [1, {\"b\":2}] , \"c\":{\"b\":\"x\"},\"d\":-1.5e3}");

	CHECK(span_is(span_member(doc, "a"), "[1, {\"b\":2}]"));
	CHECK(span_is(span_member(span_member(doc, "c"), "b"), "\"x\""));
	CHECK(span_number(span_member(doc, "d"), 0) == -1500);
	CHECK(!span_member(doc, "b").at);
}

TEST(an_array_is_walked_element_by_element)
{
	const char *text = "[1, \"two\", [3], {\"four\":4}, null]";
	struct span value;
	struct reader r;
	int n = 0;

	reader_init(&r, text, strlen(text));
	CHECK(reader_enter(&r, '['));
	while (reader_element(&r)) {
		CHECK(reader_value(&r, &value));
		n++;
	}
	CHECK_EQ(n, 5);
	CHECK(!reader_failed(&r));
	CHECK(span_is_null(value));
}

TEST(empty_objects_and_arrays_have_nothing_in_them)
{
	struct span key;
	struct reader r;

	reader_init(&r, "{ }[ ]", 6);
	CHECK(reader_enter(&r, '{'));
	CHECK(!reader_key(&r, &key));
	CHECK(reader_enter(&r, '['));
	CHECK(!reader_element(&r));
	CHECK(!reader_failed(&r));
	CHECK_EQ(reader_peek(&r), '\0');
}

TEST(brackets_and_quotes_within_strings_are_text)
{
	struct span doc = whole("{\"a\":{\"x\":\"}]\\\"{\"},\"b\":\"\\\\\"}");

	CHECK(span_is(span_member(doc, "a"), "{\"x\":\"}]\\\"{\"}"));
	CHECK(span_is(span_member(doc, "b"), "\"\\\\\""));
}

TEST(strings_are_unescaped)
{
	check_unescaped("\"plain\"", "plain");
	check_unescaped("\"\"", "");
	check_unescaped("\"a\\n\\t\\\"\\\\\\/\"", "a\n\t\"\\/");
	check_unescaped("\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac");
	check_unescaped("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80");
	check_unescaped("17", "17");
}

TEST(what_is_no_character_becomes_the_replacement)
{
	check_unescaped("\"\\u0000\"", "\xef\xbf\xbd");
	check_unescaped("\"\\ud83d\"", "\xef\xbf\xbd");
	check_unescaped("\"\\ud83dx\"", "\xef\xbf\xbdx");
	check_unescaped("\"\\udc00\"", "\xef\xbf\xbd");
	check_unescaped("\"\\u12\"", "\xef\xbf\xbd"
				     "12");
}

/* Each prefix of a document, each in memory that ends where it ends. */
TEST(a_key_is_read_again_only_as_it_was_written)
{
	static const char text[] =
		"{\"pid\":1,\"pid\":2,\"pids\":3,\"pid\" :4,\"pi\":5,\"pid\":6}";
	struct span key, other;
	struct reader r;

	reader_init(&r, text, sizeof(text) - 1);
	CHECK(reader_enter(&r, '{'));
	CHECK(reader_key(&r, &key));
	reader_skip(&r);
	CHECK(reader_key_again(&r, key));
	CHECK_EQ(reader_peek(&r), '0');
	reader_skip(&r);
	for (int i = 0; i < 3; i++) {
		CHECK(!reader_key_again(&r, key));
		CHECK(reader_key(&r, &other));
		reader_skip(&r);
	}
	CHECK(reader_key_again(&r, key));
	reader_skip(&r);
	CHECK(!reader_key_again(&r, key));
	CHECK(!reader_key(&r, &other));
	CHECK(!reader_failed(&r));
	for (size_t size = 0; size < 9; size++) {
		reader_init(&r, ",\"pid\":1", size);
		CHECK_EQ(reader_key_again(&r, key), size >= 7);
	}
}

TEST(text_that_is_cut_off_never_reads_beyond_its_end)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"c\\\"\\u00e9\"}],\"d\":true}";

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *cut = malloc(n ? n : 1);
		struct span doc = { cut, n }, value;

		memcpy(cut, text, n);
		value = span_member(doc, "d");
		CHECK(!value.at || n >= sizeof(text) - 6);
		free(cut);
	}
}

TEST(rubbish_ends_a_walk)
{
	static const char *const texts[] = { "{\"a\"}",  "{\"a\":}",  "{a:1}",
					     "{\"a\":1", "{,,}",      "{\"a\":,1}",
					     "{",        "{\"a\":\"x" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct span key;
		struct reader r;
		int turns = 0;

		reader_init(&r, texts[i], strlen(texts[i]));
		CHECK(reader_enter(&r, '{'));
		while (reader_key(&r, &key) && turns++ < 10)
			reader_skip(&r);
		CHECK(reader_failed(&r));
		CHECK(turns < 10);
	}
}

/* Quadratic work would take minutes here. */
TEST(long_strings_full_of_escapes_are_read_in_linear_time)
{
	size_t n = 8 * 1024 * 1024;
	char *text = malloc(n);
	struct span value;
	struct reader r;

	memset(text, '\\', n);
	text[0] = text[n - 1] = '"';
	reader_init(&r, text, n);
	CHECK(reader_value(&r, &value));
	CHECK_EQ(value.size, n);
	free(text);
}
