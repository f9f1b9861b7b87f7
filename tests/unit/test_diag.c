// SPDX-License-Identifier: GPL-2.0-only
/* The fallback without BPF, against sockets of the test's own. */
#include "probe/diag.h"
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { ROWS_MAX = 16 };

struct seen {
	uint64_t cookie;
	struct snapshot_row rows[ROWS_MAX];
	size_t n;
};

static int note(const struct snapshot_row *row, void *arg)
{
	struct seen *seen = arg;

	if (row->cookie == seen->cookie && seen->n < ROWS_MAX)
		seen->rows[seen->n++] = *row;
	return 0;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

/* The rows of one socket, in a full snapshot. */
static struct seen look_for(uint64_t cookie)
{
	struct snapshot_query query = { .unheld_too = true };
	struct seen seen = { .cookie = cookie };

	CHECK_EQ(diag_snapshot(&query, note, &seen), 0);
	return seen;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 at = { 0 };
	socklen_t size = sizeof(at);

	CHECK_EQ(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	return ntohs(at.sin6_port); /* at the same place in sockaddr_in */
}

static void set_option(int fd, int level, int option)
{
	int one = 1;

	CHECK_EQ(setsockopt(fd, level, option, &one, sizeof(one)), 0);
}

static void bind_to(int fd, const char *address, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
		CHECK_EQ(bind(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
		return;
	}
	CHECK_EQ(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	CHECK_EQ(bind(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
}

static int open_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0 &&
	    (errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT || errno == ENOPROTOOPT))
		test_skip("this kernel has no such socket");
	CHECK(fd >= 0);
	return fd;
}

static int bound(int type, int protocol, const char *address)
{
	int fd = open_socket(strchr(address, ':') ? AF_INET6 : AF_INET, type, protocol);

	bind_to(fd, address, 0);
	return fd;
}

static void check_row(int fd, const char *address, enum socket_state state)
{
	struct seen seen = look_for(cookie_of(fd));
	const struct snapshot_row *row = &seen.rows[0];
	char text[INET6_ADDRSTRLEN];

	CHECK_EQ(seen.n, 1);
	CHECK_STR(endpoint_format_address(&row->at, text), address);
	CHECK_EQ(row->at.port, port_of(fd));
	CHECK_EQ(row->state, state);
	CHECK_EQ(row->holder.pid, getpid());
	CHECK_EQ(row->fd, fd);
	CHECK_EQ(row->holder_ppid, getppid());
	CHECK_EQ(row->uid, getuid());
	CHECK_EQ(row->holder_uid, getuid());
	CHECK(row->holder.start_ticks > 0 && row->holder_start_ns > 0);
	CHECK(!strncmp(row->holder_comm, "test_diag", 9));
}

TEST(tcp_listeners_are_listed_with_their_holder)
{
	int v4 = bound(SOCK_STREAM, 0, "127.0.0.1"), v6 = bound(SOCK_STREAM, 0, "::1");

	CHECK_EQ(listen(v4, 1) | listen(v6, 1), 0);
	check_row(v4, "127.0.0.1", SOCKET_LISTENING);
	check_row(v6, "::1", SOCKET_LISTENING);
}

TEST(listening_without_bind_is_listed_with_the_port_that_the_kernel_chose)
{
	int fd = open_socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(listen(fd, 1), 0);
	check_row(fd, "0.0.0.0", SOCKET_LISTENING);
}

static bool lists_bound_sockets(void)
{
	struct utsname name;
	int major, minor;

	CHECK_EQ(uname(&name), 0);
	return sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 8));
}

TEST(tcp_sockets_that_are_only_bound_are_listed_since_linux_6_8)
{
	int v4 = bound(SOCK_STREAM, 0, "127.0.0.1"), v6 = bound(SOCK_STREAM, 0, "::");

	if (!lists_bound_sockets())
		test_skip("Linux before 6.8 does not list them");
	check_row(v4, "127.0.0.1", SOCKET_BOUND);
	check_row(v6, "::", SOCKET_BOUND);
}

TEST(a_connection_is_no_row)
{
	int listener = bound(SOCK_STREAM, 0, "127.0.0.1");
	int client = open_socket(AF_INET, SOCK_STREAM, 0), server;
	struct sockaddr_in at = { 0 };
	socklen_t size = sizeof(at);

	CHECK_EQ(listen(listener, 1), 0);
	CHECK_EQ(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	CHECK_EQ(connect(client, (struct sockaddr *)&at, size), 0);
	server = accept(listener, NULL, NULL);
	CHECK(server >= 0);
	CHECK_EQ(look_for(cookie_of(client)).n, 0);
	CHECK_EQ(look_for(cookie_of(server)).n, 0);
	CHECK_EQ(look_for(cookie_of(listener)).n, 1);
}

TEST(an_ipv6_wildcard_says_whether_it_leaves_ipv4_alone)
{
	int both = bound(SOCK_DGRAM, 0, "::");
	int only = open_socket(AF_INET6, SOCK_DGRAM, 0);
	struct seen seen;

	set_option(only, IPPROTO_IPV6, IPV6_V6ONLY);
	bind_to(only, "::", 0);
	seen = look_for(cookie_of(both));
	CHECK_EQ(seen.n, 1);
	CHECK(!(seen.rows[0].flags & SOCKET_V6ONLY));
	seen = look_for(cookie_of(only));
	CHECK_EQ(seen.n, 1);
	CHECK(seen.rows[0].flags & SOCKET_V6ONLY);
}

TEST(an_mptcp_listener_is_one_socket)
{
	int fd = bound(SOCK_STREAM, IPPROTO_MPTCP, "127.0.0.1");
	struct seen seen;

	CHECK_EQ(listen(fd, 1), 0);
	check_row(fd, "127.0.0.1", SOCKET_LISTENING);
	seen = look_for(cookie_of(fd));
	CHECK(seen.rows[0].flags & SOCKET_MPTCP);
	CHECK_EQ(seen.rows[0].at.proto, IPPROTO_TCP);
}

struct count {
	uint16_t port;
	size_t n;
};

static int count_port(const struct snapshot_row *row, void *arg)
{
	struct count *count = arg;

	count->n += row->at.port == count->port && row->at.proto == IPPROTO_TCP &&
		    endpoint_is_loopback(&row->at);
	return 0;
}

TEST(the_subflow_of_an_mptcp_listener_is_left_out)
{
	int fd = bound(SOCK_STREAM, IPPROTO_MPTCP, "127.0.0.1");
	struct snapshot_query query = { .unheld_too = true };
	struct count count = { .port = port_of(fd) };

	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(diag_snapshot(&query, count_port, &count), 0);
	CHECK_EQ(count.n, 1);
}

TEST(a_udp_socket_is_evident_where_no_packet_would_have_bound_it)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int by_bind = bound(SOCK_DGRAM, 0, "127.0.0.1");
	int by_packet = open_socket(AF_INET, SOCK_DGRAM, 0);
	int by_connect = open_socket(AF_INET, SOCK_DGRAM, 0);
	struct seen seen;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(sendto(by_packet, "", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	CHECK_EQ(connect(by_connect, (struct sockaddr *)&to, sizeof(to)), 0);

	check_row(by_bind, "127.0.0.1", SOCKET_BOUND);
	seen = look_for(cookie_of(by_bind));
	CHECK(seen.rows[0].evident);
	CHECK_EQ(seen.rows[0].at.proto, IPPROTO_UDP);

	seen = look_for(cookie_of(by_packet));
	CHECK_EQ(seen.n, 1);
	CHECK(!seen.rows[0].evident);
	CHECK(seen.rows[0].flags & SOCKET_AUTOPORT);
	CHECK_EQ(look_for(cookie_of(by_connect)).n, 0);
}

static int hold_in_child(int fd, pid_t *ret)
{
	int fds[2];
	char byte;

	CHECK_EQ(pipe(fds), 0);
	*ret = fork();
	CHECK(*ret >= 0);
	if (*ret > 0) {
		close(fds[0]);
		return fds[1];
	}
	close(fds[1]);
	while (read(fds[0], &byte, 1) > 0)
		;
	close(fd);
	_exit(0);
}

TEST(each_process_that_holds_a_socket_has_its_row)
{
	int fd = bound(SOCK_STREAM, 0, "127.0.0.1"), leash;
	struct snapshot_query query = { 0 };
	struct seen seen;
	pid_t child;

	CHECK_EQ(listen(fd, 1), 0);
	CHECK(dup(fd) >= 0); /* the same process, still one row */
	leash = hold_in_child(fd, &child);
	seen = look_for(cookie_of(fd));
	CHECK_EQ(seen.n, 2);
	CHECK(seen.rows[0].holder.pid != seen.rows[1].holder.pid);
	for (int i = 0; i < 2; i++)
		CHECK(seen.rows[i].holder.pid == child ||
		      seen.rows[i].holder.pid == getpid());

	query.pid = child;
	seen = (struct seen){ .cookie = cookie_of(fd) };
	CHECK_EQ(diag_snapshot(&query, note, &seen), 0);
	CHECK_EQ(seen.n, 1);
	CHECK_EQ(seen.rows[0].holder.pid, child);
	close(leash);
	CHECK_EQ(waitpid(child, NULL, 0), child);
}

static void send_away(int channel, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec byte = { .iov_base = control, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &byte,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	CHECK_EQ(sendmsg(channel, &message, 0), 1);
	close(fd);
}

TEST(a_socket_that_no_descriptor_holds_is_told_where_it_is_asked_for)
{
	int fd = bound(SOCK_STREAM, 0, "127.0.0.1"), channel[2];
	struct snapshot_query query = { .unheld_too = false };
	uint64_t cookie = cookie_of(fd);
	struct seen seen;

	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
	send_away(channel[0], fd);
	seen = look_for(cookie);
	CHECK_EQ(seen.n, 1);
	CHECK_EQ(seen.rows[0].holder.pid, 0);
	CHECK_EQ(seen.rows[0].fd, -1);

	seen = (struct seen){ .cookie = cookie };
	CHECK_EQ(diag_snapshot(&query, note, &seen), 0);
	CHECK_EQ(seen.n, 0);
}

static int reuseport_listener(const char *address, uint16_t port)
{
	int fd = open_socket(AF_INET, SOCK_STREAM, 0);

	set_option(fd, SOL_SOCKET, SO_REUSEPORT);
	bind_to(fd, address, port);
	CHECK_EQ(listen(fd, 1), 0);
	return fd;
}

TEST(two_listeners_in_one_place_must_have_reuseport)
{
	int first = reuseport_listener("0.0.0.0", 0);
	int second = reuseport_listener("0.0.0.0", port_of(first));
	int local = reuseport_listener("127.0.0.1", port_of(first));
	int alone = reuseport_listener("127.0.0.1", 0);

	CHECK(look_for(cookie_of(first)).rows[0].flags & SOCKET_REUSEPORT);
	CHECK(look_for(cookie_of(second)).rows[0].flags & SOCKET_REUSEPORT);
	CHECK(look_for(cookie_of(local)).rows[0].flags & SOCKET_REUSEPORT);
	/* It has it too, and nothing shows it. */
	CHECK(!(look_for(cookie_of(alone)).rows[0].flags & SOCKET_REUSEPORT));
}

TEST(two_listeners_that_do_not_meet_need_not_have_reuseport)
{
	int first = bound(SOCK_STREAM, 0, "127.0.0.1");
	int second = open_socket(AF_INET, SOCK_STREAM, 0);

	bind_to(second, "127.0.0.2", port_of(first));
	CHECK_EQ(listen(first, 1) | listen(second, 1), 0);
	CHECK(!(look_for(cookie_of(first)).rows[0].flags & SOCKET_REUSEPORT));
	CHECK(!(look_for(cookie_of(second)).rows[0].flags & SOCKET_REUSEPORT));
}

TEST(another_namespace_is_looked_into)
{
	struct stat own;
	struct seen seen;
	int fd, status;
	pid_t child;
	int fds[2];
	uint64_t cookie = 0;
	int leash[2];
	char byte;

	if (getuid() != 0)
		test_skip("needs root");
	CHECK_EQ(stat("/proc/self/ns/net", &own), 0);
	CHECK_EQ(pipe(fds) | pipe(leash), 0);
	child = fork();
	if (child == 0) {
		close(leash[1]);
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		fd = bound(SOCK_STREAM, 0, "0.0.0.0");
		CHECK_EQ(listen(fd, 1), 0);
		cookie = cookie_of(fd);
		CHECK_EQ(write(fds[1], &cookie, sizeof(cookie)), sizeof(cookie));
		_exit(read(leash[0], &byte, 1) != 0);
	}
	close(fds[1]);
	close(leash[0]);
	if (read(fds[0], &cookie, sizeof(cookie)) != sizeof(cookie))
		test_skip("no namespace can be made");

	seen = look_for(cookie);
	CHECK_EQ(seen.n, 1);
	CHECK_EQ(seen.rows[0].holder.pid, child);
	CHECK(seen.rows[0].at.netns != 0 && seen.rows[0].at.netns != own.st_ino);
	close(leash[1]);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

static int stop_at_once(const struct snapshot_row *row, void *arg)
{
	(void)row;
	return ++*(int *)arg + 41;
}

TEST(an_answer_ends_the_walk_and_is_returned)
{
	int fd = bound(SOCK_STREAM, 0, "127.0.0.1"), calls = 0;
	struct snapshot_query query = { .unheld_too = true };

	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(diag_snapshot(&query, stop_at_once, &calls), 42);
	CHECK_EQ(calls, 1);
}
