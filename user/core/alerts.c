// SPDX-License-Identifier: GPL-2.0-only
#include "core/alerts.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "core/alert_index.h"

int alerts_new(struct processes *procs, alerts_changed_fn changed, void *arg,
	       struct alerts **ret)
{
	struct alerts *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->procs = procs;
	set->changed = changed;
	set->arg = arg;

	*ret = set;
	return 0;
}

static void tell(struct alerts *set, const struct entry *e)
{
	if (set->changed)
		set->changed(&e->alert, set->arg);
}

static void unlink_resolved(struct alerts *set, struct entry *e)
{
	DL_DELETE(set->resolved, e);
	set->n_resolved--;
}

static void resolve(struct alerts *set, struct entry *e, const struct alert_moment *now)
{
	entry_unlink_firing(set, e);
	e->alert.resolved_ns = now->wall_ns;
	e->resolved_ns = now->mono_ns;
	DL_PREPEND(set->resolved, e);
	set->n_resolved++;
	tell(set, e);

	if (set->n_resolved > ALERTS_RESOLVED_KEPT) {
		struct entry *oldest = set->resolved->prev;

		unlink_resolved(set, oldest);
		entry_free(set, oldest);
	}
}

/* What held @e up has gone: it resolves, at once or when it stays away. */
static void subside(struct alerts *set, struct entry *e, const struct alert_moment *now)
{
	if (!e->flapping)
		resolve(set, e, now);
	else if (e->due == DUE_NEVER ||
		 (e->due == DUE_BLOCKED && e->due_ns > now->mono_ns + FLAP_WINDOW_NS))
		entry_set_due(set, e, DUE_QUIET, now->mono_ns);
}

static uint64_t latency_us(const struct alert_moment *now)
{
	if (!now->event_mono_ns || now->mono_ns < now->event_mono_ns)
		return 0;
	return (now->mono_ns - now->event_mono_ns) / 1000;
}

static int fire(struct alerts *set, struct area *area, const struct key *key,
		const struct verdict *v, const struct alert_moment *now,
		struct entry **ret)
{
	struct entry *e;
	int err;

	if (set->n_firing >= ALERTS_MAX)
		return -ENOSPC;
	e = entry_new(set, area, key);
	if (!e)
		return -ENOMEM;
	entry_set_verdict(set, e, v);
	err = entry_link_firing(set, e);
	if (err < 0) {
		entry_free(set, e);
		return err;
	}

	set->last_id++;
	set->fired[v->kind]++;
	e->alert.severity = alert_kind_severity(v->kind);
	e->alert.since_ns = now->wall_ns;
	e->alert.latency_us = latency_us(now);
	*ret = e;
	return 1;
}

/* @e resolved a moment ago and stands again: told once, from here on it flaps. */
static int revive(struct alerts *set, struct entry *e, const struct verdict *v,
		  const struct alert_moment *now)
{
	int err;

	if (set->n_firing >= ALERTS_MAX)
		return -ENOSPC;
	unlink_resolved(set, e);
	err = entry_link_firing(set, e);
	if (err < 0) {
		entry_free(set, e);
		return err;
	}

	entry_set_verdict(set, e, v);
	e->flapping = true;
	e->alert.repeats++;
	e->alert.resolved_ns = 0;
	e->alert.latency_us = latency_us(now);
	return 1;
}

/* Make @v stand in @area.  1 where that has to be told, 0 where it stood; *ret is it. */
static int stand(struct alerts *set, struct area *area, const struct verdict *v,
		 const struct alert_moment *now, struct entry **ret)
{
	struct entry *e;
	struct key key;

	key_make(area, v, &key);
	e = entry_by_key(set, &key);
	if (e && !e->alert.firing && now->mono_ns - e->resolved_ns > FLAP_WINDOW_NS) {
		entry_forget_key(set, e);
		e = NULL;
	}
	if (!e)
		return fire(set, area, &key, v, now, ret);

	*ret = e;
	if (!e->alert.firing)
		return revive(set, e, v, now);
	entry_set_verdict(set, e, v);
	return 0;
}

static int keep_up(struct alerts *set, struct area *area, const struct verdict *v,
		   const struct alert_moment *now)
{
	struct entry *e;
	int rc = stand(set, area, v, now, &e);

	if (rc < 0)
		return rc;
	e->round = set->round;
	if (rc) {
		tell(set, e);
	} else if (e->due == DUE_QUIET) {
		entry_clear_due(set, e);
		e->alert.repeats++;
	}
	return 0;
}

int alerts_update(struct alerts *set, const struct alert_scope *scope,
		  const struct verdict *verdicts, size_t n,
		  const struct alert_moment *now)
{
	struct area *area = area_acquire(set, scope, n > 0);
	struct entry *e, *next;
	int err = 0;

	if (!area)
		return n ? -ENOMEM : 0;
	set->round++;

	for (size_t i = 0; i < n; i++) {
		int rc = 0;

		if (verdicts[i].kind != ALERT_BLOCKED)
			rc = keep_up(set, area, &verdicts[i], now);
		if (rc < 0)
			err = rc;
	}
	DL_FOREACH_SAFE2(area->firing, e, next, next_in_area)
	if (e->round != set->round && e->alert.v.kind != ALERT_BLOCKED)
		subside(set, e, now);

	area_release(set, area);
	return err;
}

