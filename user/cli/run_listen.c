// SPDX-License-Identifier: GPL-2.0-only
/* The socket that outlives the command that serves it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/log.h"
#include "cli/run_port.h"

struct place {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t size;
};

static void set_v4(struct place *place, uint16_t port)
{
	place->v4.sin_family = AF_INET;
	place->v4.sin_port = htons(port);
	place->size = sizeof(place->v4);
}

static void set_v6(struct place *place, uint16_t port)
{
	place->v6.sin6_family = AF_INET6;
	place->v6.sin6_port = htons(port);
	place->size = sizeof(place->v6);
}

static int parse_place(const char *address, uint16_t port, struct place *ret)
{
	struct place place = { 0 };

	if (!address || inet_pton(AF_INET6, address, &place.v6.sin6_addr) == 1)
		set_v6(&place, port);
	else if (inet_pton(AF_INET, address, &place.v4.sin_addr) == 1)
		set_v4(&place, port);
	else
		return -EINVAL;
	*ret = place;
	return 0;
}

static int bind_at(const struct place *place, int type, bool dual, int *ret)
{
	_cleanup_(close_fdp) int fd =
		socket(place->any.sa_family, type | SOCK_CLOEXEC, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (place->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, dual ? &off : &on, sizeof(int));
	if (bind(fd, &place->any, place->size) < 0 ||
	    (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0))
		return -errno;
	*ret = fd;
	fd = -EBADF;
	return 0;
}

static int complain(int err, uint16_t port, const char *address)
{
	const char *at = address ? address : "any address";

	switch (err) {
	case -EADDRINUSE:
		log_error("Cannot listen on port %u of %s: it is in use; 'portwatch ls "
			  "port=%u' says by whom",
			  port, at, port);
		return STATUS_CONFLICT;
	case -EACCES:
		log_error("Cannot listen on port %u: that takes CAP_NET_BIND_SERVICE",
			  port);
		return STATUS_NOT_PERMITTED;
	default:
		log_error_errno(err, "Cannot listen on port %u of %s", port, at);
		return STATUS_FAILED;
	}
}

int run_listen(const struct command *cmd, const struct run_grant *grant,
	       const char *address, int *ret)
{
	const struct run_port *port = &grant->ports.items[0];
	int type = port->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	struct place place;
	int err;

	if (!address)
		address = port->address;
	if (parse_place(address, port->port, &place) < 0)
		return usage_error(cmd->verb, "'%s' is no IP address", address);
	err = bind_at(&place, type, !address || streq(address, "::"), ret);
	if (err == -EAFNOSUPPORT && !address) {
		place = (struct place){ 0 };
		set_v4(&place, port->port);
		err = bind_at(&place, type, false, ret);
	}
	return err < 0 ? complain(err, port->port, address) : 0;
}
