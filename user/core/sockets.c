// SPDX-License-Identifier: GPL-2.0-only
#include "core/sockets.h"

#include <errno.h>

#include "core/hash.h"

/* The sockets of one (netns, proto, port): exists while it has any. */
struct port {
	struct port_key {
		uint32_t netns;
		uint16_t proto;
		uint16_t port;
	} key;
	struct entry *first;
	UT_hash_handle hh;
};

/* The sockets of one owner: exists while it has any. */
struct ownership {
	const struct process *owner;
	struct socket *first;
	UT_hash_handle hh;
};

struct entry {
	struct socket s; /* first: a struct socket of this table is its entry */
	struct entry *prev_in_port;
	struct port *port;
	UT_hash_handle hh;
};

struct sockets {
	struct processes *procs;
	struct entry *by_cookie;
	struct port *ports;
	struct ownership *owners;
	size_t in_state[SOCKET_STATES];
	size_t limit;
	uint64_t refused;
};

static struct entry *entry_of(struct socket *sock)
{
	return (struct entry *)sock;
}

int sockets_new(size_t limit, struct processes *procs, struct sockets **ret)
{
	struct sockets *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->limit = limit;
	table->procs = procs;

	*ret = table;
	return 0;
}

static int remove_any(struct socket *sock, void *arg)
{
	sockets_remove(arg, sock->cookie);
	return 0;
}

struct sockets *sockets_free(struct sockets *table)
{
	if (table)
		sockets_each(table, remove_any, table);
	free(table);
	return NULL;
}

static struct entry *lookup(const struct sockets *table, uint64_t cookie)
{
	struct entry *e;

	HASH_FIND(hh, table->by_cookie, &cookie, sizeof(cookie), e);
	return e;
}

static struct port_key key_of(const struct endpoint *at)
{
	return (struct port_key){ at->netns, at->proto, at->port };
}

static struct port *find_port(const struct sockets *table, struct port_key key)
{
	struct port *port;

	HASH_FIND(hh, table->ports, &key, sizeof(key), port);
	return port;
}

static struct port *get_port(struct sockets *table, struct port_key key)
{
	struct port *port = find_port(table, key);

	if (port)
		return port;

	port = calloc(1, sizeof(*port));
	if (!port)
		return NULL;
	port->key = key;
	HASH_ADD(hh, table->ports, key, sizeof(port->key), port);
	if (!hash_was_added(port)) {
		free(port);
		return NULL;
	}
	return port;
}

static void link_port(struct entry *e, struct port *port)
{
	e->port = port;
	e->prev_in_port = NULL;
	e->s.next_in_port = port->first ? &port->first->s : NULL;
	if (port->first)
		port->first->prev_in_port = e;
	port->first = e;
}

static void unlink_port(struct sockets *table, struct entry *e)
{
	struct port *port = e->port;

	if (e->s.next_in_port)
		entry_of(e->s.next_in_port)->prev_in_port = e->prev_in_port;
	if (e->prev_in_port)
		e->prev_in_port->s.next_in_port = e->s.next_in_port;
	else
		port->first = e->s.next_in_port ? entry_of(e->s.next_in_port) : NULL;

	if (!port->first) {
		HASH_DEL(table->ports, port);
		free(port);
	}
	e->port = NULL;
}

static struct ownership *find_owner(const struct sockets *table,
				    const struct process *owner)
{
	struct ownership *node;

	HASH_FIND(hh, table->owners, &owner, sizeof(owner), node);
	return node;
}

static struct ownership *get_owner(struct sockets *table, const struct process *owner)
{
	struct ownership *node = find_owner(table, owner);

	if (node)
		return node;

	node = calloc(1, sizeof(*node));
	if (!node)
		return NULL;
	node->owner = owner;
	HASH_ADD(hh, table->owners, owner, sizeof(node->owner), node);
	if (!hash_was_added(node)) {
		free(node);
		return NULL;
	}
	return node;
}

static void drop_owner(struct sockets *table, struct socket *sock)
{
	struct ownership *node;

	if (!sock->owner)
		return;

	node = find_owner(table, sock->owner);
	if (sock->next_of_owner)
		sock->next_of_owner->prev_of_owner = sock->prev_of_owner;
	if (sock->prev_of_owner)
		sock->prev_of_owner->next_of_owner = sock->next_of_owner;
	else
		node->first = sock->next_of_owner;

	if (!node->first) {
		HASH_DEL(table->owners, node);
		free(node);
	}
	sock->next_of_owner = sock->prev_of_owner = NULL;
	sock->owner = processes_unref(table->procs, sock->owner);
}

