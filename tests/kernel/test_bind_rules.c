// SPDX-License-Identifier: GPL-2.0-only
/*
 * What bind_predict() says is what bind(2) answers: random company on one port after
 * another, made of real sockets in a network namespace of the test's own.
 *
 * PW_BIND_CASES (10000) binds each for TCP and UDP; PW_BIND_SEED: other company.
 */
#include "core/bind_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "harness.h"

enum {
	CASES = 10000,
	SEED = 20260117,
	COMPANY_MAX = 8,
	FIRST_PORT = 2000,
	LAST_PORT = 60000
};

/* A socket of the company; a TIME_WAIT has no descriptor any more. */
struct member {
	struct port_socket sock;
	int fd;
};

struct company {
	unsigned seed;
	uint16_t proto, port;
	struct member members[COMPANY_MAX];
	size_t n;
	int echo4, echo6; /* listeners elsewhere, to connect to */
	/* One with SO_REUSEPORT has left its place: the kernel may go on as if it were
	 * there, as long as others stay. */
	bool has_ghost;
	unsigned n_addresses; /* of wish_something() */
	unsigned long cases, refused, uncertain;
	unsigned uses[4]; /* that were there when something was predicted */
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static unsigned pick(struct company *c, unsigned n)
{
	return (unsigned)rand_r(&c->seed) % n;
}

static unsigned long from_env(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void must(bool ok, const char *what)
{
	if (!ok)
		test_fail(__FILE__, __LINE__, "%s: %s", what, strerror(errno));
}

/* Until this program ends.  "lo" has 127/8 and ::1 then. */
static void enter_own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	_cleanup_(close_fdp) int fd = -EBADF;

	if (geteuid() != 0)
		test_skip("needs root");
	must(unshare(CLONE_NEWNET) == 0, "unshare");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(ioctl(fd, SIOCSIFFLAGS, &lo) == 0, "lo");
}

static socklen_t to_address(const struct endpoint *at, union address *ret)
{
	*ret = (union address){ .any.sa_family = at->family };
	if (at->family == AF_INET) {
		ret->v4.sin_port = htons(at->port);
		memcpy(&ret->v4.sin_addr, at->addr, 4);
		return sizeof(ret->v4);
	}
	ret->v6.sin6_port = htons(at->port);
	memcpy(&ret->v6.sin6_addr, at->addr, 16);
	return sizeof(ret->v6);
}

/* The local end of @fd as the kernel has it now. */
static void read_local(int fd, struct endpoint *ret)
{
	union address local;
	socklen_t size = sizeof(local);

	must(getsockname(fd, &local.any, &size) == 0, "getsockname");
	ret->family = local.any.sa_family;
	memset(ret->addr, 0, sizeof(ret->addr));
	if (ret->family == AF_INET)
		memcpy(ret->addr, &local.v4.sin_addr, 4);
	else
		memcpy(ret->addr, &local.v6.sin6_addr, 16);
}

static void wish_something(struct company *c, struct bind_wish *ret)
{
	static const char *const addresses[] = {
		"0.0.0.0", "127.0.0.1", "127.0.0.2",        "::",
		"::",      "::1",       "::ffff:127.0.0.1", "::ffff:0.0.0.0",
	};

	*ret = (struct bind_wish){
		.at = { .proto = c->proto, .port = c->port },
		.reuseaddr = pick(c, 2),
		.reuseport = pick(c, 3) == 0 && !c->has_ghost,
		.uid = pick(c, 3) ? 0 : 1000,
		.may_privileged = true,
	};
	endpoint_parse_address(addresses[pick(c, c->n_addresses)], &ret->at);
	ret->v6only = ret->at.family == AF_INET6 && pick(c, 3) == 0;
	ret->at.proto = c->proto;
	ret->at.port = c->port;
}

static int make_socket(const struct bind_wish *wish)
{
	int fd;

	setfsuid(wish->uid);
	fd = socket(wish->at.family,
		    (wish->at.proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) |
			    SOCK_CLOEXEC | SOCK_NONBLOCK,
		    wish->at.proto);
	setfsuid(0);
	must(fd >= 0, "socket");
	if (wish->at.family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ wish->v6only },
			   sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ wish->reuseaddr }, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ wish->reuseport }, sizeof(int));
	return fd;
}

/* The newest first, as the kernel has them; but IPv6 with SO_REUSEPORT last. */
static struct member *add(struct company *c, const struct port_socket *sock, int fd)
{
	size_t at = sock->at.family == AF_INET6 && sock->reuseport ? c->n : 0;
	struct member *m = &c->members[at];
	socklen_t size = sizeof(int);
	int v6only = 0;

