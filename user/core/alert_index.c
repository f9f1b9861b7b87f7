// SPDX-License-Identifier: GPL-2.0-only
#include "core/alert_index.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

/* @to is zeroed. */
static void copy_text(char *to, size_t size, const char *from)
{
	memcpy(to, from, strnlen(from, size - 1));
}

/* @scope with nothing but what its kind speaks of, fit for comparing bytes. */
static void normalise(const struct alert_scope *scope, struct alert_scope *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = scope->kind;
	if (scope->kind == SCOPE_PORT)
		ret->netns = scope->netns;
	if (scope->kind == SCOPE_PORT || scope->kind == SCOPE_ALLOCATION) {
		ret->proto = scope->proto;
		ret->port = scope->port;
	}
	if (scope->kind == SCOPE_SERVICE)
		copy_text(ret->service, sizeof(ret->service), scope->service);
}

static struct area *area_find(const struct alerts *set, const struct alert_scope *scope)
{
	struct alert_scope plain;
	struct area *area;

	normalise(scope, &plain);
	HASH_FIND(hh, set->areas, &plain, sizeof(plain), area);
	return area;
}

static struct area *area_get(struct alerts *set, const struct alert_scope *scope)
{
	struct area *area = area_find(set, scope);

	if (area)
		return area;
	area = calloc(1, sizeof(*area));
	if (!area)
		return NULL;
	normalise(scope, &area->scope);
	HASH_ADD(hh, set->areas, scope, sizeof(area->scope), area);
	if (!hash_was_added(area)) {
		free(area);
		return NULL;
	}
	return area;
}

struct area *area_acquire(struct alerts *set, const struct alert_scope *scope, bool make)
{
	struct area *area = make ? area_get(set, scope) : area_find(set, scope);

	if (area)
		area->uses++;
	return area;
}

void area_release(struct alerts *set, struct area *area)
{
	if (--area->uses)
		return;
	HASH_DELETE(hh, set->areas, area);
	free(area);
}

struct role *role_find(const struct alerts *set, const char *service)
{
	struct role *role;

	HASH_FIND(hh, set->roles, service, strnlen(service, sizeof(role->service) - 1),
		  role);
	return role;
}

static struct role *get_role(struct alerts *set, const char *service)
{
	struct role *role = role_find(set, service);

	if (role)
		return role;
	role = calloc(1, sizeof(*role));
	if (!role)
		return NULL;
	copy_text(role->service, sizeof(role->service), service);
	HASH_ADD(hh, set->roles, service, strlen(role->service), role);
	if (!hash_was_added(role)) {
		free(role);
		return NULL;
	}
	return role;
}

static void drop_role_if_empty(struct alerts *set, struct role *role)
{
	if (role->firing)
		return;
	HASH_DELETE(hh, set->roles, role);
	free(role);
}

void key_make(const struct area *area, const struct verdict *v, struct key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->area = area;
	ret->kind = v->kind;
	ret->netns = v->at.netns;
	ret->proto = v->at.proto;
	ret->port = v->at.port;
	copy_text(ret->service, sizeof(ret->service), v->service);
	if (v->kind == ALERT_DUPLICATE)
		copy_text(ret->other, sizeof(ret->other), v->expected);
	if (!v->found)
		return;
	if (v->kind == ALERT_BLOCKED) {
		copy_text(ret->comm, sizeof(ret->comm), v->found->info.comm);
		ret->uid = v->found->info.uid;
	} else {
		ret->pid = v->found->info.id.pid;
		ret->start_ticks = v->found->info.id.start_ticks;
	}
}

struct entry *entry_by_key(const struct alerts *set, const struct key *key)
{
	struct entry *e;

	HASH_FIND(by_key, set->by_key, key, sizeof(*key), e);
	return e;
}

struct entry *entry_by_id(const struct alerts *set, uint64_t id)
{
	struct entry *e;

