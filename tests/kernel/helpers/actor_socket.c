// SPDX-License-Identifier: GPL-2.0-only
/* What an actor does with sockets. */
#include "kernel/helpers/actor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

int address_parse(const char *text, const char *port, struct sockaddr_storage *ret,
		  socklen_t *ret_len)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)atoi(port));
		*ret_len = sizeof(*four);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)atoi(port));
		*ret_len = sizeof(*six);
		return 0;
	}
	return -EINVAL;
}

/* The path named by argument @i, or the one by which the socket was made. */
static const struct path *path_of(const struct request *rq, int i, const struct slot *s)
{
	const struct path *path = NULL;

	if (s && s->path == &path_direct)
		return &path_direct;
	if (rq->argc > i)
		path = path_find(rq->argv[i]);
	return path ? path : &path_sys;
}

static int64_t do_quiet(struct request *rq)
{
	const struct path *path = path_of(rq, 4, NULL);
	int family = rq->argv[2][0] == '4' ? AF_INET : AF_INET6;
	int type = SOCK_STREAM, proto = IPPROTO_TCP;
	int fd, err;

	if (strcmp(rq->argv[3], "udp") == 0)
		type = SOCK_DGRAM, proto = IPPROTO_UDP;
	else if (strcmp(rq->argv[3], "mptcp") == 0)
		proto = IPPROTO_MPTCP;
	else if (strcmp(rq->argv[3], "tcp") != 0)
		return -EINVAL;

	fd = path->socket(family, type, proto);
	if (fd < 0)
		return fd;
	err = slot_put(rq->argv[1], fd, path == &path_direct ? path : &path_sys, NULL);
	return err < 0 ? err : 1;
}

/* Most programs never ask for it, and then it is for the kernel side to make one. */
static int64_t do_cookie(struct request *rq)
{
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	return err < 0 ? err : (int64_t)s->path->cookie(s->fd);
}

static int64_t do_socket(struct request *rq)
{
	int64_t err = do_quiet(rq);

	return err < 0 ? err : do_cookie(rq);
}

static int own_name(const struct slot *s, struct sockaddr_storage *ret)
{
	socklen_t len = sizeof(*ret);

	if (s->path == &path_direct)
		return -EOPNOTSUPP;
	return getsockname(s->fd, (struct sockaddr *)ret, &len) < 0 ? -errno : 0;
}

static int own_port(const struct slot *s)
{
	struct sockaddr_storage ss;

	if (own_name(s, &ss) < 0)
		return 0;
	return ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
					     : ((struct sockaddr_in6 *)&ss)->sin6_port);
}

/* "S ADDRESS PORT" */
static int take_place(struct request *rq, struct slot **ret, struct sockaddr_storage *ss,
		      socklen_t *len)
{
	int err = slot_find(rq->argv[1], ret);

	return err < 0 ? err : address_parse(rq->argv[2], rq->argv[3], ss, len);
}

static int64_t do_bind(struct request *rq)
{
	struct sockaddr_storage ss;
	struct slot *s;
	socklen_t len;
	int err = take_place(rq, &s, &ss, &len);

	if (err == 0)
		err = path_of(rq, 4, s)->bind(s->fd, (struct sockaddr *)&ss, len);
	return err < 0 ? err : own_port(s);
}

static int64_t do_listen(struct request *rq)
{
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err == 0)
		err = path_of(rq, 2, s)->listen(s->fd, 64);
	return err < 0 ? err : own_port(s);
}

static int64_t do_connect(struct request *rq)
{
	struct sockaddr_storage ss;
	struct slot *s;
	socklen_t len;
	int err = take_place(rq, &s, &ss, &len);

	if (err == 0)
		err = path_of(rq, 4, s)->connect(s->fd, (struct sockaddr *)&ss, len);
	return err;
}

static int64_t do_disconnect(struct request *rq)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	return err < 0 ? err : s->path->connect(s->fd, &none, sizeof(none));
}

static int64_t do_accept(struct request *rq)
{
	struct slot *s;
	int err, fd;

	err = slot_find(rq->argv[1], &s);
	if (err < 0)
		return err;
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = slot_put(rq->argv[2], fd, &path_sys, NULL);
	return err < 0 ? err : (int64_t)path_sys.cookie(fd);
}

static int64_t do_send(struct request *rq)
{
	struct sockaddr_storage ss;
	struct slot *s;
	socklen_t len;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err == 0)
		err = address_parse(rq->argv[2], rq->argv[3], &ss, &len);
	if (err < 0)
		return err;
	if (sendto(s->fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	return 0;
}

static int64_t do_shutdown(struct request *rq)
{
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err < 0)
		return err;
	return shutdown(s->fd, SHUT_RDWR) < 0 ? -errno : 0;
}

