/* SPDX-License-Identifier: GPL-2.0-only */
/* doc_private - how a document is kept: a cJSON tree under another name. */
#ifndef PORTWATCH_JSON_DOC_PRIVATE_H
#define PORTWATCH_JSON_DOC_PRIVATE_H

#include <cjson/cJSON.h>

#include "json/doc.h"

/* Set in cJSON.type of a container that lost a child for want of memory.  cJSON looks
 * at the low byte and at bits 8 and 9 alone. */
enum { DOC_FAILED = 1 << 16 };

/* Integers up to here are exact as a double; past it a number is kept as cJSON_Raw,
 * with its digits in valuestring and its value, rounded, in valuedouble. */
#define DOC_EXACT_MAX (INT64_C(1) << 53)

static inline struct doc *to_doc(cJSON *node)
{
	return (struct doc *)node;
}

static inline cJSON *to_node(struct doc *doc)
{
	return (cJSON *)doc;
}

static inline const cJSON *to_const_node(const struct doc *doc)
{
	return (const cJSON *)doc;
}

static inline int node_kind(const cJSON *node)
{
	return node ? node->type & 0xff : cJSON_Invalid;
}

/* As doc_parse(), of a text that scan_check() has passed.  NULL for want of memory. */
struct doc *doc_build(const char *text, size_t size, bool has_odd_numbers);

#endif /* PORTWATCH_JSON_DOC_PRIVATE_H */
