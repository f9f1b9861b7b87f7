// SPDX-License-Identifier: GPL-2.0-only
#include "service/sock_diag.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/strings.h"

enum { RECEIVE_BYTES = 64 * 1024 };

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

int sock_diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

/* 1 at the end of the list, with *ret the answer; 0 where there is more. */
static int take_message(const struct nlmsghdr *header, sock_diag_fn fn, void *arg,
			int *ret)
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

static int receive_all(int fd, char *buf, sock_diag_fn fn, void *arg)
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

int sock_diag_talk(int fd, const void *request, size_t size, sock_diag_fn fn, void *arg)
{
	_cleanup_(freep) char *buf = malloc(RECEIVE_BYTES);

	if (!buf)
		return -ENOMEM;
	if (send(fd, request, size, 0) < 0)
		return -errno;
	return receive_all(fd, buf, fn, arg);
}

static int ask(int fd, int family, const struct sock_diag_question *question,
	       sock_diag_fn fn, void *arg)
{
	struct request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = (uint8_t)family,
			  .sdiag_protocol = (uint8_t)question->proto,
			  .idiag_states = question->states },
		.attribute = { .rta_len = RTA_LENGTH(sizeof(request.filter)),
			       .rta_type = INET_DIAG_REQ_BYTECODE },
	};

	set_filter(request.filter, question->low, question->high);
	return sock_diag_talk(fd, &request, sizeof(request), fn, arg);
}

bool sock_diag_is_unknown(int err)
{
	return err == -ENOENT || err == -EINVAL || err == -EOPNOTSUPP ||
	       err == -EPROTONOSUPPORT;
}

int sock_diag_list(const struct sock_diag_question *question, sock_diag_fn fn, void *arg)
{
	_cleanup_(close_fdp) int fd = sock_diag_open();
	int err;

	if (fd < 0)
		return fd;
	err = ask(fd, AF_INET, question, fn, arg);
	if (err)
		return err;
	err = ask(fd, AF_INET6, question, fn, arg);
	return sock_diag_is_unknown(err) ? 0 : err;
}

uint64_t sock_diag_cookie(const struct inet_diag_sockid *id)
{
	return (uint64_t)id->idiag_cookie[1] << 32 | id->idiag_cookie[0];
}

struct endpoint sock_diag_endpoint(const struct inet_diag_msg *msg, uint16_t proto,
				   bool remote)
{
	struct endpoint at = {
		.ifindex = msg->id.idiag_if,
		.family = msg->idiag_family,
		.proto = proto,
		.port = ntohs(remote ? msg->id.idiag_dport : msg->id.idiag_sport),
	};

	memcpy(at.addr, remote ? msg->id.idiag_dst : msg->id.idiag_src,
	       at.family == AF_INET ? 4 : 16);
	return at;
}

bool sock_diag_is_v6only(const struct nlmsghdr *header)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(header);
	const struct rtattr *attr = (const struct rtattr *)(msg + 1);
	size_t size = NLMSG_PAYLOAD(header, sizeof(*msg));

	for (; RTA_OK(attr, size); attr = RTA_NEXT(attr, size))
		if (attr->rta_type == INET_DIAG_SKV6ONLY)
			return *(const uint8_t *)RTA_DATA(attr);
	return false;
}
