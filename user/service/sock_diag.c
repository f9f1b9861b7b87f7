// SPDX-License-Identifier: GPL-2.0-only
#include "service/sock_diag.h"

#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <string.h>

#include "base/files.h"

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

static int ask(int fd, int family, const struct sock_diag_question *question,
	       netlink_fn fn, void *arg)
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
	return netlink_ask(fd, &request, sizeof(request), fn, arg);
}

int sock_diag_list(const struct sock_diag_question *question, netlink_fn fn, void *arg)
{
	_cleanup_(close_fdp) int fd = netlink_open_diag();
	int err;

	if (fd < 0)
		return fd;
	err = ask(fd, AF_INET, question, fn, arg);
	if (err)
		return err;
	err = ask(fd, AF_INET6, question, fn, arg);
	return netlink_is_unknown(err) ? 0 : err;
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
