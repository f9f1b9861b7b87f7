// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/diag_compare.h"

#include "base/files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* linux/inet_diag.h and net/tcp_states.h of 6.8; older kernels ignore the bit. */
enum { STATE_TIME_WAIT = 6, STATE_SYN_RECV = 3, STATE_NEW_SYN_RECV = 12 };
enum { STATE_CLOSE = 7, STATE_LISTEN = 10, STATE_BOUND_INACTIVE = 13 };
enum { ULP_INFO = 19, ULP_NAME = 1 }; /* INET_DIAG_ULP_INFO, INET_ULP_INFO_NAME */

void sockdiag_list_done(struct sockdiag_list *list)
{
	free(list->items);
	*list = (struct sockdiag_list){ 0 };
}

static int add(struct sockdiag_list *list, const struct sockdiag_socket *sock)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 256;
	struct sockdiag_socket *items;

	if (list->count == list->capacity) {
		items = reallocarray(list->items, capacity, sizeof(*items));
		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = *sock;
	return 0;
}

const struct sockdiag_socket *sockdiag_find(const struct sockdiag_list *list,
					    uint64_t cookie)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].cookie == cookie)
			return &list->items[i];
	return NULL;
}

static int ask(int fd, int family, int proto)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 req;
		struct rtattr attr;
		uint32_t proto;
	} msg = {
		.h = { .nlmsg_len = sizeof(msg),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.req = { .sdiag_family = (uint8_t)family,
			 .sdiag_protocol = (uint8_t)proto,
			 .idiag_ext = 1 << (INET_DIAG_INFO - 1),
			 .idiag_states = ~0u },
		.attr = { .rta_type = INET_DIAG_REQ_PROTOCOL,
			  .rta_len = RTA_LENGTH(sizeof(uint32_t)) },
		.proto = (uint32_t)proto,
	};

	/* A protocol beyond 255 goes into the attribute, and 255 in its place. */
	if (proto > 255)
		msg.req.sdiag_protocol = IPPROTO_RAW;
	else
		msg.h.nlmsg_len = offsetof(typeof(msg), attr);
	return send(fd, &msg, msg.h.nlmsg_len, 0) < 0 ? -errno : 0;
}

static bool is_subflow(struct rtattr *ulp)
{
	int left = (int)RTA_PAYLOAD(ulp);

	for (struct rtattr *a = RTA_DATA(ulp); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == ULP_NAME)
			return strcmp(RTA_DATA(a), "mptcp") == 0;
	return false;
}

static void read_attributes(const struct nlmsghdr *h, struct sockdiag_socket *sock)
{
	struct inet_diag_msg *msg = NLMSG_DATA(h);
	int left = (int)NLMSG_PAYLOAD(h, sizeof(*msg));

	for (struct rtattr *a = (struct rtattr *)(msg + 1); RTA_OK(a, left);
	     a = RTA_NEXT(a, left)) {
		if (a->rta_type == INET_DIAG_SKV6ONLY && *(uint8_t *)RTA_DATA(a))
			sock->flags |= SOCKET_V6ONLY;
		if ((a->rta_type & ~NLA_F_NESTED) == ULP_INFO)
			sock->subflow = is_subflow(a);
	}
}

static enum socket_state state_of(const struct inet_diag_msg *msg)
{
	switch (msg->idiag_state) {
	case STATE_LISTEN:
		return SOCKET_LISTENING;
	case STATE_CLOSE:
	case STATE_BOUND_INACTIVE:
		return SOCKET_BOUND;
	default:
		return SOCKET_CONNECTED;
	}
}

static int take_message(const struct nlmsghdr *h, int proto, uint32_t netns,
			struct sockdiag_list *list)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(h);
	struct sockdiag_socket sock = {
		.cookie = msg->id.idiag_cookie[0] | (uint64_t)msg->id.idiag_cookie[1]
							    << 32,
		.at = { .netns = netns,
			.ifindex = msg->id.idiag_if,
			.family = msg->idiag_family,
			.proto = proto == IPPROTO_MPTCP ? IPPROTO_TCP : (uint16_t)proto,
			.port = ntohs(msg->id.idiag_sport) },
		.state = state_of(msg),
		.flags = proto == IPPROTO_MPTCP ? SOCKET_MPTCP : 0,
		.inode = msg->idiag_inode,
		.peer_port = ntohs(msg->id.idiag_dport),
	};

	/* Not sockets (yet, or any more): they share the cookie of none. */
	if (msg->idiag_state == STATE_TIME_WAIT || msg->idiag_state == STATE_SYN_RECV ||
	    msg->idiag_state == STATE_NEW_SYN_RECV)
		return 0;
	memcpy(sock.at.addr, msg->id.idiag_src, msg->idiag_family == AF_INET ? 4 : 16);
	read_attributes(h, &sock);
	return add(list, &sock);
}

/* One datagram of the answer: 1 at its end, 0 for more to come, -errno. */
static int take_datagram(const char *data, size_t size, int proto, uint32_t netns,
			 struct sockdiag_list *list)
{
	unsigned left = (unsigned)size;

	for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left)) {
		int err = 0;

		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error ?: 1;
		err = take_message(h, proto, netns, list);
		if (err < 0)
			return err;
	}
	return 0;
}

static int dump_one(int fd, int family, int proto, uint32_t netns,
		    struct sockdiag_list *list)
{
	char data[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	int err;

	err = ask(fd, family, proto);
	while (err == 0) {
		ssize_t n = recv(fd, data, sizeof(data), 0);

		if (n < 0)
			return -errno;
		err = take_datagram(data, (size_t)n, proto, netns, list);
	}
	/* A kernel without this protocol has no sockets of it. */
	return err == -ENOENT || err == 1 ? 0 : err;
}

int sockdiag_dump(int fd, uint32_t netns, struct sockdiag_list *ret)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static const int protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_MPTCP };
	struct sockdiag_list list = { 0 };

	for (size_t f = 0; f < 2; f++) {
		for (size_t p = 0; p < 3; p++) {
			int err = dump_one(fd, families[f], protos[p], netns, &list);

			if (err < 0) {
				sockdiag_list_done(&list);
				return err;
			}
		}
	}
	*ret = list;
	return 0;
}

bool diag_shows_bound(void)
{
	_cleanup_(close_fdp) int diag =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in any = { .sin_family = AF_INET };
	_cleanup_(sockdiag_list_done) struct sockdiag_list list = { 0 };
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (diag < 0 || fd < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    sockdiag_dump(diag, 0, &list) < 0)
		return false;
	return sockdiag_find(&list, cookie) != NULL;
}
