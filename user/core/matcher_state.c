// SPDX-License-Identifier: GPL-2.0-only
/* Who is recorded for a service or an allocation, as facts arrive. */
#include "core/matcher_private.h"

#include <errno.h>
#include <string.h>

static struct service_state **link_to(struct process *p, struct service_state *state)
{
	struct service_state **at = &p->recorded_in;

	while (*at && *at != state)
		at = &(*at)->next_recorded;
	return at;
}

static void forget(struct processes *procs, struct service_state *state)
{
	struct process *p = state->recorded;

	if (!p)
		return;
	*link_to(p, state) = state->next_recorded;
	state->next_recorded = NULL;
	state->recorded = NULL;
	processes_unref(procs, p);
}

void service_state_record(struct processes *procs, struct service_state *state,
			  struct process *p, uint64_t wall_ns)
{
	if (p && state->recorded == p)
		return;
	if (p)
		processes_ref(p);
	forget(procs, state);
	state->launched = false;
	state->had_port = false;
	state->settling = false;
	state->last_at = (struct endpoint){ 0 };
	state->n_held = 0;
	state->since_ns = p ? wall_ns : 0;
	if (!p)
		return;
	state->recorded = p;
	state->next_recorded = p->recorded_in;
	p->recorded_in = state;
}

void service_state_done(struct processes *procs, struct service_state *state)
{
	forget(procs, state);
	free(state->strays);
	free(state->health_reason);
	memset(state, 0, sizeof(*state));
}

void service_state_move(struct service_state *from, struct service_state *to)
{
	const struct service *service = to->service;
	const struct allocation *allocation = to->allocation;

	if (from->recorded)
		*link_to(from->recorded, from) = to;
	*to = *from;
	to->service = service;
	to->allocation = allocation;
	memset(from, 0, sizeof(*from));
}

bool state_held(const struct service_state *state, const struct socket *sock)
{
	for (unsigned i = 0; i < state->n_held; i++)
		if (state->held[i] == sock->cookie)
			return true;
	return false;
}

static void remember_held(struct service_state *state, const struct socket *sock)
{
	state->had_port = true;
	state->last_at = sock->at;
	/* A brother's socket is his own: he carries on with it. */
	if (!process_descends(sock->owner, state->recorded) &&
	    !is_holder(sock, state->recorded))
		return;
	if (state_held(state, sock))
		return;
	if (state->n_held == STATE_HELD_MAX) {
		memmove(state->held, state->held + 1,
			(STATE_HELD_MAX - 1) * sizeof(*state->held));
		state->n_held--;
	}
	state->held[state->n_held++] = sock->cookie;
}

static void prune_strays(const struct world *world, struct service_state *state)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < state->n_strays; i++)
		if (sockets_find(world->sockets, state->strays[i]))
			state->strays[kept++] = state->strays[i];
	state->n_strays = kept;
}

/* Past STATE_STRAYS_MAX the service has drifted enough to be told. */
static int remember_stray(const struct world *world, struct service_state *state,
			  const struct socket *sock)
{
	for (unsigned i = 0; i < state->n_strays; i++)
		if (state->strays[i] == sock->cookie)
			return 0;
	if (!state->strays) {
		state->strays = calloc(STATE_STRAYS_MAX, sizeof(*state->strays));
		if (!state->strays)
			return -ENOMEM;
	}
	if (state->n_strays == STATE_STRAYS_MAX)
		prune_strays(world, state);
	if (state->n_strays < STATE_STRAYS_MAX)
		state->strays[state->n_strays++] = sock->cookie;
	return 0;
}

/* Is @sock what the one recorded left to others, and not bound anew? */
static bool is_inherited(const struct service_state *state, const struct socket *sock)
{
	const struct process *dead = state->recorded;

	return state_held(state, sock) ||
	       (process_descends(sock->owner, dead) && sock->since_ns <= dead->exited_ns);
}

static bool recorded_holds(const struct world *world, const struct service_state *state)
{
	struct claimed_walk walk = { .world = world, .state = state };
	const struct socket *sock;

	while ((sock = claimed_next(&walk)))
		if (process_descends(sock->owner, state->recorded) ||
		    is_holder(sock, state->recorded))
			return true;
	return false;
}

/* Whom portwatch started, or an allocation names, stays recorded while it lives. */
static bool is_pinned(const struct service_state *state)
{
	return state->launched || (state->allocation && state->allocation->process.pid);
}

/* Portwatch is ending it, or what forked it a moment ago. */
static bool is_ending(const struct process *p)
{
	while (p && !p->ending)
		p = p->parent;
	return p;
}

/* The owner of @sock, who is the service, holds a port that is the service's. */
static void hold(const struct world *world, struct processes *procs,
		 struct service_state *state, const struct socket *sock, uint64_t wall_ns)
{
	struct process *p = sock->owner, *recorded = state->recorded;