static int give_owner(struct sockets *table, struct socket *sock, struct process *owner)
{
	struct ownership *node;

	if (owner == sock->owner)
		return 0;
	if (!owner) {
		drop_owner(table, sock);
		return 0;
	}

	node = get_owner(table, owner);
	if (!node)
		return -ENOMEM;
	processes_ref(owner);
	drop_owner(table, sock);

	sock->owner = owner;
	sock->next_of_owner = node->first;
	if (node->first)
		node->first->prev_of_owner = sock;
	node->first = sock;
	return 0;
}

static void drop_holders(struct sockets *table, struct socket *sock)
{
	for (size_t i = 0; i < sock->n_holders; i++)
		processes_unref(table->procs, sock->holders[i]);
	free(take(sock->holders));
	sock->n_holders = 0;
	sock->holders_known = false;
}

static void set_state(struct sockets *table, struct socket *sock, enum socket_state state)
{
	table->in_state[sock->state]--;
	table->in_state[state]++;
	sock->state = state;
}

static struct entry *entry_new(struct sockets *table, const struct socket *sock)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->s.cookie = sock->cookie;
	e->s.at = sock->at;
	e->s.state = sock->state;
	e->s.flags = sock->flags;
	e->s.source = sock->source;
	e->s.since_ns = sock->since_ns;
	e->s.seen_mono_ns = sock->seen_mono_ns;
	e->s.uid = sock->uid;
	HASH_ADD(hh, table->by_cookie, s.cookie, sizeof(e->s.cookie), e);
	if (!hash_was_added(e)) {
		free(e);
		return NULL;
	}
	table->in_state[e->s.state]++;
	return e;
}

static int add(struct sockets *table, const struct socket *sock, struct entry **ret)
{
	struct port *port;
	struct entry *e;
	int err;

	if (sockets_count(table) >= table->limit) {
		table->refused++;
		return -ENOSPC;
	}

	e = entry_new(table, sock);
	if (!e)
		return -ENOMEM;
	port = get_port(table, key_of(&sock->at));
	if (port)
		link_port(e, port);
	err = port ? give_owner(table, &e->s, sock->owner) : -ENOMEM;
	if (err < 0) {
		sockets_remove(table, sock->cookie);
		return err;
	}

	*ret = e;
	return 1;
}

static bool is_same_binding(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && endpoint_equal(a, b);
}

/* A socket that gave up its port was bound again: what was known of the old binding
 * goes with it. */
static int move(struct sockets *table, struct entry *e, const struct socket *sock)
{
	struct port *port = get_port(table, key_of(&sock->at));

	if (!port)
		return -ENOMEM;
	if (port != e->port) {
		unlink_port(table, e);
		link_port(e, port);
	}

	set_state(table, &e->s, sock->state);
	e->s.at = sock->at;
	e->s.flags = sock->flags;
	e->s.source = sock->source;
	e->s.seen_mono_ns = sock->seen_mono_ns;
	e->s.since_ns = sock->since_ns;
	return 1;
}

/*
 * The word of the kernel's event adds to the flags (listen does not know what bind
 * knew); a snapshot cannot tell who chose the port, so there what was known stays.
 */
static unsigned merge_flags(const struct socket *known, const struct socket *sock)
{
	unsigned autoport = known->flags & SOCKET_AUTOPORT;

	if (sock->source != SOURCE_KERNEL)
		return (sock->flags & ~SOCKET_AUTOPORT) | autoport;
	return known->source == SOURCE_KERNEL ? sock->flags | autoport : sock->flags;
}

/* The state after @sock; that a bound socket of the table listens is news which an
 * event that was queued before a snapshot does not take back. */
static enum socket_state merge_state(const struct socket *known,
				     const struct socket *sock)
{
	if (sock->source == SOURCE_KERNEL && sock->state == SOCKET_BOUND)
		return known->state;
	return sock->state;
}

static int refresh(struct sockets *table, struct socket *known, const struct socket *sock)
{
	unsigned flags = merge_flags(known, sock);
	enum socket_state state = merge_state(known, sock);
	int changed = known->flags != flags || known->state != state;

	known->flags = flags;
	set_state(table, known, state);
	if (!known->since_ns && sock->since_ns) {
		known->since_ns = sock->since_ns;
		changed = 1;
	}
	return changed;
}

