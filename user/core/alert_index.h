/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_index - the entries of a set of alerts, and every way to find them.
 *
 * Shared by alerts.c, which says when what happens to them, and alert_index.c.
 */
#ifndef PORTWATCH_CORE_ALERT_INDEX_H
#define PORTWATCH_CORE_ALERT_INDEX_H

#include "core/alerts.h"
#include "core/hash.h"

struct entry;

/* What one scope holds: exists while an entry belongs to it. */
struct area {
	struct alert_scope scope;
	struct entry *firing;
	size_t uses; /* entries, resolved ones among them, and who looks at it now */
	UT_hash_handle hh;
};

/* The firing alerts of one service name: exists while there are any. */
struct role {
	char service[65];
	struct entry *firing;
	UT_hash_handle hh;
};

/* Identity, compared byte by byte: zeroed before it is filled in. */
struct key {
	const struct area *area;
	uint64_t start_ticks;
	enum alert_kind kind;
	uint32_t netns;
	pid_t pid;
	uid_t uid;
	uint16_t proto;
	uint16_t port;
	char comm[16];
	char service[65];
	char other[72];
};

enum due { DUE_NEVER, DUE_QUIET, DUE_BLOCKED, DUE_KINDS };

struct entry {
	struct alert alert;
	struct key key;
	struct area *area;
	struct role *role; /* while firing */
	bool keyed;        /* found by its key */
	bool flapping;     /* came back once: to resolve it has to stay away */
	enum due due;
	uint64_t due_ns;           /* CLOCK_MONOTONIC */
	uint64_t resolved_ns;      /* CLOCK_MONOTONIC */
	uint64_t round;            /* of the last update that wanted it */
	struct entry *prev, *next; /* firing: by id; resolved: newest first */
	struct entry *prev_in_area, *next_in_area;
	struct entry *prev_of_role, *next_of_role;
	struct entry *prev_due, *next_due;
	UT_hash_handle by_key, by_id;
};

struct alerts {
	struct processes *procs;
	alerts_changed_fn changed;
	void *arg;
	struct area *areas;
	struct role *roles;
	struct entry *by_key, *by_id;
	struct entry *firing, *resolved;
	struct entry *due[DUE_KINDS]; /* each in order of time */
	size_t n_firing, n_resolved;
	uint64_t last_id, round;
	uint64_t fired[ALERT_KINDS];
	size_t n_firing_of[ALERT_KINDS];
};

/* The area of a scope, kept until area_release(); made where @make asks for that.  NULL
 * where there is none, or for want of memory. */
struct area *area_acquire(struct alerts *set, const struct alert_scope *scope, bool make);
void area_release(struct alerts *set, struct area *area);
struct role *role_find(const struct alerts *set, const char *service);

void key_make(const struct area *area, const struct verdict *v, struct key *ret);
struct entry *entry_by_key(const struct alerts *set, const struct key *key);
struct entry *entry_by_id(const struct alerts *set, uint64_t id);

/* A new entry with the next id, in no list.  NULL for want of memory. */
struct entry *entry_new(struct alerts *set, struct area *area, const struct key *key);
/* Takes @e, which is in no list any more, out of the tables and frees it. */
void entry_free(struct alerts *set, struct entry *e);
/* From now on something else may have its key. */
void entry_forget_key(struct alerts *set, struct entry *e);
/* Make @v what it says; processes are referenced. */
void entry_set_verdict(struct alerts *set, struct entry *e, const struct verdict *v);
/* -ENOMEM, and then it is in no list. */
int entry_link_firing(struct alerts *set, struct entry *e);
void entry_unlink_firing(struct alerts *set, struct entry *e);
void entry_set_due(struct alerts *set, struct entry *e, enum due due, uint64_t mono_ns);
void entry_clear_due(struct alerts *set, struct entry *e);

#endif /* PORTWATCH_CORE_ALERT_INDEX_H */
