// SPDX-License-Identifier: GPL-2.0-only
#include "json/doc.h"

#include <string.h>

#include "json/doc_private.h"
#include "json/scan.h"

struct numbers {
	const char *text;
	size_t size;
	size_t offset;
};

/*
 * Numbers stand in the tree in the order of the text.  What a double would change, or
 * write in another way, keeps its digits: a document is rewritten as it was.
 */
static bool keep_digits(cJSON *node, struct numbers *numbers)
{
	size_t size;

	if (node_kind(node) == cJSON_Number) {
		const char *digits;

		if (!scan_next_number(numbers->text, numbers->size, &numbers->offset,
				      &size))
			return true;
		digits = numbers->text + numbers->offset;
		numbers->offset += size;
		if (!scan_is_odd_number(digits, size))
			return true;
		node->valuestring = strndup(digits, size);
		node->type = cJSON_Raw;
		return node->valuestring != NULL;
	}

	for (cJSON *child = node->child; child; child = child->next)
		if (!keep_digits(child, numbers))
			return false;
	return true;
}

struct doc *doc_build(const char *text, size_t size, bool has_odd_numbers)
{
	struct numbers numbers = { .text = text, .size = size };
	cJSON *root = cJSON_ParseWithLengthOpts(text, size, NULL, false);

	if (root && has_odd_numbers && !keep_digits(root, &numbers))
		return doc_free(to_doc(root));
	return to_doc(root);
}

struct doc *doc_parse(const char *text, size_t size, size_t *ret_offset)
{
	struct scan_fault fault = { 0 };
	struct doc *doc = NULL;
	bool odd_numbers;

	if (scan_check(text, size, &odd_numbers, &fault) == 0)
		doc = doc_build(text, size, odd_numbers);
	if (!doc && ret_offset)
		*ret_offset = fault.offset;
	return doc;
}
