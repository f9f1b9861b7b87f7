// SPDX-License-Identifier: GPL-2.0-only
#include "store/registry_edit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"
#include "store/registry_edit_private.h"

void registry_change_done(struct registry_change *change)
{
	registry_free(change->registry);
	strv_free(change->notes);
	*change = (struct registry_change){ 0 };
}

const char *registry_change_name(enum registry_change_kind kind)
{
	static const char *const names[] = {
		[REGISTRY_UNCHANGED] = "unchanged",
		[REGISTRY_CREATED] = "created",
		[REGISTRY_UPDATED] = "updated",
		[REGISTRY_REMOVED] = "removed",
	};

	return names[kind];
}

int edit_fail(struct decode_error *reterr, int err, const char *remedy, const char *fmt,
	      ...)
{
	va_list ap;

	*reterr = (struct decode_error){ 0 };
	va_start(ap, fmt);
	vsnprintf(reterr->what, sizeof(reterr->what), fmt, ap);
	va_end(ap);
	snprintf(reterr->remedy, sizeof(reterr->remedy), "%s", remedy);
	return err;
}

int edit_fail_missing(const struct registry *current, const char *name,
		      struct decode_error *reterr)
{
	const char **names = calloc(registry_count(current) + 1, sizeof(*names));
	const char *near = NULL;

	for (size_t i = 0; names && i < registry_count(current); i++)
		names[i] = registry_service(current, i)->name;
	if (names)
		near = nearest_name(name, names);
	free(names);
	if (near)
		return edit_fail(reterr, -ESRCH, "",
				 "No service is called %s; did you mean %s?", name, near);
	return edit_fail(reterr, -ESRCH, "", "No service is called %s", name);
}

struct doc *edit_entry_of(struct doc *document, const struct service *svc)
{
	const struct doc *item = doc_first(doc_get(document, "services"));

	for (size_t i = 0; item && i < svc->index; i++)
		item = doc_next(item);
	return (struct doc *)item;
}

void edit_set_time(struct doc *document)
{
	char text[TIME_TEXT];

	if (!doc_get_string(document, "timestamp"))
		return;
	time_format(now_wall_ns(), text);
	strcpy(text + strlen("2026-01-17T12:00:00"), "Z");
	doc_replace(document, "timestamp", doc_string_new(text));
}

static struct doc *services_of(struct doc *document)
{
	if (doc_type(doc_get(document, "services")) != DOC_ARRAY)
		doc_replace(document, "services", doc_array());
	return doc_find(document, "services");
}

static struct doc *append_entry(struct doc *document, const char *name)
{
	struct doc *entry = doc_object(), *services = services_of(document);

	doc_set_string(entry, "name", name);
	doc_append(services, entry);
	return entry;
}

/* All that portwatch knows and @from has not is taken away. */
static void replace_members(struct doc *entry, const struct doc *from)
{
	const struct doc *next;

	for (const struct doc *i = doc_first(entry); i; i = next) {
		const char *key = doc_key(i);

		next = doc_next(i);
		if (!streq(key, "name") && !doc_get(from, key) &&
		    codec_is_service_field(key))
			doc_remove_item(entry, i);
	}
	for (const struct doc *i = doc_first(from); i; i = doc_next(i))
		doc_replace(entry, doc_key(i), doc_copy(i));
}

/* RFC 7396.  A parsed document is nested no deeper than the parser lets it. */
static void merge_members(struct doc *into, const struct doc *patch)
{
	for (const struct doc *i = doc_first(patch); i; i = doc_next(i)) {
		struct doc *present = doc_find(into, doc_key(i));

		if (doc_type(i) == DOC_NULL)
			doc_remove(into, doc_key(i));
		else if (doc_type(i) == DOC_OBJECT && doc_type(present) == DOC_OBJECT)
			merge_members(present, i);
		else
			doc_replace(into, doc_key(i), doc_copy(i));
	}
}

/* An entry that says nothing of it is enabled, and need not be changed to be so. */
static bool is_news(const struct doc *entry, const struct doc *before,
		    const struct service *was)
{
	const struct doc *enabled = doc_get(entry, "enabled");
	_cleanup_(doc_freep) struct doc *copy = NULL;

	if (!was || doc_equal(entry, before))
		return !was;
	if (doc_type(enabled) != DOC_BOOL || doc_bool(enabled) != was->enabled ||
	    doc_type(doc_get(before, "enabled")) == DOC_BOOL)
		return true;
	copy = doc_copy(entry);
	doc_remove(copy, "enabled");
	if (doc_get(before, "enabled"))
		doc_set_null(copy, "enabled");
	return !doc_equal(copy, before);
}

