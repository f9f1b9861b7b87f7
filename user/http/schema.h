/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schema - what documents look like, in a line each, and the same as JSON Schema.
 *
 * A line is members "name:type" between spaces.  A type is string, integer, number,
 * boolean, time, port, flag ("0" or "1"), any, a|b|c (one of these words), or the name of
 * another shape, which has a capital; behind it may stand [] (a list of it), {} (a map to
 * it), ? (may be null) and ~ (may be missing), in this order.  "*:any": there may be
 * more.
 */
#ifndef PORTWATCH_HTTP_SCHEMA_H
#define PORTWATCH_HTTP_SCHEMA_H

#include "json/doc.h"

enum { SCHEMA_MEMBERS_MAX = 40, SCHEMA_NAME_MAX = 32, SCHEMA_TYPE_MAX = 128 };

struct schema_member {
	char name[SCHEMA_NAME_MAX], type[SCHEMA_TYPE_MAX];
	bool list, map, nullable, optional;
};

struct shape {
	const char *name;
	const char *schema; /* of a whole document: "status" for portwatch.status/v1 */
	const char *members;
};

/* The next member of *words, which moves on; false at the end.  *words may be NULL. */
bool schema_next(const char **words, struct schema_member *ret);
/* The shapes that there are, ended by one without a name. */
extern const struct shape schema_shapes[];

/* JSON Schema, owned; NULL for want of memory. */
struct doc *schema_of_type(const struct schema_member *member);
struct doc *schema_of_members(const char *words);
struct doc *schema_of_shape(const struct shape *shape);
/* {"$ref": "#/components/schemas/NAME"} */
struct doc *schema_ref(const char *name);

#endif /* PORTWATCH_HTTP_SCHEMA_H */
