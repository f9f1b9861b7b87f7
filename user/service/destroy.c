// SPDX-License-Identifier: GPL-2.0-only
#include "service/destroy.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

enum {
	RECEIVE_BYTES = 64 * 1024,
	BOUND_INACTIVE = 13 /* TCP_BOUND_INACTIVE, Linux 6.8 */
};

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

/* A socket as the kernel lists it, with what it wants to be called again. */
struct listed {
	struct inet_diag_sockid id;
	uint8_t family, state;
	uint16_t proto;
	uid_t uid;
};

struct dump {
	const struct destroy_order *order;
	int fd;
	char *buf;
	uint16_t proto; /* being dumped */
	struct listed *items;
	size_t count, capacity;
};

static void dump_done(struct dump *dump)
{
	close_fd(dump->fd);
	free(dump->buf);
	free(dump->items);
}

/* -- Listing --------------------------------------------------------------------------
 */

static int keep(struct dump *dump, const struct inet_diag_msg *msg)
{
	uint16_t port = ntohs(msg->id.idiag_sport);

	if (port < dump->order->low || port > dump->order->high)
		return 0;
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
		.id = msg->id,
		.family = msg->idiag_family,
		.state = msg->idiag_state,
		.proto = dump->proto,
		.uid = msg->idiag_uid,
	};
	return 0;
}

/* 1 at the end of the answer, else 0 or negative errno. */
static int take_message(struct dump *dump, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);

	switch (header->nlmsg_type) {
	case NLMSG_DONE:
		return 1;
	case NLMSG_ERROR:
		if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
			return -EPROTO;
		return error->error < 0 ? error->error : 1;
	case SOCK_DIAG_BY_FAMILY:
		if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			return -EPROTO;
		return keep(dump, NLMSG_DATA(header));
	default:
		return 0;
	}
}

static int receive(struct dump *dump)
{
	for (;;) {
		ssize_t n = recv(dump->fd, dump->buf, RECEIVE_BYTES, 0);
		const struct nlmsghdr *header = (const struct nlmsghdr *)dump->buf;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		for (size_t left = (size_t)n; NLMSG_OK(header, left);
		     header = NLMSG_NEXT(header, left)) {
			int answer = take_message(dump, header);

			if (answer)
				return answer < 0 ? answer : 0;
		}
	}
}

static int ask(struct dump *dump, const struct request *request)
{
	if (send(dump->fd, request, sizeof(*request), 0) < 0)
		return -errno;
	return receive(dump);
}

static int list(struct dump *dump, int family, uint16_t proto, uint32_t states)
{
	const struct destroy_order *order = dump->order;
	struct request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = (uint8_t)family,
			  .sdiag_protocol = (uint8_t)proto,
			  .idiag_states = states },
	};
	int err;

	if (order->proto && order->proto != proto)
		return 0;
	if (order->low == order->high)
		request.body.id.idiag_sport = htons(order->low);
	dump->proto = proto;
	err = ask(dump, &request);
	/* A family or protocol that this kernel was built without. */
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

static int list_all(struct dump *dump)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int err = 0;

	for (size_t i = 0; err == 0 && i < 2; i++) {
		err = list(dump, families[i], IPPROTO_TCP,
			   ~(1u << TCP_CLOSE | 1u << BOUND_INACTIVE));
		if (err == 0)
			err = list(dump, families[i], IPPROTO_UDP, 1 << TCP_ESTABLISHED);
	}
	return err;
}

/* -- Choosing -------------------------------------------------------------------------
 */

static struct endpoint endpoint_of(const struct dump *dump, const struct listed *sock,
				   bool peer)
{
	struct endpoint at = {
		.netns = dump->order->netns,
		.family = sock->family,
		.proto = sock->proto,
		.port = ntohs(peer ? sock->id.idiag_dport : sock->id.idiag_sport),
	};

	memcpy(at.addr, peer ? sock->id.idiag_dst : sock->id.idiag_src,
	       sock->family == AF_INET ? 4 : 16);
	return at;
}

/* Did a listener accept it, rather than that it set out by itself? */
static bool is_accepted(const struct dump *dump, const struct listed *sock)
{
	struct endpoint at = endpoint_of(dump, sock, false);

	for (size_t i = 0; i < dump->count; i++) {
		const struct listed *other = &dump->items[i];
		struct endpoint listener;

		if (other->proto != IPPROTO_TCP || other->state != TCP_LISTEN)
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
	switch (sock->state) {
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

static int destroy(struct dump *dump, const struct listed *sock)
{
	struct request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DESTROY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.body = { .sdiag_family = sock->family,
			  .sdiag_protocol = (uint8_t)sock->proto,
			  .idiag_states = UINT32_MAX,
			  .id = sock->id },
	};
	int err;

	if (dump->order->dry_run)
		return 0;
	err = ask(dump, &request);
	/* It has gone by itself. */
	return err == -ENOENT ? 0 : err;
}

/* TIME_WAIT is nobody's: its uid reads 0. */
static bool may_destroy(const struct destroy_order *order, const struct listed *sock)
{
	return order->caller.all ||
	       (sock->state != TCP_TIME_WAIT && sock->uid == order->caller.uid);
}

static int destroy_all(struct dump *dump, struct destroyed_list *ret)
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
			.cookie = (uint64_t)sock->id.idiag_cookie[1] << 32 |
				  sock->id.idiag_cookie[0],
			.at = endpoint_of(dump, sock, false),
			.peer = endpoint_of(dump, sock, true),
			.state = sock->state,
			.uid = sock->uid,
			.error = may_destroy(dump->order, sock) ? destroy(dump, sock)
								: -EACCES,
		};
	}
	*ret = (struct destroyed_list){ items, n };
	return 0;
}

int destroy_sockets(const struct destroy_order *order, struct destroyed_list *ret)
{
	_cleanup_(dump_done) struct dump dump = {
		.order = order,
		.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG),
		.buf = malloc(RECEIVE_BYTES),
	};
	int err;

	if (dump.fd < 0)
		return -errno;
	if (!dump.buf)
		return -ENOMEM;
	err = list_all(&dump);
	return err < 0 ? err : destroy_all(&dump, ret);
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
