// SPDX-License-Identifier: GPL-2.0-only
#include "json/doc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"
#include "base/utf8.h"
#include "json/doc_private.h"

struct doc *doc_object(void)
{
	return to_doc(cJSON_CreateObject());
}

struct doc *doc_array(void)
{
	return to_doc(cJSON_CreateArray());
}

struct doc *doc_schema(const char *name)
{
	struct doc *doc = doc_object();
	char schema[96];

	snprintf(schema, sizeof(schema), "portwatch.%s/v1", name);
	doc_set_string(doc, "schema", schema);
	return doc;
}

struct doc *doc_free(struct doc *doc)
{
	cJSON_Delete(to_node(doc));
	return NULL;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return false;
	return true;
}

/* What other processes are called need not be UTF-8; JSON must be. */
static bool is_clean(const char *text)
{
	size_t size;

	if (is_ascii(text))
		return true;
	size = strlen(text);
	return utf8_valid_prefix(text, size) == size;
}

static cJSON *new_string(const char *value)
{
	_cleanup_(freep) char *repaired = NULL;

	if (!value)
		return cJSON_CreateNull();
	if (is_clean(value))
		return cJSON_CreateString(value);

	repaired = utf8_repair(value);
	return repaired ? cJSON_CreateString(repaired) : NULL;
}

static cJSON *new_int(int64_t value)
{
	char digits[24];
	cJSON *node;

	if (value >= -DOC_EXACT_MAX && value <= DOC_EXACT_MAX)
		return cJSON_CreateNumber((double)value);

	snprintf(digits, sizeof(digits), "%" PRId64, value);
	node = cJSON_CreateRaw(digits);
	if (node)
		node->valuedouble = (double)value;
	return node;
}

static void mark_failed(cJSON *container)
{
	if (container)
		container->type |= DOC_FAILED;
}

static bool add_copying_key(cJSON *object, const char *key, cJSON *child)
{
	_cleanup_(freep) char *repaired = NULL;

	if (is_clean(key))
		return cJSON_AddItemToObject(object, key, child);

	repaired = utf8_repair(key);
	return repaired && cJSON_AddItemToObject(object, repaired, child);
}

static void attach(cJSON *object, const char *key, cJSON *child, bool borrowed)
{
	if (object && child && node_kind(object) == cJSON_Object &&
	    (borrowed ? cJSON_AddItemToObjectCS(object, key, child)
		      : add_copying_key(object, key, child)))
		return;
	cJSON_Delete(child);
	mark_failed(object);
}

static cJSON *new_time(uint64_t wall_ns)
{
	char text[TIME_TEXT];

	return wall_ns ? cJSON_CreateString(time_format(wall_ns, text))
		       : cJSON_CreateNull();
}

void doc_set(struct doc *object, const char *key, struct doc *child)
{
	attach(to_node(object), key, to_node(child), false);
}

void doc_set_string(struct doc *object, const char *key, const char *value)
{
	attach(to_node(object), key, new_string(value), false);
}

void doc_set_int(struct doc *object, const char *key, int64_t value)
{
	attach(to_node(object), key, new_int(value), false);
}

void doc_set_double(struct doc *object, const char *key, double value)
{
	attach(to_node(object), key, cJSON_CreateNumber(value), false);
}

void doc_set_bool(struct doc *object, const char *key, bool value)
{
	attach(to_node(object), key, cJSON_CreateBool(value), false);
}

void doc_set_null(struct doc *object, const char *key)
{
	attach(to_node(object), key, cJSON_CreateNull(), false);
}

void doc_set_time(struct doc *object, const char *key, uint64_t wall_ns)
{
	attach(to_node(object), key, new_time(wall_ns), false);
}

void doc_put(struct doc *object, const char *key, struct doc *child)
{
	attach(to_node(object), key, to_node(child), true);
}

void doc_put_string(struct doc *object, const char *key, const char *value)
{
	attach(to_node(object), key, new_string(value), true);
}

void doc_put_int(struct doc *object, const char *key, int64_t value)
{
	attach(to_node(object), key, new_int(value), true);
}

void doc_put_double(struct doc *object, const char *key, double value)
{
	attach(to_node(object), key, cJSON_CreateNumber(value), true);
}

