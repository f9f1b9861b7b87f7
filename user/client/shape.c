// SPDX-License-Identifier: GPL-2.0-only
#include "client/shape.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/time.h"

/* All memory of a result; the first block has the result itself. */
struct block {
	struct block *next;
	_Alignas(max_align_t) char data[];
};

struct decoder {
	struct block *first, *last;
	int error;
};

static void *allocate(struct decoder *d, size_t size)
{
	struct block *block = d->error ? NULL : calloc(1, sizeof(*block) + size);

	if (!block) {
		d->error = d->error ? d->error : -ENOMEM;
		return NULL;
	}
	if (d->last)
		d->last->next = block;
	else
		d->first = block;
	d->last = block;
	return block->data;
}

void *shape_free(const void *result)
{
	struct block *block = NULL, *next;

	if (result)
		block = (struct block *)((char *)result - offsetof(struct block, data));
	for (; block; block = next) {
		next = block->next;
		free(block);
	}
	return NULL;
}

/* -- Values ---------------------------------------------------------------------------
 */

static const char *decode_text(struct decoder *d, struct span json)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	char *copy;

	if (!span_is_string(json))
		return NULL;
	buffer_puts(&text, "");
	span_unescape(json, &text);
	if (text.failed) {
		d->error = -ENOMEM;
		return NULL;
	}
	copy = allocate(d, text.size + 1);
	return copy ? memcpy(copy, text.data, text.size + 1) : NULL;
}

/* False where it is no integer from 0 to @max. */
static bool read_integer(struct span json, uint64_t max, uint64_t *ret)
{
	char digits[24];

	if (!json.at || json.size == 0 || json.size >= sizeof(digits))
		return false;
	memcpy(digits, json.at, json.size);
	digits[json.size] = '\0';
	return parse_u64(digits, max, ret) == 0;
}

static uint64_t decode_integer(struct span json, uint64_t max)
{
	uint64_t value;

	return read_integer(json, max, &value) ? value : 0;
}

static int64_t decode_count(struct span json)
{
	uint64_t value;

	return read_integer(json, INT64_MAX, &value) ? (int64_t)value : -1;
}

static uint64_t decode_time(struct span json)
{
	uint64_t ns;
	char text[48];

	if (!span_is_string(json) || json.size - 2 >= sizeof(text))
		return 0;
	memcpy(text, json.at + 1, json.size - 2);
	text[json.size - 2] = '\0';
	return time_parse(text, &ns) == 0 ? ns : 0;
}

/* -- Lists ----------------------------------------------------------------------------
 */

/* The next element of an array, or value of an object. */
static bool next_value(struct reader *r, bool is_map, struct span *ret)
{
	struct span key;

	return (is_map ? reader_key(r, &key) : reader_element(r)) && reader_value(r, ret);
}

static void decode_into(struct decoder *d, struct span json, const struct shape *shape,
			char *at);

static const void *decode_object(struct decoder *d, struct span json,
				 const struct shape *shape)
{
	char *at;

	if (json.size == 0 || json.at[0] != '{')
		return NULL;
	at = allocate(d, shape->size);
	if (at)
		decode_into(d, json, shape, at);
	return at;
}

/* Of objects, or without @shape of strings.  What is something else is left out. */
static const void **decode_list(struct decoder *d, struct span json,
				const struct shape *shape)
{
	bool is_map = json.size > 0 && json.at[0] == '{';
	struct span value;
	struct reader r;
	const void **list;
	size_t n = 0;

	reader_init(&r, json.at, json.size);
	if (!reader_enter(&r, is_map ? '{' : '['))
		return NULL;
	while (next_value(&r, is_map, &value))
		n++;
	list = allocate(d, (n + 1) * sizeof(*list));
	if (!list)
		return NULL;

	reader_init(&r, json.at, json.size);
	reader_enter(&r, is_map ? '{' : '[');
	n = 0;
	while (!d->error && next_value(&r, is_map, &value)) {
		list[n] = shape ? decode_object(d, value, shape)
				: (const void *)decode_text(d, value);
		n += list[n] != NULL;
	}
	if (reader_failed(&r) && !d->error)
		d->error = -EPROTO;
	return list;
}

/* -- Objects --------------------------------------------------------------------------
 */

static void set_pointer(void *to, const void *value)
{
	memcpy(to, &value, sizeof(value));
}

static void decode_field(struct decoder *d, struct span json, const struct field *field,
			 char *at)
{
	void *to = at + field->offset;

	switch (field->kind) {
	case FIELD_TEXT:
		set_pointer(to, decode_text(d, json));
		break;
	case FIELD_WORDS:
	case FIELD_LIST:
		set_pointer(to, decode_list(d, json, field->shape));
		break;
	case FIELD_PORT:
		*(uint16_t *)to = (uint16_t)decode_integer(json, UINT16_MAX);
		break;
	case FIELD_U32:
		*(uint32_t *)to = (uint32_t)decode_integer(json, UINT32_MAX);
		break;
	case FIELD_U64:
		*(uint64_t *)to = decode_integer(json, UINT64_MAX);
		break;
	case FIELD_COUNT:
		*(int64_t *)to = decode_count(json);
		break;
	case FIELD_PID:
		*(pid_t *)to = (pid_t)decode_integer(json, INT32_MAX);
		break;
	case FIELD_FLAG:
		*(bool *)to = span_is(json, "true");
		break;
	case FIELD_TIME:
		*(uint64_t *)to = decode_time(json);
		break;
	case FIELD_OBJECT:
		set_pointer(to, decode_object(d, json, field->shape));
		break;
	case FIELD_INLINE:
		decode_into(d, json, field->shape, at);
		break;
	}
}

static void set_unknown(const struct field *field, char *at)
{
	for (; field->key; field++)
		if (field->kind == FIELD_COUNT)
			*(int64_t *)(at + field->offset) = -1;
}

static void decode_into(struct decoder *d, struct span json, const struct shape *shape,
			char *at)
{
	struct span key, value;
	struct reader r;

	set_unknown(shape->fields, at);
	reader_init(&r, json.at, json.size);
	if (!reader_enter(&r, '{'))
		return;
	while (!d->error && reader_key(&r, &key) && reader_value(&r, &value))
		for (const struct field *f = shape->fields; f->key; f++)
			if (span_is(key, f->key)) {
				decode_field(d, value, f, at);
				break;
			}
	if (reader_failed(&r) && !d->error)
		d->error = -EPROTO;
}

/* @result is NULL where memory ran out, or where the document is something else. */
static int finish(struct decoder *d, const void *result, void *ret)
{
	int err = d->error ? d->error : result ? 0 : -EPROTO;

	if (err < 0) {
		shape_free(d->first ? d->first->data : NULL);
		return err;
	}
	set_pointer(ret, result);
	return 0;
}

/* Without the white space around it, which a daemon sends to show that it is alive. */
static struct span trim(struct span json)
{
	struct span value = { 0 };
	struct reader r;

	reader_init(&r, json.at, json.size);
	return reader_value(&r, &value) ? value : (struct span){ 0 };
}

int shape_decode(struct span json, const struct shape *shape, void *ret)
{
	struct decoder d = { 0 };
	const void *result = decode_object(&d, trim(json), shape);

	return finish(&d, result, ret);
}

int shape_decode_list(struct span json, const struct shape *shape, void *ret)
{
	struct decoder d = { 0 };
	const void *result = decode_list(&d, trim(json), shape);

	return finish(&d, result, ret);
}
