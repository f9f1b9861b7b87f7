// SPDX-License-Identifier: GPL-2.0-only
#include "base/netlink.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/strings.h"

enum { RECEIVE_BYTES = 64 * 1024 };

int netlink_open_diag(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

/* 1 at the end of the list, with *ret the answer; 0 where there is more. */
static int take_message(const struct nlmsghdr *header, netlink_fn fn, void *arg, int *ret)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);

	switch (header->nlmsg_type) {
	case NLMSG_DONE:
		*ret = 0;
		return 1;
	case NLMSG_ERROR:
		*ret = header->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EPROTO
									: error->error;
		return 1;
	case TCPDIAG_GETSOCK:
	case SOCK_DIAG_BY_FAMILY:
		*ret = header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))
			       ? -EPROTO
		       : fn ? fn(header, arg)
			    : 0;
		return *ret != 0;
	default:
		return 0;
	}
}

static int receive_all(int fd, char *buf, netlink_fn fn, void *arg)
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
		     header = NLMSG_NEXT(header, left))
			if (take_message(header, fn, arg, &answer))
				return answer;
	}
}

int netlink_ask(int fd, const void *request, size_t size, netlink_fn fn, void *arg)
{
	_cleanup_(freep) char *buf = malloc(RECEIVE_BYTES);

	if (!buf)
		return -ENOMEM;
	if (send(fd, request, size, 0) < 0)
		return -errno;
	return receive_all(fd, buf, fn, arg);
}

bool netlink_is_unknown(int err)
{
	return err == -ENOENT || err == -EINVAL || err == -EOPNOTSUPP ||
	       err == -EPROTONOSUPPORT;
}
