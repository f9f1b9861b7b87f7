// SPDX-License-Identifier: GPL-2.0-only
#include "http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

/* A flood of connections is to be taken, and most of it turned away, rather than have the
 * kernel drop those of others. */
enum { BACKLOG = 4096 };

const struct policy policy_unix = { .name = "unix", .limited = true };
const struct policy policy_loopback = {
	.name = "loopback",
	.limited = true,
	.by_token = true,
};
const struct policy policy_embedded = { .name = "embedded" };

static int unix_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : slash - path);
}

/* The folder of @path, opened, and locked until it is closed: two daemons that start at
 * once cannot both find the other's socket dead. */
static int lock_folder(const char *path)
{
	_cleanup_(freep) char *folder = folder_of(path);
	_cleanup_(close_fdp) int fd = -EBADF;
	int err;

	if (!folder)
		return -ENOMEM;
	err = make_directories(folder, 0755);
	if (err < 0)
		return err;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return -errno;

	err = fd;
	fd = -EBADF;
	return err;
}

/* 0 where nothing is in the way any more. */
static int clear_way(const struct sockaddr_un *addr)
{
	_cleanup_(close_fdp) int fd = unix_socket();
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	if (fd < 0)
		return fd;

	/* EAGAIN: its backlog is full, so somebody serves it. */
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
	    errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(addr->sun_path) < 0 ? -errno : 0;
}

static int bind_for_all(int fd, const struct sockaddr_un *addr)
{
	mode_t old = umask(0111);
	int err = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;

	umask(old);
	return err;
}

int listener_open_unix(const char *path, gid_t group, struct listener *ret)
{
	_cleanup_(close_fdp) int fd = -EBADF, folder = -EBADF;
	_cleanup_(freep) char *copy = strdup(path);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int err;

	if (!copy)
		return -ENOMEM;
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);

	folder = lock_folder(path);
	if (folder < 0)
		return folder;
	fd = unix_socket();
	if (fd < 0)
		return fd;
	err = clear_way(&addr);
	if (err == 0)
		err = bind_for_all(fd, &addr);
	if (err < 0)
		return err;
	/* Without the right to give it away, it stays with the daemon's own group. */
	if (group != (gid_t)-1)
		(void)!lchown(path, (uid_t)-1, group);
	if (lstat(path, &st) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;

	*ret = (struct listener){
		.policy = &policy_unix,
		.fd = fd,
		.path = take(copy),
		.dev = st.st_dev,
		.ino = st.st_ino,
	};
	fd = -EBADF;
	return 0;
}

static socklen_t to_address(const struct endpoint *at, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){ .ss_family = at->family };
	if (at->family == AF_INET) {
		v4->sin_port = htons(at->port);
		memcpy(&v4->sin_addr, at->addr, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_port = htons(at->port);
	memcpy(&v6->sin6_addr, at->addr, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

int listener_open_loopback(const struct endpoint *at, struct listener *ret)
{
	_cleanup_(close_fdp) int fd = -EBADF;
	struct sockaddr_storage addr;
	socklen_t size;
	int on = 1;

	if (!endpoint_is_loopback(at))
		return -EINVAL;
	size = to_address(at, &addr);
	fd = socket(at->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* What an earlier daemon left in TIME_WAIT is not in the way. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&addr, size) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;

	*ret = (struct listener){ .policy = &policy_loopback, .fd = fd };
	fd = -EBADF;
	return 0;
}

void listener_close(struct listener *listener)
{
	struct stat st;

	/* While the socket is open its inode is not given to another. */
	if (listener->path && lstat(listener->path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    st.st_dev == listener->dev && st.st_ino == listener->ino)
		unlink(listener->path);
	listener->fd = close_fd(listener->fd);
	free(take(listener->path));
}
