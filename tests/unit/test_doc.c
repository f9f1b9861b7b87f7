// SPDX-License-Identifier: GPL-2.0-only
#include "json/doc.h"
#include "harness.h"

#include <math.h>
#include <stdlib.h>

#include "base/strings.h"

static struct doc *parse(const char *text)
{
	struct doc *doc = doc_parse(text, strlen(text), NULL);

	CHECK(doc);
	return doc;
}

/* Prints and frees @doc; the answer must be @want. */
static void check_print(struct doc *doc, bool indented, const char *want)
{
	_cleanup_(doc_freep) struct doc *owned = doc;
	_cleanup_(freep) char *text = NULL;
	size_t size;

	text = doc_print(owned, indented, &size);
	CHECK(text);
	CHECK_STR(text, want);
	CHECK_EQ(size, strlen(want));
}

TEST(members_keep_their_order_and_types)
{
	struct doc *doc = doc_object();
	struct doc *list = doc_array();

	doc_set_string(doc, "s", "a\"b\\c\n\t\x01/");
	doc_set_string(doc, "none", NULL);
	doc_set_int(doc, "i", -42);
	doc_set_bool(doc, "yes", true);
	doc_set_bool(doc, "no", false);
	doc_set_null(doc, "null");
	doc_append_string(list, "x");
	doc_append(list, doc_object());
	doc_append(list, doc_array());
	doc_set(doc, "list", list);
	check_print(doc, false,
		    "{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001/\",\"none\":null,\"i\":-42,"
		    "\"yes\":true,\"no\":false,\"null\":null,\"list\":[\"x\",{},[]]}");
}

TEST(a_schema_comes_first)
{
	struct doc *doc = doc_schema("status");

	doc_set_int(doc, "x", 1);
	check_print(doc, false, "{\"schema\":\"portwatch.status/v1\",\"x\":1}");
}

TEST(integers_keep_all_their_digits)
{
	struct doc *doc = doc_array();

	doc_append(doc, doc_int_new(0));
	doc_append(doc, doc_int_new(4026531840));
	doc_append(doc, doc_int_new(9007199254740991));
	doc_append(doc, doc_int_new(9007199254740993));
	doc_append(doc, doc_int_new(INT64_MAX));
	doc_append(doc, doc_int_new(INT64_MIN));
	check_print(doc, false,
		    "[0,4026531840,9007199254740991,9007199254740993,"
		    "9223372036854775807,-9223372036854775808]");
}

TEST(fractions_are_short_and_exact)
{
	struct doc *doc = doc_object();

	doc_set_double(doc, "a", 0.1);
	doc_set_double(doc, "b", 1.5);
	doc_set_double(doc, "c", 1.0 / 3);
	doc_set_double(doc, "d", 1e300);
	doc_set_double(doc, "e", NAN);
	doc_set_double(doc, "f", INFINITY);
	doc_set_double(doc, "g", 2.0);
	check_print(doc, false,
		    "{\"a\":0.1,\"b\":1.5,\"c\":0.3333333333333333,\"d\":1e+300,"
		    "\"e\":null,\"f\":null,\"g\":2}");
}

TEST(times_are_rfc3339_and_zero_is_null)
{
	struct doc *doc = doc_object();

	doc_set_time(doc, "t", 1768651200123456789ull);
	doc_set_time(doc, "z", 0);
	check_print(doc, false, "{\"t\":\"2026-01-17T12:00:00.123456789Z\",\"z\":null}");
}

TEST(invalid_utf8_becomes_the_replacement_character)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "a\xff"
		  "b",
		  "a\xef\xbf\xbd"
		  "b" },
		{ "\xc3", "\xef\xbf\xbd" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\x80x", "\xef\xbf\xbdx" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(doc_freep) struct doc *doc = doc_object();

		doc_set_string(doc, rows[i].in, rows[i].in);
		CHECK_STR(doc_string(doc_first(doc)), rows[i].out);
		CHECK_STR(doc_key(doc_first(doc)), rows[i].out);
	}
}

TEST(an_indented_document_is_for_people)
{
	check_print(parse("{\"a\":{},\"b\":[],\"c\":[1,\"x\"],\"d\":[{\"e\":null}]}"),
		    true,
		    "{\n"
		    "  \"a\": {},\n"
		    "  \"b\": [],\n"
		    "  \"c\": [1, \"x\"],\n"
		    "  \"d\": [\n"
		    "    {\n"
		    "      \"e\": null\n"
		    "    }\n"
		    "  ]\n"
		    "}");
}

