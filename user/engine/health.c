// SPDX-License-Identifier: GPL-2.0-only
/* What checks found of services and allocations, and what follows from it. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

static struct slot *find(struct engine *e, const struct checked *who)
{
	const struct service *svc;
	struct slot *slot;

	if (who->port == 0) {
		svc = registry_find(e->registry, who->service);
		return svc ? &e->slots.services[svc->index] : NULL;
	}
	slot = slots_find(&e->slots, who->proto, who->port);
	return slot && streq(slot->state->allocation->service_name, who->service) ? slot
										  : NULL;
}

static void forget(struct service_state *state)
{
	state->health = HEALTH_UNKNOWN;
	state->health_since_ns = 0;
	free(take(state->health_reason));
}

void health_follow(struct engine *e, struct slot *slot)
{
	struct service_state *state = slot->state;

	if (state->health != HEALTH_UNKNOWN && !matcher_serving_socket(&e->world, state))
		forget(state);
}

static int keep(struct service_state *state, enum health_state health, const char *reason)
{
	char *copy = reason ? strdup(reason) : NULL;

	if (reason && !copy)
		return -ENOMEM;
	free(state->health_reason);
	state->health_reason = copy;
	state->health = health;
	state->health_since_ns = now_wall_ns();
	return 0;
}

int engine_set_health(struct engine *engine, const struct checked *who,
		      enum health_state health, const char *reason)
{
	struct slot *slot = find(engine, who);
	int err;

	if (!slot)
		return -ENOENT;
	if (slot->state->health == health)
		return 0;
	if (health == HEALTH_UNKNOWN) {
		forget(slot->state);
	} else if (!matcher_serving_socket(&engine->world, slot->state)) {
		return -ENOENT;
	} else {
		err = keep(slot->state, health, reason);
		if (err < 0)
			return err;
	}
	/* The answer that decided it came just now. */
	engine_set_cause(engine, SOURCE_DAEMON, now_mono_ns(), 0);
	if (health != HEALTH_UNKNOWN && slot->state->service)
		publish_service(engine,
				health == HEALTH_HEALTHY ? EVENT_SERVICE_HEALTHY
							 : EVENT_SERVICE_UNHEALTHY,
				slot, reason);
	evaluate_slot(engine, slot);
	engine_set_cause(engine, SOURCE_DAEMON, 0, 0);
	return 1;
}

void engine_check_failed(struct engine *engine, const struct checked *who)
{
	struct slot *slot = find(engine, who);
	struct allocation *alloc;

	if (!slot)
		return;
	if (slot->state->service) {
		slot->state->error_count++;
		return;
	}
	alloc = registry_find_allocation(engine->registry, who->proto, who->port);
	if (alloc)
		alloc->error_count++;
}

const struct service_state *engine_state_of(struct engine *engine,
					    const struct checked *who)
{
	struct slot *slot = find(engine, who);

	return slot ? slot->state : NULL;
}