	HASH_FIND(by_id, set->by_id, &id, sizeof(id), e);
	return e;
}

void entry_forget_key(struct alerts *set, struct entry *e)
{
	if (e->keyed)
		HASH_DELETE(by_key, set->by_key, e);
	e->keyed = false;
}

void entry_set_verdict(struct alerts *set, struct entry *e, const struct verdict *v)
{
	struct process *found = e->alert.v.found, *holder = e->alert.v.holder;

	e->alert.v = *v;
	if (v->found)
		processes_ref(v->found);
	if (v->holder)
		processes_ref(v->holder);
	processes_unref(set->procs, found);
	processes_unref(set->procs, holder);
}

/* In no list any more, it is taken out of the tables and freed. */
void entry_free(struct alerts *set, struct entry *e)
{
	entry_forget_key(set, e);
	if (e->by_id.tbl)
		HASH_DELETE(by_id, set->by_id, e);
	area_release(set, e->area);
	processes_unref(set->procs, e->alert.v.found);
	processes_unref(set->procs, e->alert.v.holder);
	free(e);
}

void entry_clear_due(struct alerts *set, struct entry *e)
{
	if (e->due != DUE_NEVER)
		DL_DELETE2(set->due[e->due], e, prev_due, next_due);
	e->due = DUE_NEVER;
}

/* The wait of one kind is always the same, so that the list stays in order. */
void entry_set_due(struct alerts *set, struct entry *e, enum due due, uint64_t mono_ns)
{
	entry_clear_due(set, e);
	e->due = due;
	e->due_ns = mono_ns + (due == DUE_QUIET ? FLAP_WINDOW_NS : BLOCKED_QUIET_NS);
	DL_APPEND2(set->due[due], e, prev_due, next_due);
}

/* New alerts go to the end; one that came back is older than some that stand. */
static void insert_by_id(struct alerts *set, struct entry *e)
{
	struct entry *after = set->firing ? set->firing->prev : NULL;

	while (after && after->alert.id > e->alert.id)
		after = after == set->firing ? NULL : after->prev;
	if (after)
		DL_APPEND_ELEM(set->firing, after, e);
	else
		DL_PREPEND(set->firing, e);
}

/* Link @e as firing; the role is the only part that may want memory. */
int entry_link_firing(struct alerts *set, struct entry *e)
{
	e->role = get_role(set, e->alert.v.service);
	if (!e->role)
		return -ENOMEM;
	DL_APPEND2(e->role->firing, e, prev_of_role, next_of_role);
	DL_APPEND2(e->area->firing, e, prev_in_area, next_in_area);
	insert_by_id(set, e);
	set->n_firing++;
	set->n_firing_of[e->alert.v.kind]++;
	e->alert.firing = true;
	return 0;
}

void entry_unlink_firing(struct alerts *set, struct entry *e)
{
	entry_clear_due(set, e);
	DL_DELETE2(e->role->firing, e, prev_of_role, next_of_role);
	drop_role_if_empty(set, e->role);
	e->role = NULL;
	DL_DELETE2(e->area->firing, e, prev_in_area, next_in_area);
	DL_DELETE(set->firing, e);
	set->n_firing--;
	set->n_firing_of[e->alert.v.kind]--;
	e->alert.firing = false;
}

struct entry *entry_new(struct alerts *set, struct area *area, const struct key *key)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	memcpy(&e->key, key, sizeof(e->key)); /* with its padding, which is compared */
	e->area = area;
	area->uses++;
	e->alert.id = set->last_id + 1;
	e->alert.scope = area->scope;
	HASH_ADD(by_id, set->by_id, alert.id, sizeof(e->alert.id), e);
	if (e->by_id.tbl)
		HASH_ADD(by_key, set->by_key, key, sizeof(e->key), e);
	e->keyed = e->by_id.tbl && e->by_key.tbl;
	if (!e->keyed) {
		entry_free(set, e);
		return NULL;
	}
	return e;
}