int edit_put(struct doc *document, const struct registry *current, void *arg,
	     struct decode_error *reterr)
{
	const struct edit_putting *p = arg;
	const struct registry_put *asked = p->asked;
	const struct service *was = registry_find(current, asked->name);
	struct edit_beside beside = { current, asked->in_force, was, asked->force };
	struct doc *entry = was ? edit_entry_of(document, was) : NULL;
	_cleanup_(doc_freep) struct doc *before = entry ? doc_copy(entry) : NULL;
	int err;

	if (entry && !before)
		return -ENOMEM;
	if (!entry && asked->mode == REGISTRY_UPDATE)
		return edit_fail_missing(current, asked->name, reterr);
	if (!entry)
		entry = append_entry(document, asked->name);
	if (asked->mode == REGISTRY_UPDATE)
		merge_members(entry, asked->entry);
	else
		replace_members(entry, asked->entry);
	if (!is_news(entry, before, was))
		return 0;
	if (was && asked->mode == REGISTRY_CREATE)
		return edit_fail(reterr, -EEXIST, "update it, or take it out first",
				 "%s is registered already, and is something else there",
				 asked->name);
	err = edit_check(&beside, entry, &p->change->notes, reterr);
	if (err < 0)
		return err;
	edit_set_time(document);
	p->change->kind = was ? REGISTRY_UPDATED : REGISTRY_CREATED;
	return 1;
}

int edit_put_check(const struct registry_put *asked, struct decode_error *reterr)
{
	const struct doc *given = doc_get(asked->entry, "name");
	int err = 0;

	if (doc_type(asked->entry) != DOC_OBJECT)
		err = edit_fail(reterr, -EINVAL, "", "An entry is an object");
	else if (!service_name_is_valid(asked->name))
		err = edit_fail(reterr, -EINVAL, "1 to 64 of A-Z a-z 0-9 . _ -",
				"\"%.80s\" cannot be a name", asked->name);
	else if (given && !streq(doc_string(given), asked->name))
		err = edit_fail(reterr, -EINVAL, "leave the name out of the entry",
				"the entry has another name than %s", asked->name);
	return err;
}

/* What an edit has said of its change is handed over once that is on the disk. */
int edit_apply(const char *path, registry_edit_fn edit, void *arg, uint64_t generation,
	       struct registry_change *change, struct registry_change *ret,
	       struct decode_error *reterr)
{
	int err = registry_file_edit(path, edit, arg, generation, &change->registry,
				     reterr);

	if (err < 0) {
		registry_change_done(change);
		return err;
	}
	*ret = *change;
	return 0;
}

int registry_edit_put(const char *path, const struct registry_put *asked,
		      uint64_t generation, struct registry_change *ret,
		      struct decode_error *reterr)
{
	struct registry_change change = { 0 };
	struct edit_putting arg = { asked, &change };
	int err = edit_put_check(asked, reterr);

	if (err < 0)
		return err;
	return edit_apply(path, edit_put, &arg, generation, &change, ret, reterr);
}

static const struct service *dependent_on(const struct registry *reg, const char *name)
{
	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct service *svc = registry_service(reg, i);

		for (size_t k = 0; k < svc->n_depends_on; k++)
			if (streq(svc->depends_on[k].name, name))
				return svc;
	}
	return NULL;
}

int edit_remove(struct doc *document, const struct registry *current, void *arg,
		struct decode_error *reterr)
{
	const struct edit_removing *removal = arg;
	const struct service *svc = registry_find(current, removal->name);
	const struct service *dependent = dependent_on(current, removal->name);

	if (!svc)
		return edit_fail_missing(current, removal->name, reterr);
	if (dependent)
		return edit_fail(reterr, -EBUSY, "take it out first, or its dependence",
				 "%s depends on %s", dependent->name, svc->name);
	doc_remove_item(doc_find(document, "services"), edit_entry_of(document, svc));
	edit_set_time(document);
	removal->change->kind = REGISTRY_REMOVED;
	return 1;
}

int registry_edit_remove(const char *path, const char *name, uint64_t generation,
			 struct registry_change *ret, struct decode_error *reterr)
{
	struct registry_change change = { 0 };
	struct edit_removing arg = { name, &change };

	return edit_apply(path, edit_remove, &arg, generation, &change, ret, reterr);
}