static int64_t do_close(struct request *rq)
{
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err == 0)
		err = path_of(rq, 2, s)->close(s->fd);
	if (err == 0)
		s->fd = -1;
	return err;
}

static int64_t do_range(struct request *rq)
{
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err < 0)
		return err;
	if (syscall(SYS_close_range, s->fd, s->fd, 0) < 0)
		return -errno;
	s->fd = -1;
	return 0;
}

static int64_t do_dup(struct request *rq)
{
	struct slot *s;
	int err, fd;

	err = slot_find(rq->argv[1], &s);
	if (err < 0)
		return err;
	fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	return slot_put(rq->argv[2], fd, &path_sys, NULL);
}

/* Over the descriptor of an occupied slot, whose socket is closed by that. */
static int64_t do_dup2(struct request *rq)
{
	struct slot *from, *to;
	int err;

	err = slot_find(rq->argv[1], &from);
	if (err == 0)
		err = slot_find(rq->argv[2], &to);
	if (err < 0)
		return err;
	return dup3(from->fd, to->fd, O_CLOEXEC) < 0 ? -errno : 0;
}

static int64_t do_inherit(struct request *rq)
{
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err < 0)
		return err;
	return fcntl(s->fd, F_SETFD, 0) < 0 ? -errno : 0;
}

static int64_t do_set(struct request *rq)
{
	static const struct {
		const char *name;
		int level, option;
	} options[] = {
		{ "reuseaddr", SOL_SOCKET, SO_REUSEADDR },
		{ "reuseport", SOL_SOCKET, SO_REUSEPORT },
		{ "v6only", IPPROTO_IPV6, IPV6_V6ONLY },
		{ "freebind", IPPROTO_IP, IP_FREEBIND },
		{ "late", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT },
		{ "device", SOL_SOCKET, SO_BINDTODEVICE },
	};
	int value = rq->argc > 3 ? atoi(rq->argv[3]) : 1;
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err < 0)
		return err;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		bool device = options[i].option == SO_BINDTODEVICE &&
			      options[i].level == SOL_SOCKET;

		if (strcmp(options[i].name, rq->argv[2]) != 0)
			continue;
		if (device && rq->argc < 4)
			return -EINVAL;
		if (setsockopt(s->fd, options[i].level, options[i].option,
			       device ? (void *)rq->argv[3] : (void *)&value,
			       device ? (socklen_t)strlen(rq->argv[3])
				      : (socklen_t)sizeof(value)) < 0)
			return -errno;
		return 0;
	}
	return -EINVAL;
}

static int64_t do_name(struct request *rq)
{
	struct sockaddr_storage ss;
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err == 0)
		err = own_name(s, &ss);
	if (err < 0)
		return err;
	if (ss.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&ss)->sin_addr, rq->word,
			  sizeof(rq->word));
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&ss)->sin6_addr, rq->word,
			  sizeof(rq->word));
	return own_port(s);
}

static int64_t do_take(struct request *rq)
{
	int err;

	if (rq->fd_in < 0)
		return -EBADF;
	err = slot_put(rq->argv[1], rq->fd_in, &path_sys, NULL);
	return err < 0 ? err : (int64_t)path_sys.cookie(rq->fd_in);
}

static int64_t do_give(struct request *rq)
{
	struct slot *s;
	int err;

	err = slot_find(rq->argv[1], &s);
	if (err < 0)
		return err;
	rq->fd_out = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	return rq->fd_out < 0 ? -errno : 0;
}

static int64_t do_diag(struct request *rq)
{
	rq->fd_out = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	return rq->fd_out < 0 ? -errno : 0;
}

const struct command socket_commands[] = {
	{ "socket", 3, do_socket },
	{ "quiet", 3, do_quiet },
	{ "cookie", 1, do_cookie },
	{ "bind", 3, do_bind },
	{ "listen", 1, do_listen },
	{ "connect", 3, do_connect },
	{ "disconnect", 1, do_disconnect },
	{ "accept", 2, do_accept },
	{ "send", 3, do_send },
	{ "shutdown", 1, do_shutdown },
	{ "close", 1, do_close },
	{ "range", 1, do_range },
	{ "dup", 2, do_dup },
	{ "dup2", 2, do_dup2 },
	{ "inherit", 1, do_inherit },
	{ "set", 2, do_set },
	{ "name", 1, do_name },
	{ "take", 1, do_take },
	{ "give", 1, do_give },
	{ "diag", 0, do_diag },
	{ "storm", 3, command_storm },
	{ NULL, 0, NULL },
};
