// SPDX-License-Identifier: GPL-2.0-only
/*
 * A registry document, from its text to a sealed registry.  The text is checked to be
 * JSON, then no name may stand twice in an object, then the parts are read: settings
 * first, since they are the defaults of services.
 */
#include "json/decode.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"
#include "json/doc_private.h"

void decode_warnings_done(struct decode_warnings *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct decode_warnings){ 0 };
}

static int parse(struct decoder *d, const char *text, size_t size, struct doc **ret)
{
	struct scan_fault fault;
	bool odd_numbers;
	int err = scan_check(text, size, &odd_numbers, &fault);

	if (err < 0) {
		decode_error_place(d, fault.offset);
		snprintf(d->error->what, sizeof(d->error->what), "%s", fault.what);
		snprintf(d->error->remedy, sizeof(d->error->remedy), "%s", fault.remedy);
		return err;
	}
	*ret = doc_build(text, size, odd_numbers);
	return *ret ? 0 : -ENOMEM;
}

static const struct field top_fields[] = {
	{ "services", NULL, 0 },  { "allocations", NULL, 0 }, { "settings", NULL, 0 },
	{ "timestamp", NULL, 0 }, { "$schema", NULL, 0 },     { "boot_id", NULL, 0 },
	{ NULL, NULL, 0 },
};

static int read_services(struct decoder *d, const struct doc *root)
{
	const struct doc *services = decode_enter_member(d, root, "services");
	size_t n = doc_count(services);
	int err;

	if (!services)
		return 0;
	if (doc_type(services) == DOC_OBJECT)
		return decode_fail(d,
				   "write [ { \"name\": … }, … ]; a map of ports "
				   "is called \"allocations\"",
				   "\"services\" must be a list, not an object");
	if (n > REGISTRY_SERVICES_MAX) {
		decode_fail(d, "split it over several hosts or files",
			    "%zu services; a registry has %d at most", n,
			    REGISTRY_SERVICES_MAX);
		return -E2BIG;
	}
	err = decode_list(d, services, decode_service, NULL);
	if (err == 0)
		decode_leave(d);
	return err;
}

static int read_part(struct decoder *d, const struct doc *root, const char *name,
		     int (*read)(struct decoder *d, const struct doc *value))
{
	const struct doc *part = decode_enter_member(d, root, name);
	int err;

	if (!part)
		return 0;
	err = read(d, part);
	if (err == 0)
		decode_leave(d);
	return err;
}

static int check_timestamp(struct decoder *d, const struct doc *value)
{
	uint64_t ns;

	if (doc_type(value) == DOC_STRING && time_parse(doc_string(value), &ns) == 0)
		return 0;
	return decode_warn(d, false, "this is not a time; it has no effect");
}

static int read_document(struct decoder *d, const struct doc *root)
{
	int err;

	if (doc_type(root) == DOC_ARRAY)
		return decode_fail(d, "write {\"services\": [ … ]}",
				   "the document is a list, not an object");
	if (doc_type(root) != DOC_OBJECT)
		return decode_fail(d, "write {\"services\": [ … ]}",
				   "the document is not an object");

	err = decode_check_names(d, root);
	if (err == 0)
		err = decode_object(d, root, top_fields, NULL);
	if (err == 0)
		err = read_part(d, root, "timestamp", check_timestamp);
	if (err == 0)
		err = read_part(d, root, "settings", decode_settings);
	if (err == 0)
		err = read_services(d, root);
	if (err == 0)
		err = read_part(d, root, "allocations", decode_allocations);
	return err;
}

/* Go down to depends_on of the service of that index, and there to @name (NULL: no
 * further). */
static void enter_dependency(struct decoder *d, const struct doc *root, size_t index,
			     const char *name)
{
	const struct doc *item;
	size_t ordinal = 0;

	const struct doc *entry = doc_first(decode_enter_member(d, root, "services"));

	for (size_t i = 0; i < index; i++)
		entry = doc_next(entry);
	decode_enter(d, NULL, index);
	item = doc_first(decode_enter_member(d, entry, "depends_on"));
	for (; name && item; item = doc_next(item), ordinal++)
		if (streq(doc_string(item), name) || streq(doc_key(item), name)) {
			decode_enter(d, doc_key(item), ordinal);
			return;
		}
}

