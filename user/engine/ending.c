// SPDX-License-Identifier: GPL-2.0-only
/* Processes that portwatch itself is about to end: that they go is no news. */
#include "engine/internal.h"

struct process *engine_process_of(struct engine *engine, const struct snapshot_row *row)
{
	struct process *p = who_seen(engine, row, NULL);

	who_complete(engine, p);
	return p;
}

/* Of a service; an allocation's owner stays, since its end is what gives the port back.
 */
static struct service_state *recorded_service(const struct process *p)
{
	struct service_state *state = p->recorded_in;

	while (state && !state->service)
		state = state->next_recorded;
	return state;
}

void engine_ending(struct engine *engine, struct process *p)
{
	struct service_state *state;

	p->ending = true;
	evaluate_defer(engine);
	while ((state = recorded_service(p))) {
		service_state_record(engine->procs, state, NULL, 0);
		evaluate_state(state, engine);
	}
	evaluate_flush(engine);
}

void engine_spared(struct engine *engine, struct process *p)
{
	p->ending = false;
	if (p->exited)
		return;
	evaluate_defer(engine);
	for (struct socket *s = sockets_of(engine->sockets, p); s; s = s->next_of_owner)
		evaluate_put(engine, s);
	evaluate_flush(engine);
}
