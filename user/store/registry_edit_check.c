// SPDX-License-Identifier: GPL-2.0-only
/* Is an entry fit for the registry: by itself, and beside the others? */
#include "store/registry_edit_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static const char alone[] = "services[0]";

/* "services[0].port" was the place in a document that nobody will see. */
static void place_in_entry(struct decode_error *error)
{
	size_t n = sizeof(alone) - 1;

	error->line = error->column = 0;
	if (!starts_with(error->path, alone))
		return;
	n += error->path[n] == '.';
	memmove(error->path, error->path + n, strlen(error->path + n) + 1);
}

/* "line 1, column 14: services[0].port: …" */
static int add_notes(const struct decode_warnings *warnings, char ***notes)
{
	for (size_t i = 0; i < warnings->count; i++) {
		const char *text = strstr(warnings->items[i], alone);

		if (!text)
			continue;
		text += sizeof(alone) - 1;
		text += strspn(text, ".: ");
		if (strv_append(notes, text) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The entry as the only one of a registry; whom it depends on is for the whole to see. */
static int decode_alone(const struct doc *entry, struct registry **ret, char ***notes,
			struct decode_error *reterr)
{
	_cleanup_(doc_freep) struct doc *document = doc_object();
	struct doc *services = doc_array(), *copy = doc_copy(entry);
	struct decode_warnings warnings = { 0 };
	_cleanup_(freep) char *text = NULL;
	size_t size;
	int err;

	doc_remove(copy, "depends_on");
	doc_append(services, copy);
	doc_set(document, "services", services);
	text = doc_print(document, false, &size);
	if (!text)
		return -ENOMEM;
	err = codec_decode_registry(text, size, 0, ret, &warnings, reterr);
	if (err < 0)
		place_in_entry(reterr);
	else
		err = add_notes(&warnings, notes);
	decode_warnings_done(&warnings);
	return err;
}

static bool overlaps(const struct claim *a, const struct claim *b)
{
	struct endpoint left = a->at, right = b->at;

	if (left.proto != right.proto || left.port != right.port ||
	    !streq(a->service->netns, b->service->netns))
		return false;
	return a->any_address || b->any_address ||
	       endpoint_overlap(&left, false, &right, false);
}

static const struct claim *claim_over(const struct service *svc,
				      const struct claim *claim)
{
	for (size_t i = 0; svc && i < svc->n_claims; i++)
		if (overlaps(&svc->claims[i], claim))
			return &svc->claims[i];
	return NULL;
}

static int fail_claimed(const struct claim *claim, const char *whose, const char *how,
			struct decode_error *reterr)
{
	return edit_fail(reterr, -EADDRINUSE, "take another, or force it",
			 "port %u/%s is claimed by %s%s", claim->at.port,
			 proto_name(claim->at.proto), whose, how);
}

static int check_allocation(const struct registry *reg, const struct claim *claim,
			    struct decode_error *reterr)
{
	const struct allocation *alloc;

	if (!reg || claim->service->netns)
		return 0;
	alloc = registry_allocation_at(reg, claim->at.proto, claim->at.port);
	if (!alloc || streq(alloc->service_name, claim->service->name))
		return 0;
	return fail_claimed(claim,
			    alloc->service_name ? alloc->service_name : "an allocation",
			    ", to which it is allocated", reterr);
}

/* A service that is disabled keeps its port: it may be enabled at any time. */
static int check_claim(const struct edit_beside *beside, const struct claim *claim,
		       struct decode_error *reterr)
{
	int err;

	for (size_t i = 0; i < registry_count(beside->current); i++) {
		const struct service *svc = registry_service(beside->current, i);

		if (!streq(svc->name, claim->service->name) && claim_over(svc, claim))
			return fail_claimed(claim, svc->name,
					    svc->enabled ? "" : ", which is disabled",
					    reterr);
	}
	err = check_allocation(beside->current, claim, reterr);
	return err < 0 ? err : check_allocation(beside->in_force, claim, reterr);
}

int edit_check(const struct edit_beside *beside, const struct doc *entry, char ***notes,
	       struct decode_error *reterr)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	const struct service *svc;
	int err = decode_alone(entry, &reg, notes, reterr);

	if (err < 0 || beside->force)
		return err;
	svc = registry_service(reg, 0);
	for (size_t i = 0; err == 0 && i < svc->n_claims; i++)
		if (!claim_over(beside->was, &svc->claims[i]))
			err = check_claim(beside, &svc->claims[i], reterr);
	return err;
}