TEST(a_lost_child_makes_the_document_unprintable)
{
	_cleanup_(doc_freep) struct doc *doc = doc_object();
	struct doc *inner = doc_array();

	doc_set(doc, "inner", inner);
	doc_append(inner, NULL);
	CHECK(!doc_print(doc, false, NULL));
	CHECK(!doc_print(NULL, false, NULL));
}

TEST(building_on_nothing_frees_the_child)
{
	doc_set(NULL, "x", doc_object());
	doc_append(NULL, doc_object());
	doc_set_string(NULL, "x", "y");
	doc_append_string(NULL, "y");
}

TEST(what_was_parsed_can_be_read)
{
	_cleanup_(doc_freep) struct doc *doc =
		parse("{\"s\":\"x\",\"i\":7,\"S\":\"y\",\"b\":true,\"f\":1.5,"
		      "\"l\":[1,2,3],\"big\":9007199254740993,\"u\":\"\\u00fc\"}");

	CHECK_STR(doc_get_string(doc, "s"), "x");
	CHECK_STR(doc_get_string(doc, "S"), "y");
	CHECK_STR(doc_get_string(doc, "u"), "\xc3\xbc");
	CHECK(!doc_get_string(doc, "i"));
	CHECK(!doc_get_string(doc, "missing"));
	CHECK_EQ(doc_get_int(doc, "i", -1), 7);
	CHECK_EQ(doc_get_int(doc, "f", -1), -1);
	CHECK_EQ(doc_get_int(doc, "s", -1), -1);
	CHECK_EQ(doc_get_int(doc, "big", -1), 9007199254740993);
	CHECK(doc_get_bool(doc, "b", false));
	CHECK(doc_get_bool(doc, "s", true));
	CHECK(doc_number(doc_get(doc, "f")) == 1.5);
	CHECK_EQ(doc_count(doc_get(doc, "l")), 3);
	CHECK_EQ(doc_count(doc), 8);
	CHECK_EQ(doc_type(doc_get(doc, "big")), DOC_NUMBER);
	CHECK_EQ(doc_type(NULL), DOC_NULL);
	CHECK(!doc_first(doc_get(doc, "s")));
	CHECK(!doc_get(doc_get(doc, "l"), "s"));
}

TEST(numbers_outside_an_integer_are_no_integers)
{
	_cleanup_(doc_freep) struct doc *doc = parse(
		"[1e3,1e19,-1e19,0.5,9223372036854775807,9223372036854775808,1e999]");
	static const bool fits[] = { true, false, false, false, true, false, false };
	const struct doc *item = doc_first(doc);

	for (size_t i = 0; item; item = doc_next(item), i++) {
		int64_t value;

		CHECK_EQ(doc_int(item, &value), fits[i]);
	}
	CHECK(doc_int(doc_first(doc), &(int64_t){ 0 }));
}

