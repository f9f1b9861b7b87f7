// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"
#include "http/listener.h"
#include "http/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder(void)
{
	static char path[] = "/tmp/portwatch-test-XXXXXX";

	CHECK(mkdtemp(path));
	return path;
}

static struct listener open_at(const char *path)
{
	struct listener listener = { .fd = -EBADF };

	CHECK_EQ(listener_open_unix(path, (gid_t)-1, &listener), 0);
	return listener;
}

TEST(a_live_socket_is_left_alone_and_a_dead_one_replaced)
{
	struct listener first, second;
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b.sock", folder());
	first = open_at(path);
	CHECK_EQ(listener_open_unix(path, (gid_t)-1, &second), -EADDRINUSE);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0666);

	/* As SIGKILL leaves it. */
	close(first.fd);
	free(first.path);
	second = open_at(path);
	listener_close(&second);
	CHECK_EQ(stat(path, &st), -1);
}

TEST(only_its_own_socket_is_taken_away)
{
	struct listener first, second;
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/s", folder());
	first = open_at(path);
	unlink(path);
	second = open_at(path);
	listener_close(&first);
	CHECK_EQ(stat(path, &st), 0);
	listener_close(&second);
	CHECK_EQ(stat(path, &st), -1);
}

TEST(a_file_that_is_no_socket_is_refused)
{
	struct listener listener;
	char path[64];

	snprintf(path, sizeof(path), "%s/file", folder());
	close(open(path, O_CREAT | O_WRONLY, 0600));
	CHECK_EQ(listener_open_unix(path, (gid_t)-1, &listener), -ENOTSOCK);
	CHECK_EQ(access(path, F_OK), 0);
}

TEST(a_path_that_no_socket_can_have_is_refused)
{
	struct listener listener;
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	path[0] = '/';
	CHECK_EQ(listener_open_unix(path, (gid_t)-1, &listener), -ENAMETOOLONG);
}

TEST(tcp_is_served_on_loopback_only)
{
	struct endpoint at = { .family = AF_INET, .port = 0 };
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);
	struct listener listener;
	struct peer peer;
	int client, fd;

	CHECK_EQ(listener_open_loopback(&at, &listener), -EINVAL);
	CHECK_EQ(endpoint_parse_address("127.0.0.1", &at), 0);
	CHECK_EQ(listener_open_loopback(&at, &listener), 0);
	CHECK_EQ(getsockname(listener.fd, (struct sockaddr *)&addr, &size), 0);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(client, (struct sockaddr *)&addr, size), 0);
	fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC);
	CHECK(fd >= 0);

	peer_read_tcp(fd, &peer);
	CHECK_EQ(peer.uid, geteuid());
	CHECK_EQ(peer.viewer.uid, (uid_t)-1);
	CHECK(!peer.viewer.all && !peer.may_change);
	close(fd);
	close(client);
	listener_close(&listener);
}

TEST(the_kernel_says_who_the_peer_is)
{
	struct peer peer;
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK_EQ(peer_read(pair[0], (gid_t)-1, &peer), 0);
	CHECK_EQ(peer.pid, getpid());
	CHECK_EQ(peer.uid, geteuid());
	CHECK_EQ(peer.viewer.uid, geteuid());
	CHECK_EQ(peer.viewer.all, geteuid() == 0);
	CHECK(peer.may_change);
	CHECK_EQ(peer_read(0x7fff, (gid_t)-1, &peer), -EBADF);
}

TEST(viewers_are_one_where_they_see_the_same)
{
	const struct viewer root = { .uid = 0, .all = true },
			    member = { .uid = 9, .all = true }, ada = { .uid = 9 },
			    eve = { .uid = 10 };

	CHECK(viewer_equal(&root, &member));
	CHECK(viewer_equal(&ada, &ada));
	CHECK(!viewer_equal(&ada, &eve));
	CHECK(!viewer_equal(&ada, &member));
	CHECK(!viewer_equal(&root, &ada));
}
