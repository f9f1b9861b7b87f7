// SPDX-License-Identifier: GPL-2.0-only
#include "http/schema.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

bool schema_next(const char **words, struct schema_member *ret)
{
	const char *at = *words ? *words + strspn(*words, " ") : "";
	size_t name = strcspn(at, ":"), type;

	if (!*at)
		return false;
	*ret = (struct schema_member){ 0 };
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)name, at);
	at += name + 1;
	type = strcspn(at, "[{?~ ");
	snprintf(ret->type, sizeof(ret->type), "%.*s", (int)type, at);
	for (at += type; *at && *at != ' '; at++) {
		ret->list |= *at == '[';
		ret->map |= *at == '{';
		ret->nullable |= *at == '?';
		ret->optional |= *at == '~';
	}

	*words = at;
	return true;
}

struct doc *schema_ref(const char *name)
{
	struct doc *doc = doc_object();
	char text[SCHEMA_TYPE_MAX + 32];

	snprintf(text, sizeof(text), "#/components/schemas/%s", name);
	doc_set_string(doc, "$ref", text);
	return doc;
}

/* "a|b|c"; where it may be null, null is one of them. */
static struct doc *words_schema(const char *type, bool nullable)
{
	struct doc *doc = doc_object(), *array = doc_array();

	while (*type) {
		size_t n = strcspn(type, "|");
		char word[SCHEMA_TYPE_MAX];

		snprintf(word, sizeof(word), "%.*s", (int)n, type);
		doc_append_string(array, word);
		type += n + (type[n] == '|');
	}
	if (nullable)
		doc_append_string(array, NULL);
	doc_set(doc, "enum", array);
	return doc;
}

static void set_type(struct doc *doc, const char *name, bool nullable)
{
	struct doc *types;

	if (!nullable) {
		doc_set_string(doc, "type", name);
		return;
	}
	types = doc_array();
	doc_append_string(types, name);
	doc_append_string(types, "null");
	doc_set(doc, "type", types);
}

static struct doc *plain_schema(const char *type, bool nullable)
{
	struct doc *doc = doc_object();

	if (streq(type, "any"))
		return doc;
	if (streq(type, "time")) {
		set_type(doc, "string", nullable);
		doc_set_string(doc, "format", "date-time");
	} else if (streq(type, "port")) {
		set_type(doc, "integer", nullable);
		doc_set_int(doc, "minimum", 1);
		doc_set_int(doc, "maximum", 65535);
	} else {
		set_type(doc, type, nullable);
	}
	return doc;
}

/* What a list, map or value is of. */
static struct doc *item_schema(const char *type, bool nullable)
{
	struct doc *doc, *choices, *null;

	if (streq(type, "flag"))
		return words_schema("0|1", false);
	if (strchr(type, '|'))
		return words_schema(type, nullable);
	if (!isupper((unsigned char)*type))
		return plain_schema(type, nullable);
	if (!nullable)
		return schema_ref(type);
	doc = doc_object();
	choices = doc_array();
	null = doc_object();
	doc_set_string(null, "type", "null");
	doc_append(choices, schema_ref(type));
	doc_append(choices, null);
	doc_set(doc, "anyOf", choices);
	return doc;
}

struct doc *schema_of_type(const struct schema_member *member)
{
	struct doc *doc;

	if (!member->list && !member->map)
		return item_schema(member->type, member->nullable);
	doc = doc_object();
	set_type(doc, member->list ? "array" : "object", member->nullable);
	doc_set(doc, member->list ? "items" : "additionalProperties",
		item_schema(member->type, false));
	return doc;
}

static struct doc *schema_name(const char *name)
{
	struct doc *doc = doc_object();
	char text[SCHEMA_TYPE_MAX];

	snprintf(text, sizeof(text), "portwatch.%s/v1", name);
	doc_set_string(doc, "const", text);
	return doc;
}

static struct doc *object_schema(const char *words, const char *schema)
{
	struct doc *doc = doc_object(), *members = doc_object(), *required = doc_array();
	struct schema_member member;
	bool open = false;

	if (schema) {
		doc_set(members, "schema", schema_name(schema));
		doc_append_string(required, "schema");
	}
	while (schema_next(&words, &member)) {
		if (streq(member.name, "*")) {
			open = true;
			continue;
		}
		doc_set(members, member.name, schema_of_type(&member));
		if (!member.optional)
			doc_append_string(required, member.name);
	}
	doc_set_string(doc, "type", "object");
	doc_set(doc, "properties", members);
	if (doc_count(required))
		doc_set(doc, "required", required);
	else
		doc_free(required);
	doc_set_bool(doc, "additionalProperties", open);
	return doc;
}

struct doc *schema_of_members(const char *words)
{
	return object_schema(words, NULL);
}

struct doc *schema_of_shape(const struct shape *shape)
{
	return object_schema(shape->members, shape->schema);
}