	if (c->n == COMPANY_MAX)
		test_fail(__FILE__, __LINE__, "too many");
	memmove(m + 1, m, (c->n - at) * sizeof(*m));
	c->n++;
	*m = (struct member){ *sock, fd };
	/* The kernel sets it by itself for an address that is IPv6's own. */
	if (sock->at.family == AF_INET6)
		getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &size);
	m->sock.v6only = v6only;
	return m;
}

static void describe(const struct port_socket *s, const char *what)
{
	static const char *const uses[] = { "bound", "listening", "connected",
					    "waiting" };
	char text[INET6_ADDRSTRLEN];

	printf("# %s %s %s%s%s%s uid %u\n", what, endpoint_format_address(&s->at, text),
	       uses[s->use], s->v6only ? " v6only" : "", s->reuseaddr ? " reuseaddr" : "",
	       s->reuseport ? " reuseport" : "", s->uid);
}

static void compare(struct company *c, const struct bind_wish *wish, int got)
{
	struct port_socket socks[COMPANY_MAX], wished = {
		.at = wish->at,
		.v6only = wish->v6only,
		.reuseaddr = wish->reuseaddr,
		.reuseport = wish->reuseport,
		.uid = wish->uid,
	};
	struct bind_answer answer;

	for (size_t i = 0; i < c->n; i++) {
		socks[i] = c->members[i].sock;
		c->uses[socks[i].use]++;
	}
	bind_predict(socks, c->n, wish, &answer);
	c->cases++;
	c->refused += got != 0;
	c->uncertain += answer.uncertain;
	if (answer.error == got || answer.uncertain)
		return;
	for (size_t i = 0; i < c->n; i++)
		describe(&socks[i], "there is");
	describe(&wished, "a bind of");
	test_fail(__FILE__, __LINE__, "%s was foretold, and it was %s",
		  strerror(-answer.error), strerror(-got));
}

/* The whole of the matter: foretell, bind, compare; what was bound joins the company. */
static void try_bind(struct company *c)
{
	struct bind_wish wish;
	struct port_socket sock;
	union address address;
	int fd, got;

	if (c->n == COMPANY_MAX)
		return;
	wish_something(c, &wish);
	fd = make_socket(&wish);
	got = bind(fd, &address.any, to_address(&wish.at, &address)) < 0 ? -errno : 0;
	compare(c, &wish, got);
	if (got < 0) {
		close(fd);
		return;
	}
	sock = (struct port_socket){
		.at = wish.at,
		.v6only = wish.v6only,
		.reuseaddr = wish.reuseaddr,
		.reuseport = wish.reuseport,
		.uid = wish.uid,
	};
	add(c, &sock, fd);
}

static struct member *any_of(struct company *c, enum port_use use)
{
	size_t start = c->n ? pick(c, (unsigned)c->n) : 0;

	for (size_t i = 0; i < c->n; i++) {
		struct member *m = &c->members[(start + i) % c->n];

		if (m->sock.use == use && m->fd >= 0)
			return m;
	}
	return NULL;
}

static void try_listen(struct company *c)
{
	struct member *m = any_of(c, PORT_BOUND);

	if (m && c->proto == IPPROTO_TCP && listen(m->fd, 16) == 0)
		m->sock.use = PORT_LISTENING;
}

/* IPv4 where the address is an IPv4 one of any kind, as far as that can be told. */
static bool speaks_v4(const struct endpoint *at, bool v6only)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (at->family == AF_INET || memcmp(at->addr, mapped, 12) == 0)
		return true;
	return !v6only && endpoint_is_wildcard(at);
}

