// SPDX-License-Identifier: GPL-2.0-only
#include "store/registry_merge.h"

#include <errno.h>
#include <stdio.h>

#include "base/strings.h"
#include "json/scan.h"

struct merge {
	struct doc *into;
	const struct registry *current;
	const struct registry_source *from;
	struct registry_import counts;
	struct decode_error *error;
};

static size_t ordinal_of(const struct doc *container, const struct doc *item)
{
	size_t ordinal = 0;

	for (const struct doc *i = doc_first(container); i && i != item; i = doc_next(i))
		ordinal++;
	return ordinal;
}

/* @item of the member @name of the imported document clashes. */
static int fail_clash(struct merge *m, const char *name, const struct doc *item,
		      const char *what)
{
	const struct doc *root = m->from->document, *list = doc_get(root, name);
	size_t ordinals[2] = { ordinal_of(root, list), ordinal_of(list, item) };
	struct scan_finder finder;

	scan_finder_init(&finder, m->from->text, m->from->size);
	scan_place(&finder, scan_find(&finder, ordinals, 2, false), &m->error->line,
		   &m->error->column);
	if (doc_type(list) == DOC_ARRAY)
		snprintf(m->error->path, sizeof(m->error->path), "%s[%zu]", name,
			 ordinals[1]);
	else
		snprintf(m->error->path, sizeof(m->error->path), "%s[\"%.64s\"]", name,
			 doc_key(item));
	snprintf(m->error->what, sizeof(m->error->what),
		 "%s is in the registry already, and is something else there", what);
	snprintf(m->error->remedy, sizeof(m->error->remedy),
		 "rename it, or take one of the two out");
	return -EEXIST;
}

/* The member @name of the target, made with @make where it is missing or null. */
static struct doc *member_of(struct merge *m, const char *name, struct doc *(*make)(void))
{
	if (doc_type(doc_get(m->into, name)) == DOC_NULL)
		doc_replace(m->into, name, make());
	return doc_find(m->into, name);
}

/* The entries of a list by their index, as the registry has them. */
static int index_entries(const struct doc *list, const struct doc ***ret)
{
	const struct doc **entries = calloc(doc_count(list) + 1, sizeof(*entries));
	size_t n = 0;

	if (!entries)
		return -ENOMEM;
	for (const struct doc *item = doc_first(list); item; item = doc_next(item))
		entries[n++] = item;
	*ret = entries;
	return 0;
}

static int merge_service(struct merge *m, struct doc *list, const struct doc *entry,
			 const struct doc *const *entries)
{
	const char *name = doc_get_string(entry, "name");
	const struct service *present = registry_find(m->current, name);
	char what[128];

	if (!present) {
		doc_append(list, doc_copy(entry));
		m->counts.services_added++;
		return 0;
	}
	if (doc_equal(entries[present->index], entry)) {
		m->counts.services_same++;
		return 0;
	}
	snprintf(what, sizeof(what), "service \"%s\"", name);
	return fail_clash(m, "services", entry, what);
}

static int merge_services(struct merge *m)
{
	const struct doc *from = doc_get(m->from->document, "services");
	_cleanup_(freep) const struct doc **entries = NULL;
	struct doc *list;
	int err;

	if (!doc_first(from))
		return 0;
	list = member_of(m, "services", doc_array);
	err = index_entries(list, &entries);
	for (const struct doc *e = doc_first(from); err == 0 && e; e = doc_next(e))
		err = merge_service(m, list, e, entries);
	return err;
}

static bool same_allocation(const struct allocation *a, const struct allocation *b)
{
	_cleanup_(doc_freep) struct doc *left = codec_encode_allocation(a);
	_cleanup_(doc_freep) struct doc *right = codec_encode_allocation(b);

	return doc_equal(left, right);
}

static int merge_allocation(struct merge *m, struct doc *map, const struct doc *member)
{
	const struct allocation *new, *present;
	uint16_t port, proto;
	char what[128];

	if (codec_allocation_place(member, &port, &proto) < 0)
		return -EINVAL;
	new = registry_allocation_at(m->from->registry, proto, port);
	present = registry_allocation_at(m->current, proto, port);
	if (!present) {
		doc_set(map, doc_key(member), doc_copy(member));
		m->counts.allocations_added++;
		return 0;
	}
	if (same_allocation(new, present)) {
		m->counts.allocations_same++;
		return 0;
	}
	snprintf(what, sizeof(what), "the allocation of port %u/%s", port,
		 proto_name(proto));
	return fail_clash(m, "allocations", member, what);
}

static int merge_allocations(struct merge *m)
{
	const struct doc *from = doc_get(m->from->document, "allocations");
	struct doc *map;
	int err = 0;

	if (!doc_first(from))
		return 0;
	map = member_of(m, "allocations", doc_object);
	for (const struct doc *i = doc_first(from); err == 0 && i; i = doc_next(i))
		err = merge_allocation(m, map, i);
	return err;
}

static int merge_settings(struct merge *m)
{
	const struct doc *from = doc_get(m->from->document, "settings");
	struct doc *settings;
	char what[128];

	if (!doc_first(from))
		return 0;
	settings = member_of(m, "settings", doc_object);
	for (const struct doc *i = doc_first(from); i; i = doc_next(i)) {
		const struct doc *present = doc_get(settings, doc_key(i));

		if (doc_type(i) == DOC_NULL || doc_equal(present, i))
			continue;
		if (doc_type(present) != DOC_NULL) {
			snprintf(what, sizeof(what), "the setting %.64s", doc_key(i));
			return fail_clash(m, "settings", i, what);
		}
		doc_replace(settings, doc_key(i), doc_copy(i));
		m->counts.settings_added++;
	}
	return 0;
}

/* A document with nothing in it becomes the other as it is. */
static void merge_rest(struct merge *m)
{
	for (const struct doc *i = doc_first(m->from->document); i; i = doc_next(i)) {
		const char *key = doc_key(i);

		if (streq(key, "services"))
			doc_set(m->into, key, doc_array());
		else if (streq(key, "allocations") || streq(key, "settings"))
			doc_set(m->into, key, doc_object());
		else
			doc_set(m->into, key, doc_copy(i));
	}
}

int registry_merge(struct doc *document, const struct registry *current,
		   const struct registry_source *from, struct registry_import *ret,
		   struct decode_error *reterr)
{
	struct merge m = {
		.into = document, .current = current, .from = from, .error = reterr
	};
	bool empty = !doc_first(document);
	int err;

	if (empty)
		merge_rest(&m);
	err = merge_services(&m);
	if (err == 0)
		err = merge_allocations(&m);
	if (err == 0)
		err = merge_settings(&m);
	if (err < 0)
		return err;

	*ret = m.counts;
	return empty || m.counts.services_added || m.counts.allocations_added ||
	       m.counts.settings_added;
}