TEST(a_document_is_printed_as_it_was_read)
{
	static const char *const texts[] = {
		"{\"a\":1.10,\"b\":9007199254740993,\"c\":-0,\"d\":1e3,\"e\":1e999}",
		"[123456789012345678901234567890,\"12345678901234567890\",0.10,7]",
		"{\"12345678901234567890\":{\"x\":[1.50]}}",
		"null",
		"\"x\"",
		"-1",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_print(parse(texts[i]), false, texts[i]);
}

TEST(what_is_no_json_is_refused_where_it_stops_to_be)
{
	static const struct {
		const char *text;
		size_t offset;
	} rows[] = {
		{ "", 0 },
		{ " \n", 2 },
		{ "{", 1 },
		{ "[1,]", 2 },
		{ "{\"a\":1,}", 6 },
		{ "[01]", 1 },
		{ "[1.]", 1 },
		{ "[.5]", 1 },
		{ "[+1]", 1 },
		{ "[-]", 1 },
		{ "[1e]", 1 },
		{ "[nul]", 1 },
		{ "[True]", 1 },
		{ "[1 2]", 3 },
		{ "{\"a\" 1}", 5 },
		{ "{a:1}", 1 },
		{ "{'a':1}", 1 },
		{ "[\"\\x\"]", 2 },
		{ "[\"\\u12\"]", 2 },
		{ "[\"\\u0000\"]", 2 },
		{ "[\"\\ud800\"]", 2 },
		{ "[\"\\udc00\"]", 2 },
		{ "[\"a\nb\"]", 3 },
		{ "[\"a\x01\"]", 3 },
		{ "[\"\xff\"]", 2 },
		{ "[\"abc", 1 },
		{ "[1] x", 4 },
		{ "[1]]", 3 },
		{ "[1}", 2 },
		{ "// x\n{}", 0 },
		{ "\xff\xfe{", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t offset = 999;

		CHECK(!doc_parse(rows[i].text, strlen(rows[i].text), &offset));
		if (offset != rows[i].offset)
			test_fail(__FILE__, __LINE__, "%s: offset %zu, not %zu",
				  rows[i].text, offset, rows[i].offset);
	}
	CHECK(!doc_parse("[1\0]", 4, NULL));
	CHECK(!doc_parse("[\"a\0b\"]", 7, NULL));
	CHECK(!doc_parse("[]\0", 3, NULL));
}

TEST(a_byte_order_mark_is_let_pass)
{
	check_print(parse("\xef\xbb\xbf[1]"), false, "[1]");
}

TEST(a_text_need_not_end_in_nul)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse("[12]34", 4, NULL);

	CHECK_EQ(doc_count(doc), 1);
	CHECK(!doc_parse("[1", 2, NULL));
	CHECK(!doc_parse("tru", 3, NULL));
	CHECK(!doc_parse("\"\\u00e", 6, NULL));
}

TEST(nesting_is_bounded)
{
	char text[600];

	for (int depth = 256; depth <= 257; depth++) {
		struct doc *doc;

		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		doc = doc_parse(text, 2 * (size_t)depth, NULL);
		CHECK_EQ(doc != NULL, depth == 256);
		doc_free(doc);
	}
}

TEST(a_replaced_member_stays_where_it_was)
{
	struct doc *doc = parse("{\"a\":1,\"b\":2,\"c\":3}");

	doc_replace(doc, "b", doc_string_new("x"));
	doc_replace(doc, "a", doc_string_new("y"));
	doc_replace(doc, "d", doc_int_new(4));
	CHECK(doc_remove(doc, "c"));
	CHECK(!doc_remove(doc, "c"));
	doc_set_int(doc, "e", 5);
	check_print(doc, false, "{\"a\":\"y\",\"b\":\"x\",\"d\":4,\"e\":5}");
}

TEST(the_last_member_can_be_taken_out_and_the_next_put_in)
{
	struct doc *doc = parse("{\"list\":[1,2,3]}");
	struct doc *list = doc_find(doc, "list");

	doc_remove_item(list, doc_next(doc_next(doc_first(list))));
	doc_append(list, doc_int_new(4));
	doc_remove_item(list, doc_first(list));
	check_print(doc, false, "{\"list\":[2,4]}");
}

TEST(a_copy_is_equal_and_its_own)
{
	_cleanup_(doc_freep) struct doc *doc =
		parse("{\"a\":[1,2.50,{\"x\":null}],\"b\":9007199254740993}");
	struct doc *copy = doc_copy(doc);

	CHECK(doc_equal(doc, copy));
	doc_replace(copy, "b", doc_int_new(9007199254740992));
	CHECK(!doc_equal(doc, copy));
	check_print(copy, false, "{\"a\":[1,2.50,{\"x\":null}],\"b\":9007199254740992}");
	check_print(doc_copy(doc_get(doc, "a")), false, "[1,2.50,{\"x\":null}]");
}

TEST(equality_minds_values_and_the_order_of_lists)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true },
		{ "[1,2]", "[2,1]", false },
		{ "[1]", "[1,2]", false },
		{ "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
		{ "{\"a\":1,\"b\":2}", "{\"a\":1}", false },
		{ "1", "1.0", true },
		{ "1", "\"1\"", false },
		{ "true", "false", false },
		{ "null", "null", true },
		{ "\"x\"", "\"X\"", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(doc_freep) struct doc *a = parse(rows[i].a);
		_cleanup_(doc_freep) struct doc *b = parse(rows[i].b);

		CHECK_EQ(doc_equal(a, b), rows[i].equal);
	}
}