void doc_put_bool(struct doc *object, const char *key, bool value)
{
	attach(to_node(object), key, cJSON_CreateBool(value), true);
}

void doc_put_null(struct doc *object, const char *key)
{
	attach(to_node(object), key, cJSON_CreateNull(), true);
}

void doc_put_time(struct doc *object, const char *key, uint64_t wall_ns)
{
	attach(to_node(object), key, new_time(wall_ns), true);
}

void doc_append(struct doc *array, struct doc *child)
{
	cJSON *node = to_node(array);

	if (node && child && node_kind(node) == cJSON_Array &&
	    cJSON_AddItemToArray(node, to_node(child)))
		return;
	cJSON_Delete(to_node(child));
	mark_failed(node);
}

void doc_append_string(struct doc *array, const char *value)
{
	doc_append(array, to_doc(new_string(value)));
}

struct doc *doc_string_new(const char *value)
{
	return to_doc(new_string(value));
}

struct doc *doc_int_new(int64_t value)
{
	return to_doc(new_int(value));
}

enum doc_type doc_type(const struct doc *doc)
{
	switch (node_kind(to_const_node(doc))) {
	case cJSON_False:
	case cJSON_True:
		return DOC_BOOL;
	case cJSON_Number:
	case cJSON_Raw:
		return DOC_NUMBER;
	case cJSON_String:
		return DOC_STRING;
	case cJSON_Array:
		return DOC_ARRAY;
	case cJSON_Object:
		return DOC_OBJECT;
	default:
		return DOC_NULL;
	}
}

const struct doc *doc_get(const struct doc *object, const char *key)
{
	const cJSON *node = to_const_node(object);

	if (node_kind(node) != cJSON_Object)
		return NULL;
	return (const struct doc *)cJSON_GetObjectItemCaseSensitive(node, key);
}

const char *doc_get_string(const struct doc *object, const char *key)
{
	return doc_string(doc_get(object, key));
}

int64_t doc_get_int(const struct doc *object, const char *key, int64_t otherwise)
{
	int64_t value;

	return doc_int(doc_get(object, key), &value) ? value : otherwise;
}

bool doc_get_bool(const struct doc *object, const char *key, bool otherwise)
{
	const struct doc *member = doc_get(object, key);

	return doc_type(member) == DOC_BOOL ? doc_bool(member) : otherwise;
}

const char *doc_string(const struct doc *doc)
{
	return doc_type(doc) == DOC_STRING ? to_const_node(doc)->valuestring : NULL;
}

double doc_number(const struct doc *doc)
{
	return doc_type(doc) == DOC_NUMBER ? to_const_node(doc)->valuedouble : 0;
}

bool doc_int(const struct doc *doc, int64_t *ret)
{
	double value = doc_number(doc);

	if (doc_type(doc) != DOC_NUMBER)
		return false;
	if (node_kind(to_const_node(doc)) == cJSON_Raw) {
		const char *digits = to_const_node(doc)->valuestring;
		char *end;
		long long exact;

		errno = 0;
		exact = strtoll(digits, &end, 10);
		if (errno == 0 && *end == '\0') {
			*ret = exact;
			return true;
		}
	}
	/* 2^63 itself is no int64_t, and the nearest double below it is 2^63 - 1024. */
	if (!(value >= -0x1p63 && value < 0x1p63) || (double)(int64_t)value != value)
		return false;

	*ret = (int64_t)value;
	return true;
}

bool doc_bool(const struct doc *doc)
{
	return node_kind(to_const_node(doc)) == cJSON_True;
}

size_t doc_count(const struct doc *doc)
{
	size_t count = 0;

	for (const struct doc *item = doc_first(doc); item; item = doc_next(item))
		count++;
	return count;
}

const struct doc *doc_first(const struct doc *doc)
{
	enum doc_type type = doc_type(doc);

	if (type != DOC_ARRAY && type != DOC_OBJECT)
		return NULL;
	return (const struct doc *)to_const_node(doc)->child;
}

const struct doc *doc_next(const struct doc *item)
{
	return item ? (const struct doc *)to_const_node(item)->next : NULL;
}

const char *doc_key(const struct doc *member)
{
	return member ? to_const_node(member)->string : NULL;
}
