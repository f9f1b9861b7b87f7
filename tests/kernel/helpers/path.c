// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/helpers/path.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int answer(int result)
{
	return result < 0 ? -errno : result;
}

static int probe_sys(void)
{
	return 0;
}

static int socket_sys(int family, int type, int proto)
{
	return answer(socket(family, type | SOCK_CLOEXEC, proto));
}

static int bind_sys(int fd, const struct sockaddr *addr, socklen_t len)
{
	return answer(bind(fd, addr, len));
}

static int listen_sys(int fd, int backlog)
{
	return answer(listen(fd, backlog));
}

static int connect_sys(int fd, const struct sockaddr *addr, socklen_t len)
{
	return answer(connect(fd, addr, len));
}

static int close_sys(int fd)
{
	return answer(close(fd));
}

static uint64_t cookie_sys(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

const struct path path_sys = {
	.name = "sys",
	.probe = probe_sys,
	.socket = socket_sys,
	.bind = bind_sys,
	.listen = listen_sys,
	.connect = connect_sys,
	.close = close_sys,
	.cookie = cookie_sys,
};

const struct path *path_find(const char *name)
{
	static const struct path *const paths[] = { &path_sys, &path_int80, &path_uring,
						    &path_direct };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(paths[i]->name, name) == 0)
			return paths[i];
	return NULL;
}
