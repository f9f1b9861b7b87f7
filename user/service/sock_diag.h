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
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"

/* States beyond netinet/tcp.h: TCP_BOUND_INACTIVE, Linux 6.8. */
enum { SOCK_DIAG_BOUND = 13 };

struct sock_diag_question {
	uint16_t proto;
	uint16_t low, high; /* local ports */
	uint32_t states;    /* bits of 1 << TCP_ESTABLISHED, … */
};

/* Called for each message that is a socket; non-zero ends it and is returned. */
typedef int (*sock_diag_fn)(const struct nlmsghdr *header, void *arg);

/*
 * IPv4, then IPv6 where there is any.  0, what @fn answered, or negative errno.  -ENOENT,
 * -EINVAL, -EOPNOTSUPP or -EPROTONOSUPPORT: see sock_diag_is_unknown().
 */
int sock_diag_list(const struct sock_diag_question *question, sock_diag_fn fn, void *arg);
/* What a kernel answers that does not list a protocol or a family of it. */
bool sock_diag_is_unknown(int err);

int sock_diag_open(void); /* a descriptor, or -errno */
/* One request and its answer, for @fd that has none outstanding.  As above; @fn may be
 * NULL.  After an answer that @fn ended, @fd is of no more use. */
int sock_diag_talk(int fd, const void *request, size_t size, sock_diag_fn fn, void *arg);

uint64_t sock_diag_cookie(const struct inet_diag_sockid *id);
/* The local end, or the remote one. */
struct endpoint sock_diag_endpoint(const struct inet_diag_msg *msg, uint16_t proto,
				   bool remote);
/* Of a socket of IPv6. */
bool sock_diag_is_v6only(const struct nlmsghdr *header);

#endif /* PORTWATCH_SERVICE_SOCK_DIAG_H */
