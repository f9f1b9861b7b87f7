// SPDX-License-Identifier: GPL-2.0-only
/* How a service is: SPEC section 5. */
#include "core/matcher_private.h"

/* What @sock makes of its service: 3 it serves, 1 it is about to, 0 nothing. */
static unsigned rank_of(const struct socket *sock)
{
	if (sock->at.proto == IPPROTO_UDP)
		return sock->state == SOCKET_BOUND ? 2 : 1;
	if (sock->state == SOCKET_LISTENING)
		return 3;
	return sock->state == SOCKET_BOUND ? 1 : 0;
}

static bool serves(const struct socket *sock)
{
	return rank_of(sock) > 1;
}

const struct socket *own_socket(const struct world *world,
				const struct service_state *state)
{
	struct claimed_walk walk = { .world = world, .state = state };
	const struct socket *best = NULL, *sock;

	while ((sock = claimed_next(&walk))) {
		if (best && rank_of(sock) <= rank_of(best))
			continue;
		if (rank_of(sock) && socket_is_of_state(world, sock, state))
			best = sock;
	}
	return best;
}

const struct socket *matcher_service_socket(const struct world *world,
					    const struct service *svc)
{
	const struct service_state *st = state_of_service(world, svc);
	const struct service_state plain = { .service = svc };
	const struct socket *best = own_socket(world, st ? st : &plain);

	if (best || !svc->dynamic || !st || !st->recorded)
		return best;
	for (best = sockets_of(world->sockets, st->recorded); best;
	     best = best->next_of_owner)
		if (best->at.proto == IPPROTO_TCP && best->state == SOCKET_LISTENING)
			break;
	return best;
}

/* Does somebody sit on its port, or was it refused a port of its own? */
static bool is_in_conflict(const struct world *world, const struct service *svc,
			   const struct alerts *alerts)
{
	const struct alert *alert = NULL;

	while (alerts && (alert = alerts_next_of_service(alerts, svc->name, alert))) {
		if (alert->v.allocation)
			continue;
		if (alert->v.kind == ALERT_OCCUPIED)
			return true;
		if (alert->v.kind == ALERT_BLOCKED &&
		    matcher_is_service(world, svc, alert->v.found))
			return true;
	}
	return false;
}

const struct socket *matcher_serving_socket(const struct world *world,
					    const struct service_state *state)
{
	const struct socket *sock;

	if (state->service && !state->service->enabled)
		return NULL;
	sock = state->service ? matcher_service_socket(world, state->service)
			      : own_socket(world, state);
	return sock && serves(sock) ? sock : NULL;
}

enum service_status matcher_status(const struct world *world, const struct service *svc,
				   const struct alerts *alerts)
{
	const struct service_state *st = state_of_service(world, svc);
	const struct socket *sock;

	if (!svc->enabled)
		return STATUS_DISABLED;
	if (is_in_conflict(world, svc, alerts))
		return STATUS_CONFLICT;
	sock = matcher_service_socket(world, svc);
	if (sock && serves(sock))
		return st && st->health == HEALTH_UNHEALTHY ? STATUS_UNHEALTHY
							    : STATUS_RUNNING;
	if (sock)
		return STATUS_STARTING;
	if (st && st->launched && st->recorded && !st->recorded->exited && !st->had_port)
		return svc->n_claims ? STATUS_STARTING : STATUS_RUNNING;
	return STATUS_STOPPED;
}

const char *service_status_name(enum service_status status)
{
	static const char *const names[] = {
		[STATUS_RUNNING] = "running",     [STATUS_STARTING] = "starting",
		[STATUS_STOPPED] = "stopped",     [STATUS_CONFLICT] = "conflict",
		[STATUS_UNHEALTHY] = "unhealthy", [STATUS_DISABLED] = "disabled",
	};

	return (unsigned)status <= STATUS_DISABLED ? names[status] : "unknown";
}
