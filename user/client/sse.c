// SPDX-License-Identifier: GPL-2.0-only
#include "client/sse.h"

#include <errno.h>
#include <string.h>

void sse_init(struct sse *sse, size_t event_max)
{
	*sse = (struct sse){ .event_max = event_max };
}

void sse_done(struct sse *sse)
{
	buffer_done(&sse->id);
	buffer_done(&sse->type);
	buffer_done(&sse->data);
}

static void clear(struct buffer *buf)
{
	buf->size = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

static void set(struct buffer *buf, const char *text, size_t size)
{
	clear(buf);
	buffer_add(buf, text, size);
}

static const char *text_of(const struct buffer *buf, const char *otherwise)
{
	return buf->size ? buf->data : otherwise;
}

/* Move what is not consumed to the front, so that the input does not grow for ever. */
static void compact(struct sse *sse, struct buffer *input)
{
	size_t left = input->size - sse->used;

	if (sse->used == 0)
		return;
	memmove(input->data, input->data + sse->used, left);
	input->size = left;
	input->data[left] = '\0';
	sse->scanned -= sse->used;
	sse->used = 0;
}

static bool is_field(const char *line, size_t size, const char *name)
{
	return strlen(name) == size && memcmp(line, name, size) == 0;
}

static void add_data(struct sse *sse, const char *value, size_t size)
{
	if (sse->data.size > 0)
		buffer_add(&sse->data, "\n", 1);
	buffer_add(&sse->data, value, size);
}

/* One line that is not empty.  A comment begins with a colon: a field without a name. */
static void take_line(struct sse *sse, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	size_t name = colon ? (size_t)(colon - line) : size;
	const char *value = colon ? colon + 1 : line + size;
	size_t n = line + size - value;

	if (n > 0 && *value == ' ') {
		value++;
		n--;
	}
	if (is_field(line, name, "data"))
		add_data(sse, value, n);
	else if (is_field(line, name, "event"))
		set(&sse->type, value, n);
	else if (is_field(line, name, "id") && !memchr(value, '\0', n))
		set(&sse->id, value, n);
}

/* The next line, without its end; false where it has not ended yet. */
static bool next_line(struct sse *sse, const struct buffer *input, size_t *ret_size)
{
	const char *end;

	if (sse->after_cr && sse->used < input->size) {
		if (input->data[sse->used] == '\n')
			sse->used++;
		sse->after_cr = false;
	}
	if (sse->scanned < sse->used)
		sse->scanned = sse->used;
	for (end = input->data + sse->scanned; end < input->data + input->size; end++)
		if (*end == '\n' || *end == '\r')
			break;
	sse->scanned = end - input->data;
	if (sse->scanned == input->size)
		return false;
	sse->after_cr = *end == '\r';
	*ret_size = sse->scanned - sse->used;
	return true;
}

static void skip_byte_order_mark(struct sse *sse, const struct buffer *input)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (!sse->begun && input->size >= 3) {
		sse->begun = true;
		if (memcmp(input->data, mark, 3) == 0)
			sse->used = 3;
	}
}

int sse_next(struct sse *sse, struct buffer *input, struct pw_item *ret)
{
	size_t size;

	if (sse->told) {
		clear(&sse->type);
		clear(&sse->data);
		sse->told = false;
	}
	skip_byte_order_mark(sse, input);
	while (input->size > 0 && next_line(sse, input, &size)) {
		const char *line = input->data + sse->used;

		sse->used += size + 1;
		sse->begun = true;
		sse->told = size == 0;
		if (size > 0)
			take_line(sse, line, size);
		if (sse->data.failed || sse->type.failed || sse->id.failed)
			return -ENOMEM;
		if (sse->data.size > sse->event_max)
			return -EMSGSIZE;
		if (size > 0)
			continue;
		if (sse->data.size > 0) {
			*ret = (struct pw_item){
				.id = text_of(&sse->id, ""),
				.type = text_of(&sse->type, "message"),
				.data = sse->data.data,
				.size = sse->data.size,
			};
			return 1;
		}
		clear(&sse->type); /* an event without data is none */
	}
	compact(sse, input);
	return input->size > sse->event_max ? -EMSGSIZE : 0;
}