	if (sock->at.proto == IPPROTO_TCP && sock->state == SOCKET_CONNECTED)
		return;
	if (p->exited || is_ending(p))
		return;
	if (recorded && recorded->exited && is_inherited(state, sock))
		return;
	if (!recorded || recorded->exited ||
	    (!process_same_family(p, recorded) && !is_pinned(state) &&
	     !recorded_holds(world, state)))
		service_state_record(procs, state, p, wall_ns);
	if (process_same_family(p, state->recorded))
		remember_held(state, sock);
}

static void observe_claims(const struct world *world, struct processes *procs,
			   const struct socket *sock, uint64_t wall_ns)
{
	const struct allocation *alloc = allocation_over(world, &sock->at);
	const struct claim *const *claims;
	struct service_state *st;
	size_t n = registry_claims_at(world->registry, sock->at.proto, sock->at.port,
				      &claims);

	for (size_t i = 0; i < n; i++) {
		st = state_of_service(world, claims[i]->service);
		if (st && claim_covers_socket(world, claims[i], sock) &&
		    matcher_is_service(world, claims[i]->service, sock->owner))
			hold(world, procs, st, sock, wall_ns);
	}
	st = alloc ? state_of_allocation(world, alloc) : NULL;
	if (st && allocation_is_process(world, alloc, sock->owner))
		hold(world, procs, st, sock, wall_ns);
}

int matcher_observe(const struct world *world, struct processes *procs,
		    const struct socket *sock, uint64_t wall_ns, state_touched_fn touched,
		    void *arg)
{
	const struct service *svc;
	struct service_state *st;
	int err = 0;

	if (sock->owner) {
		observe_claims(world, procs, sock, wall_ns);
		svc = matcher_service_of(world, sock->owner, &sock->at, is_v6only(sock));
		st = svc ? state_of_service(world, svc) : NULL;
		if (st && is_stray(world, svc, sock))
			err = remember_stray(world, st, sock);
		else if (st && !svc->n_claims && sock->state == SOCKET_LISTENING)
			hold(world, procs, st, sock, wall_ns);
	}
	matcher_touched(world, sock, touched, arg);
	return err;
}

void matcher_touched(const struct world *world, const struct socket *sock,
		     state_touched_fn touched, void *arg)
{
	const struct allocation *alloc = allocation_over(world, &sock->at);
	const struct claim *const *claims;
	const struct service *svc;
	struct service_state *st;
	size_t n = registry_claims_at(world->registry, sock->at.proto, sock->at.port,
				      &claims);

	for (size_t i = 0; i < n && world->services; i++)
		if (claim_covers_socket(world, claims[i], sock))
			touched(state_of_service(world, claims[i]->service), arg);
	st = alloc ? state_of_allocation(world, alloc) : NULL;
	if (st)
		touched(st, arg);
	if (!sock->owner)
		return;
	for (st = sock->owner->recorded_in; st; st = st->next_recorded)
		touched(st, arg);
	svc = matcher_service_of(world, sock->owner, &sock->at, is_v6only(sock));
	st = svc ? state_of_service(world, svc) : NULL;
	if (st)
		touched(st, arg);
}

void matcher_exited(struct process *p, state_touched_fn touched, void *arg)
{
	for (struct service_state *st = p->recorded_in; st; st = st->next_recorded) {
		st->settling = true;
		touched(st, arg);
	}
}

/* Both daemon(3) and a double fork end in a session that is not the parent's. */
static bool has_left_session(const struct process *child, const struct process *parent)
{
	pid_t sid = child->info.sid;

	return sid && (sid == child->info.id.pid ||
		       (parent->info.sid && sid != parent->info.sid));
}

static bool is_heir(const struct world *world, const struct service_state *state,
		    const struct socket *sock, const struct process *p)
{
	const struct process *dead = state->recorded;
	bool descends;

	if (!p || p->exited || is_ending(p) || !state_is_process(world, state, p))
		return false;
	descends = process_descends(p, dead);
	if (!descends && !state_held(state, sock))
		return true;
	return dead->status == 0 && has_left_session(p, dead);
}

struct process *matcher_heir(const struct world *world, const struct service_state *state)
{
	struct claimed_walk walk = { .world = world, .state = state };
	struct socket *sock;

	if (!state->recorded || !state->recorded->exited)
		return NULL;
	while ((sock = claimed_next(&walk))) {
		if (is_heir(world, state, sock, sock->owner))
			return sock->owner;
		for (size_t i = 0; i < sock->n_holders; i++)
			if (is_heir(world, state, sock, sock->holders[i]))
				return sock->holders[i];
	}
	return NULL;
}

void matcher_settle(const struct world *world, struct processes *procs,
		    struct service_state *state, uint64_t wall_ns)
{
	struct claimed_walk walk = { .world = world, .state = state };
	struct process *heir = matcher_heir(world, state);
	bool launched =
		heir && state->launched && process_descends(heir, state->recorded);
	const struct socket *sock;

	state->settling = false;
	if (!heir)
		return;
	service_state_record(procs, state, heir, wall_ns);
	state->launched = launched;
	while ((sock = claimed_next(&walk)))
		if (is_holder(sock, heir))
			remember_held(state, sock);
}
