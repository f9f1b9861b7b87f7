// SPDX-License-Identifier: GPL-2.0-only
#include "service/destroy.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/files.h"
#include "service/sock_diag.h"

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

/* A socket as the kernel lists it, which has what it wants to be called again. */
struct listed {
	struct inet_diag_msg msg;
	uint16_t proto;
};

struct dump {
	const struct destroy_order *order;
	uint16_t proto; /* being dumped */
	struct listed *items;
	size_t count, capacity;
};

static void dump_done(struct dump *dump)
{
	free(dump->items);
}

/* -- Listing --------------------------------------------------------------------------
 */

static int keep(const struct nlmsghdr *header, void *arg)
{
	struct dump *dump = arg;

	if (dump->count == dump->capacity) {
		size_t capacity = dump->capacity ? 2 * dump->capacity : 64;
		void *grown = reallocarray(dump->items, capacity, sizeof(*dump->items));

		if (!grown)
			return -ENOMEM;
		dump->items = grown;
		dump->capacity = capacity;
	}
	if (dump->count == DESTROY_MAX)
		return -E2BIG;
	dump->items[dump->count++] = (struct listed){
		.msg = *(const struct inet_diag_msg *)NLMSG_DATA(header),
		.proto = dump->proto,
	};
	return 0;
}

static int list(struct dump *dump, uint16_t proto, uint32_t states)
{
	const struct destroy_order *order = dump->order;
	const struct sock_diag_question question = {
		.proto = proto,
		.low = order->low,
		.high = order->high,
		.states = states,
	};
	int err;

	if (order->proto && order->proto != proto)
		return 0;
	dump->proto = proto;
	err = sock_diag_list(&question, keep, dump);
	/* A protocol that this kernel was built without. */
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

static int list_all(struct dump *dump)
{
	int err = list(dump, IPPROTO_TCP, ~(1u << TCP_CLOSE | 1u << SOCK_DIAG_BOUND));

	return err < 0 ? err : list(dump, IPPROTO_UDP, 1 << TCP_ESTABLISHED);
}

/* -- Choosing -------------------------------------------------------------------------
 */

static struct endpoint endpoint_of(const struct dump *dump, const struct listed *sock,
				   bool peer)
{
	struct endpoint at = sock_diag_endpoint(&sock->msg, sock->proto, peer);

	at.netns = dump->order->netns;
	at.ifindex = 0;
	return at;
}

/* Did a listener accept it, rather than that it set out by itself? */
static bool is_accepted(const struct dump *dump, const struct listed *sock)
{
	struct endpoint at = endpoint_of(dump, sock, false);

	for (size_t i = 0; i < dump->count; i++) {
		const struct listed *other = &dump->items[i];
		struct endpoint listener;

		if (other->proto != IPPROTO_TCP || other->msg.idiag_state != TCP_LISTEN)
			continue;
		listener = endpoint_of(dump, other, false);
		if (endpoint_overlap(&at, false, &listener, false))
			return true;
	}
	return false;
}

static bool is_meant(const struct dump *dump, const struct listed *sock)
{
	if (sock->proto == IPPROTO_UDP)
		return true;
	switch (sock->msg.idiag_state) {
	case TCP_LISTEN:
		return false;
	case TCP_TIME_WAIT:
	case TCP_SYN_SENT:
		return true;
	default:
		return !is_accepted(dump, sock);
	}
}

/* -- Destroying -----------------------------------------------------------------------
 */

static int destroy(const struct dump *dump, int fd, const struct listed *sock)
{
	struct request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DESTROY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.body = { .sdiag_family = sock->msg.idiag_family,
			  .sdiag_protocol = (uint8_t)sock->proto,
			  .idiag_states = UINT32_MAX,
			  .id = sock->msg.id },
	};
	int err;

	if (dump->order->dry_run)
		return 0;
	err = netlink_ask(fd, &request, sizeof(request), NULL, NULL);
	/* It has gone by itself. */
	return err == -ENOENT ? 0 : err;
}

/* TIME_WAIT is nobody's: its uid reads 0. */
static bool may_destroy(const struct destroy_order *order, const struct listed *sock)
{
	return order->caller.all || (sock->msg.idiag_state != TCP_TIME_WAIT &&
				     sock->msg.idiag_uid == order->caller.uid);
}

static int destroy_all(const struct dump *dump, int fd, struct destroyed_list *ret)
{
	struct destroyed *items = calloc(dump->count + 1, sizeof(*items));
	size_t n = 0;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < dump->count; i++) {
		const struct listed *sock = &dump->items[i];

		if (!is_meant(dump, sock))
			continue;
		items[n++] = (struct destroyed){
			.cookie = sock_diag_cookie(&sock->msg.id),
			.at = endpoint_of(dump, sock, false),
			.peer = endpoint_of(dump, sock, true),
			.state = sock->msg.idiag_state,
			.uid = sock->msg.idiag_uid,
			.error = may_destroy(dump->order, sock) ? destroy(dump, fd, sock)
								: -EACCES,
		};
	}
	*ret = (struct destroyed_list){ items, n };
	return 0;
}

int destroy_sockets(const struct destroy_order *order, struct destroyed_list *ret)
{
	_cleanup_(dump_done) struct dump dump = { .order = order };
	_cleanup_(close_fdp) int fd = netlink_open_diag();
	int err;

	if (fd < 0)
		return fd;
	err = list_all(&dump);
	return err < 0 ? err : destroy_all(&dump, fd, ret);
}

void destroyed_done(struct destroyed_list *list)
{
	free(list->items);
	*list = (struct destroyed_list){ 0 };
}

const char *destroyed_state_name(uint8_t state)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "established", [TCP_SYN_SENT] = "syn-sent",
		[TCP_SYN_RECV] = "syn-recv",       [TCP_FIN_WAIT1] = "fin-wait-1",
		[TCP_FIN_WAIT2] = "fin-wait-2",    [TCP_TIME_WAIT] = "time-wait",
		[TCP_CLOSE_WAIT] = "close-wait",   [TCP_LAST_ACK] = "last-ack",
		[TCP_CLOSING] = "closing",
	};

	if (state >= sizeof(names) / sizeof(names[0]) || !names[state])
		return "other";
	return names[state];
}
