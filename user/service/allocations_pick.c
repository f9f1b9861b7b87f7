// SPDX-License-Identifier: GPL-2.0-only
/* Which port may be handed out. */
#include "service/allocations_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "service/available.h"

/* -- Asking the kernel ----------------------------------------------------------------
 */

static bool can_bind(int family, int type, uint16_t port)
{
	_cleanup_(close_fdp) int fd = socket(family, type | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct sockaddr *at =
		family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;

	if (fd < 0) /* a kernel without IPv6 has nobody there */
		return true;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
	return bind(fd, at, family == AF_INET ? sizeof(v4) : sizeof(v6)) == 0 ||
	       errno != EADDRINUSE;
}

/*
 * A port from which outgoing connections are made may be taken at any moment, and the
 * list of the kernel is a moment old.  What is bound for a moment here is told by the
 * kernel, and is to have been heard before the port is somebody's.
 */
static bool is_free_this_moment(struct engine *engine, uint16_t port)
{
	const struct port_range *range = &engine_world(engine)->ephemeral;
	bool is_free;

	if (port < range->low || port > range->high)
		return true;
	is_free = can_bind(AF_INET, SOCK_STREAM, port) &&
		  can_bind(AF_INET6, SOCK_STREAM, port) &&
		  can_bind(AF_INET, SOCK_DGRAM, port) &&
		  can_bind(AF_INET6, SOCK_DGRAM, port);
	engine_dispatch(engine);
	return is_free;
}

/* -- Why not --------------------------------------------------------------------------
 */

static const struct service *find_claimant(const struct registry *reg, uint16_t port)
{
	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct service *svc = registry_service(reg, i);

		for (size_t k = 0; !svc->netns && k < svc->n_claims; k++)
			if (svc->claims[k].at.port == port)
				return svc;
	}
	return NULL;
}

static const struct allocation *find_allocation(const struct registry *reg, uint16_t port)
{
	const struct allocation *alloc = registry_allocation_at(reg, IPPROTO_TCP, port);

	return alloc ? alloc : registry_allocation_at(reg, IPPROTO_UDP, port);
}

static const struct socket *find_socket(const struct world *world, uint16_t port)
{
	const struct socket *sock =
		sockets_at(world->sockets, world->own_netns, IPPROTO_TCP, port);

	return sock ? sock
		    : sockets_at(world->sockets, world->own_netns, IPPROTO_UDP, port);
}

int allocations_explain(struct allocations *a, const struct allocation_wish *wish,
			uint16_t port, struct refusal *reterr)
{
	struct engine *engine = a->engine;
	const struct world *world = engine_world(engine);
	const struct allocation *alloc = find_allocation(world->registry, port);
	const struct service *svc =
		allocations_is_own(a, wish) ? NULL : find_claimant(world->registry, port);
	const struct socket *sock = find_socket(world, port);
	char who[160], at[ENDPOINT_TEXT];
	int err = -EADDRINUSE;

	if (alloc)
		return refuse(reterr, err, "Port %u is allocated to %s already", port,
			      alloc->service_name);
	if (svc)
		return refuse(reterr, err, "Port %u belongs to service %s", port,
			      svc->name);
	if (sock && sock->owner) {
		engine_complete_process(engine, sock->owner);
		return refuse(reterr, err, "Port %u is held by %s, on %s", port,
			      process_describe(sock->owner, who, sizeof(who)),
			      endpoint_format(&sock->at, at));
	}
	if (sock)
		return refuse(reterr, err, "Port %u is held, on %s", port,
			      endpoint_format(&sock->at, at));
	if (world->reserved_ports && world->reserved_ports[port / 8] & 1 << port % 8)
		return refuse(reterr, err,
			      "Port %u is reserved (net.ipv4.ip_local_reserved_ports)",
			      port);
	return refuse(reterr, err,
		      "Port %u is in use by a connection, or was a moment ago", port);
}

/* -- A service's own ------------------------------------------------------------------
 */

bool allocations_is_own(const struct allocations *a, const struct allocation_wish *wish)
{
	const struct registry *reg = engine_world(a->engine)->registry;
	const struct service *svc = registry_find(reg, wish->service_name);

	if (!svc || svc->netns || !wish->pid)
		return false;
	for (size_t i = 0; i < svc->n_claims; i++)
		if (svc->claims[i].at.port == wish->port &&
		    svc->claims[i].at.proto == wish->proto)
			return true;
	return false;
}

/* Connections do not keep a server from its port, TIME_WAIT included. */
bool allocations_own_is_free(const struct allocations *a,
			     const struct allocation_wish *wish)
{
	const struct world *world = engine_world(a->engine);
	const struct socket *sock =
		sockets_at(world->sockets, world->own_netns, wish->proto, wish->port);

	while (sock && sock->at.proto == IPPROTO_TCP && sock->state == SOCKET_CONNECTED)
		sock = sock->next_in_port;
	return !sock && !find_allocation(world->registry, wish->port);
}

/* -- Choosing -------------------------------------------------------------------------
 */

