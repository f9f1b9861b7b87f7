// SPDX-License-Identifier: GPL-2.0-only
#include "service/available.h"
#include "harness.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/files.h"
#include "json/codec.h"
#include "service/inuse.h"

/* All of them in a namespace of their own, where one may be had: nobody else binds there.
 */
const char *test_variant(int n)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (n > 0)
		return NULL;
	if (unshare(CLONE_NEWNET) < 0)
		return "on the host";
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close_fd(fd);
	return "in a namespace";
}

static int open_socket(int family, int type, uint16_t port, bool any, uint16_t *ret)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	union {
		struct sockaddr_in6 v6;
		struct sockaddr_in v4;
		struct sockaddr any;
	} at = { .any.sa_family = (sa_family_t)family };
	socklen_t size = sizeof(at);

	if (fd < 0)
		test_skip("no IPv6 to be had");
	if (family == AF_INET6) {
		at.v6.sin6_port = htons(port);
		at.v6.sin6_addr = any ? in6addr_any : in6addr_loopback;
	} else {
		at.v4.sin_port = htons(port);
		at.v4.sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
	}
	if (bind(fd, &at.any, family == AF_INET6 ? sizeof(at.v6) : sizeof(at.v4)) < 0) {
		if (errno == EADDRNOTAVAIL)
			test_skip("no IPv6 to be had");
		test_fail(__FILE__, __LINE__, "bind: %s", strerror(errno));
	}
	CHECK_EQ(getsockname(fd, &at.any, &size), 0);
	*ret = ntohs(family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
	return fd;
}

static int connect_to(uint16_t port, uint16_t *ret)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*ret = ntohs(at.sin_port);
	return fd;
}

static bool in_use(uint16_t port, uint16_t proto)
{
	uint8_t bitmap[PORT_BITMAP] = { 0 };

	CHECK_EQ(inuse_find(port, port, proto, bitmap), 0);
	for (unsigned other = 0; other < 65536; other++)
		if (other != port)
			CHECK(!port_is_set(bitmap, other));
	return port_is_set(bitmap, port);
}

TEST(what_is_bound_is_in_use_on_any_family_and_protocol)
{
	static const struct {
		int family, type;
		uint16_t proto;
	} table[] = {
		{ AF_INET, SOCK_STREAM, IPPROTO_TCP },
		{ AF_INET, SOCK_DGRAM, IPPROTO_UDP },
		{ AF_INET6, SOCK_STREAM, IPPROTO_TCP },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		uint16_t port;
		int fd = open_socket(table[i].family, table[i].type, 0, false, &port);

		if (table[i].type == SOCK_STREAM)
			CHECK_EQ(listen(fd, 1), 0);
		CHECK(in_use(port, 0));
		CHECK(in_use(port, table[i].proto));
		close_fd(fd);
		CHECK(!in_use(port, table[i].proto));
	}
}

TEST(an_outgoing_connection_and_its_time_wait_are_in_use)
{
	uint16_t port, local;
	int listener = open_socket(AF_INET, SOCK_STREAM, 0, false, &port);
	int client, accepted;

	CHECK_EQ(listen(listener, 1), 0);
	client = connect_to(port, &local);
	accepted = accept(listener, NULL, NULL);
	CHECK(in_use(local, IPPROTO_TCP));
	close_fd(client);
	close_fd(accepted);
	CHECK(in_use(local, IPPROTO_TCP));
	close_fd(listener);
}

TEST(a_port_that_the_kernel_chose_for_a_packet_is_in_use)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(sendto(fd, "", 1, 0, (struct sockaddr *)&at, sizeof(at)), 1);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	CHECK(in_use(ntohs(at.sin_port), IPPROTO_UDP));
	close_fd(fd);
}

/* An engine that looks without BPF, with this registry. */
static struct engine *engine_with(const char *document)
{
	struct engine_options options = { .probe.no_bpf = true };
	struct engine *engine = NULL;
	struct registry *reg = NULL;
	struct decode_error error;

