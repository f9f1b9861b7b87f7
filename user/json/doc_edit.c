// SPDX-License-Identifier: GPL-2.0-only
#include "json/doc.h"

#include "base/strings.h"
#include "json/doc_private.h"

struct doc *doc_find(struct doc *object, const char *key)
{
	return (struct doc *)doc_get(object, key);
}

void doc_replace(struct doc *object, const char *key, struct doc *child)
{
	cJSON *old = to_node(doc_find(object, key));

	/* cJSON takes the old name from the new item, which has none yet. */
	if (!old || !child) {
		doc_set(object, key, child);
		return;
	}
	to_node(child)->string = old->string;
	to_node(child)->type |= old->type & cJSON_StringIsConst;
	old->string = NULL;
	cJSON_ReplaceItemViaPointer(to_node(object), old, to_node(child));
}

void doc_remove_item(struct doc *container, const struct doc *item)
{
	cJSON_Delete(cJSON_DetachItemViaPointer(to_node(container), (cJSON *)item));
}

bool doc_remove(struct doc *object, const char *key)
{
	struct doc *member = doc_find(object, key);

	if (member)
		doc_remove_item(object, member);
	return member != NULL;
}

struct doc *doc_copy(const struct doc *doc)
{
	cJSON *copy = cJSON_Duplicate(to_const_node(doc), true);

	if (!copy || !copy->string)
		return to_doc(copy);
	if (!(copy->type & cJSON_StringIsConst))
		cJSON_free(copy->string);
	copy->type &= ~cJSON_StringIsConst;
	copy->string = NULL;
	return to_doc(copy);
}

static bool equal_numbers(const struct doc *a, const struct doc *b)
{
	int64_t left, right;

	if (doc_int(a, &left) && doc_int(b, &right))
		return left == right;
	return doc_number(a) == doc_number(b);
}

static bool equal_lists(const struct doc *a, const struct doc *b)
{
	const struct doc *left = doc_first(a), *right = doc_first(b);

	for (; left && right; left = doc_next(left), right = doc_next(right))
		if (!doc_equal(left, right))
			return false;
	return !left && !right;
}

static bool equal_objects(const struct doc *a, const struct doc *b)
{
	for (const struct doc *left = doc_first(a); left; left = doc_next(left)) {
		const struct doc *right = doc_get(b, doc_key(left));

		if (!right || !doc_equal(left, right))
			return false;
	}
	return doc_count(a) == doc_count(b);
}

bool doc_equal(const struct doc *a, const struct doc *b)
{
	if (!a || !b || doc_type(a) != doc_type(b))
		return a == b;

	switch (doc_type(a)) {
	case DOC_BOOL:
		return doc_bool(a) == doc_bool(b);
	case DOC_NUMBER:
		return equal_numbers(a, b);
	case DOC_STRING:
		return streq(doc_string(a), doc_string(b));
	case DOC_ARRAY:
		return equal_lists(a, b);
	case DOC_OBJECT:
		return equal_objects(a, b);
	default:
		return true;
	}
}
