/* SPDX-License-Identifier: GPL-2.0-only */
/* message - a datagram that may carry a descriptor. */
#ifndef PORTWATCH_KERNEL_HELPERS_MESSAGE_H
#define PORTWATCH_KERNEL_HELPERS_MESSAGE_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* @fd goes along, unless it is negative.  -errno. */
static inline int message_send(int sock, const char *text, size_t size, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (char *)text, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

#endif /* PORTWATCH_KERNEL_HELPERS_MESSAGE_H */
