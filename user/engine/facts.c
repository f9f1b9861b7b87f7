// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts into the tables: each one folded, told to whoever wants it, and what follows
 * from it evaluated.
 */
#include "engine/internal.h"

static bool can_block(const struct engine *e, const struct endpoint *at)
{
	return alerts_count(e->alerts) > 0 &&
	       (slots_name_port(e, at->proto, at->port) ||
		registry_is_managed(e->registry, at->port));
}

/* A bind that failed there may have lost what stood in its way. */
static void unblock(struct engine *e, const struct endpoint *at, struct process *bound_by)
{
	struct alert_moment now;

	if (!can_block(e, at))
		return;
	now = engine_moment(e);
	matcher_unblock(&e->world, e->alerts, at, bound_by, &now);
}

static bool same_port(const struct endpoint *a, const struct endpoint *b)
{
	return a->netns == b->netns && a->proto == b->proto && a->port == b->port;
}

/* What is there at the beginning is no news. */
static void tell_put(struct engine *e, const struct socket *sock, bool is_new,
		     bool was_listening)
{
	if (e->cause.source == SOURCE_SNAPSHOT)
		return;
	if (is_new)
		publish_socket(e, EVENT_SOCKET_BOUND, sock, RELEASE_CLOSE);
	if (sock->state == SOCKET_LISTENING && !was_listening)
		publish_socket(e, EVENT_SOCKET_LISTENING, sock, RELEASE_CLOSE);
}

int facts_put(struct engine *e, const struct socket *sock)
{
	struct socket *known = sockets_find(e->sockets, sock->cookie), *now;
	bool is_new, was_listening;
	int changed;

	if (known && !same_port(&known->at, &sock->at)) {
		facts_release(e, known, RELEASE_CLOSE);
		known = NULL;
	}
	if (known)
		origin_note(e, known, &sock->at);
	is_new = !known;
	was_listening = known && known->state == SOCKET_LISTENING;
	changed = sockets_put(e->sockets, sock, &now);
	if (changed <= 0)
		return changed;
	tell_put(e, now, is_new, was_listening);
	evaluate_put(e, now);
	unblock(e, &now->at, now->owner);
	return changed;
}

void facts_release(struct engine *e, struct socket *sock, enum release_cause cause)
{
	struct process *owner = sock->owner ? processes_ref(sock->owner) : NULL;
	struct endpoint at = sock->at;
	bool matters = evaluate_matters(e, &at);

	evaluate_defer(e);
	publish_socket(e, EVENT_SOCKET_RELEASED, sock, cause);
	if (matters || registry_count(e->registry) > 0)
		matcher_touched(&e->world, sock, evaluate_state, e);
	origin_drop(e, sock->cookie);
	reconcile_note_release(e, sock->cookie);
	sockets_remove(e->sockets, sock->cookie);
	if (matters)
		evaluate_port(e, &at);
	if (owner && owner->exited)
		deaths_progress(e, owner);
	evaluate_flush(e);
	unblock(e, &at, NULL);
	if (owner)
		processes_unref(e->procs, owner);
}

static void fold_process(struct engine *e, const struct fact *fact)
{
	bool is_other = false;
	struct process *p;

	if (!fact->info)
		return;
	p = who_told(e, fact->info, &is_other);
	if (!p || !is_other)
		return;
	evaluate_defer(e);
	for (struct socket *s = sockets_of(e->sockets, p); s; s = s->next_of_owner)
		evaluate_put(e, s);
	evaluate_flush(e);
}

static void fold_exit(struct engine *e, const struct fact *fact)
{
	struct process *p = processes_find(e->procs, fact->caller);

	if (p)
		deaths_begin(e, p, fact->status);
}

static void fold_put(struct engine *e, const struct fact *fact, enum socket_state state)
{
	const struct socket *known = sockets_find(e->sockets, fact->cookie);
	struct socket sock = {
		.cookie = fact->cookie,
		.at = fact->at,
		.state = state,
		.flags = fact->flags,
		.source = fact->source,
		.since_ns = fact->wall_ns,
		.seen_mono_ns = fact->mono_ns,
		.uid = fact->uid,
	};

	if (sock.at.port == 0) {
		if (!known)
			return;
		sock.at = known->at;
	}
	/* Who listens on what another has bound does not own it for that; and one that
	 * has died since has been succeeded already. */
	if (!known || state == SOCKET_BOUND || !known->owner)
		sock.owner = who_is(e, fact->caller, fact->uid);
	if (known && sock.owner && sock.owner->exited)
		sock.owner = NULL;
	facts_put(e, &sock);
}

/* As it is, to be put anew with its owner as he is; NULL: unknown. */
static struct socket *copy_known(struct engine *e, uint64_t cookie, struct socket *ret)
{
	struct socket *known = sockets_find(e->sockets, cookie);

	if (known)
		*ret = *known;
	ret->owner = NULL;
	return known;
}

/* It listens no more, or is connected no more, and keeps its port. */
static void fold_unlistened(struct engine *e, const struct fact *fact)
{
	struct socket sock, *known = copy_known(e, fact->cookie, &sock);

	if (!known)
		return;
	if (origin_take(e, fact->cookie, &sock.at)) {
		sockets_put(e->sockets, &sock, &known);
		/* Unless connect(2) did not wait, or was that of MPTCP. */
		ask(e, fact->cookie, ASK_ADDRESS);
	}
	if (sockets_set_state(e->sockets, fact->cookie, SOCKET_BOUND) > 0)
		evaluate_put(e, known);
}

/* A connected socket has a local address of its own, on the port that it had. */
static void fold_connected(struct engine *e, const struct fact *fact)
{
	struct socket sock, *known = copy_known(e, fact->cookie, &sock);

	if (!known)
		return;
	sock.state = SOCKET_CONNECTED;
	if (same_port(&known->at, &fact->at))
		sock.at = fact->at;
	facts_put(e, &sock);
}

static void fold_released(struct engine *e, const struct fact *fact)
{
	struct socket *known = sockets_find(e->sockets, fact->cookie);

	if (known)
		facts_release(e, known, fact->exiting ? RELEASE_EXIT : RELEASE_CLOSE);
}

static void fold(struct engine *e, const struct fact *fact)
{
	switch (fact->type) {
	case FACT_PROCESS:
		return fold_process(e, fact);
	case FACT_EXIT:
		return fold_exit(e, fact);
	case FACT_BOUND:
		return fold_put(e, fact, SOCKET_BOUND);
	case FACT_LISTENING:
		return fold_put(e, fact, SOCKET_LISTENING);
	case FACT_UNLISTENED:
		return fold_unlistened(e, fact);
	case FACT_CONNECTED:
		return fold_connected(e, fact);
	case FACT_RELEASED:
		return fold_released(e, fact);
	case FACT_BIND_FAILED:
		return fold_bind_failed(e, fact);
	case FACT_OUTGOING:
		return outgoing_add(e, fact);
	case FACT_OUTGOING_END:
		return outgoing_remove(e, fact->cookie);
	}
}

static bool is_of_table(enum fact_type type)
{
	return type == FACT_BOUND || type == FACT_LISTENING || type == FACT_UNLISTENED ||
	       type == FACT_CONNECTED || type == FACT_RELEASED;
}

void engine_fold(struct engine *e, const struct fact *fact)
{
	if (is_of_table(fact->type) && reconcile_overtook(e, fact))
		return;
	engine_set_cause(e, fact->source, fact->mono_ns, fact->wall_ns);
	fold(e, fact);
	engine_set_cause(e, SOURCE_DAEMON, 0, 0);
}
