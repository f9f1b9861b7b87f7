// SPDX-License-Identifier: GPL-2.0-only
/*
 * What should stand for one service or allocation: whether whom it records lives, and
 * whether the port is held.
 *
 * Of dead_owner, orphaned and not_listening at most one stands.
 */
#include "core/matcher_private.h"

#include <errno.h>
#include <string.h>

static const char *name_of(const struct service_state *state)
{
	return state->allocation ? state->allocation->service_name : state->service->name;
}

/* Where it last held its port, else where it should; port 0 where it has none. */
static struct endpoint place_of(const struct world *world,
				const struct service_state *state)
{
	if (state->allocation)
		return allocation_endpoint(world, state->allocation);
	if (state->last_at.port)
		return state->last_at;
	if (state->service->n_claims)
		return claim_endpoint(world, &state->service->claims[0]);
	return (struct endpoint){
		.netns = world->own_netns,
		.family = AF_INET,
		.proto = IPPROTO_TCP,
	};
}

/*
 * A socket on its port that outlived the one recorded, with somebody who holds it: one
 * that it had, or one of a process of its family.
 */
static const struct socket *find_survivor(const struct world *world,
					  const struct service_state *state)
{
	struct claimed_walk walk = { .world = world, .state = state };
	const struct socket *sock;

	while ((sock = claimed_next(&walk))) {
		const struct process *holder = living_holder(sock);

		if (holder && (state_held(state, sock) ||
			       process_same_family(holder, state->recorded)))
			return sock;
	}
	return NULL;
}

static struct verdict *begin(const struct service_state *state, enum alert_kind kind,
			     const struct endpoint *at, struct verdicts *list)
{
	struct verdict *v = verdict_add(list, kind, at, name_of(state));

	if (!v)
		return NULL;
	v->allocation = state->allocation;
	verdict_expect(v, name_of(state));
	return v;
}

/* What brings a port back: another start, or giving the allocation up. */
static void fix_by_restart(const struct service_state *state, struct verdict *v)
{
	char target[PLACE_SIZE];

	if (state->allocation)
		verdict_fix(v, "portwatch release %s", say_target(&v->at, target));
	else if (state->service->startup_cmd || state->service->startup_argv)
		verdict_fix(v, "portwatch restart %s", state->service->name);
	else if (v->at.port)
		verdict_fix(v, "portwatch why %s", say_target(&v->at, target));
	else
		verdict_fix(v, "portwatch check %s", state->service->name);
}

/* " on port 8765 (tcp)"; "" for a service without. */
static const char *say_place(const struct world *world, const struct endpoint *at,
			     char *buf)
{
	char port[PLACE_SIZE];

	buf[0] = '\0';
	if (at->port) {
		strcpy(buf, " on ");
		strcat(buf, say_port(world, at, port));
		buf[4] = 'p';
	}
	return buf;
}

static int say_orphaned(const struct world *world, const struct service_state *state,
			const struct socket *sock, struct verdicts *list)
{
	struct verdict *v = begin(state, ALERT_ORPHANED, &sock->at, list);
	char port[PLACE_SIZE], dead[PHRASE_SIZE], child[PHRASE_SIZE], why[PLACE_SIZE],
		words[PHRASE_SIZE], target[PLACE_SIZE];

	if (!v)
		return -ENOMEM;
	v->cookie = sock->cookie;
	v->found = living_holder(sock);
	verdict_say(v, "%s of %s is orphaned: %s has gone (%s), yet %s still holds it%s",
		    say_port(world, &sock->at, port), v->service,
		    say_process(state->recorded, dead), say_exit(state->recorded, why),
		    say_process(v->found, child), say_cmdline(v->found, words));
	if (sock->at.netns == world->own_netns)
		verdict_fix(v, "portwatch kill %s", say_target(&sock->at, target));
	else
		verdict_fix(v, "portwatch kill pid:%d", v->found->info.id.pid);
	return 0;
}

