// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds the ports of an order, as the kernel says at this moment.
 *
 * A TCP socket that was bound and then connected is a client's: it is counted and left
 * alone, as is a port that the kernel took by itself for a packet.
 */
#include "service/kill_private.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"

struct look {
	struct kill *kill;
	const struct service *service; /* NULL none, or no more */
	uint64_t cookies[STATE_HELD_MAX + 1];
	size_t n_cookies; /* of sockets by which the service is known, wherever they are
			   */
	bool again;
	struct snapshot_row *rows;
	size_t n_rows, capacity;
	size_t n_connections;
};

static const struct world *world_of(const struct kill *kill)
{
	return engine_world(kill->engine);
}

/* -- Which sockets --------------------------------------------------------------------
 */

static struct kill_port *find_port(const struct kill *kill, const struct endpoint *at)
{
	struct kill_port *port = kill->ports;

	while (port && (port->at.netns != at->netns || port->at.proto != at->proto ||
			port->at.port != at->port))
		port = port->next;
	return port;
}

static bool is_claimed(const struct look *look, const struct snapshot_row *row)
{
	const struct service *svc = look->service;

	for (size_t i = 0; svc && i < svc->n_claims; i++)
		if (claim_covers(&svc->claims[i], &row->at, row->flags & SOCKET_V6ONLY,
				 world_of(look->kill)->own_netns))
			return true;
	return false;
}

static bool is_known_cookie(const struct look *look, uint64_t cookie)
{
	for (size_t i = 0; i < look->n_cookies; i++)
		if (look->cookies[i] == cookie)
			return true;
	return false;
}

static struct kill_hold *find_hold(const struct kill *kill, uint64_t cookie)
{
	for (size_t i = 0; i < kill->n_holds; i++)
		if (kill->holds[i].cookie == cookie)
			return &kill->holds[i];
	return NULL;
}

static bool is_meant(const struct look *look, const struct snapshot_row *row)
{
	const struct kill_order *order = &look->kill->order;

	if (look->again) {
		if (!find_port(look->kill, &row->at))
			return false;
		return !look->service || look->service->n_claims == 0 ||
		       find_hold(look->kill, row->cookie) || is_claimed(look, row);
	}
	switch (order->scope) {
	case KILL_SERVICE:
		return is_claimed(look, row) ||
		       (row->at.netns == world_of(look->kill)->own_netns &&
			is_known_cookie(look, row->cookie));
	case KILL_PORTS:
		return row->at.netns == world_of(look->kill)->own_netns &&
		       row->at.port >= order->low && row->at.port <= order->high &&
		       (order->proto == 0 || order->proto == row->at.proto);
	case KILL_PROCESS:
		return row->holder.pid == order->pid;
	}
	return false;
}

static int collect(const struct snapshot_row *row, void *arg)
{
	struct look *look = arg;

	if (!is_meant(look, row))
		return 0;
	if (row->at.proto == IPPROTO_TCP && row->state == SOCKET_CONNECTED) {
		look->n_connections++;
		return 0;
	}
	if (!row->evident &&
	    !sockets_find(engine_sockets(look->kill->engine), row->cookie))
		return 0;
	if (look->n_rows == look->capacity) {
		size_t capacity = look->capacity ? 2 * look->capacity : 64;
		void *grown = reallocarray(look->rows, capacity, sizeof(*look->rows));

		if (!grown)
			return -ENOMEM;
		look->rows = grown;
		look->capacity = capacity;
	}
	if (look->n_rows == KILL_VICTIMS_MAX)
		return -E2BIG;
	look->rows[look->n_rows++] = *row;
	return 0;
}

static int take_rows(struct look *look)
{
	struct snapshot_query query = { .unheld_too = true };

	return probe_snapshot(engine_probe(look->kill->engine), &query, collect, look);
}

static void look_done(struct look *look)
{
	free(look->rows);
}