static struct alert_scope scope_at(const struct endpoint *at)
{
	return (struct alert_scope){
		.kind = SCOPE_PORT,
		.netns = at->netns,
		.proto = at->proto,
		.port = at->port,
	};
}

int alerts_blocked(struct alerts *set, const struct verdict *verdict,
		   const struct alert_moment *now)
{
	struct alert_scope scope = scope_at(&verdict->at);
	struct area *area = area_acquire(set, &scope, true);
	struct entry *e;
	int rc;

	if (!area)
		return -ENOMEM;
	rc = stand(set, area, verdict, now, &e);
	area_release(set, area);
	if (rc < 0)
		return rc;

	entry_set_due(set, e, DUE_BLOCKED, now->mono_ns);
	if (rc)
		tell(set, e);
	else
		e->alert.repeats++;
	return 0;
}

void alerts_unblock(struct alerts *set, const struct endpoint *at,
		    bool (*ended)(const struct alert *alert, void *arg), void *arg,
		    const struct alert_moment *now)
{
	struct alert_scope scope = scope_at(at);
	struct area *area = area_acquire(set, &scope, false);
	struct entry *e, *next;

	if (!area)
		return;
	DL_FOREACH_SAFE2(area->firing, e, next, next_in_area)
	if (e->alert.v.kind == ALERT_BLOCKED && (!ended || ended(&e->alert, arg)))
		subside(set, e, now);
	area_release(set, area);
}

uint64_t alerts_deadline(const struct alerts *set)
{
	uint64_t deadline = 0;

	for (int due = DUE_NEVER + 1; due < DUE_KINDS; due++) {
		const struct entry *e = set->due[due];

		if (e && (!deadline || e->due_ns < deadline))
			deadline = e->due_ns;
	}
	return deadline;
}

void alerts_tick(struct alerts *set, const struct alert_moment *now)
{
	for (int due = DUE_NEVER + 1; due < DUE_KINDS; due++)
		while (set->due[due] && set->due[due]->due_ns <= now->mono_ns)
			resolve(set, set->due[due], now);
}

struct alerts *alerts_free(struct alerts *set)
{
	struct entry *e, *next;

	if (!set)
		return NULL;
	DL_FOREACH_SAFE(set->firing, e, next)
	{
		entry_unlink_firing(set, e);
		entry_free(set, e);
	}
	DL_FOREACH_SAFE(set->resolved, e, next)
	{
		unlink_resolved(set, e);
		entry_free(set, e);
	}
	free(set);
	return NULL;
}

const struct alert *alerts_next(const struct alerts *set, uint64_t *cursor)
{
	const struct entry *e = *cursor ? entry_by_id(set, *cursor) : NULL;

	if (e && e->alert.firing)
		e = e->next;
	else
		for (e = set->firing; e && e->alert.id <= *cursor; e = e->next)
			;
	if (!e)
		return NULL;
	*cursor = e->alert.id;
	return &e->alert;
}

const struct alert *alerts_next_resolved(const struct alerts *set, size_t *cursor)
{
	const struct entry *e = set->resolved;

	for (size_t i = 0; e && i < *cursor; i++)
		e = e->next;
	if (!e)
		return NULL;
	++*cursor;
	return &e->alert;
}

const struct alert *alerts_find(const struct alerts *set, uint64_t id)
{
	const struct entry *e = entry_by_id(set, id);

	return e ? &e->alert : NULL;
}

const struct alert *alerts_next_of_service(const struct alerts *set, const char *service,
					   const struct alert *after)
{
	/* The alert is the first member of its entry. */
	const struct entry *last = (const struct entry *)after;
	const struct role *role;

	if (last)
		return last->next_of_role ? &last->next_of_role->alert : NULL;
	role = role_find(set, service);
	return role ? &role->firing->alert : NULL;
}

const struct alert *alerts_of_service(const struct alerts *set, enum alert_kind kind,
				      const char *service)
{
	const struct alert *alert = NULL;

	while ((alert = alerts_next_of_service(set, service, alert)))
		if (alert->v.kind == kind)
			break;
	return alert;
}

size_t alerts_count(const struct alerts *set)
{
	return set->n_firing;
}

size_t alerts_count_kind(const struct alerts *set, enum alert_kind kind)
{
	return (unsigned)kind < ALERT_KINDS ? set->n_firing_of[kind] : 0;
}

uint64_t alerts_fired(const struct alerts *set, enum alert_kind kind)
{
	return (unsigned)kind < ALERT_KINDS ? set->fired[kind] : 0;
}
