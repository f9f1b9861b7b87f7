/* SPDX-License-Identifier: GPL-2.0-only */
/* registry_edit_private - what the edits of one entry share. */
#ifndef PORTWATCH_STORE_REGISTRY_EDIT_PRIVATE_H
#define PORTWATCH_STORE_REGISTRY_EDIT_PRIVATE_H

#include "store/registry_edit.h"

/* The entry of @svc, for changing; @document is what the registry was decoded from. */
struct doc *edit_entry_of(struct doc *document, const struct service *svc);

/* Fill in *reterr; answers @err. */
int edit_fail(struct decode_error *reterr, int err, const char *remedy, const char *fmt,
	      ...) __attribute__((format(printf, 4, 5)));
int edit_fail_missing(const struct registry *current, const char *name,
		      struct decode_error *reterr);

/* What an entry is judged by. */
struct edit_beside {
	const struct registry *current;  /* of the file */
	const struct registry *in_force; /* whose allocations count too; NULL none */
	const struct service *was;       /* the service as it is now; NULL new */
	bool force;                      /* claims of others do not count */
};

/*
 * Is @entry fit for a registry, by itself, and may it have its ports?  Adds what is odd
 * about it to @notes.  0, -EINVAL, -E2BIG, -EADDRINUSE, -ENOMEM.
 */
int edit_check(const struct edit_beside *beside, const struct doc *entry, char ***notes,
	       struct decode_error *reterr);

/* The edits, each with its argument. */
struct edit_putting {
	const struct registry_put *asked;
	struct registry_change *change;
};
int edit_put(struct doc *document, const struct registry *current, void *arg,
	     struct decode_error *reterr);
/* Is it one at all?  -EINVAL. */
int edit_put_check(const struct registry_put *asked, struct decode_error *reterr);

struct edit_removing {
	const char *name;
	struct registry_change *change;
};
int edit_remove(struct doc *document, const struct registry *current, void *arg,
		struct decode_error *reterr);

struct edit_reassigning {
	const struct registry_reassign *asked;
	struct registry_change *change;
	uint16_t from;
};
int edit_reassign(struct doc *document, const struct registry *current, void *arg,
		  struct decode_error *reterr);

/* registry_file_edit(), with *ret made of @change once that is on the disk. */
int edit_apply(const char *path, registry_edit_fn edit, void *arg, uint64_t generation,
	       struct registry_change *change, struct registry_change *ret,
	       struct decode_error *reterr);

/* A document that says when it was written says it was now. */
void edit_set_time(struct doc *document);

#endif /* PORTWATCH_STORE_REGISTRY_EDIT_PRIVATE_H */
