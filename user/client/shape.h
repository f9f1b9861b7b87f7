/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shape - documents of the API into structs, by tables.
 *
 * A shape lists the members of a JSON object beside where each goes in a struct.  What a
 * document lacks, and what has another type, stays unknown; members that no table names
 * are passed over, so that a newer daemon is understood.  All that one document becomes
 * is one result, freed at once.
 */
#ifndef PORTWATCH_CLIENT_SHAPE_H
#define PORTWATCH_CLIENT_SHAPE_H

#include <stddef.h>

#include "client/reader.h"

enum field_kind {
	FIELD_TEXT,   /* const char * */
	FIELD_WORDS,  /* const char *const *, from an array of strings */
	FIELD_PORT,   /* uint16_t */
	FIELD_U32,    /* uint32_t */
	FIELD_U64,    /* uint64_t */
	FIELD_COUNT,  /* int64_t, -1 where unknown */
	FIELD_PID,    /* pid_t */
	FIELD_FLAG,   /* bool */
	FIELD_TIME,   /* uint64_t, nanoseconds, from RFC 3339 */
	FIELD_OBJECT, /* const struct of @shape * */
	FIELD_LIST, /* const struct of @shape *const *, from an array or the values of an
		     * object */
	FIELD_INLINE, /* an object whose members go into the same struct */
};

struct shape;

struct field {
	const char *key; /* NULL: the end of the table */
	enum field_kind kind;
	size_t offset;
	const struct shape *shape;
};

struct shape {
	size_t size;
	const struct field *fields;
};

/* A struct of @shape from the object that @json is; @ret is the address of a pointer to
 * such a struct.  -EPROTO where @json is no object or is not whole; -ENOMEM. */
int shape_decode(struct span json, const struct shape *shape, void *ret);
/* The same for a list that ends with NULL, from an array or the values of an object; @ret
 * is the address of a pointer to such a list. */
int shape_decode_list(struct span json, const struct shape *shape, void *ret);
/* Either result, or NULL; returns NULL. */
void *shape_free(const void *result);

#endif /* PORTWATCH_CLIENT_SHAPE_H */