static void add_cookie(struct look *look, uint64_t cookie)
{
	if (look->n_cookies < sizeof(look->cookies) / sizeof(look->cookies[0]))
		look->cookies[look->n_cookies++] = cookie;
}

/*
 * One without a port of its own.  Where it has one, that alone is looked at: whoever else
 * runs the same program elsewhere (any python, say) passes for the service only there.
 */
static void know_service(struct look *look)
{
	const struct world *world = world_of(look->kill);
	const struct service *svc = look->service;
	const struct service_state *state;
	const struct socket *sock;

	if (!svc || svc->n_claims > 0 || !world->services)
		return;
	state = &world->services[svc->index];
	for (unsigned i = 0; i < state->n_held; i++)
		add_cookie(look, state->held[i]);
	sock = matcher_service_socket(world, svc);
	if (sock)
		add_cookie(look, sock->cookie);
}

/* -- What follows from them -----------------------------------------------------------
 */

static struct kill_port *port_of(struct kill *kill, const struct endpoint *at)
{
	struct kill_port *port = find_port(kill, at);

	if (port)
		return port;
	port = calloc(1, sizeof(*port));
	if (!port)
		return NULL;
	port->at = *at;
	port->next = kill->ports;
	kill->ports = port;
	return port;
}

static int add_hold(struct kill *kill, const struct kill_hold *hold)
{
	if (kill->n_holds == kill->holds_capacity) {
		size_t capacity = kill->holds_capacity ? 2 * kill->holds_capacity : 16;
		void *grown = reallocarray(kill->holds, capacity, sizeof(*kill->holds));

		if (!grown)
			return -ENOMEM;
		kill->holds = grown;
		kill->holds_capacity = capacity;
	}
	kill->holds[kill->n_holds++] = *hold;
	return 0;
}

static void set_holder(struct kill *kill, struct kill_port *port, struct process *p)
{
	port->free = false;
	if (!p || port->holder)
		return;
	port->holder = processes_ref(p);
	(void)kill;
}

static bool is_stranger(const struct look *look, const struct snapshot_row *row,
			const struct process *p)
{
	return look->service && is_claimed(look, row) &&
	       !matcher_is_service(world_of(look->kill), look->service, p);
}

static int take_hold(struct look *look, const struct snapshot_row *row)
{
	struct kill *kill = look->kill;
	struct kill_hold hold = { .cookie = row->cookie };

	hold.port = port_of(kill, &row->at);
	if (!hold.port)
		return -ENOMEM;
	if (row->holder.pid == 0) {
		hold.port->is_unheld = hold.port->refused = true;
		return add_hold(kill, &hold);
	}
	hold.victim = kill_victim_of(kill, row);
	if (!hold.victim)
		return -ENOMEM;
	if (is_stranger(look, row, hold.victim->process)) {
		set_holder(kill, hold.port, hold.victim->process);
		kill->outcome = KILL_STRANGER;
	}
	return add_hold(kill, &hold);
}

/* A port of which one holder stays is not freed by ending the others: nobody who holds
 * only such ports is ended. */
static void spare_company(struct kill *kill)
{
	for (size_t i = 0; i < kill->n_holds; i++)
		if (kill->holds[i].victim && kill->holds[i].victim->fate == FATE_REFUSED)
			kill->holds[i].port->refused = true;

	for (struct kill_victim *v = kill->victims; v; v = v->next) {
		bool serves = false;

		for (size_t i = 0; i < kill->n_holds && !serves; i++)
			serves = kill->holds[i].victim == v &&
				 !kill->holds[i].port->refused;
		if (v->fate == FATE_MEANT && !serves) {
			v->fate = FATE_REFUSED;
			v->rule = RULE_COMPANY;
		}
	}
}

static size_t count(const struct kill *kill, enum kill_fate fate)
{
	size_t n = 0;

	for (const struct kill_victim *v = kill->victims; v; v = v->next)
		n += v->fate == fate;
	return n;
}

static enum kill_outcome outcome_of(const struct kill *kill)
{
	bool refused = count(kill, FATE_REFUSED) > 0;

