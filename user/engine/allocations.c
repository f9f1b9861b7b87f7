// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports that are handed out and given back while the registry stays, and who has them:
 * whoever binds the port, as the kernel tells it, whichever process was announced.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"

static struct endpoint place_of(const struct engine *e, uint16_t proto, uint16_t port)
{
	return (struct endpoint){ .netns = e->world.own_netns,
				  .proto = proto,
				  .port = port };
}

/* What was bound before, and whether the port is right as it is. */
static void look_at_port(struct engine *e, uint16_t proto, uint16_t port)
{
	struct endpoint at = place_of(e, proto, port);
	struct socket *next;

	for (struct socket *s = sockets_at(e->sockets, at.netns, proto, port); s;
	     s = next) {
		next = s->next_in_port;
		evaluate_put(e, s);
	}
	evaluate_port(e, &at);
}

/* Only these ports make a difference to what the registry alone says. */
static bool is_said_by_registry(const struct engine *e, uint16_t proto, uint16_t port)
{
	const struct port_range *range = &e->world.ephemeral;
	const struct claim *const *claims;

	return (port >= range->low && port <= range->high) ||
	       registry_claims_at(e->registry, proto, port, &claims) > 0;
}

static void look_again(struct engine *e, uint16_t proto, uint16_t port)
{
	if (e->have == ENGINE_NEEDS_NOTHING)
		return;
	look_at_port(e, proto, port);
	if (is_said_by_registry(e, proto, port))
		evaluate_registry(e);
	slots_watch_ports(e);
}

int engine_allocate(struct engine *engine, struct allocation *alloc)
{
	uint16_t proto = alloc->proto, port = alloc->port;
	struct slot *slot;
	int err = registry_add_allocation(engine->registry, alloc);

	if (err < 0)
		return err;
	err = slots_add(&engine->slots, alloc, &slot);
	if (err < 0) {
		registry_remove_allocation(engine->registry, port, proto);
		return err;
	}
	engine_set_cause(engine, SOURCE_DAEMON, 0, 0);
	publish_allocation(engine, EVENT_ALLOCATION_CREATED, alloc);
	evaluate_defer(engine);
	if (engine->have != ENGINE_NEEDS_NOTHING)
		slots_verify_allocation(engine, slot);
	evaluate_slot(engine, slot);
	look_again(engine, proto, port);
	evaluate_flush(engine);
	return 0;
}

int engine_release(struct engine *engine, uint16_t proto, uint16_t port)
{
	struct slot *slot = slots_find(&engine->slots, proto, port);
	struct endpoint at = place_of(engine, proto, port);

	if (!slot)
		return -ENOENT;
	engine_set_cause(engine, SOURCE_DAEMON, 0, 0);
	publish_allocation(engine, EVENT_ALLOCATION_RELEASED, slot->state->allocation);
	if (engine->have != ENGINE_NEEDS_NOTHING)
		slot_retire(engine, slot);
	slots_remove(engine, slot);
	registry_remove_allocation(engine->registry, port, proto);
	evaluate_defer(engine);
	evaluate_port(engine, &at);
	look_again(engine, proto, port);
	evaluate_flush(engine);
	return 0;
}

bool engine_allocations_changed(struct engine *engine)
{
	bool changed = engine->allocations_changed;

	engine->allocations_changed = false;
	return changed;
}

void engine_allocation_written(struct engine *engine, uint16_t proto, uint16_t port)
{
	struct allocation *alloc =
		registry_find_allocation(engine->registry, proto, port);

	if (alloc)
		alloc->unwritten = false;
}

int engine_identify(struct engine *engine, pid_t pid, struct process_id *ret)
{
	_cleanup_(process_info_done) struct process_info info = { 0 };
	int err = engine->senses.read(pid, PROCFS_STAT, &info);

	if (err < 0)
		return err;
	if (!engine->senses.is_alive(info.id))
		return -ESRCH;
	*ret = info.id;
	return 0;
}

/* Where the registry has a service of that name, it says who that is. */
static bool is_of_service(const struct engine *e, const struct slot *slot,
			  const struct process *p)
{
	const struct allocation *alloc = slot->state->allocation;
	const struct service *svc = registry_find(e->registry, alloc->service_name);

	if (slot->state->recorded && process_same_family(p, slot->state->recorded))
		return true;
	return !svc || !service_can_recognise(svc) ||
	       matcher_is_service(&e->world, svc, p);
}

static bool may_claim(const struct engine *e, const struct slot *slot,
		      const struct socket *sock)
{
	const struct allocation *alloc = slot->state->allocation;
	const struct process *p = sock->owner;

	if (!alloc->managed || alloc->claimed_ns || !p || p->exited || p->ending)
		return false;
	/* Its own binds are tries whether a port is free. */
	if (p->info.id.pid == getpid())
		return false;
	if (sock->at.proto == IPPROTO_TCP && sock->state == SOCKET_CONNECTED)
		return false;
	return is_of_service(e, slot, p);
}

/* Who has the port now, as far as that is news. */
static void take_over(struct engine *e, struct slot *slot, const struct process *p)
{
	const struct allocation *known = slot->state->allocation;
	struct allocation *alloc =
		registry_find_allocation(e->registry, known->proto, known->port);
	const struct process_id *id = &p->info.id;

	if (!alloc || (alloc->claimed_ns && alloc->process.pid == id->pid &&
		       alloc->process.start_ticks == id->start_ticks))
		return;
	alloc->process = *id;
	if (!alloc->claimed_ns)
		alloc->claimed_ns = engine_wall_ns(e);
	alloc->unwritten = true;
	e->allocations_changed = true;
	publish_allocation(e, EVENT_ALLOCATION_CLAIMED, alloc);
}

void allocation_claim(struct engine *e, const struct socket *sock)
{
	struct slot *slot;

	if (sock->at.netns != e->world.own_netns)
		return;
	slot = slots_find(&e->slots, sock->at.proto, sock->at.port);
	if (!slot || !may_claim(e, slot, sock))
		return;
	service_state_record(e->procs, slot->state, sock->owner, engine_wall_ns(e));
	who_watch(e, sock->owner);
	take_over(e, slot, sock->owner);
}

static const char *health_of(const struct allocation *alloc, const struct verdicts *list)
{
	static const char *const names[ALERT_KINDS] = {
		[ALERT_DEAD_OWNER] = "dead",
		[ALERT_ORPHANED] = "orphaned",
		[ALERT_NOT_LISTENING] = "not_listening",
		[ALERT_UNHEALTHY] = "unhealthy",
	};

	for (size_t i = 0; i < list->count; i++)
		if (names[list->items[i].kind])
			return names[list->items[i].kind];
	return alloc->claimed_ns ? "active" : "pending";
}

static void set_health(struct engine *e, const struct allocation *known,
		       const struct verdicts *list)
{
	struct allocation *alloc =
		registry_find_allocation(e->registry, known->proto, known->port);
	const char *now = alloc ? health_of(alloc, list) : NULL;
	char *copy;

	if (!alloc || streq(alloc->health_status, now))
		return;
	copy = strdup(now);
	if (!copy)
		return;
	free(alloc->health_status);
	alloc->health_status = copy;
}

void allocation_follow(struct engine *e, struct slot *slot, const struct verdicts *list)
{
	const struct service_state *state = slot->state;

	if (!state->allocation->managed)
		return;
	if (state->recorded && state->recorded->exited)
		e->allocations_changed = true;
	else if (state->recorded && state->had_port)
		take_over(e, slot, state->recorded);
	set_health(e, state->allocation, list);
}