/* To the listener elsewhere; 0 or negative errno. */
static int connect_to_echo(struct company *c, int fd, int family, bool v4)
{
	union address to;
	socklen_t size = sizeof(to);

	getsockname(v4 ? c->echo4 : c->echo6, &to.any, &size);
	if (v4 && family == AF_INET6) {
		struct sockaddr_in v4_to = to.v4;

		to = (union address){ .v6 = { .sin6_family = AF_INET6,
					      .sin6_port = v4_to.sin_port } };
		to.v6.sin6_addr.s6_addr[10] = to.v6.sin6_addr.s6_addr[11] = 0xff;
		memcpy(to.v6.sin6_addr.s6_addr + 12, &v4_to.sin_addr, 4);
		size = sizeof(to.v6);
	}
	if (connect(fd, &to.any, size) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void drain_echo(int echo)
{
	int fd;

	while ((fd = accept4(echo, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

static void dismiss(struct company *c, struct member *m)
{
	close_fd(m->fd);
	c->has_ghost |= m->sock.reuseport;
	c->n--;
	memmove(m, m + 1, (size_t)(&c->members[c->n] - m) * sizeof(*m));
}

/* One that was bound sets out.  Where that fails it has no address that can be told. */
static void try_connect(struct company *c)
{
	struct member *m = any_of(c, PORT_BOUND);

	if (!m)
		return;
	if (connect_to_echo(c, m->fd, m->sock.at.family,
			    speaks_v4(&m->sock.at, m->sock.v6only)) < 0) {
		dismiss(c, m);
		return;
	}
	c->has_ghost |= m->sock.reuseport;
	read_local(m->fd, &m->sock.at);
	m->sock.use = PORT_CONNECTED;
}

/* One that was never bound sets out, and the kernel has but this port to give. */
static void try_outgoing(struct company *c)
{
	struct port_socket sock = { .use = PORT_CONNECTED };
	struct bind_wish wish;
	FILE *range;
	int fd;

	if (c->n == COMPANY_MAX)
		return;
	wish_something(c, &wish);
	range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "we");
	must(range && fprintf(range, "%u %u\n", c->port, c->port) > 0, "range");
	must(fclose(range) == 0, "range");
	fd = make_socket(&wish);
	if (connect_to_echo(c, fd, wish.at.family,
			    wish.at.family == AF_INET || (!wish.v6only && pick(c, 2))) <
	    0) {
		close(fd);
		return;
	}
	sock.v6only = wish.v6only;
	sock.reuseaddr = wish.reuseaddr;
	sock.reuseport = wish.reuseport;
	sock.uid = wish.uid;
	sock.at = wish.at;
	read_local(fd, &sock.at);
	add(c, &sock, fd);
}

/* A client of one of the company's listeners; its other end has another port. */
static int connect_from_elsewhere(struct company *c, const struct member *listener)
{
	union address to;
	struct endpoint at = listener->sock.at;
	int fd = socket(at.family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)c;
	must(fd >= 0, "socket");
	if (endpoint_is_wildcard(&at))
		at.addr[at.family == AF_INET ? 3 : 15] = 1;
	if (at.family == AF_INET && endpoint_is_loopback(&at) == false)
		at.addr[0] = 127;
	if (connect(fd, &to.any, to_address(&at, &to)) < 0)
		return close_fd(fd);
	return fd;
}

/* A connection that a listener accepted: it stays, or ends in TIME_WAIT. */
static void try_accept(struct company *c)
{
	struct member *listener = any_of(c, PORT_LISTENING);
	struct port_socket sock;
	struct member *accepted;
	int client, fd;

	if (!listener || c->n == COMPANY_MAX)
		return;
	sock = listener->sock;
	client = connect_from_elsewhere(c, listener);
	if (client < 0)
		return;
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) { /* another of the group got it, or it is not on this port's list */
		close(client);
		return;
	}
	read_local(fd, &sock.at);
	sock.use = PORT_CONNECTED;
	sock.uid = 0; /* of whoever accepts it, not of the listener */
	/* The client stays open, too: it is on another port. */
	accepted = add(c, &sock, fd);
	if (pick(c, 2) == 0)
		return;
	shutdown(fd, SHUT_WR);
	close(client);
	accepted->fd = close_fd(fd);
	accepted->sock.use = PORT_WAITING;
}

static void try_close(struct company *c)
{
	struct member *m = c->n ? &c->members[pick(c, (unsigned)c->n)] : NULL;

	/* Connections end in ways of their own. */
	if (m && (m->sock.use == PORT_BOUND || m->sock.use == PORT_LISTENING))
		dismiss(c, m);
}

static void disband(struct company *c)
{
	for (size_t i = 0; i < c->n; i++)
		close_fd(c->members[i].fd);
	c->n = 0;
	c->has_ghost = false;
	if (c->proto == IPPROTO_TCP) {
		drain_echo(c->echo4);
		drain_echo(c->echo6);
	}
}

static int open_echo(uint16_t proto, const char *address)
{
	struct bind_wish wish = { .at = { .proto = proto }, .v6only = true };
	union address at;
	int fd;

	endpoint_parse_address(address, &wish.at);
	wish.at.proto = proto;
	wish.at.port = 1999;
	fd = make_socket(&wish);
	must(bind(fd, &at.any, to_address(&wish.at, &at)) == 0, "bind");
	must(proto == IPPROTO_UDP || listen(fd, 64) == 0, "listen");
	return fd;
}

static int bind_once(const char *address, uint16_t port)
{
	struct bind_wish wish = { 0 };
	union address at;
	int fd;

	endpoint_parse_address(address, &wish.at);
	wish.at.proto = IPPROTO_TCP;
	wish.at.port = port;
	fd = make_socket(&wish);
	if (bind(fd, &at.any, to_address(&wish.at, &at)) < 0)
		return close_fd(fd);
	return fd;
}

/* From 6.1 to 6.8 a TCP bind does not see each of those at an IPv4-mapped address that it
 * should: then there are none. */
static bool sees_mapped(void)
{
	_cleanup_(close_fdp) int wildcard = bind_once("::ffff:0.0.0.0", 1998);
	_cleanup_(close_fdp) int mapped = bind_once("::ffff:127.0.0.1", 1998);
	_cleanup_(close_fdp) int v4 = bind_once("127.0.0.1", 1998);

	must(wildcard >= 0, "bind");
	return mapped < 0 && v4 < 0;
}

static void live(struct company *c)
{
	static void (*const acts[])(struct company *) = {
		try_bind,    try_bind,     try_bind,   try_listen, try_listen,
		try_connect, try_outgoing, try_accept, try_accept, try_close,
	};

	for (int i = 0; i < 16; i++)
		acts[pick(c, sizeof(acts) / sizeof(acts[0]))](c);
	disband(c);
}

static void run(uint16_t proto)
{
	unsigned long cases = from_env("PW_BIND_CASES", CASES);
	struct company c = {
		.seed = (unsigned)from_env("PW_BIND_SEED", SEED),
		.proto = proto,
		.port = FIRST_PORT,
	};

	enter_own_network();
	c.n_addresses = proto == IPPROTO_UDP || sees_mapped() ? 8 : 6;
	printf("# PW_BIND_SEED=%u, %u addresses\n", c.seed, c.n_addresses);
	c.echo4 = open_echo(proto, "127.0.0.1");
	c.echo6 = open_echo(proto, "::1");
	while (c.cases < cases && c.port < LAST_PORT) {
		live(&c);
		c.port++;
	}
	printf("# %lu binds, %lu refused, %lu uncertain; beside bound %u, listening %u, "
	       "connected %u, "
	       "waiting %u\n",
	       c.cases, c.refused, c.uncertain, c.uses[PORT_BOUND],
	       c.uses[PORT_LISTENING], c.uses[PORT_CONNECTED], c.uses[PORT_WAITING]);
	CHECK(c.refused > c.cases / 8 && c.refused < c.cases * 7 / 8);
	CHECK(c.uncertain < c.cases / 20);
	CHECK(c.uses[PORT_BOUND] && c.uses[PORT_CONNECTED]);
	CHECK(proto == IPPROTO_UDP || (c.uses[PORT_LISTENING] && c.uses[PORT_WAITING]));
	close(c.echo4);
	close(c.echo6);
}

TEST(every_tcp_bind_is_answered_as_foretold)
{
	run(IPPROTO_TCP);
}

TEST(every_udp_bind_is_answered_as_foretold)
{
	run(IPPROTO_UDP);
}

/* A user without capabilities, in a process of its own; negative errno. */
static int bind_as_nobody(uint16_t port)
{
	struct bind_wish wish = { .at = { .proto = IPPROTO_TCP, .family = AF_INET } };
	union address at;
	int status;
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid == 0) {
		int fd;

		wish.at.port = port;
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(255);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		_exit(bind(fd, &at.any, to_address(&wish.at, &at)) < 0 ? errno : 0);
	}
	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "waitpid");
	return -WEXITSTATUS(status);
}

TEST(a_privileged_port_is_refused_before_anybody_on_it_counts)
{
	struct port_socket listener = { .at = { .family = AF_INET },
					.use = PORT_LISTENING };
	struct bind_wish taken = { .at = { .proto = IPPROTO_TCP, .family = AF_INET } };
	union address at;
	int fd;

	enter_own_network();
	taken.at.port = 443;
	fd = make_socket(&taken);
	must(bind(fd, &at.any, to_address(&taken.at, &at)) == 0, "bind");
	must(listen(fd, 1) == 0, "listen");
	for (uint16_t port = 442; port <= 1024; port += port == 443 ? 580 : 1) {
		struct bind_wish wish = taken;
		struct bind_answer answer;

		wish.at.port = port;
		wish.uid = 65534;
		wish.unprivileged_port = 1024;
		bind_predict(&listener, port == 443, &wish, &answer);
		CHECK_EQ(bind_as_nobody(port), answer.error);
	}
	close(fd);
}
