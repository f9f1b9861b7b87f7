// SPDX-License-Identifier: GPL-2.0-only
#include "service/available.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "service/inuse.h"

enum {
	PORTS = 65536,
	/* So many more than are wanted are asked for together, then twice as many: the
	 * kernel walks its list as a whole for each question. */
	SPARE = 16,
};

static void add_claims(const struct registry *reg, uint8_t *bitmap)
{
	const struct allocation *alloc;

	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct service *svc = registry_service(reg, i);

		for (size_t k = 0; !svc->netns && k < svc->n_claims; k++)
			port_set(bitmap, svc->claims[k].at.port);
	}
	for (size_t i = 0; (alloc = registry_allocation(reg, i)); i++)
		port_set(bitmap, alloc->port);
}

static bool is_bound(const struct world *world, uint16_t port)
{
	return sockets_at(world->sockets, world->own_netns, IPPROTO_TCP, port) ||
	       sockets_at(world->sockets, world->own_netns, IPPROTO_UDP, port);
}

/* The next @max candidates from *at on, which moves behind them. */
static size_t gather(const struct world *world, const uint8_t *closed, unsigned *at,
		     unsigned high, size_t max, uint16_t *ret)
{
	size_t n = 0;

	for (; *at <= high && n < max; (*at)++)
		if (!port_is_set(closed, *at) && !is_bound(world, (uint16_t)*at))
			ret[n++] = (uint16_t)*at;
	return n;
}

int available_find(struct engine *engine, uint16_t low, uint16_t high, size_t max,
		   uint16_t *ret)
{
	const struct world *world = engine_world(engine);
	_cleanup_(freep) uint16_t *candidates = calloc(PORTS, sizeof(*candidates));
	uint8_t closed[PORT_BITMAP] = { 0 }, used[PORT_BITMAP] = { 0 };
	size_t count = 0, spare = SPARE, n;
	unsigned at = low;
	int err;

	if (!candidates)
		return -ENOMEM;
	engine_refresh_host(engine);
	if (world->reserved_ports)
		memcpy(closed, world->reserved_ports, sizeof(closed));
	add_claims(world->registry, closed);
	for (; count < max; spare *= 2) {
		n = gather(world, closed, &at, high, max - count + spare, candidates);
		if (n == 0)
			break;
		err = inuse_find(candidates[0], candidates[n - 1], 0, used);
		if (err < 0)
			return err;
		for (size_t i = 0; i < n && count < max; i++)
			if (!port_is_set(used, candidates[i]))
				ret[count++] = candidates[i];
	}
	return (int)count;
}

int available_is_taken(struct engine *engine, uint16_t port, uint16_t proto,
		       const struct service *but, struct available_taken *ret)
{
	const struct world *world = engine_world(engine);
	const struct socket *sock =
		sockets_at(world->sockets, world->own_netns, proto, port);
	uint8_t used[PORT_BITMAP] = { 0 };
	bool is_theirs = sock;
	int err;

	for (; sock; sock = sock->next_in_port) {
		if (but && engine_service_of(engine, sock) == but)
			continue;
		*ret = (struct available_taken){ sock };
		return 1;
	}
	/* Its own connections are on the port as well. */
	if (is_theirs)
		return 0;
	err = inuse_find(port, port, proto, used);
	if (err < 0)
		return err;
	if (!port_is_set(used, port))
		return 0;
	*ret = (struct available_taken){ NULL };
	return 1;
}
