// SPDX-License-Identifier: GPL-2.0-only
/*
 * Outgoing connections that sit on ports which the registry names.  Bounded: one is
 * enough for the alert, and what is past the bound is not remembered.
 */
#include "engine/internal.h"

static size_t find(const struct engine *e, uint64_t cookie)
{
	size_t i;

	for (i = 0; i < e->world.n_outgoing && e->outgoing[i].cookie != cookie;)
		i++;
	return i;
}

void outgoing_add(struct engine *e, const struct fact *fact)
{
	struct process *p;

	if (e->world.n_outgoing == OUTGOING_MAX ||
	    find(e, fact->cookie) < e->world.n_outgoing)
		return;
	p = who_is(e, fact->caller, fact->uid);
	who_complete(e, p);
	e->outgoing[e->world.n_outgoing++] = (struct outgoing){
		.cookie = fact->cookie,
		.at = fact->at,
		.process = p ? processes_ref(p) : NULL,
	};
	evaluate_port(e, &fact->at);
}

void outgoing_remove(struct engine *e, uint64_t cookie)
{
	size_t i = find(e, cookie);
	struct outgoing gone;

	if (i == e->world.n_outgoing)
		return;
	gone = e->outgoing[i];
	e->outgoing[i] = e->outgoing[--e->world.n_outgoing];
	evaluate_port(e, &gone.at);
	if (gone.process)
		processes_unref(e->procs, gone.process);
}

void outgoing_done(struct engine *e)
{
	for (size_t i = 0; i < e->world.n_outgoing; i++)
		processes_unref(e->procs, e->outgoing[i].process);
	e->world.n_outgoing = 0;
}