static int update_owner(struct sockets *table, struct socket *known,
			const struct socket *sock)
{
	int err;

	if (!sock->owner || sock->owner == known->owner)
		return 0;
	if (known->owner && sock->source != SOURCE_KERNEL)
		return 0;

	err = give_owner(table, known, sock->owner);
	return err < 0 ? err : 1;
}

static int update(struct sockets *table, struct entry *e, const struct socket *sock)
{
	int changed, owner_changed;

	if (is_same_binding(&e->s.at, &sock->at))
		changed = refresh(table, &e->s, sock);
	else
		changed = move(table, e, sock);
	if (changed < 0)
		return changed;

	if (sock->uid != (uid_t)-1 && sock->uid != e->s.uid) {
		e->s.uid = sock->uid;
		changed = 1;
	}

	owner_changed = update_owner(table, &e->s, sock);
	return owner_changed < 0 ? owner_changed : changed || owner_changed;
}

int sockets_put(struct sockets *table, const struct socket *sock, struct socket **ret)
{
	struct entry *e = lookup(table, sock->cookie);
	int changed = e ? update(table, e, sock) : add(table, sock, &e);

	if (changed >= 0 && ret)
		*ret = &e->s;
	return changed;
}

int sockets_remove(struct sockets *table, uint64_t cookie)
{
	struct entry *e = lookup(table, cookie);

	if (!e)
		return 0;

	drop_holders(table, &e->s);
	drop_owner(table, &e->s);
	if (e->port)
		unlink_port(table, e);
	table->in_state[e->s.state]--;
	HASH_DEL(table->by_cookie, e);
	free(e);
	return 1;
}

int sockets_set_state(struct sockets *table, uint64_t cookie, enum socket_state state)
{
	struct entry *e = lookup(table, cookie);

	if (!e)
		return -ENOENT;
	if (e->s.state == state)
		return 0;
	set_state(table, &e->s, state);
	return 1;
}

int sockets_set_owner(struct sockets *table, uint64_t cookie, struct process *owner)
{
	struct entry *e = lookup(table, cookie);

	return e ? give_owner(table, &e->s, owner) : -ENOENT;
}

int sockets_set_holders(struct sockets *table, uint64_t cookie,
			struct process *const *holders, size_t n)
{
	struct entry *e = lookup(table, cookie);
	struct process **copy = NULL;

	if (!e)
		return -ENOENT;
	if (n) {
		copy = calloc(n, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		copy[i] = processes_ref(holders[i]);

	drop_holders(table, &e->s);
	e->s.holders = copy;
	e->s.n_holders = n;
	e->s.holders_known = true;
	return 0;
}

struct socket *sockets_find(const struct sockets *table, uint64_t cookie)
{
	struct entry *e = lookup(table, cookie);

	return e ? &e->s : NULL;
}

struct socket *sockets_at(const struct sockets *table, uint32_t netns, uint16_t proto,
			  uint16_t port)
{
	struct port *found = find_port(table, (struct port_key){ netns, proto, port });

	return found ? &found->first->s : NULL;
}

struct socket *sockets_of(const struct sockets *table, const struct process *owner)
{
	struct ownership *node = find_owner(table, owner);

	return node ? node->first : NULL;
}

size_t sockets_count(const struct sockets *table)
{
	return HASH_COUNT(table->by_cookie);
}

size_t sockets_count_state(const struct sockets *table, enum socket_state state)
{
	return (unsigned)state < SOCKET_STATES ? table->in_state[state] : 0;
}

uint64_t sockets_refused(const struct sockets *table)
{
	return table->refused;
}

int sockets_each(struct sockets *table, int (*fn)(struct socket *, void *), void *arg)
{
	struct entry *e, *next;
	int answer;

	HASH_ITER(hh, table->by_cookie, e, next)
	{
		answer = fn(&e->s, arg);
		if (answer)
			return answer;
	}
	return 0;
}

const char *socket_state_name(enum socket_state state)
{
	static const char *const names[] = {
		[SOCKET_BOUND] = "bound",
		[SOCKET_LISTENING] = "listening",
		[SOCKET_CONNECTED] = "connected",
	};

	return (unsigned)state <= SOCKET_CONNECTED ? names[state] : "unknown";
}

const char *source_name(enum source source)
{
	static const char *const names[] = {
		[SOURCE_KERNEL] = "kernel",
		[SOURCE_SNAPSHOT] = "snapshot",
		[SOURCE_RESYNC] = "resync",
		[SOURCE_DAEMON] = "daemon",
	};

	return (unsigned)source <= SOURCE_DAEMON ? names[source] : "unknown";
}
