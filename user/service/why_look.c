// SPDX-License-Identifier: GPL-2.0-only
/* Who sits on a port: the sockets of the table, and what only the kernel's list has. */
#include "service/why_private.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"
#include "service/sock_diag.h"

enum { TIMER_TIME_WAIT = 3, FULL = 1, OWNERS_WANTED_MAX = 16 };

struct look {
	struct why *why;
	struct why_port *port;
	uint32_t netns;
	size_t capacity;
	int err;
};

/* -- The sitters ----------------------------------------------------------------------
 */

/* NULL where there are too many (has_more) or for want of memory (err). */
static struct why_sitter *add(struct look *look)
{
	struct why_port *port = look->port;

	if (port->n_sitters == WHY_SITTERS_MAX) {
		port->has_more = true;
		return NULL;
	}
	if (port->n_sitters == look->capacity) {
		size_t capacity = look->capacity ? 2 * look->capacity : 8;
		void *grown =
			reallocarray(port->sitters, capacity, sizeof(*port->sitters));

		if (!grown) {
			look->err = -ENOMEM;
			return NULL;
		}
		port->sitters = grown;
		look->capacity = capacity;
	}
	port->sitters[port->n_sitters] = (struct why_sitter){ 0 };
	return &port->sitters[port->n_sitters++];
}

static void fill_row(const struct look *look, struct why_sitter *sitter,
		     const struct socket *row)
{
	static const enum port_use uses[] = {
		[SOCKET_BOUND] = PORT_BOUND,
		[SOCKET_LISTENING] = PORT_LISTENING,
		[SOCKET_CONNECTED] = PORT_CONNECTED,
	};
	bool is_told = streq(probe_backend(engine_probe(look->why->engine)), "bpf");

	sitter->cookie = row->cookie;
	sitter->row = row;
	sitter->process = row->owner ? processes_ref(row->owner) : NULL;
	sitter->sock = (struct port_socket){
		.at = row->at,
		.use = uses[row->state],
		.v6only = row->flags & SOCKET_V6ONLY,
		.reuseaddr = row->flags & SOCKET_REUSEADDR,
		.reuseport = row->flags & SOCKET_REUSEPORT,
		/* sock_diag tells neither. */
		.options_unknown = !is_told,
		.uid = row->uid,
	};
}

static struct why_sitter *find(const struct why_port *port, uint64_t cookie)
{
	for (size_t i = 0; cookie && i < port->n_sitters; i++)
		if (port->sitters[i].cookie == cookie)
			return &port->sitters[i];
	return NULL;
}

/* What is in the table and was not in the kernel's list. */
static void add_rows(struct look *look)
{
	const struct world *world = engine_world(look->why->engine);
	const struct socket *row = sockets_at(world->sockets, look->netns,
					      look->port->proto, look->port->port);

	for (; row; row = row->next_in_port) {
		struct why_sitter *sitter =
			find(look->port, row->cookie) ? NULL : add(look);

		if (sitter)
			fill_row(look, sitter, row);
	}
}

static enum port_use use_of(const struct inet_diag_msg *msg, uint16_t proto)
{
	if (proto == IPPROTO_UDP)
		return msg->idiag_state == TCP_ESTABLISHED ? PORT_CONNECTED : PORT_BOUND;
	return msg->idiag_timer == TIMER_TIME_WAIT ? PORT_WAITING : PORT_CONNECTED;
}

static int take_socket(const struct nlmsghdr *header, void *arg)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(header);
	struct look *look = arg;
	struct sockets *table = engine_sockets(look->why->engine);
	uint64_t cookie = sock_diag_cookie(&msg->id);
	const struct socket *row = sockets_find(table, cookie);
	struct why_sitter *sitter = row ? find(look->port, cookie) : NULL;
	bool is_known = sitter != NULL;

	if (!sitter)
		sitter = add(look);
	if (!sitter)
		return look->err ? look->err : FULL;
	if (row) {
		if (!is_known)
			fill_row(look, sitter, row);
		if (look->port->proto == IPPROTO_TCP)
			sitter->sock.use = use_of(msg, look->port->proto);
	} else {
		sitter->sock = (struct port_socket){
			.at = sock_diag_endpoint(msg, look->port->proto, false),
			.use = use_of(msg, look->port->proto),
			.v6only = sock_diag_is_v6only(header),
			.options_unknown = true,
			.uid = msg->idiag_uid,
		};
		sitter->sock.at.netns = look->netns;
	}
	sitter->cookie = cookie;
	sitter->inode = msg->idiag_inode;
	sitter->peer = sock_diag_endpoint(msg, look->port->proto, true);
	if (sitter->peer.port == 0)
		sitter->peer.family = 0;
	if (sitter->sock.use == PORT_WAITING)
		sitter->until_ns = look->why->wall_ns + msg->idiag_expires * NS_PER_MS;
	return 0;
}

