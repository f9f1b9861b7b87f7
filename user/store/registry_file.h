/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry_file - the registry on disk: read whole or refused, changed under a lock.
 *
 * A change is made to the document as it stands in the file, so that what this program
 * does not know is kept, and in its place.  What comes out of it is decoded before it is
 * written: nothing that would be refused is ever saved.  The lock (PATH.lock) is held
 * from before the reading until after the writing.
 *
 * Whatever fails fills in *reterr; its line and column are those of the file, for an
 * import those of what was to be imported, and 0 where the fault is not there.
 */
#ifndef PORTWATCH_STORE_REGISTRY_FILE_H
#define PORTWATCH_STORE_REGISTRY_FILE_H

#include "json/codec.h"

/* -EINVAL or -E2BIG where it is refused; -ENOENT, -EISDIR, -EACCES and what else open and
 * read say; -ENOMEM.  @ret_warnings may be NULL. */
int registry_file_load(const char *path, uint64_t generation, struct registry **ret,
		       struct decode_warnings *ret_warnings, struct decode_error *reterr);

/*
 * Changes @document, which is what @current was decoded from.  1 where it did, 0 where
 * all is as it should be already; else negative errno with *reterr, and nothing is
 * written.
 */
typedef int (*registry_edit_fn)(struct doc *document, const struct registry *current,
				void *arg, struct decode_error *reterr);

/*
 * Let @edit change the file; one that is missing is made, folders and all.  *ret (may be
 * NULL) gets the registry that is in the file then.  1 where it was written, 0 where
 * nothing changed; what @edit answers; -EINVAL or -E2BIG where the file, or what came
 * out, would be refused; -EWOULDBLOCK where another process kept the lock for five
 * seconds; what reading and writing say.
 */
int registry_file_edit(const char *path, registry_edit_fn edit, void *arg,
		       uint64_t generation, struct registry **ret,
		       struct decode_error *reterr);

/* A change of several that are written together. */
struct registry_edit {
	registry_edit_fn edit;
	void *arg;
	/* The answer. */
	int result;                /* as registry_file_edit() */
	struct registry *registry; /* as it left it; owned, NULL on failure */
	struct decode_error error;
};

/*
 * Each changes what those before it left, and all is written once: what one of them comes
 * to says nothing of the others, unless writing fails.  Answers with how many of them it
 * dealt; of a large file those are fewer than @n, but at least one.
 */
size_t registry_file_edit_all(const char *path, struct registry_edit *edits, size_t n,
			      uint64_t generation);

struct registry_import {
	size_t services_added, services_same;
	size_t allocations_added, allocations_same;
	size_t settings_added;
};

/*
 * Take over the services, allocations and settings of another document, of either form.
 * What is there already and says the same is left alone; -EEXIST where it says something
 * else, with the place of the new one in @text.  A file that is missing becomes @text as
 * it is, unknown fields included.  1, 0 and errors as registry_file_edit().
 */
int registry_file_import(const char *path, const char *text, size_t size,
			 uint64_t generation, struct registry **ret,
			 struct registry_import *ret_counts, struct decode_error *reterr);

#endif /* PORTWATCH_STORE_REGISTRY_FILE_H */
