// SPDX-License-Identifier: GPL-2.0-only
/* Whether a service that was started listens: by the engine's table alone. */
#include "service/launch_private.h"

#include <string.h>

static bool is_below(const char *cgroup, const char *folder)
{
	size_t n = cgroup ? strlen(cgroup) : 0, m = folder ? strlen(folder) : 0;

	/* The kernel's path begins at the mount: it is the end of the folder's. */
	return n > 1 && m >= n && strcmp(folder + m - n, cgroup) == 0;
}

/* The main process, or one that descends from it or is in its cgroup. */
static bool is_of_unit(const struct unit *unit, const struct process *p)
{
	const struct process_id *id = &unit->process;

	if (!p || p->exited)
		return false;
	if (is_below(p->info.cgroup, unit->group.cgroup))
		return true;
	for (; p; p = p->parent)
		if (p->info.id.pid == id->pid &&
		    p->info.id.start_ticks == id->start_ticks)
			return true;
	return false;
}

static bool serves(const struct socket *sock)
{
	return sock->at.proto == IPPROTO_UDP ? sock->state == SOCKET_BOUND
					     : sock->state == SOCKET_LISTENING;
}

static bool has_socket(const struct unit *unit, const struct socket *sock)
{
	if (!serves(sock))
		return false;
	engine_complete_process(unit->launcher->engine, sock->owner);
	if (is_of_unit(unit, sock->owner))
		return true;
	for (size_t i = 0; i < sock->n_holders; i++)
		if (is_of_unit(unit, sock->holders[i]))
			return true;
	return false;
}

static bool has_claim(const struct unit *unit, const struct claim *claim, uint32_t netns)
{
	const struct world *world = engine_world(unit->launcher->engine);

	for (const struct socket *s =
		     sockets_at(world->sockets, netns, claim->at.proto, claim->at.port);
	     s; s = s->next_in_port)
		if (claim_covers(claim, &s->at, s->flags & SOCKET_V6ONLY,
				 world->own_netns) &&
		    has_socket(unit, s))
			return true;
	return false;
}

bool unit_is_listening(const struct unit *unit, const struct service *svc)
{
	struct engine *engine = unit->launcher->engine;
	uint32_t netns =
		svc->netns_inode ? svc->netns_inode : engine_world(engine)->own_netns;

	for (size_t i = 0; i < svc->n_claims; i++)
		if (!has_claim(unit, &svc->claims[i], netns))
			return false;
	return true;
}
