// SPDX-License-Identifier: GPL-2.0-only
#include "service/inuse.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/strings.h"

enum { RECEIVE_BYTES = 64 * 1024, FAMILIES = 2 };

static const int families[FAMILIES] = { AF_INET, AF_INET6 };

/* A comparison is two words: the operation with its jumps, and the port. */
struct comparison {
	struct inet_diag_bc_op op, port;
};

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
	struct rtattr attribute;
	struct comparison filter[2];
};

/*
 * Low <= port <= high, as a program: "yes" goes on by so many bytes, and "no" to four
 * bytes beyond the end, which refuses.
 */
static void set_filter(struct comparison *filter, uint16_t low, uint16_t high)
{
	enum { ONE = sizeof(struct comparison), BEYOND = 4 };

	filter[0].op =
		(struct inet_diag_bc_op){ INET_DIAG_BC_S_GE, ONE, 2 * ONE + BEYOND };
	filter[0].port = (struct inet_diag_bc_op){ .no = low };
	filter[1].op = (struct inet_diag_bc_op){ INET_DIAG_BC_S_LE, ONE, ONE + BEYOND };
	filter[1].port = (struct inet_diag_bc_op){ .no = high };
}

static int ask(int fd, int family, uint16_t proto, uint16_t low, uint16_t high)
{
	struct request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = (uint8_t)family,
			  .sdiag_protocol = (uint8_t)proto,
			  .idiag_states = UINT32_MAX },
		.attribute = { .rta_len = RTA_LENGTH(sizeof(request.filter)),
			       .rta_type = INET_DIAG_REQ_BYTECODE },
	};

	set_filter(request.filter, low, high);
	return send(fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

/* 1 at the end of the list, else 0 or negative errno. */
static int take_message(const struct nlmsghdr *header, uint8_t *bitmap)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);
	const struct inet_diag_msg *msg = NLMSG_DATA(header);

	switch (header->nlmsg_type) {
	case NLMSG_DONE:
		return 1;
	case NLMSG_ERROR:
		return header->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EPROTO
									: error->error;
	case SOCK_DIAG_BY_FAMILY:
		if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
			return -EPROTO;
		port_set(bitmap, ntohs(msg->id.idiag_sport));
		return 0;
	default:
		return 0;
	}
}

static int receive_all(int fd, char *buf, uint8_t *bitmap)
{
	for (;;) {
		ssize_t n = recv(fd, buf, RECEIVE_BYTES, 0);
		const struct nlmsghdr *header = (const struct nlmsghdr *)buf;
		int answer;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		for (size_t left = (size_t)n; NLMSG_OK(header, left);
		     header = NLMSG_NEXT(header, left)) {
			answer = take_message(header, bitmap);
			if (answer)
				return answer < 0 ? answer : 0;
		}
	}
}

/* What a kernel without IPv6 says of it, or one without the list of a protocol. */
static bool is_unknown(int err)
{
	return err == -ENOENT || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT;
}

static int list(uint16_t low, uint16_t high, uint16_t proto, uint8_t *bitmap)
{
	_cleanup_(close_fdp) int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	_cleanup_(freep) char *buf = malloc(RECEIVE_BYTES);
	int err;

	if (fd < 0)
		return -errno;
	if (!buf)
		return -ENOMEM;
	for (int i = 0; i < FAMILIES; i++) {
		err = ask(fd, families[i], proto, low, high);
		if (err == 0)
			err = receive_all(fd, buf, bitmap);
		if (err < 0 && (i == 0 || !is_unknown(err)))
			return err;
	}
	return 0;
}

static bool is_refused(int family, uint16_t proto, uint16_t port)
{
	_cleanup_(close_fdp) int fd = socket(
		family, SOCK_CLOEXEC | (proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM),
		proto);
	union {
		struct sockaddr_in6 v6;
		struct sockaddr_in v4;
		struct sockaddr any;
	} at = { .any.sa_family = (sa_family_t)family };

	if (fd < 0)
		return false;
	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
		at.v6.sin6_port = htons(port);
	} else {
		at.v4.sin_port = htons(port);
	}
	return bind(fd, &at.any, family == AF_INET6 ? sizeof(at.v6) : sizeof(at.v4)) <
		       0 &&
	       errno == EADDRINUSE;
}

static void try(uint16_t low, uint16_t high, uint16_t proto, uint8_t *bitmap)
{
	for (unsigned port = low; port <= high; port++)
		for (int i = 0; i < FAMILIES; i++)
			if (is_refused(families[i], proto, (uint16_t)port))
				port_set(bitmap, port);
}

int inuse_find(uint16_t low, uint16_t high, uint16_t proto, uint8_t *bitmap)
{
	static const uint16_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++) {
		int err;

		if (proto && proto != protos[i])
			continue;
		err = list(low, high, protos[i], bitmap);
		if (is_unknown(err))
			try(low, high, protos[i], bitmap);
		else if (err < 0)
			return err;
	}
	return 0;
}
