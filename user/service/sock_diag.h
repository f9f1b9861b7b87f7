/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sock_diag - the kernel's list of sockets, by local port: sock_diag(7), in this
 * process's own network namespace.
 *
 * The kernel walks its table for each question and answers with the ports asked for
 * alone: about half a millisecond for each family, whatever else there is.
 */
#ifndef PORTWATCH_SERVICE_SOCK_DIAG_H
#define PORTWATCH_SERVICE_SOCK_DIAG_H

#include <linux/inet_diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/netlink.h"
#include "core/endpoint.h"

/* States beyond netinet/tcp.h: TCP_BOUND_INACTIVE, Linux 6.8. */
enum { SOCK_DIAG_BOUND = 13 };

struct sock_diag_question {
	uint16_t proto;
	uint16_t low, high; /* local ports */
	uint32_t states;    /* bits of 1 << TCP_ESTABLISHED, … */
};

/*
 * IPv4, then IPv6 where there is any.  0, what @fn answered, or negative errno.  -ENOENT,
 * -EINVAL, -EOPNOTSUPP or -EPROTONOSUPPORT: see netlink_is_unknown().
 */
int sock_diag_list(const struct sock_diag_question *question, netlink_fn fn, void *arg);

uint64_t sock_diag_cookie(const struct inet_diag_sockid *id);
/* The local end, or the remote one. */
struct endpoint sock_diag_endpoint(const struct inet_diag_msg *msg, uint16_t proto,
				   bool remote);
/* Of a socket of IPv6. */
bool sock_diag_is_v6only(const struct nlmsghdr *header);

#endif /* PORTWATCH_SERVICE_SOCK_DIAG_H */