	CHECK_EQ(codec_decode_registry(document, strlen(document), 1, &reg, NULL, &error),
		 0);
	CHECK_EQ(engine_new(&options, &engine), 0);
	CHECK_EQ(engine_set_registry(engine, reg, false), 0);
	CHECK_EQ(engine_need(engine, ENGINE_NEEDS_SNAPSHOT), 0);
	return engine;
}

static bool finds(struct engine *engine, uint16_t port)
{
	uint16_t found = 0;
	int n = available_find(engine, port, port, 1, &found);

	CHECK(n >= 0);
	CHECK(n == 0 || found == port);
	return n == 1;
}

TEST(what_the_registry_claims_is_not_available_enabled_or_not)
{
	_cleanup_(engine_freep) struct engine *engine = engine_with(
		"{\"services\":[{\"name\":\"a\",\"port\":3101},{\"name\":\"b\",\"port\":"
		"[3103,{\"port\":3104,\"proto\":\"udp\"}],\"enabled\":false}],"
		"\"allocations\":{\"3106\":{\"port\":3106,\"service_name\":\"c\"}}}");
	uint16_t ports[8] = { 0 };

	CHECK_EQ(available_find(engine, 3100, 3108, 8, ports), 5);
	CHECK_EQ(ports[0], 3100);
	CHECK_EQ(ports[1], 3102);
	CHECK_EQ(ports[2], 3105);
	CHECK_EQ(ports[3], 3107);
	CHECK_EQ(ports[4], 3108);
	CHECK_EQ(available_find(engine, 3100, 3108, 2, ports), 2);
	CHECK_EQ(available_find(engine, 65535, 65535, 8, ports), 1);
	CHECK(available_find(engine, 1, 65535, 1, ports) == 1);
}

TEST(what_is_held_on_one_address_is_not_available)
{
	static const struct {
		int family, type;
	} table[] = {
		{ AF_INET, SOCK_STREAM },
		{ AF_INET, SOCK_DGRAM },
		{ AF_INET6, SOCK_STREAM },
		{ AF_INET6, SOCK_DGRAM },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_(engine_freep) struct engine *engine = NULL;
		uint16_t port;
		int fd = open_socket(table[i].family, table[i].type, 0, false, &port);

		if (table[i].type == SOCK_STREAM)
			CHECK_EQ(listen(fd, 1), 0);
		engine = engine_with("{\"services\":[]}");
		CHECK(!finds(engine, port));
		close_fd(fd);
		CHECK_EQ(engine_need(engine, ENGINE_NEEDS_SNAPSHOT), 0);
		CHECK(finds(engine, port));
	}
}

TEST(a_port_of_an_outgoing_connection_is_not_available)
{
	_cleanup_(engine_freep) struct engine *engine = NULL;
	struct available_taken taken = { 0 };
	uint16_t port, local;
	int listener = open_socket(AF_INET, SOCK_STREAM, 0, false, &port), client;

	CHECK_EQ(listen(listener, 1), 0);
	client = connect_to(port, &local);
	engine = engine_with("{\"services\":[]}");
	CHECK(!finds(engine, local));
	CHECK_EQ(available_is_taken(engine, local, IPPROTO_TCP, NULL, &taken), 1);
	CHECK(!taken.by);
	CHECK_EQ(available_is_taken(engine, local, IPPROTO_UDP, NULL, &taken), 0);
	close_fd(client);
	close_fd(listener);
}

TEST(a_port_is_taken_by_whom_the_table_has)
{
	_cleanup_(engine_freep) struct engine *engine = NULL;
	struct available_taken taken = { 0 };
	uint16_t port;
	int fd = open_socket(AF_INET, SOCK_STREAM, 0, true, &port);

	CHECK_EQ(listen(fd, 1), 0);
	engine = engine_with("{\"services\":[]}");
	CHECK_EQ(available_is_taken(engine, port, IPPROTO_TCP, NULL, &taken), 1);
	CHECK(taken.by && taken.by->at.port == port);
	close_fd(fd);
}
