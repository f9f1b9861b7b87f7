// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else has the port of a service that is to start. */
#include "service/launch_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "service/available.h"

enum { CLEAR_GRACE_MS = 10000 };

/* Does a bind by @claim meet @sock, which is not the service's own? */
static bool is_in_the_way(struct launcher *launcher, const struct service *svc,
			  const struct claim *claim, const struct socket *sock)
{
	uint32_t own_netns = engine_world(launcher->engine)->own_netns;

	if (sock->state == SOCKET_CONNECTED || svc->netns_inode)
		return false;
	return claim_covers(claim, &sock->at, sock->flags & SOCKET_V6ONLY, own_netns) &&
	       engine_service_of(launcher->engine, sock) != svc;
}

bool launch_find_conflict(struct launcher *launcher, const struct service *svc,
			  struct launch_conflict *ret)
{
	const struct world *world = engine_world(launcher->engine);

	for (size_t i = 0; i < svc->n_claims; i++) {
		const struct claim *claim = &svc->claims[i];

		for (struct socket *s = sockets_at(world->sockets, world->own_netns,
						   claim->at.proto, claim->at.port);
		     s; s = s->next_in_port) {
			if (!is_in_the_way(launcher, svc, claim, s))
				continue;
			engine_complete_process(launcher->engine, s->owner);
			*ret = (struct launch_conflict){
				.at = s->at,
				.holder = s->owner ? processes_ref(s->owner) : NULL,
			};
			return true;
		}
	}
	return false;
}

void launch_conflict_done(struct launcher *launcher, struct launch_conflict *conflict)
{
	conflict->holder =
		processes_unref(engine_processes(launcher->engine), conflict->holder);
}

void launch_describe_conflict(const struct launch_conflict *conflict, char *buf,
			      size_t size)
{
	char who[64] = "somebody unknown";

	if (conflict->holder)
		process_describe(conflict->holder, who, sizeof(who));
	snprintf(buf, size, "port %u (%s) is held by %s", conflict->at.port,
		 proto_name(conflict->at.proto), who);
}

/* -- By ending the holder -------------------------------------------------------------
 */

static void on_kill(void *arg)
{
	struct unit *unit = arg;

	launcher_wake(unit->launcher);
}

static void fail_conflict(struct unit *unit, const struct launch_conflict *conflict,
			  const char *why)
{
	char text[LAUNCH_REASON / 2];

	launch_describe_conflict(conflict, text, sizeof(text));
	unit_set(unit, UNIT_FAILED, "%s%s", text, why);
	unit->is_conflict = true;
}

static void clear_by_kill(struct unit *unit, const struct launch_conflict *conflict)
{
	struct kill_order order = {
		.scope = KILL_PORTS,
		.low = conflict->at.port,
		.high = conflict->at.port,
		.proto = conflict->at.proto,
		.signal = SIGTERM,
		.grace_ms = CLEAR_GRACE_MS,
		.force = true,
		.caller = { .all = true },
	};
	int err = kill_plan(unit->launcher->options.kills, &order, &unit->kill);

	if (err < 0) {
		fail_conflict(unit, conflict, ", and cannot be ended");
		return;
	}
	if (unit->kill->outcome == KILL_REFUSED) {
		unit->kill = kill_free(unit->kill);
		fail_conflict(unit, conflict, ", which may not be ended");
		return;
	}
	launch_describe_conflict(conflict, unit->reason, sizeof(unit->reason));
	if (unit->kill->outcome == KILL_PLANNED)
		kill_start(unit->kill, on_kill, unit);
	launcher_wake(unit->launcher);
}

static void advance_kill(struct unit *unit)
{
	enum kill_outcome outcome = unit->kill->outcome;

	if (outcome == KILL_WAITING)
		return;
	unit->kill = kill_free(unit->kill);
	if (outcome == KILL_DONE || outcome == KILL_NOTHING) {
		unit_spawn(unit);
		return;
	}
	unit_set(unit, UNIT_FAILED, "its port could not be freed: %s",
		 kill_outcome_name(outcome));
	unit->is_conflict = true;
}

/* -- By taking another port -----------------------------------------------------------
 */

static struct unit *of_change(struct change_request *request)
{
	return (struct unit *)((char *)request - offsetof(struct unit, change));
}

static void on_change(struct change_request *request, int err)
{
	struct unit *unit = of_change(request);
	int result = request->order.result;

	unit->is_changing = false;
	if (result >= 0 && err >= 0 && !unit->is_withdrawn)
		unit_spawn(unit);
	else if (!unit->is_withdrawn)
		unit_set(unit, UNIT_FAILED,
			 "it cannot be given port %u in the registry: %s",
			 request->order.reassign.port,
			 request->order.error.what[0]
				 ? request->order.error.what
				 : strerror(result < 0 ? -result : -err));
	registry_order_done(&request->order);
	launcher_wake(unit->launcher);
}

static const char *which_claim(const struct service *svc, const struct endpoint *at,
			       char *buf, size_t size)
{
	if (svc->n_claims < 2)
		return NULL;
	snprintf(buf, size, "%u", at->port);
	return buf;
}

static void clear_by_moving(struct unit *unit, const struct service *svc,
			    const struct launch_conflict *conflict)
{
	struct registry_reassign *reassign = &unit->change.order.reassign;
	uint16_t port = 0;
	int n = conflict->at.port == UINT16_MAX
			? 0
			: available_find(unit->launcher->engine, conflict->at.port + 1,
					 UINT16_MAX, 1, &port);

	if (n <= 0) {
		fail_conflict(unit, conflict, ", and no port after it is free");
		return;
	}
	unit->change = (struct change_request){ .answer = on_change };
	unit->change.order.kind = ORDER_REASSIGN;
	reassign->name = unit->name;
	reassign->port = port;
	/* Until the answer; the reason is not needed meanwhile. */
	reassign->which =
		which_claim(svc, &conflict->at, unit->reason, sizeof(unit->reason));
	unit->is_changing = true;
	changes_submit(unit->launcher->options.changes, &unit->change);
}

/* -- Either ---------------------------------------------------------------------------
 */

static enum launch_choice choose(const struct unit *unit, const struct service *svc)
{
	if (unit->choice != CHOICE_ENTRY)
		return unit->choice;
	switch (svc->on_conflict) {
	case ON_CONFLICT_KILL:
		return CHOICE_KILL;
	case ON_CONFLICT_NEXT_FREE:
		return CHOICE_NEXT_FREE;
	case ON_CONFLICT_FAIL:
		break;
	}
	return CHOICE_FAIL;
}

void unit_clear(struct unit *unit, const struct service *svc,
		const struct launch_conflict *conflict)
{
	unit_set(unit, UNIT_CLEARING, "%s", "");
	switch (choose(unit, svc)) {
	case CHOICE_KILL:
		clear_by_kill(unit, conflict);
		break;
	case CHOICE_NEXT_FREE:
		clear_by_moving(unit, svc, conflict);
		break;
	default:
		fail_conflict(unit, conflict, "");
	}
}

void unit_advance_clearing(struct unit *unit)
{
	if (unit->kill)
		advance_kill(unit);
}

void unit_drop_clearing(struct unit *unit)
{
	unit->kill = kill_free(unit->kill);
	if (!unit->is_changing)
		return;
	if (changes_withdraw(unit->launcher->options.changes, &unit->change))
		unit->is_changing = false;
	else
		unit->is_withdrawn = true;
}
