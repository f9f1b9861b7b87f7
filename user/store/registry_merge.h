/* SPDX-License-Identifier: GPL-2.0-only */
/* registry_merge - one registry document taken into another. */
#ifndef PORTWATCH_STORE_REGISTRY_MERGE_H
#define PORTWATCH_STORE_REGISTRY_MERGE_H

#include "store/registry_file.h"

/* A document with the text and the registry that belong to it; all borrowed. */
struct registry_source {
	const char *text;
	size_t size;
	const struct doc *document;
	const struct registry *registry;
};

/*
 * Put into @document, of which @current was made, what @from has and it has not.  1 where
 * something was added, 0 where all was there, -EEXIST with *reterr placed in @from where
 * one name says two things, -ENOMEM.
 */
int registry_merge(struct doc *document, const struct registry *current,
		   const struct registry_source *from, struct registry_import *ret,
		   struct decode_error *reterr);

/* An import as an edit of the file; what it was made of is its own. */
struct registry_importing {
	struct registry_source from;
	struct registry_import counts;
};
/* Of @text, which is borrowed, into *ret_edit.  -EINVAL or -E2BIG where it is refused,
 * -ENOMEM. */
int registry_importing_init(struct registry_importing *importing, const char *text,
			    size_t size, uint64_t generation,
			    struct registry_edit *ret_edit, struct decode_error *reterr);
/* After @edit was made, or was not: a fault of the file is told as one. */
void registry_importing_done(struct registry_importing *importing,
			     struct registry_edit *edit);

#endif /* PORTWATCH_STORE_REGISTRY_MERGE_H */