static int list(struct look *look)
{
	const struct sock_diag_question question = {
		.proto = look->port->proto,
		.low = look->port->port,
		.high = look->port->port,
		.states = look->port->proto == IPPROTO_UDP
				  ? UINT32_MAX
				  : ~(1u << TCP_LISTEN | 1u << TCP_CLOSE |
				      1u << TCP_SYN_RECV | 1u << SOCK_DIAG_BOUND),
	};
	int err = sock_diag_list(&question, take_socket, look);

	return err == FULL || netlink_is_unknown(err) ? 0 : err;
}

/* -- What they are to each other ------------------------------------------------------
 */

static bool is_listener_of(const struct why_sitter *listener,
			   const struct why_sitter *connection)
{
	return listener->sock.use == PORT_LISTENING &&
	       endpoint_overlap(&listener->sock.at, listener->sock.v6only,
				&connection->sock.at, connection->sock.v6only);
}

/* An accepted connection has the options of its listener, and so has what it leaves.
 * Listeners are rows of the table, which stand before the connections. */
static void relate(struct why_port *port)
{
	for (size_t i = 0; i < port->n_sitters; i++) {
		struct why_sitter *s = &port->sitters[i];

		if (s->sock.use != PORT_CONNECTED && s->sock.use != PORT_WAITING)
			continue;
		for (size_t k = 0; port->proto == IPPROTO_TCP && k < port->n_sitters &&
				   port->sitters[k].row;
		     k++) {
			const struct why_sitter *listener = &port->sitters[k];

			if (s->row || !is_listener_of(listener, s))
				continue;
			s->accepted = true;
			s->sock.reuseaddr = listener->sock.reuseaddr;
			s->sock.reuseport = listener->sock.reuseport;
			s->sock.options_unknown = listener->sock.options_unknown;
			break;
		}
		if (s->sock.use == PORT_WAITING)
			port->n_waiting++;
		else if (s->accepted)
			port->n_accepted++;
		else
			port->n_outgoing++;
	}
}

/* -- Whose they are -------------------------------------------------------------------
 */

static void name_watched(struct look *look)
{
	const struct world *world = engine_world(look->why->engine);

	for (size_t i = 0; i < world->n_outgoing; i++) {
		struct why_sitter *s =
			world->outgoing[i].at.port == look->port->port
				? find(look->port, world->outgoing[i].cookie)
				: NULL;

		if (s && !s->process && world->outgoing[i].process)
			s->process = processes_ref(world->outgoing[i].process);
	}
}

static int take_holder(const struct snapshot_row *row, void *arg)
{
	struct look *look = arg;
	struct why_sitter *s = find(look->port, row->cookie);

	if (s && !s->process)
		s->process = engine_process_of(look->why->engine, row);
	return 0;
}

/* The sockets that nothing has told of. */
static int name_others(struct look *look)
{
	const struct snapshot_query query = { .port = look->port->port };
	struct probe *probe = engine_probe(look->why->engine);
	struct snapshot_socket wanted[OWNERS_WANTED_MAX];
	size_t n = 0;
	int err;

	for (size_t i = 0; i < look->port->n_sitters && n < OWNERS_WANTED_MAX; i++) {
		const struct why_sitter *s = &look->port->sitters[i];

		if (!s->process && !s->accepted && s->inode &&
		    s->sock.use != PORT_WAITING)
			wanted[n++] = (struct snapshot_socket){ s->cookie, s->inode };
	}
	if (n == 0)
		return 0;
	err = probe_snapshot(probe, &query, take_holder, look);
	return err == -EOPNOTSUPP
		       ? probe_find_holders(probe, wanted, n, take_holder, look)
		       : err;
}

static void complete(struct look *look)
{
	for (size_t i = 0; i < look->port->n_sitters; i++) {
		const struct why_sitter *s = &look->port->sitters[i];

		if (s->process)
			engine_complete_process(look->why->engine, s->process);
		for (size_t k = 0; s->row && k < s->row->n_holders; k++)
			engine_complete_process(look->why->engine, s->row->holders[k]);
	}
}

int why_look(struct why *why, uint32_t netns, struct why_port *port)
{
	struct look look = { .why = why, .port = port, .netns = netns };
	int err = 0;

	/* Of UDP the order is the kernel's; of TCP what binds and listens must not fall
	 * behind more connections than are read. */
	if (port->proto == IPPROTO_TCP)
		add_rows(&look);
	if (netns == engine_world(why->engine)->own_netns)
		err = list(&look);
	if (err == 0 && port->proto != IPPROTO_TCP)
		add_rows(&look);
	if (err == 0)
		err = look.err;
	if (err < 0)
		return err;
	relate(port);
	name_watched(&look);
	/* Without the right to look they stay unknown. */
	(void)name_others(&look);
	complete(&look);
	return 0;
}
