// SPDX-License-Identifier: GPL-2.0-only
/*
 * From nothing to a table that is right, and to one that stays right.
 */
#include "engine/internal.h"

#include <errno.h>

/* A table this young is as good as another walk. */
#define FRESH_NS (50 * NS_PER_MS)
#define DRAIN_NS (100 * NS_PER_MS)
#define KEEP_UP_NS (25 * NS_PER_MS)

static void look_at_host(struct engine *e)
{
	e->host_known = true;
	e->world.own_netns = procfs_own_netns();
	e->unprivileged_port = procfs_unprivileged_port();
	if (procfs_port_range(&e->world.ephemeral) < 0)
		e->world.ephemeral = (struct port_range){ 0 };
	if (procfs_reserved_ports(e->reserved_ports) >= 0)
		e->world.reserved_ports = e->reserved_ports;
}

static void know_host(struct engine *e)
{
	if (!e->host_known)
		look_at_host(e);
}

void engine_refresh_host(struct engine *engine)
{
	look_at_host(engine);
}

/* The first walk, or another of an engine that only walks. */
static int walk_now(struct engine *e, enum engine_need have, bool polling)
{
	enum engine_need had = e->have;
	bool was_polling = e->polling;
	int err;

	know_host(e);
	/* What the walk finds is evaluated and watched as of the state to come. */
	e->have = have;
	e->polling = polling;
	slots_resolve(e);
	engine_set_cause(e, SOURCE_SNAPSHOT, 0, 0);
	evaluate_defer(e);
	err = heal_now(e, had == ENGINE_NEEDS_NOTHING ? HEAL_INITIAL : 0, NULL);
	if (err < 0) {
		e->have = had;
		e->polling = was_polling;
	} else if (had == ENGINE_NEEDS_NOTHING) {
		evaluate_all(e);
	}
	evaluate_flush(e);
	engine_set_cause(e, SOURCE_DAEMON, 0, 0);
	return err;
}

/* Whoever asks after a bind has returned is to find it in the table; in a storm the
 * answer does not wait for what happens meanwhile. */
static int keep_up(struct engine *e)
{
	uint64_t written = probe_written(e->probe);
	uint64_t until_ns;

	if (!engine_is_told(e) || probe_taken(e->probe) >= written)
		return 0;
	until_ns = now_mono_ns() + KEEP_UP_NS;
	do {
		engine_dispatch(e);
	} while (probe_taken(e->probe) < written && now_mono_ns() < until_ns);
	return 0;
}

static int need_snapshot(struct engine *e)
{
	if (e->have == ENGINE_NEEDS_EVENTS)
		return keep_up(e);
	return walk_now(e, ENGINE_NEEDS_SNAPSHOT, false);
}

/* What happened between attaching and the walk. */
static void catch_up(struct engine *e)
{
	uint64_t until_ns = now_mono_ns() + DRAIN_NS;

	while (engine_dispatch(e) && now_mono_ns() < until_ns)
		;
}

/* Owners that were found when nobody could be watched yet. */
static int watch_owner(struct socket *sock, void *arg)
{
	struct engine *e = arg;

	if (sock->owner && sockets_of(e->sockets, sock->owner) == sock)
		who_watch(e, sock->owner);
	return 0;
}

static int need_events(struct engine *e)
{
	bool had_some = e->have != ENGINE_NEEDS_NOTHING;
	bool polling;
	int err;

	if (e->have == ENGINE_NEEDS_EVENTS)
		return keep_up(e);
	err = probe_start(e->probe);
	if (err < 0 && err != -EOPNOTSUPP)
		return err;
	polling = err == -EOPNOTSUPP;
	err = walk_now(e, ENGINE_NEEDS_EVENTS, polling);
	if (err < 0)
		return err;
	slots_watch_ports(e);
	if (had_some)
		sockets_each(e->sockets, watch_owner, e);
	if (polling)
		heal_poll(e);
	else
		catch_up(e);
	return 0;
}

int engine_need(struct engine *engine, enum engine_need need)
{
	switch (need) {
	case ENGINE_NEEDS_NOTHING:
		return 0;
	case ENGINE_NEEDS_SNAPSHOT:
		return need_snapshot(engine);
	case ENGINE_NEEDS_EVENTS:
		return need_events(engine);
	}
	return -EINVAL;
}

const char *engine_missing_capability(const struct engine *engine)
{
	return probe_missing_capability(engine->probe);
}

int engine_refresh_holders(struct engine *engine)
{
	uint64_t ended_ns = engine->healing.ended_ns;

	/* One that does not hear of changes has just walked for this request. */
	if (!engine_is_told(engine) && ended_ns != 0 &&
	    now_mono_ns() - ended_ns < FRESH_NS)
		return 0;
	return heal_now(engine, HEAL_KNOWN_ONLY, NULL);
}