/* The first service that depends on one that is not there; NULL none. */
static const struct service *find_unknown(const struct registry *reg, const char **ret)
{
	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct service *svc = registry_service(reg, i);

		for (size_t j = 0; j < svc->n_depends_on; j++)
			if (!registry_find(reg, svc->depends_on[j].name)) {
				*ret = svc->depends_on[j].name;
				return svc;
			}
	}
	return NULL;
}

static int fail_unknown(struct decoder *d, const struct doc *root)
{
	_cleanup_(freep) const char **names = NULL;
	size_t n = registry_count(d->registry);
	const char *name = NULL, *nearest;
	const struct service *svc = find_unknown(d->registry, &name);
	char remedy[128];

	names = calloc(n + 1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		names[i] = registry_service(d->registry, i)->name;
	nearest = nearest_name(name, names);
	if (nearest)
		snprintf(remedy, sizeof(remedy), "did you mean \"%s\"?", nearest);
	else
		snprintf(remedy, sizeof(remedy), "add it, or take the dependency out");
	enter_dependency(d, root, svc->index, name);
	return decode_fail(d, remedy, "\"%s\" depends on \"%s\", which is no service",
			   svc->name, name);
}

/* The sentence names the circle as "a -> b -> a". */
static int fail_circle(struct decoder *d, const struct doc *root, const char *sentence)
{
	const char *arrow = strstr(sentence, " -> "), *start = arrow;
	char name[SERVICE_NAME_MAX + 1];
	const struct service *svc;

	while (start && start > sentence && !isspace((unsigned char)start[-1]))
		start--;
	if (arrow && arrow - start < (ptrdiff_t)sizeof(name)) {
		snprintf(name, sizeof(name), "%.*s", (int)(arrow - start), start);
		svc = registry_find(d->registry, name);
		if (svc)
			enter_dependency(d, root, svc->index, NULL);
	}
	return decode_fail(d, "take one of these dependencies out", "%s", sentence);
}

static int seal(struct decoder *d, const struct doc *root)
{
	_cleanup_(freep) char *sentence = NULL;
	const char *unknown;
	int err;

	if (find_unknown(d->registry, &unknown))
		return fail_unknown(d, root);
	err = registry_seal(d->registry, &sentence);
	if (err == -ELOOP && sentence)
		return fail_circle(d, root, sentence);
	if (err < 0 && err != -ENOMEM && sentence)
		return decode_fail(d, NULL, "%s", sentence);
	return err;
}

static int add_left_out(struct decoder *d)
{
	struct decode_warnings *list = d->warnings;
	char **items;

	if (!list || d->warnings_left_out == 0)
		return 0;
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	if (asprintf(&items[list->count], "and %zu more warnings", d->warnings_left_out) <
	    0)
		return -ENOMEM;
	list->count++;
	return 0;
}

static int decode(struct decoder *d, const char *text, size_t size)
{
	_cleanup_(doc_freep) struct doc *root = NULL;
	int err;

	if (size > REGISTRY_BYTES_MAX) {
		snprintf(d->error->what, sizeof(d->error->what),
			 "the document has %zu bytes", size);
		snprintf(d->error->remedy, sizeof(d->error->remedy),
			 "a registry has 16 MiB at most");
		return -E2BIG;
	}
	err = parse(d, text, size, &root);
	if (err == 0)
		err = read_document(d, root);
	if (err == 0)
		err = seal(d, root);
	if (err == 0)
		err = add_left_out(d);
	return err;
}

int codec_decode_registry(const char *text, size_t size, uint64_t generation,
			  struct registry **ret, struct decode_warnings *ret_warnings,
			  struct decode_error *reterr)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	_cleanup_(decode_warnings_done) struct decode_warnings warnings = { 0 };
	struct decoder d = { .error = reterr,
			     .warnings = ret_warnings ? &warnings : NULL };
	int err;

	*reterr = (struct decode_error){ 0 };
	scan_finder_init(&d.finder, text, size);
	err = registry_new(generation, &reg);
	d.registry = reg;
	if (err == 0)
		err = decode(&d, text, size);
	if (err == -ENOMEM)
		snprintf(reterr->what, sizeof(reterr->what), "memory ran out");
	if (err < 0)
		return err;

	if (ret_warnings) {
		*ret_warnings = warnings;
		warnings = (struct decode_warnings){ 0 };
	}
	*ret = take(reg);
	return 0;
}