	for (const struct kill_port *port = kill->ports; port; port = port->next)
		refused |= port->refused;
	if (count(kill, FATE_MEANT) > 0)
		return KILL_PLANNED;
	return refused ? KILL_REFUSED : KILL_NOTHING;
}

int kill_look_first(struct kill *kill, const struct service *service)
{
	_cleanup_(look_done) struct look look = { .kill = kill, .service = service };
	int err;

	know_service(&look);
	err = take_rows(&look);
	for (size_t i = 0; err == 0 && i < look.n_rows; i++)
		err = take_hold(&look, &look.rows[i]);
	if (err < 0)
		return err;
	kill->n_connections = look.n_connections;
	if (kill->outcome == KILL_STRANGER)
		return 0;
	for (struct kill_victim *v = kill->victims; v && err == 0; v = v->next)
		err = kill_examine(kill, v);
	if (err < 0)
		return err;
	if (kill->order.scope != KILL_PROCESS)
		spare_company(kill);
	kill->outcome = outcome_of(kill);
	return 0;
}

/* -- Afterwards -----------------------------------------------------------------------
 */

/* Somebody who came by a socket that was meant: forked, or was handed it. */
static int take_late_holder(struct kill *kill, struct kill_port *port,
			    const struct snapshot_row *row, bool add, size_t *added)
{
	struct kill_hold hold = { .cookie = row->cookie, .port = port };
	int err;

	add &= kill->order.scope != KILL_PROCESS && kill->n_victims < KILL_VICTIMS_MAX;
	if (!add) {
		struct process *p = engine_process_of(kill->engine, row);

		set_holder(kill, port, p);
		processes_unref(engine_processes(kill->engine), p);
		return 0;
	}
	hold.victim = kill_victim_of(kill, row);
	if (!hold.victim)
		return -ENOMEM;
	err = kill_examine(kill, hold.victim);
	if (err < 0)
		return err;
	*added += hold.victim->fate == FATE_MEANT;
	if (hold.victim->fate != FATE_ENDED)
		set_holder(kill, port, hold.victim->process);
	return add_hold(kill, &hold);
}

static int take_left(struct look *look, const struct snapshot_row *row, bool add,
		     struct kill_rest *rest)
{
	struct kill *kill = look->kill;
	struct kill_port *port = find_port(kill, &row->at);
	struct kill_victim *victim = kill_find_victim(kill, row->holder);
	bool was_there = find_hold(kill, row->cookie);
	struct process *p;

	if (was_there &&
	    (row->holder.pid == 0 || (victim && victim->fate == FATE_ENDED))) {
		rest->lingers |= !port->refused;
		set_holder(kill, port, NULL);
		return 0;
	}
	if (was_there && !victim)
		return take_late_holder(kill, port, row, add, &rest->added);
	p = engine_process_of(kill->engine, row);
	set_holder(kill, port, p);
	processes_unref(engine_processes(kill->engine), p);
	port->is_taken |= !was_there;
	return 0;
}

static void forget_ports(struct kill *kill)
{
	struct processes *procs = engine_processes(kill->engine);

	for (struct kill_port *port = kill->ports; port; port = port->next) {
		port->holder = processes_unref(procs, port->holder);
		port->free = true;
		port->is_taken = false;
	}
}

int kill_look_again(struct kill *kill, bool add, struct kill_rest *ret)
{
	_cleanup_(look_done) struct look look = { .kill = kill, .again = true };
	struct kill_rest rest = { 0 };
	int err;

	/* The registry may be another by now. */
	if (kill->order.scope == KILL_SERVICE)
		look.service = registry_find(world_of(kill)->registry, kill->service);
	err = take_rows(&look);
	if (err < 0)
		return err;
	forget_ports(kill);
	for (size_t i = 0; err == 0 && i < look.n_rows; i++)
		err = take_left(&look, &look.rows[i], add, &rest);
	if (err < 0)
		return err;

	*ret = rest;
	return 0;
}
