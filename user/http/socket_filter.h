/* SPDX-License-Identifier: GPL-2.0-only */
/* socket_filter - port=, proto=, state=, pid=, user=, service=, netns= of a request. */
#ifndef PORTWATCH_HTTP_SOCKET_FILTER_H
#define PORTWATCH_HTTP_SOCKET_FILTER_H

#include "http/api.h"

struct socket_filter {
	bool has_port, has_proto, has_state, has_netns;
	uint16_t port_low, port_high;
	uint16_t proto;
	enum socket_state state;
	uint32_t netns;
	pid_t pid;           /* owner or holder; 0: any */
	const char *user;    /* a name or a number; NULL any */
	const char *service; /* NULL any */
};

/* Strings are borrowed from the request.  Arguments of other names are left alone.
 * -EINVAL with *reply filled in. */
int socket_filter_parse(const struct request *req, struct socket_filter *ret,
			struct reply *reply);
/* @service is the socket's, NULL none. */
bool socket_filter_passes(const struct socket_filter *filter, const struct socket *sock,
			  const char *service);

#endif /* PORTWATCH_HTTP_SOCKET_FILTER_H */
