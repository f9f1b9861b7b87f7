// SPDX-License-Identifier: GPL-2.0-only
/* Processes that portwatch itself started: the strongest thing known of a service. */
#include "engine/internal.h"

#include <errno.h>

static struct slot *find_slot(struct engine *e, const char *name)
{
	const struct service *svc = registry_find(e->registry, name);

	return svc ? &e->slots.services[svc->index] : NULL;
}

/* It, or a child of it, may have been quicker than the word of its start. */
static void look_at_ports(struct engine *e, const struct service *svc)
{
	for (size_t i = 0; i < svc->n_claims; i++) {
		const struct endpoint *at = &svc->claims[i].at;
		struct socket *next;

		for (struct socket *s = sockets_at(e->sockets, e->world.own_netns,
						   at->proto, at->port);
		     s; s = next) {
			next = s->next_in_port;
			evaluate_put(e, s);
		}
	}
}

int engine_launched(struct engine *engine, const char *name, struct process_id id)
{
	struct slot *slot = find_slot(engine, name);
	struct process *p;

	if (!slot)
		return -ENOENT;
	p = who_is(engine, id, (uid_t)-1);
	if (!p)
		return -ESRCH;
	processes_ref(p);
	evaluate_defer(engine);
	service_state_record(engine->procs, slot->state, p, engine_wall_ns(engine));
	slot->state->launched = true;
	who_watch(engine, p);
	for (struct socket *s = sockets_of(engine->sockets, p); s; s = s->next_of_owner)
		evaluate_put(engine, s);
	look_at_ports(engine, slot->state->service);
	evaluate_slot(engine, slot);
	evaluate_flush(engine);
	processes_unref(engine->procs, p);
	return 0;
}

void engine_tell_service(struct engine *engine, const char *name, enum event_type type,
			 const char *reason)
{
	const struct slot *slot = find_slot(engine, name);

	if (slot)
		publish_service(engine, type, slot, reason);
}

void engine_set_restarts(struct engine *engine, const char *name, uint32_t restarts)
{
	struct slot *slot = find_slot(engine, name);

	if (slot)
		slot->state->restarts = restarts;
}
