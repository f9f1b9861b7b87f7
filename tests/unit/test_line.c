// SPDX-License-Identifier: GPL-2.0-only
#include "json/line.h"

#include <stdint.h>
#include <stdlib.h>

#include "harness.h"

static const char *end(struct buffer *to)
{
	line_end(to);
	CHECK(!to->failed);
	CHECK_EQ(strlen(to->data), to->size);
	return to->data;
}

TEST(an_object_without_members_is_one_all_the_same)
{
	_cleanup_(buffer_done) struct buffer to = { 0 };

	line_begin(&to);
	CHECK_STR(end(&to), "{}");
}

TEST(members_of_each_kind_come_in_order_behind_what_was_there)
{
	_cleanup_(buffer_done) struct buffer to = { 0 };
	struct doc *nested = doc_object();

	doc_set_int(nested, "pid", 7);
	buffer_puts(&to, "[");
	line_begin(&to);
	line_string(&to, "a", "text");
	line_string(&to, "b", "");
	line_string(&to, "c", NULL);
	line_int(&to, "d", 0);
	line_int(&to, "e", INT64_MIN);
	line_int(&to, "f", INT64_MAX);
	line_bool(&to, "g", true);
	line_bool(&to, "h", false);
	line_null(&to, "i");
	line_time(&to, "j", 0);
	line_time(&to, "k", 1000000000);
	line_doc(&to, "l", nested);
	CHECK_STR(end(&to), "[{\"a\":\"text\",\"b\":\"\",\"c\":null,\"d\":0,"
			    "\"e\":-9223372036854775808,\"f\":9223372036854775807,"
			    "\"g\":true,\"h\":false,\"i\":null,\"j\":null,"
			    "\"k\":\"1970-01-01T00:00:01.000000000Z\","
			    "\"l\":{\"pid\":7}}");
}

TEST(strings_are_escaped_and_repaired_as_in_a_document)
{
	static const char *const texts[] = {
		"\"", "\\", "a\nb\tc\x01", "\x7f", "caf\xc3\xa9", "broken \xff\xc3", ",",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		_cleanup_(buffer_done) struct buffer to = { 0 };
		struct doc *doc = doc_object();
		char *wanted;

		doc_put_string(doc, "s", texts[i]);
		wanted = doc_print(doc, false, NULL);
		line_begin(&to);
		line_string(&to, "s", texts[i]);
		CHECK_STR(end(&to), wanted);
		free(wanted);
		doc_free(doc);
	}
}

TEST(a_document_that_was_never_made_fails_the_line)
{
	_cleanup_(buffer_done) struct buffer to = { 0 };

	line_begin(&to);
	line_doc(&to, "a", NULL);
	line_end(&to);
	CHECK(to.failed);
}
