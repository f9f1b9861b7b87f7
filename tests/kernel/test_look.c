// SPDX-License-Identifier: GPL-2.0-only
/*
 * A single look at the host, as ls takes it without a daemon: the programs are loaded for
 * it alone, by whichever way the kernel allows, and see the same.
 */
#include "kernel/diag_compare.h"
#include "kernel/helpers/message.h"

#include "base/files.h"
#include "harness.h"
#include "probe/iterators.h"
#include "probe/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static const char *without;

const char *test_variant(int n)
{
	static const char *const ways[] = { "", "light", "unheld" };

	if (n >= (int)(sizeof(ways) / sizeof(*ways)))
		return NULL;
	without = ways[n];
	return *without ? without : "all";
}

static void require_root(void)
{
	if (geteuid() != 0)
		test_skip("needs root");
}

struct look {
	uint64_t cookie;
	struct snapshot_row row;
	size_t held, unheld;
};

static int see(const struct snapshot_row *row, void *arg)
{
	struct look *look = arg;

	if (row->cookie != look->cookie)
		return 0;
	look->row = *row;
	look->held += row->holder.pid != 0;
	look->unheld += row->holder.pid == 0;
	return 0;
}

static struct look look_for(uint64_t cookie)
{
	const struct probe_options options = { .without = without };
	const struct snapshot_query query = { .unheld_too = true };
	_cleanup_(probe_freep) struct probe *probe = NULL;
	struct look look = { .cookie = cookie };

	CHECK_EQ(probe_new(&options, &probe), 0);
	CHECK_EQ(probe_snapshot(probe, &query, see, &look), 0);
	CHECK_STR(probe_backend(probe), "bpf");
	return look;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

static int bound(int type, struct sockaddr_in6 *at)
{
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*at);

	*at = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				     .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	CHECK_EQ(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)at, &size), 0);
	return fd;
}

static int bound4(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* From here on no descriptor holds it, and it is there. */
static void send_away(int fd)
{
	int channel[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
	CHECK_EQ(message_send(channel[0], "x", 1, fd), 0);
	close(fd);
}

static void check_row(const struct look *look, const struct sockaddr_in6 *at, int proto)
{
	CHECK_EQ(look->row.at.port, ntohs(at->sin6_port));
	CHECK_EQ(look->row.at.proto, proto);
	CHECK_EQ(look->row.at.family, AF_INET6);
	CHECK_EQ(memcmp(look->row.at.addr, &at->sin6_addr, 16), 0);
	CHECK_EQ(look->row.uid, geteuid());
}

TEST(the_kernel_relocates_the_programs_unless_it_is_kept_from_it)
{
	struct iterators programs = ITERATORS_NONE;

	require_root();
	CHECK_EQ(iterators_load(without, &programs), strcmp(without, "") == 0);
	CHECK(programs.descriptors >= 0);
	CHECK_EQ(programs.port, -EBADF);
	CHECK_EQ(programs.tcp >= 0, strcmp(without, "unheld") != 0);
	CHECK_EQ(programs.udp >= 0, strcmp(without, "unheld") != 0);
	iterators_done(&programs);
}

TEST(one_look_sees_a_listener_and_who_holds_it)
{
	struct sockaddr_in6 at;
	struct look look;
	int fd;

	require_root();
	fd = bound(SOCK_STREAM, &at);
	CHECK_EQ(listen(fd, 1), 0);
	look = look_for(cookie_of(fd));
	CHECK_EQ(look.held, 1);
	CHECK_EQ(look.unheld, 0);
	check_row(&look, &at, IPPROTO_TCP);
	CHECK_EQ(look.row.state, SOCKET_LISTENING);
	CHECK_EQ(look.row.fd, fd);
	CHECK_EQ(look.row.holder.pid, getpid());
	CHECK_EQ(look.row.holder_ppid, getppid());
	CHECK_EQ(look.row.holder_uid, geteuid());
	CHECK_STR(look.row.holder_comm, "test_look");
}

TEST(one_look_sees_a_udp_socket)
{
	struct sockaddr_in6 at;
	struct look look;
	int fd;

	require_root();
	fd = bound(SOCK_DGRAM, &at);
	look = look_for(cookie_of(fd));
	CHECK_EQ(look.held, 1);
	check_row(&look, &at, IPPROTO_UDP);
	CHECK_EQ(look.row.state, SOCKET_BOUND);
}

TEST(one_look_sees_what_is_on_its_way_to_another_process)
{
	bool seen = strcmp(without, "unheld") != 0;
	struct sockaddr_in6 at;
	struct look look;
	uint64_t cookie;
	int fd;

	require_root();
	fd = bound(SOCK_STREAM, &at);
	CHECK_EQ(listen(fd, 1), 0);
	cookie = cookie_of(fd);
	send_away(fd);
	look = look_for(cookie);
	CHECK_EQ(look.held, 0);
	CHECK_EQ(look.unheld, seen);
	if (seen)
		check_row(&look, &at, IPPROTO_TCP);
}

TEST(so_it_does_where_that_is_only_bound_of_either_family)
{
	struct sockaddr_in6 at;
	uint64_t v4, v6;
	struct look look;
	int fd;

	require_root();
	if (strcmp(without, "unheld") == 0)
		return;
	fd = bound(SOCK_STREAM, &at);
	v6 = cookie_of(fd);
	send_away(fd);
	look = look_for(v6);
	CHECK_EQ(look.unheld, diag_shows_bound());
	if (!look.unheld)
		return; /* Linux before 6.8 lists them nowhere */
	check_row(&look, &at, IPPROTO_TCP);
	CHECK_EQ(look.row.state, SOCKET_BOUND);

	fd = bound4();
	v4 = cookie_of(fd);
	send_away(fd);
	look = look_for(v4);
	CHECK_EQ(look.unheld, 1);
	CHECK_EQ(look.row.at.family, AF_INET);
	CHECK_EQ(look_for(v6).unheld, 1);
}
