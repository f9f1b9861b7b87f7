// SPDX-License-Identifier: GPL-2.0-only
#include "http/peer.h"

#include <errno.h>
#include <grp.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

enum { GROUPS_MAX = 65536 }; /* NGROUPS_MAX of the kernel */

static void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

gid_t peer_group(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/etc/group", "re");
	struct group *entry;

	while (f && (entry = fgetgrent(f)))
		if (streq(entry->gr_name, "portwatch"))
			return entry->gr_gid;
	return (gid_t)-1;
}

/* Supplementary groups as they were when the peer connected, which no later exec or
 * setgroups of the peer can change. */
static bool has_group(int fd, gid_t group)
{
	gid_t few[64];
	_cleanup_(freep) gid_t *many = NULL;
	gid_t *groups = few;
	socklen_t size = sizeof(few);
	int err = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &size);

	if (err < 0 && errno == ERANGE && size <= GROUPS_MAX * sizeof(gid_t)) {
		many = malloc(size);
		if (!many)
			return false;
		groups = many;
		err = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many, &size);
	}
	if (err < 0)
		return false;

	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

int peer_read(int fd, gid_t group, struct peer *ret)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	bool member;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;

	member = cred.uid == 0;
	if (!member && group != (gid_t)-1)
		member = cred.gid == group || has_group(fd, group);

	*ret = (struct peer){
		.pid = cred.pid,
		.uid = cred.uid,
		.viewer = { .uid = cred.uid, .all = member },
		.may_change = member || cred.uid == geteuid(),
	};
	return 0;
}

static bool set_id(const struct sockaddr_storage *addr, __be32 *ip, __be16 *port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;

	if (addr->ss_family == AF_INET) {
		ip[0] = v4->sin_addr.s_addr;
		*port = v4->sin_port;
	} else if (addr->ss_family == AF_INET6) {
		memcpy(ip, &v6->sin6_addr, sizeof(v6->sin6_addr));
		*port = v6->sin6_port;
	} else {
		return false;
	}
	return true;
}

/* The socket at the other end of @fd, as one end of a connection on this host. */
static bool name_other_end(int fd, struct inet_diag_req_v2 *req)
{
	struct sockaddr_storage theirs, ours;
	socklen_t size = sizeof(theirs);

	if (getpeername(fd, (struct sockaddr *)&theirs, &size) < 0)
		return false;
	size = sizeof(ours);
	if (getsockname(fd, (struct sockaddr *)&ours, &size) < 0)
		return false;
	req->sdiag_family = (uint8_t)theirs.ss_family;
	return set_id(&theirs, req->id.idiag_src, &req->id.idiag_sport) &&
	       set_id(&ours, req->id.idiag_dst, &req->id.idiag_dport);
}

/* Whose socket it is that @req names; (uid_t)-1. */
static uid_t ask_owner(const struct inet_diag_req_v2 *req)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 body;
	} question = {
		.header = { .nlmsg_len = sizeof(question),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST },
		.body = *req,
	};
	struct {
		struct nlmsghdr header;
		struct inet_diag_msg body;
		char attributes[512];
	} answer;
	_cleanup_(close_fdp) int fd = -EBADF;
	ssize_t n;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0 || send(fd, &question, sizeof(question), 0) != sizeof(question))
		return (uid_t)-1;
	/* The kernel answers a question for one socket before send() is back. */
	n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
	if (n < (ssize_t)offsetof(typeof(answer), attributes) ||
	    answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return (uid_t)-1;
	return answer.body.idiag_uid;
}

void peer_read_tcp(int fd, struct peer *ret)
{
	struct inet_diag_req_v2 req = {
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = UINT32_MAX,
		.id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
	};

	*ret = (struct peer){ .uid = (uid_t)-1, .viewer.uid = (uid_t)-1 };
	if (name_other_end(fd, &req))
		ret->uid = ask_owner(&req);
}

bool viewer_equal(const struct viewer *a, const struct viewer *b)
{
	return a->all ? b->all : !b->all && a->uid == b->uid;
}
