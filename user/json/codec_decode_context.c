// SPDX-License-Identifier: GPL-2.0-only
#include "json/decode.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/utf8.h"

/* A name that is further from all others than this is not worth comparing. */
enum { NAME_LENGTH_MAX = 64, FIELDS_MAX = 48, FEW_NAMES = 12 };

void decode_enter(struct decoder *d, const char *name, size_t ordinal)
{
	d->names[d->depth] = name;
	d->ordinals[d->depth] = ordinal;
	d->depth++;
}

void decode_leave(struct decoder *d)
{
	d->depth--;
}

const struct doc *decode_enter_member(struct decoder *d, const struct doc *object,
				      const char *name)
{
	const struct doc *member = doc_first(object);
	size_t ordinal = 0;

	for (; member; member = doc_next(member), ordinal++)
		if (streq(doc_key(member), name))
			break;
	if (!member || doc_type(member) == DOC_NULL)
		return NULL;
	decode_enter(d, doc_key(member), ordinal);
	return member;
}

static bool is_plain_name(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_' && *name != '$')
		return false;
	while (isalnum((unsigned char)*name) || *name == '_')
		name++;
	return *name == '\0';
}

static void format_path(const struct decoder *d, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < d->depth && used < size; i++) {
		const char *name = d->names[i];
		char excerpt[EXCERPT];
		int n;

		if (!name)
			n = snprintf(buf + used, size - used, "[%zu]", d->ordinals[i]);
		else if (is_plain_name(name))
			n = snprintf(buf + used, size - used, "%s%s", used ? "." : "",
				     decode_excerpt(name, excerpt));
		else
			n = snprintf(buf + used, size - used, "[\"%s\"]",
				     decode_excerpt(name, excerpt));
		used += (size_t)n;
	}
}

const char *decode_excerpt(const char *text, char *buf)
{
	static const char more[] = "…";
	size_t size = strlen(text);

	if (size < EXCERPT) {
		memcpy(buf, text, size + 1);
		return buf;
	}
	size = utf8_valid_prefix(text, EXCERPT - sizeof(more));
	memcpy(buf, text, size);
	memcpy(buf + size, more, sizeof(more));
	return buf;
}

void decode_error_place(struct decoder *d, size_t offset)
{
	scan_place(&d->finder, offset, &d->error->line, &d->error->column);
}

static int fail(struct decoder *d, bool name, const char *remedy, const char *fmt,
		va_list ap)
{
	struct decode_error *error = d->error;

	decode_error_place(d, scan_find(&d->finder, d->ordinals, d->depth, name));
	format_path(d, error->path, sizeof(error->path));
	vsnprintf(error->what, sizeof(error->what), fmt, ap);
	snprintf(error->remedy, sizeof(error->remedy), "%s", remedy ? remedy : "");
	return -EINVAL;
}

int decode_fail(struct decoder *d, const char *remedy, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = fail(d, false, remedy, fmt, ap);
	va_end(ap);
	return err;
}

int decode_fail_name(struct decoder *d, const char *remedy, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = fail(d, true, remedy, fmt, ap);
	va_end(ap);
	return err;
}

static const char *describe_type(const struct doc *value)
{
	switch (doc_type(value)) {
	case DOC_BOOL:
		return doc_bool(value) ? "true" : "false";
	case DOC_NUMBER:
		return "a number";
	case DOC_STRING:
		return "a string";
	case DOC_ARRAY:
		return "a list";
	case DOC_OBJECT:
		return "an object";
	default:
		return "null";
	}
}

int decode_fail_type(struct decoder *d, const struct doc *value, const char *wanted)
{
	const char *name = d->depth > 0 ? d->names[d->depth - 1] : NULL;
	char excerpt[EXCERPT];

	if (!name)
		return decode_fail(d, NULL, "this must be %s, not %s", wanted,
				   describe_type(value));
	return decode_fail(d, NULL, "\"%s\" must be %s, not %s",
			   decode_excerpt(name, excerpt), wanted, describe_type(value));
}

