// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"
#include "http/routes.h"
#include "http/schema.h"

#include <ctype.h>
#include <string.h>

#include "base/strings.h"

static struct doc *document(void)
{
	struct request req = { 0 };
	struct reply reply = { 0 };
	struct doc *doc;

	CHECK_EQ(handle_openapi(&req, &reply), 0);
	CHECK_EQ(reply.status, 200);
	doc = doc_parse(reply.body, reply.size, NULL);
	CHECK(doc);
	reply_done(&reply);
	return doc;
}

static const char *name_of(enum method method)
{
	return method == METHOD_GET    ? "get"
	       : method == METHOD_POST ? "post"
	       : method == METHOD_PUT  ? "put"
				       : "delete";
}

TEST(every_route_is_in_the_document_and_nothing_else)
{
	_cleanup_(doc_freep) struct doc *doc = document();
	const struct doc *paths = doc_get(doc, "paths");
	const struct route *routes;
	size_t n = routes_all(&routes), found = 0;

	for (size_t i = 0; i < n; i++)
		CHECK(doc_get(doc_get(paths, routes[i].path), name_of(routes[i].method)));
	for (const struct doc *path = doc_first(paths); path; path = doc_next(path))
		found += doc_count(path);
	CHECK_EQ(found, n);
}

static bool is_shape(const char *name)
{
	for (const struct shape *shape = schema_shapes; shape->name; shape++)
		if (streq(shape->name, name))
			return true;
	return false;
}

/* What schema_next() makes of @words, put together again, is @words. */
static void check_words(const char *words)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	const char *at = words;
	struct schema_member member;

	for (size_t n = 0; schema_next(&at, &member); n++) {
		CHECK(n < SCHEMA_MEMBERS_MAX);
		buffer_printf(&text, "%s%s:%s%s%s%s%s", n ? " " : "", member.name,
			      member.type, member.list ? "[]" : "",
			      member.map ? "{}" : "", member.nullable ? "?" : "",
			      member.optional ? "~" : "");
		if (isupper((unsigned char)*member.type))
			CHECK(is_shape(member.type));
	}
	CHECK_STR(text.data, words);
}

TEST(shapes_and_routes_are_described_in_words_that_are_understood)
{
	const struct route *routes;
	size_t n = routes_all(&routes);

	for (const struct shape *shape = schema_shapes; shape->name; shape++)
		check_words(shape->members);
	for (size_t i = 0; i < n; i++) {
		CHECK(routes[i].answer);
		check_words(routes[i].answer);
		if (routes[i].args)
			check_words(routes[i].args);
		if (routes[i].body && *routes[i].body == '@')
			CHECK(is_shape(routes[i].body + 1));
		else if (routes[i].body)
			check_words(routes[i].body);
	}
}

static void check_schema(const char *words, const char *want)
{
	_cleanup_(doc_freep) struct doc *doc = schema_of_members(words);
	_cleanup_(freep) char *text = doc_print(doc_get(doc, "properties"), false, NULL);

	CHECK_STR(text, want);
}

TEST(a_type_in_words_is_a_json_schema)
{
	check_schema("a:string", "{\"a\":{\"type\":\"string\"}}");
	check_schema("a:integer?", "{\"a\":{\"type\":[\"integer\",\"null\"]}}");
	check_schema("a:any~", "{\"a\":{}}");
	check_schema("a:x|y?", "{\"a\":{\"enum\":[\"x\",\"y\",null]}}");
	check_schema("a:flag", "{\"a\":{\"enum\":[\"0\",\"1\"]}}");
	check_schema("a:Alert[]", "{\"a\":{\"type\":\"array\",\"items\":"
				  "{\"$ref\":\"#/components/schemas/Alert\"}}}");
	check_schema("a:port{}?",
		     "{\"a\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":"
		     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535}}}");
	check_schema("a:Alert?",
		     "{\"a\":{\"anyOf\":[{\"$ref\":\"#/components/schemas/Alert\"},"
		     "{\"type\":\"null\"}]}}");
}

TEST(what_may_be_missing_is_not_required)
{
	_cleanup_(doc_freep) struct doc *doc = schema_of_members("a:any b:any~ c:any?");
	_cleanup_(doc_freep) struct doc *open = schema_of_members("a:any~ *:any");
	_cleanup_(freep) char *text = doc_print(doc_get(doc, "required"), false, NULL);

	CHECK_STR(text, "[\"a\",\"c\"]");
	CHECK(!doc_get_bool(doc, "additionalProperties", true));
	CHECK(doc_get_bool(open, "additionalProperties", false));
	CHECK(!doc_get(open, "required"));
}
