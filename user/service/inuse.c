// SPDX-License-Identifier: GPL-2.0-only
#include "service/inuse.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/files.h"
#include "service/sock_diag.h"

enum { FAMILIES = 2 };

static const int families[FAMILIES] = { AF_INET, AF_INET6 };

static int take_socket(const struct nlmsghdr *header, void *bitmap)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(header);

	port_set(bitmap, ntohs(msg->id.idiag_sport));
	return 0;
}

static int list(uint16_t low, uint16_t high, uint16_t proto, uint8_t *bitmap)
{
	const struct sock_diag_question question = {
		.proto = proto,
		.low = low,
		.high = high,
		.states = UINT32_MAX,
	};

	return sock_diag_list(&question, take_socket, bitmap);
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
		if (netlink_is_unknown(err))
			try(low, high, protos[i], bitmap);
		else if (err < 0)
			return err;
	}
	return 0;
}
