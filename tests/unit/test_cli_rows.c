// SPDX-License-Identifier: GPL-2.0-only
#include "cli/rows.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>

static const char *const paths[] = { "port", "process.pid", "process.comm", "." };

static void read_rows(const char *document, struct rows *ret)
{
	CHECK_EQ(rows_read(document, strlen(document), "sockets", paths, 4, ret), 0);
}

/* The values of a path, one behind the other; "~" for a missing one. */
static void check_values(const struct rows *rows, size_t path, const char *want)
{
	_cleanup_(buffer_done) struct buffer got = { 0 };

	buffer_puts(&got, "");
	for (size_t i = 0; i < rows->count; i++) {
		struct span value = rows_value(rows, i, path);

		buffer_puts(&got, i ? " " : "");
		if (value.at)
			buffer_add(&got, value.at, value.size);
		else
			buffer_puts(&got, "~");
	}
	CHECK_STR(got.data, want);
}

#define DOCUMENT                                                   \
	"{\"schema\":\"x\",\"other\":[{\"port\":1}],\"sockets\":[" \
	"{\"port\":80,\"process\":{\"pid\":7,\"comm\":\"b\"}},"    \
	" { \"process\" : null , \"port\" : 443 },"                \
	"{\"process\":{\"comm\":\"a\",\"deep\":{\"pid\":1},\"pid\":9},\"port\":22}]}"

TEST(values_are_found_by_path_in_any_order)
{
	_cleanup_(rows_done) struct rows rows = { 0 };

	read_rows(DOCUMENT, &rows);
	CHECK_EQ(rows.count, 3);
	check_values(&rows, 0, "80 443 22");
	check_values(&rows, 1, "7 ~ 9");
	check_values(&rows, 2, "\"b\" ~ \"a\"");
	CHECK(span_is(rows_value(&rows, 1, 3),
		      "{ \"process\" : null , \"port\" : 443 }"));
	CHECK(span_is(rows.whole[1], "{ \"process\" : null , \"port\" : 443 }"));
}

TEST(the_rows_of_an_object_have_keys)
{
	static const char document[] = "{\"sockets\":{\"one\":{\"port\":1},\"two\":{}}}";
	_cleanup_(rows_done) struct rows rows = { 0 };

	read_rows(document, &rows);
	CHECK_EQ(rows.count, 2);
	CHECK(span_is(rows.keys[1], "two"));
	check_values(&rows, 0, "1 ~");
}

TEST(a_key_that_means_something_else_in_another_row_is_told_apart)
{
	static const char document[] =
		"{\"sockets\":[{\"pid\":1,\"port\":2},{\"port\":3,"
		"\"pid\":4},{\"process\":{\"port\":5,\"pid\":6}}]}";
	_cleanup_(rows_done) struct rows rows = { 0 };

	read_rows(document, &rows);
	check_values(&rows, 0, "2 3 ~");
	check_values(&rows, 1, "~ ~ 6");
}

TEST(a_document_without_rows_is_refused)
{
	static const char *const documents[] = {
		"",
		"[]",
		"{}",
		"{\"a\"",
		"{\"sockets\":7}",
		"{\"sockets\":[{\"port\":1}",
		"{\"sockets\":[{\"port\":",
		"{\"sockets\":[{\"port\"}]}",
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		struct rows rows = { 0 };

		CHECK_EQ(rows_read(documents[i], strlen(documents[i]), "sockets", paths,
				   4, &rows),
			 -EBADMSG);
	}
}

TEST(no_rows_are_no_fault)
{
	_cleanup_(rows_done) struct rows rows = { 0 };

	read_rows("{\"sockets\":[]}", &rows);
	CHECK_EQ(rows.count, 0);
	CHECK_EQ(rows_sort(&rows, 0, false), 0);
}

TEST(rows_that_are_no_objects_have_no_values)
{
	_cleanup_(rows_done) struct rows rows = { 0 };

	read_rows("{\"sockets\":[1,\"x\",[2],null]}", &rows);
	CHECK_EQ(rows.count, 4);
	check_values(&rows, 0, "~ ~ ~ ~");
}

TEST(numbers_are_sorted_as_numbers_and_what_is_missing_comes_last)
{
	_cleanup_(rows_done) struct rows rows = { 0 };

	read_rows(DOCUMENT, &rows);
	CHECK_EQ(rows_sort(&rows, 0, false), 0);
	check_values(&rows, 0, "22 80 443");
	CHECK_EQ(rows_sort(&rows, 0, true), 0);
	check_values(&rows, 0, "443 80 22");
	CHECK_EQ(rows_sort(&rows, 1, true), 0);
	check_values(&rows, 1, "9 7 ~");
	CHECK_EQ(rows_sort(&rows, 2, false), 0);
	check_values(&rows, 2, "\"a\" \"b\" ~");
	CHECK(span_is(span_member(rows.whole[0], "port"), "22"));
}

TEST(equal_rows_keep_their_order_either_way)
{
	static const char document[] =
		"{\"sockets\":[{\"port\":1,\"process\":{\"pid\":1}},"
		"{\"port\":1,\"process\":{\"pid\":2}},{\"port\":1,\"process\":{\"pid\":3}"
		"}]}";
	_cleanup_(rows_done) struct rows rows = { 0 };

	read_rows(document, &rows);
	CHECK_EQ(rows_sort(&rows, 0, true), 0);
	check_values(&rows, 1, "1 2 3");
	CHECK_EQ(rows_sort(&rows, 0, false), 0);
	check_values(&rows, 1, "1 2 3");
}

static bool is_odd(const struct span *values, void *arg)
{
	(void)arg;
	return (int)span_number(values[0], 0) % 2;
}

TEST(rows_that_are_not_kept_are_gone_with_all_they_had)
{
	_cleanup_(rows_done) struct rows rows = { 0 };

	read_rows(DOCUMENT, &rows);
	rows_keep(&rows, is_odd, NULL);
	CHECK_EQ(rows.count, 1);
	check_values(&rows, 0, "443");
	CHECK(span_is(span_member(rows.whole[0], "port"), "443"));
}

TEST(many_rows_are_all_there)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	_cleanup_(rows_done) struct rows rows = { 0 };

	buffer_puts(&text, "{\"sockets\":[");
	for (int i = 0; i < 10000; i++)
		buffer_printf(&text, "%s{\"port\":%d,\"process\":{\"pid\":%d}}",
			      i ? "," : "", i, 10000 - i);
	buffer_puts(&text, "]}");
	read_rows(text.data, &rows);
	CHECK_EQ(rows.count, 10000);
	CHECK_EQ(rows_sort(&rows, 1, false), 0);
	CHECK_EQ(span_number(rows_value(&rows, 0, 0), 0), 9999);
}
