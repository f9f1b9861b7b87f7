// SPDX-License-Identifier: GPL-2.0-only
/*
 * What should stand after a change: the matcher asked about one port, service or
 * allocation, and the answer given to the alerts.
 *
 * A port that nothing names, that one socket holds and where nothing stands costs a few
 * look-ups and no evaluation.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct standing *find_standing(const struct engine *e, const struct port_key *key)
{
	struct standing *found;

	HASH_FIND(hh, e->standing, key, sizeof(*key), found);
	return found;
}

static struct port_key key_of(const struct endpoint *at)
{
	return (struct port_key){ .netns = at->netns,
				  .proto = at->proto,
				  .port = at->port };
}

bool evaluate_matters(struct engine *e, const struct endpoint *at)
{
	struct port_key key = key_of(at);
	const struct socket *first;

	if (slots_name_port(e, at->proto, at->port) ||
	    registry_get_settings(e->registry)->unregistered != UNREGISTERED_OFF)
		return true;
	first = sockets_at(e->sockets, at->netns, at->proto, at->port);
	if (first && first->next_in_port)
		return true;
	return e->standing && find_standing(e, &key);
}

/* Remember whether something stands there, so that a later change looks again. */
static void note_standing(struct engine *e, const struct port_key *key, bool stands)
{
	struct standing *known = find_standing(e, key);

	if (stands == !!known)
		return;
	if (!stands) {
		HASH_DEL(e->standing, known);
		free(known);
		return;
	}
	known = calloc(1, sizeof(*known));
	if (!known)
		return;
	known->key = *key;
	HASH_ADD(hh, e->standing, key, sizeof(known->key), known);
}

static void tell_transition(struct engine *e, struct slot *slot)
{
	const struct process *recorded = slot->state->recorded;
	const struct socket *sock =
		matcher_service_socket(&e->world, slot->state->service);
	char reason[ENDPOINT_TEXT + 32], text[ENDPOINT_TEXT];
	bool running;

	running = sock &&
		  (sock->state == SOCKET_LISTENING || sock->at.proto == IPPROTO_UDP);
	if (running == slot->running)
		return;
	slot->running = running;
	if (running)
		snprintf(reason, sizeof(reason), "holds %s",
			 endpoint_format(&sock->at, text));
	else if (recorded && recorded->exited)
		snprintf(reason, sizeof(reason), "its process ended: %s",
			 process_describe_exit(recorded, text, sizeof(text)));
	else
		snprintf(reason, sizeof(reason), "its port was released");
	publish_service(e, running ? EVENT_SERVICE_RUNNING : EVENT_SERVICE_STOPPED, slot,
			reason);
}

static void slot_now(struct engine *e, struct slot *slot)
{
	const struct service_state *state = slot->state;
	struct verdicts list = { 0 };
	struct alert_scope scope;
	struct alert_moment now;
	int err;

	slot->is_dirty = false;
	if (state->settling) /* what stood stays until it is known who is left */
		return;
	health_follow(e, slot);
	err = state->service ? matcher_service(&e->world, state->service, &list)
			     : matcher_allocation(&e->world, state->allocation, &list);
	if (err >= 0 && (list.count > 0 || slot->stands)) {
		now = engine_moment(e);
		slots_scope(slot, &scope);
		alerts_update(e->alerts, &scope, list.items, list.count, &now);
		slot->stands = list.count > 0;
	}
	if (err >= 0 && state->allocation)
		allocation_follow(e, slot, &list);
	verdicts_done(&list);
	if (state->service)
		tell_transition(e, slot);
}

void evaluate_slot(struct engine *e, struct slot *slot)
{
	if (e->have == ENGINE_NEEDS_NOTHING || slot->is_dirty)
		return;
	if (e->deferred.depth == 0) {
		slot_now(e, slot);
		return;
	}
	slot->is_dirty = true;
	slot->next_dirty = e->deferred.slots;
	e->deferred.slots = slot;
}

void evaluate_state(struct service_state *state, void *arg)
{
	struct engine *e = arg;
	struct slot *slot = slots_of_state(e, state);

	if (slot)
		evaluate_slot(e, slot);
}

/* An alert is better for naming all holders: ask for them, without waiting. */
static void ask_holders(struct engine *e, const struct verdicts *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct socket *sock;

		if (list->items[i].cookie == 0)
			continue;
		sock = sockets_find(e->sockets, list->items[i].cookie);
		if (sock && !sock->holders_known)
			ask(e, sock->cookie, ASK_HOLDERS);
	}
}

/* Whoever has it, as far as that may decide whose port it is. */
static void complete_holders(struct engine *e, const struct socket *sock)
{
	who_complete(e, sock->owner);
	for (size_t i = 0; i < sock->n_holders; i++)
		who_complete(e, sock->holders[i]);
}

static void complete_port(struct engine *e, const struct port_key *key)
{
	for (struct socket *s = sockets_at(e->sockets, key->netns, key->proto, key->port);
	     s; s = s->next_in_port)
		complete_holders(e, s);
}