int decode_warn(struct decoder *d, bool name, const char *fmt, ...)
{
	struct decode_warnings *list = d->warnings;
	char path[256], *text = NULL, **items;
	unsigned line, column;
	va_list ap;
	int n;

	if (!list)
		return 0;
	if (list->count >= DECODE_WARNINGS_MAX) {
		d->warnings_left_out++;
		return 0;
	}
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;

	va_start(ap, fmt);
	text = format_text(fmt, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	scan_place(&d->finder, scan_find(&d->finder, d->ordinals, d->depth, name), &line,
		   &column);
	format_path(d, path, sizeof(path));
	n = asprintf(&items[list->count], "line %u, column %u: %s%s%s", line, column,
		     path, *path ? ": " : "", text);
	free(text);
	if (n < 0)
		return -ENOMEM;
	list->count++;
	return 0;
}

static const struct field *find_field(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (fields->name[0] == name[0] && streq(fields->name, name))
			return fields;
	return NULL;
}

static int warn_unknown(struct decoder *d, const struct field *fields, const char *name)
{
	const char *names[FIELDS_MAX] = { NULL }, *nearest = NULL;

	for (size_t i = 0; i < FIELDS_MAX - 1 && fields[i].name; i++)
		names[i] = fields[i].name;
	if (strlen(name) <= NAME_LENGTH_MAX)
		nearest = nearest_name(name, names);
	if (nearest)
		return decode_warn(d, true, "unknown field; did you mean \"%s\"?",
				   nearest);
	return decode_warn(d, true, "unknown field; it is kept, and has no effect");
}

int decode_object(struct decoder *d, const struct doc *value, const struct field *fields,
		  void *target)
{
	const struct doc *member = doc_first(value);

	if (doc_type(value) != DOC_OBJECT)
		return decode_fail_type(d, value, "an object");

	for (size_t ordinal = 0; member; member = doc_next(member), ordinal++) {
		const struct field *field = find_field(fields, doc_key(member));
		int err = 0;

		decode_enter(d, doc_key(member), ordinal);
		if (!field)
			err = warn_unknown(d, fields, doc_key(member));
		else if (field->read && doc_type(member) != DOC_NULL)
			err = field->read(d, member, (char *)target + field->offset);
		if (err < 0)
			return err;
		decode_leave(d);
	}
	return 0;
}

int decode_list(struct decoder *d, const struct doc *value, decode_fn *read, void *target)
{
	const struct doc *item = doc_first(value);
	int err;

	if (doc_type(value) != DOC_ARRAY)
		return decode_fail_type(d, value, "a list");

	for (size_t ordinal = 0; item; item = doc_next(item), ordinal++) {
		decode_enter(d, NULL, ordinal);
		err = read(d, item, target);
		if (err < 0)
			return err;
		decode_leave(d);
	}
	return 0;
}

struct name_at {
	const char *name;
	size_t ordinal;
};

static int compare_names(const void *a, const void *b)
{
	const struct name_at *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	if (order)
		return order;
	return left->ordinal < right->ordinal ? -1 : 1;
}

/* The first member whose name an earlier one has; @count where there is none. */
static size_t second_of_few(const struct doc *object, size_t count)
{
	const char *names[FEW_NAMES];
	size_t n = 0;

	for (const struct doc *m = doc_first(object); m; m = doc_next(m), n++) {
		names[n] = doc_key(m);
		for (size_t i = 0; i < n; i++)
			if (names[i][0] == names[n][0] && streq(names[i], names[n]))
				return n;
	}
	return count;
}

static int second_of_many(const struct doc *object, size_t count, size_t *ret)
{
	_cleanup_(freep) struct name_at *names = calloc(count, sizeof(*names));
	size_t n = 0, found = count;

	if (!names)
		return -ENOMEM;
	for (const struct doc *m = doc_first(object); m; m = doc_next(m), n++)
		names[n] = (struct name_at){ .name = doc_key(m), .ordinal = n };
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++)
		if (names[i].ordinal < found && streq(names[i - 1].name, names[i].name))
			found = names[i].ordinal;

	*ret = found;
	return 0;
}

static int check_object(struct decoder *d, const struct doc *object)
{
	size_t count = doc_count(object), second;
	const struct doc *member = doc_first(object);
	char excerpt[EXCERPT];
	int err;

	if (count <= FEW_NAMES) {
		second = second_of_few(object, count);
	} else {
		err = second_of_many(object, count, &second);
		if (err < 0)
			return err;
	}
	if (second == count)
		return 0;

	for (size_t i = 0; i < second; i++)
		member = doc_next(member);
	decode_enter(d, doc_key(member), second);
	return decode_fail_name(d, "keep one of them",
				"\"%s\" stands twice in one object",
				decode_excerpt(doc_key(member), excerpt));
}

int decode_check_names(struct decoder *d, const struct doc *value)
{
	const struct doc *child = doc_first(value);
	int err = 0;

	if (doc_type(value) == DOC_OBJECT)
		err = check_object(d, value);
	for (size_t ordinal = 0; err == 0 && child; child = doc_next(child), ordinal++) {
		if (!doc_first(child))
			continue;
		decode_enter(d, doc_key(child), ordinal);
		err = decode_check_names(d, child);
		if (err == 0)
			decode_leave(d);
	}
	return err;
}