static int say_dead(const struct world *world, const struct service_state *state,
		    struct verdicts *list)
{
	const struct endpoint at = place_of(world, state);
	struct verdict *v = begin(state, ALERT_DEAD_OWNER, &at, list);
	char place[2 * PLACE_SIZE], dead[PHRASE_SIZE], why[PLACE_SIZE],
		words[PHRASE_SIZE];

	if (!v)
		return -ENOMEM;
	v->found = state->recorded;
	verdict_say(v, "%s%s has lost its process: %s has gone (%s)%s", v->service,
		    say_place(world, &at, place), say_process(v->found, dead),
		    say_exit(v->found, why), say_cmdline(v->found, words));
	fix_by_restart(state, v);
	return 0;
}

static int say_silent(const struct world *world, const struct service_state *state,
		      struct verdicts *list)
{
	const struct endpoint at = place_of(world, state);
	struct verdict *v = begin(state, ALERT_NOT_LISTENING, &at, list);
	char place[2 * PLACE_SIZE], who[PHRASE_SIZE], words[PHRASE_SIZE];

	if (!v)
		return -ENOMEM;
	v->found = state->recorded;
	verdict_say(v, "%s no longer listens%s: %s lives but has released it%s",
		    v->service, say_place(world, &at, place), say_process(v->found, who),
		    say_cmdline(v->found, words));
	fix_by_restart(state, v);
	return 0;
}

/* What it held may be the port of an earlier registry: that was not released. */
static bool still_claims(const struct world *world, const struct service_state *state)
{
	return state->allocation || !state->service->n_claims ||
	       service_claims(world, state->service, &state->last_at, false);
}

/* Whoever started it gives the port back, or starts another. */
static bool is_kept(const struct service_state *state)
{
	return state->allocation && state->allocation->kept && state->recorded->parent &&
	       !state->recorded->parent->exited;
}

/* dead_owner, orphaned and not_listening of whom @state records. */
static int find_loss(const struct world *world, const struct service_state *state,
		     struct verdicts *list)
{
	const struct socket *sock;

	if (!state->recorded || (!state->had_port && !state->allocation))
		return 0;
	if (state->recorded->exited) {
		sock = find_survivor(world, state);
		if (sock)
			return say_orphaned(world, state, sock, list);
		return is_kept(state) ? 0 : say_dead(world, state, list);
	}
	if (!state->had_port || !still_claims(world, state) || own_socket(world, state))
		return 0;
	return say_silent(world, state, list);
}

static int find_unhealthy(const struct world *world, const struct service_state *state,
			  struct verdicts *list)
{
	const struct endpoint at = place_of(world, state);
	char place[2 * PLACE_SIZE];
	struct verdict *v;

	if (state->health != HEALTH_UNHEALTHY || !matcher_serving_socket(world, state))
		return 0;
	v = begin(state, ALERT_UNHEALTHY, &at, list);
	if (!v)
		return -ENOMEM;
	v->found = state->recorded;
	verdict_say(v, "%s%s is unhealthy: %s", v->service, say_place(world, &at, place),
		    state->health_reason ? state->health_reason : "its checks fail");
	fix_by_restart(state, v);
	return 0;
}

int matcher_service(const struct world *world, const struct service *svc,
		    struct verdicts *ret)
{
	const struct service_state *state = state_of_service(world, svc);
	int err;

	if (!svc->enabled || !state)
		return 0;
	err = find_loss(world, state, ret);
	if (!err)
		err = find_unhealthy(world, state, ret);
	if (!err && state->n_strays && !own_socket(world, state))
		err = matcher_drift(world, state, ret);
	return err;
}

int matcher_allocation(const struct world *world, const struct allocation *alloc,
		       struct verdicts *ret)
{
	const struct service_state *state = state_of_allocation(world, alloc);

	int err = state ? find_loss(world, state, ret) : 0;

	return state && !err ? find_unhealthy(world, state, ret) : err;
}