/* Where nothing is found by what is known of the processes, nothing more need be read:
 * who is little known passes for a stranger. */
static int match_port(struct engine *e, const struct port_key *key, struct verdicts *ret)
{
	int err;

	if (!slots_name_port(e, key->proto, key->port)) {
		err = matcher_port(&e->world, key->netns, key->proto, key->port, ret);
		if (err < 0 || ret->count == 0)
			return err;
		ret->count = 0;
	}
	complete_port(e, key);
	return matcher_port(&e->world, key->netns, key->proto, key->port, ret);
}

static void port_now(struct engine *e, const struct port_key *key)
{
	struct alert_scope scope = {
		.kind = SCOPE_PORT,
		.netns = key->netns,
		.proto = key->proto,
		.port = key->port,
	};
	struct verdicts list = { 0 };
	struct alert_moment now;

	if (match_port(e, key, &list) >= 0 && (list.count > 0 || find_standing(e, key))) {
		now = engine_moment(e);
		alerts_update(e->alerts, &scope, list.items, list.count, &now);
		note_standing(e, key, list.count > 0);
		ask_holders(e, &list);
	}
	verdicts_done(&list);
}

/* Evaluations change what stands, so the ports are noted first. */
void evaluate_standing(struct engine *e)
{
	struct standing *known, *next;

	evaluate_defer(e);
	HASH_ITER(hh, e->standing, known, next)
	{
		struct endpoint at = {
			.netns = known->key.netns,
			.proto = known->key.proto,
			.port = known->key.port,
		};

		evaluate_port(e, &at);
	}
	evaluate_flush(e);
}

static int defer_port(struct deferred *deferred, const struct port_key *key)
{
	if (deferred->n_ports == deferred->capacity) {
		size_t capacity = deferred->capacity ? deferred->capacity * 2 : 64;
		struct port_key *ports =
			reallocarray(deferred->ports, capacity, sizeof(*ports));

		if (!ports)
			return -ENOMEM;
		deferred->ports = ports;
		deferred->capacity = capacity;
	}
	deferred->ports[deferred->n_ports++] = *key;
	return 0;
}

void evaluate_port(struct engine *e, const struct endpoint *at)
{
	struct port_key key = key_of(at);

	if (e->have == ENGINE_NEEDS_NOTHING)
		return;
	if (e->deferred.depth == 0 || defer_port(&e->deferred, &key) < 0)
		port_now(e, &key);
}

void evaluate_put(struct engine *e, const struct socket *sock)
{
	bool named;

	if (e->have == ENGINE_NEEDS_NOTHING)
		return;
	named = slots_name_port(e, sock->at.proto, sock->at.port);
	if (named && sock->at.netns != e->world.own_netns)
		slots_resolve_at(e, sock->at.proto, sock->at.port);
	evaluate_defer(e);
	if (registry_count(e->registry) > 0 || named) {
		/* The kernel's word is enough to tell who it is; a snapshot's is not. */
		if (named)
			complete_holders(e, sock);
		else
			who_identify(e, sock->owner);
		if (named)
			allocation_claim(e, sock);
		matcher_observe(&e->world, e->procs, sock, engine_wall_ns(e),
				evaluate_state, e);
	}
	if (evaluate_matters(e, &sock->at))
		evaluate_port(e, &sock->at);
	evaluate_flush(e);
}

void evaluate_registry(struct engine *e)
{
	struct alert_scope scope = { .kind = SCOPE_REGISTRY };
	struct alert_moment now = engine_moment(e);
	struct verdicts list = { 0 };

	if (matcher_registry(&e->world, &list) >= 0)
		alerts_update(e->alerts, &scope, list.items, list.count, &now);
	verdicts_done(&list);
}

void evaluate_defer(struct engine *e)
{
	e->deferred.depth++;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct port_key));
}

void evaluate_flush(struct engine *e)
{
	struct deferred batch;

	if (--e->deferred.depth > 0 || (e->deferred.n_ports == 0 && !e->deferred.slots))
		return;
	batch = e->deferred;
	e->deferred = (struct deferred){ 0 };
	if (batch.n_ports > 1)
		qsort(batch.ports, batch.n_ports, sizeof(*batch.ports), compare_keys);
	for (size_t i = 0; i < batch.n_ports; i++) {
		if (i == 0 || compare_keys(&batch.ports[i - 1], &batch.ports[i]) != 0)
			port_now(e, &batch.ports[i]);
	}
	for (struct slot *slot = batch.slots, *next; slot; slot = next) {
		next = slot->next_dirty;
		if (slot->is_dirty)
			slot_now(e, slot);
	}
	batch.n_ports = 0;
	batch.slots = NULL;
	free(e->deferred.ports);
	e->deferred = batch; /* its room, for the next time */
}

void evaluate_done(struct engine *e)
{
	struct standing *known, *next;

	HASH_ITER(hh, e->standing, known, next)
	{
		HASH_DEL(e->standing, known);
		free(known);
	}
	free(e->deferred.ports);
}
