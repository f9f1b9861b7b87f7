// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sock_diag(7) lists of one namespace.
 *
 * It has no word on how a socket came by its port, so only those are taken that can have
 * it by bind or listen alone: TCP listeners, TCP sockets that are bound and nothing else
 * (Linux 6.8 lists them), UDP sockets without a peer, and of those with one the ones on
 * ports that the kernel would not have chosen.
 */
#include "probe/diag_private.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/files.h"
#include "base/netlink.h"
#include "probe/procfs.h"

enum {
	BOUND_INACTIVE = 13, /* TCP_BOUND_INACTIVE, Linux 6.8 */
	NO_PROTOCOL = 254,   /* unassigned: refused where the attribute is not known */
};

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct dump {
	uint32_t netns;
	diag_fn fn;
	void *arg;
	int fd;
	int protocol; /* being dumped */
	struct port_range ephemeral;
	uint8_t reserved[8192];
};

static const struct rtattr *find_attribute(const struct rtattr *attr, size_t size,
					   unsigned type)
{
	for (; RTA_OK(attr, size); attr = RTA_NEXT(attr, size))
		if ((attr->rta_type & ~NLA_F_NESTED) == type)
			return attr;
	return NULL;
}

static unsigned flags_of(const struct rtattr *attrs, size_t size)
{
	const struct rtattr *v6only = find_attribute(attrs, size, INET_DIAG_SKV6ONLY);

	return v6only && *(const uint8_t *)RTA_DATA(v6only) ? SOCKET_V6ONLY : 0;
}

/* Would the kernel choose this port by itself? */
static bool is_ephemeral(const struct dump *dump, uint16_t port)
{
	return port >= dump->ephemeral.low && port <= dump->ephemeral.high &&
	       !(dump->reserved[port / 8] & 1 << port % 8);
}

static struct endpoint endpoint_of(const struct dump *dump,
				   const struct inet_diag_msg *msg)
{
	struct endpoint at = {
		.netns = dump->netns,
		.ifindex = msg->id.idiag_if,
		.family = msg->idiag_family,
		.proto = dump->protocol == IPPROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP,
		.port = ntohs(msg->id.idiag_sport),
	};

	memcpy(at.addr, msg->id.idiag_src, msg->idiag_family == AF_INET ? 4 : 16);
	return at;
}

/*
 * A packet that is sent binds to a port and no address; connect sets the address too.
 * False for one with a peer that need not have been bound before.
 */
static bool classify_udp(const struct dump *dump, bool connected,
			 struct diag_socket *sock)
{
	sock->state = connected ? SOCKET_CONNECTED : SOCKET_BOUND;
	sock->evident = !is_ephemeral(dump, sock->at.port) ||
			(!connected && !endpoint_is_wildcard(&sock->at));
	if (!sock->evident)
		sock->flags |= SOCKET_AUTOPORT;
	return sock->evident || !connected;
}

static int take_socket(const struct nlmsghdr *header, void *arg)
{
	struct dump *dump = arg;
	const struct inet_diag_msg *msg = NLMSG_DATA(header);
	const struct rtattr *attrs = (const struct rtattr *)(msg + 1);
	struct diag_socket sock = {
		.cookie =
			(uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0],
		.at = endpoint_of(dump, msg),
		.inode = msg->idiag_inode,
		.uid = msg->idiag_uid,
		.state = msg->idiag_state == TCP_LISTEN ? SOCKET_LISTENING : SOCKET_BOUND,
		.evident = true,
	};

	sock.flags = flags_of(attrs, NLMSG_PAYLOAD(header, sizeof(*msg)));
	if (dump->protocol == IPPROTO_MPTCP)
		sock.flags |= SOCKET_MPTCP;
	if (dump->protocol == IPPROTO_UDP &&
	    !classify_udp(dump, msg->idiag_state == TCP_ESTABLISHED, &sock))
		return 0;
	return sock.at.port ? dump->fn(&sock, dump->arg) : 0;
}

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
	struct rtattr attribute;
	uint32_t protocol;
};

static int ask(struct dump *dump, int family, uint32_t states)
{
	struct request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = family,
			  .sdiag_protocol = dump->protocol > UINT8_MAX ? NO_PROTOCOL
								       : dump->protocol,
			  .idiag_states = states },
		.attribute = { .rta_len = RTA_LENGTH(sizeof(request.protocol)),
			       .rta_type = INET_DIAG_REQ_PROTOCOL },
		.protocol = dump->protocol,
	};

	/* Kernels before 5.9 know the one-byte field alone. */
	if (dump->protocol <= UINT8_MAX)
		request.header.nlmsg_len = NLMSG_LENGTH(sizeof(request.body));
	return netlink_ask(dump->fd, &request, request.header.nlmsg_len, take_socket,
			   dump);
}

/* The request that was there before sock_diag(7) has TCP sockets of both families at one
 * walk over the kernel's tables, which is what takes long. */
static int ask_tcp(struct dump *dump, uint32_t states)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req body;
	} request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.body)),
			    .nlmsg_type = TCPDIAG_GETSOCK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .idiag_family = AF_INET, .idiag_states = states },
	};

	return netlink_ask(dump->fd, &request, request.header.nlmsg_len, take_socket,
			   dump);
}

static int dump_one(struct dump *dump, int protocol, uint32_t states)
{
	int err;

	dump->protocol = protocol;
	if (protocol == IPPROTO_TCP)
		return ask_tcp(dump, states);
	err = ask(dump, AF_INET, states);
	return err == 0 ? ask(dump, AF_INET6, states) : err;
}

struct part {
	int protocol;
	uint32_t states;
};

static int dump_parts(struct dump *dump, const struct part *parts, size_t n)
{
	int err;

	for (size_t i = 0; i < n; i++) {
		err = dump_one(dump, parts[i].protocol, parts[i].states);
		if (netlink_is_unknown(err) && parts[i].protocol == IPPROTO_TCP)
			return -EOPNOTSUPP;
		if (err < 0 && !netlink_is_unknown(err))
			return err;
	}
	return 0;
}

static int dump_namespace(uint32_t netns, const struct part *parts, size_t n, diag_fn fn,
			  void *arg)
{
	_cleanup_(close_fdp) int fd = netlink_open_diag();
	struct dump dump = { .netns = netns, .fn = fn, .arg = arg, .fd = fd };

	if (fd < 0)
		return fd;
	if (procfs_port_range(&dump.ephemeral) < 0)
		dump.ephemeral = (struct port_range){ 1, UINT16_MAX };
	procfs_reserved_ports(dump.reserved);
	return dump_parts(&dump, parts, n);
}

int diag_dump(uint32_t netns, diag_fn fn, void *arg)
{
	static const struct part parts[] = {
		/* Before TCP, which lists the same sockets again. */
		{ IPPROTO_MPTCP, 1 << TCP_LISTEN },
		{ IPPROTO_TCP, 1 << TCP_LISTEN | 1 << BOUND_INACTIVE },
		{ IPPROTO_UDP, 1 << TCP_CLOSE | 1 << TCP_ESTABLISHED },
	};

	return dump_namespace(netns, parts, sizeof(parts) / sizeof(*parts), fn, arg);
}

int diag_dump_bound(uint32_t netns, diag_fn fn, void *arg)
{
	static const struct part bound = { IPPROTO_TCP, 1 << BOUND_INACTIVE };

	return dump_namespace(netns, &bound, 1, fn, arg);
}