void picking_done(struct picking *picking)
{
	free(picking->found);
	picking->found = NULL;
}

static int pick_own(struct allocations *a, struct picking *picking,
		    const struct allocation_wish *wish, uint16_t *ret,
		    struct refusal *reterr)
{
	if (port_is_set(picking->taken, wish->port))
		return refuse(reterr, -EADDRINUSE,
			      "Port %u is being allocated to another", wish->port);
	if (!allocations_own_is_free(a, wish))
		return allocations_explain(a, wish, wish->port, reterr);
	port_set(picking->taken, wish->port);
	*ret = wish->port;
	return 0;
}

static int pick_this(struct allocations *a, struct picking *picking,
		     const struct allocation_wish *wish, uint16_t *ret,
		     struct refusal *reterr)
{
	uint16_t port = wish->port;
	const struct registry *reg = engine_world(a->engine)->registry;
	const struct settings *settings = registry_get_settings(reg);
	uint16_t found;
	int n;

	if (!registry_is_managed(reg, port))
		return refuse(reterr, -ERANGE,
			      "Port %u is not of the managed range, %u-%u", port,
			      settings->port_low, settings->port_high);
	if (port_is_set(picking->taken, port))
		return refuse(reterr, -EADDRINUSE,
			      "Port %u is being allocated to another", port);
	n = available_find(a->engine, port, port, 1, &found);
	if (n < 0)
		return refuse(reterr, n, "Cannot ask the kernel who is on port %u: %s",
			      port, strerror(-n));
	if (n == 0 || !is_free_this_moment(a->engine, port))
		return allocations_explain(a, wish, port, reterr);
	port_set(picking->taken, port);
	*ret = port;
	return 0;
}

/* All that are free, asked for once: the kernel walks its list as a whole. */
static int find_all(struct allocations *a, uint16_t **ret)
{
	const struct settings *settings =
		registry_get_settings(engine_world(a->engine)->registry);
	size_t total = settings->port_high - settings->port_low + 1u;
	_cleanup_(freep) uint16_t *found = calloc(total, sizeof(*found));
	int n = found ? available_find(a->engine, settings->port_low, settings->port_high,
				       total, found)
		      : -ENOMEM;

	if (n >= 0)
		*ret = take(found);
	return n;
}

int allocations_look_again(struct allocations *a, uint8_t *bitmap)
{
	_cleanup_(freep) uint16_t *found = NULL;
	int n = find_all(a, &found);

	for (int i = 0; i < n; i++)
		port_set(bitmap, found[i]);
	return n < 0 ? n : 0;
}

int allocations_pick(struct allocations *a, struct picking *picking,
		     const struct allocation_wish *wish, uint16_t *ret,
		     struct refusal *reterr)
{
	const struct settings *settings;
	int n;

	if (allocations_is_own(a, wish))
		return pick_own(a, picking, wish, ret, reterr);
	if (wish->port)
		return pick_this(a, picking, wish, ret, reterr);
	if (!picking->found) {
		n = find_all(a, &picking->found);
		if (n < 0)
			return refuse(reterr, n,
				      "Cannot ask the kernel which ports are free: %s",
				      strerror(-n));
		picking->n = (size_t)n;
	}
	while (picking->next < picking->n) {
		uint16_t port = picking->found[picking->next++];

		if (port_is_set(picking->taken, port) ||
		    !is_free_this_moment(a->engine, port))
			continue;
		port_set(picking->taken, port);
		*ret = port;
		return 0;
	}
	settings = registry_get_settings(engine_world(a->engine)->registry);
	return refuse(reterr, -EADDRNOTAVAIL,
		      "No port of the managed range, %u-%u, is free", settings->port_low,
		      settings->port_high);
}

static bool is_available(const struct world *world, unsigned port)
{
	if (world->reserved_ports && world->reserved_ports[port / 8] & 1 << port % 8)
		return false;
	return !find_allocation(world->registry, (uint16_t)port) &&
	       !find_socket(world, (uint16_t)port);
}

void allocations_summary(const struct engine *engine, struct allocations_summary *ret)
{
	const struct world *world = engine_world(engine);
	const struct registry *reg = world->registry;
	const struct settings *settings = registry_get_settings(reg);
	uint8_t claimed[65536 / 8] = { 0 };
	const struct allocation *alloc;

	*ret = (struct allocations_summary){
		.low = settings->port_low,
		.high = settings->port_high,
		.total = settings->port_high - settings->port_low + 1u,
	};
	for (size_t i = 0; (alloc = registry_allocation(reg, i)); i++)
		ret->allocated += registry_is_managed(reg, alloc->port);
	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct service *svc = registry_service(reg, i);

		for (size_t k = 0; !svc->netns && k < svc->n_claims; k++)
			claimed[svc->claims[k].at.port / 8] |=
				(uint8_t)(1 << svc->claims[k].at.port % 8);
	}
	for (unsigned port = ret->low; port <= ret->high; port++)
		ret->available +=
			!(claimed[port / 8] & 1 << port % 8) && is_available(world, port);
}
