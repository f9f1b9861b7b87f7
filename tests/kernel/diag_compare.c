// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/diag_compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct comparison {
	struct sockets *table;
	struct sockdiag_list list;
	const struct knowledge *knowledge;
	uint32_t netns;
	bool silent;
	int differences;
};

static const struct known *recall(const struct comparison *c, uint64_t cookie)
{
	return c->knowledge ? c->knowledge->find(cookie, c->knowledge->arg) : NULL;
}

static void complain(struct comparison *c, const char *what, uint64_t cookie,
		     const struct endpoint *at)
{
	const struct known *k = recall(c, cookie);
	char text[ENDPOINT_TEXT];

	/* Enough to see the pattern; the rest only counts. */
	if (c->differences++ >= 20 || c->silent)
		return;
	printf("# difference: %s: cookie %" PRIu64 " %s%s %s netns %u\n", what, cookie,
	       proto_name(at->proto), at->family == AF_INET6 ? "6" : "4",
	       endpoint_format(at, text), at->netns);
	if (k)
		printf("#   its life:%s\n", k->life);
}

/* From 6.8 a bound MPTCP socket is listed as the TCP socket inside it, which nothing
 * there tells from any other: but it stands where the test put an MPTCP socket. */
static bool is_inside_known(const struct comparison *c, const struct sockdiag_socket *d)
{
	const struct known *k;

	for (size_t i = 0; (k = c->knowledge->nth(i, c->knowledge->arg)); i++)
		if (k->flags & SOCKET_MPTCP && k->bound && k->at.port == d->at.port &&
		    k->at.netns == d->at.netns && k->at.family == d->at.family)
			return true;
	return false;
}

static void check_row(struct comparison *c, const struct socket *row,
		      const struct endpoint *at, enum socket_state state, unsigned flags)
{
	char text[ENDPOINT_TEXT], was[160];

	if (!endpoint_equal(&row->at, at)) {
		snprintf(was, sizeof(was), "the table has %s netns %u device %u",
			 endpoint_format(&row->at, text), row->at.netns, row->at.ifindex);
		complain(c, was, row->cookie, at);
	}
	if (row->state != state) {
		snprintf(was, sizeof(was), "the table has %s, the kernel %s",
			 socket_state_name(row->state), socket_state_name(state));
		complain(c, was, row->cookie, at);
	}
	if ((row->flags ^ flags) & SOCKET_MPTCP)
		complain(c, "MPTCP or not", row->cookie, at);
}

/* Without knowledge only what may be bound for certain is asked for. */
static bool has_to_be_there(const struct sockdiag_socket *d, const struct known *k)
{
	if (k)
		return k->bound;
	return d->state == SOCKET_LISTENING || d->state == SOCKET_BOUND;
}

static void check_listed(struct comparison *c, const struct sockdiag_socket *d)
{
	const struct socket *row = sockets_find(c->table, d->cookie);
	const struct known *k = recall(c, d->cookie);

	/* The inside of an MPTCP socket, and what no process has: accepted by none yet,
	 * or closed and lingering. */
	if (d->subflow || (d->inode == 0 && d->state != SOCKET_LISTENING)) {
		if (row)
			complain(c, "a row for what no process has", d->cookie, &d->at);
		return;
	}
	if (c->knowledge && !k && !row && is_inside_known(c, d))
		return;
	if (c->knowledge && !k) {
		complain(c, "nobody made this", d->cookie, &d->at);
		return;
	}
	if (!has_to_be_there(d, k)) {
		if (row && k)
			complain(c, "a row for what was never bound", d->cookie, &d->at);
		return;
	}
	if (!row)
		complain(c, "no row", d->cookie, &d->at);
	else
		check_row(c, row, &d->at, d->state, d->flags);
}

/* A bound TCP socket that this kernel does not list, or an MPTCP socket that none does.
 */
static bool is_unlisted_kind(const struct comparison *c, const struct known *k)
{
	return k->at.proto == IPPROTO_TCP && k->state == SOCKET_BOUND &&
	       (k->flags & SOCKET_MPTCP || !c->knowledge->shows_bound);
}

static void check_known(struct comparison *c, const struct known *k)
{
	const struct socket *row;

	if (!k->bound || k->at.netns != c->netns || sockdiag_find(&c->list, k->cookie))
		return;
	if (!is_unlisted_kind(c, k)) {
		complain(c, "bound says its owner, the kernel does not", k->cookie,
			 &k->at);
		return;
	}
	row = sockets_find(c->table, k->cookie);
	if (!row)
		complain(c, "no row, says its owner", k->cookie, &k->at);
	else
		check_row(c, row, &k->at, k->state, k->flags);
}

static int check_row_is_listed(struct socket *row, void *arg)
{
	struct comparison *c = arg;
	const struct known *k = recall(c, row->cookie);

	if (row->at.netns != c->netns || sockdiag_find(&c->list, row->cookie))
		return 0;
	if (!c->knowledge && row->at.proto == IPPROTO_TCP && row->state == SOCKET_BOUND &&
	    !diag_shows_bound())
		return 0;
	if (!k || !k->bound || k->at.netns != c->netns)
		complain(c, "the kernel has no such socket", row->cookie, &row->at);
	return 0;
}

static int compare(struct sockets *table, int fd, uint32_t netns,
		   const struct knowledge *knowledge, bool silent)
{
	struct comparison c = {
		.table = table, .knowledge = knowledge, .netns = netns, .silent = silent
	};
	const struct known *k;
	int err;

	err = sockdiag_dump(fd, netns, &c.list);
	if (err < 0)
		return err;

	for (size_t i = 0; i < c.list.count; i++)
		check_listed(&c, &c.list.items[i]);
	for (size_t i = 0; knowledge && (k = knowledge->nth(i, knowledge->arg)); i++)
		check_known(&c, k);
	sockets_each(table, check_row_is_listed, &c);
	sockdiag_list_done(&c.list);
	return c.differences;
}

int diag_compare(struct sockets *table, int fd, uint32_t netns,
		 const struct knowledge *knowledge)
{
	return compare(table, fd, netns, knowledge, false);
}

int diag_count(struct sockets *table, int fd, uint32_t netns,
	       const struct knowledge *knowledge)
{
	return compare(table, fd, netns, knowledge, true);
}
