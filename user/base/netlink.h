/* SPDX-License-Identifier: GPL-2.0-only */
/* netlink - questions to the kernel's list of sockets, sock_diag(7), and their answers.
 */
#ifndef PORTWATCH_BASE_NETLINK_H
#define PORTWATCH_BASE_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

/* Called for each message that is a socket, with all of its struct inet_diag_msg;
 * non-zero ends the answer and is returned. */
typedef int (*netlink_fn)(const struct nlmsghdr *header, void *arg);

int netlink_open_diag(void); /* a descriptor, or -errno */
/*
 * One request and its answer, for @fd that has none outstanding.  0, what @fn answered,
 * or negative errno; @fn may be NULL.  After an answer that @fn ended, @fd is of no more
 * use.
 */
int netlink_ask(int fd, const void *request, size_t size, netlink_fn fn, void *arg);
/* What a kernel answers that does not list a protocol or a family of it. */
bool netlink_is_unknown(int err);

#endif /* PORTWATCH_BASE_NETLINK_H */
