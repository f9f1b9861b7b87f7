/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry_edit - one service of the registry file put in, changed or taken out.
 *
 * On top of registry_file: under its lock, in the document as it stands in the file, and
 * decoded before it is written.  What portwatch does not know of an entry is kept, and so
 * is the order of everything.
 *
 * Whatever fails fills in *reterr.  A fault of what was asked for has its place in the
 * entry (path "port"), one of the file as a whole its place in that ("services[3].port").
 */
#ifndef PORTWATCH_STORE_REGISTRY_EDIT_H
#define PORTWATCH_STORE_REGISTRY_EDIT_H

#include "store/registry_file.h"

enum registry_change_kind {
	REGISTRY_UNCHANGED,
	REGISTRY_CREATED,
	REGISTRY_UPDATED,
	REGISTRY_REMOVED,
};

struct registry_change {
	enum registry_change_kind kind;
	struct registry *registry; /* what is in the file now; owned */
	uint16_t from;             /* the port before reassigning; 0 none */
	char **notes;              /* sentences for people; a strv */
};
void registry_change_done(struct registry_change *change);
const char *registry_change_name(enum registry_change_kind kind); /* "created", … */

enum registry_put_mode {
	REGISTRY_PUT,    /* create, or replace what portwatch knows of the entry */
	REGISTRY_CREATE, /* -EEXIST where it is there and says something else */
	REGISTRY_UPDATE, /* a merge patch (RFC 7396): null takes a member away */
};

struct registry_put {
	const char *name;
	const struct doc *entry; /* an object; a `name` in it is @name */
	enum registry_put_mode mode;
	bool force; /* also where a port is claimed by another */
	/* Whose allocations count beside those of the file; NULL none. */
	const struct registry *in_force;
};

/*
 * 0 and *ret.  -ESRCH where it is to be updated and is not there; -EEXIST;
 * -EADDRINUSE where another service or allocation claims one of its ports, unless it
 * claimed that before; -EINVAL or -E2BIG where it would be refused; what
 * registry_file_edit() says.
 */
int registry_edit_put(const char *path, const struct registry_put *put,
		      uint64_t generation, struct registry_change *ret,
		      struct decode_error *reterr);

/* -ESRCH; -EBUSY where another service depends on it. */
int registry_edit_remove(const char *path, const char *name, uint64_t generation,
			 struct registry_change *ret, struct decode_error *reterr);

struct registry_reassign {
	const char *name;
	const char *which; /* of several ports: its name or number; NULL the only one */
	uint16_t port;
	bool force;
	const struct registry *in_force; /* as of registry_put */
};

/*
 * Give a service another port.  A health check of this host on the old port follows; what
 * else seems to name that is told in the notes.  -ESRCH; -ENOTUNIQ where it has several
 * and @which is none of them; -EADDRINUSE as of registry_edit_put().
 */
int registry_edit_reassign(const char *path, const struct registry_reassign *reassign,
			   uint64_t generation, struct registry_change *ret,
			   struct decode_error *reterr);

#endif /* PORTWATCH_STORE_REGISTRY_EDIT_H */
