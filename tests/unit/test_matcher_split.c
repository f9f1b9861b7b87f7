// SPDX-License-Identifier: GPL-2.0-only
/* shared and shadowed: pairs of sockets that split a port, and pairs that do not. */
#include "matcher_stage.h"

enum { RP = SOCKET_REUSEPORT, V6 = SOCKET_V6ONLY };

/* @earlier binds before @later; who is found is the later one. */
struct pair {
	const char *what;
	enum who earlier;
	const char *here;
	unsigned how_here;
	enum who later;
	const char *there;
	unsigned how_there;
	size_t shared, shadowed;
};

static void run(const struct pair *pair)
{
	STAGE(s);
	const struct verdicts *list;
	enum alert_kind kind = pair->shared ? ALERT_SHARED : ALERT_SHADOWED;

	binds(&s, pair->earlier, pair->here, pair->how_here);
	binds(&s, pair->later, pair->there, pair->how_there);
	list = at_port(&s, pair->here, pair->how_here & IN_BOX ? BOX : HOST);
	if (count_kind(list, ALERT_SHARED) != pair->shared)
		test_fail(__FILE__, __LINE__, "%s: shared %zu times", pair->what,
			  count_kind(list, ALERT_SHARED));
	if (count_kind(list, ALERT_SHADOWED) != pair->shadowed)
		test_fail(__FILE__, __LINE__, "%s: shadowed %zu times", pair->what,
			  count_kind(list, ALERT_SHADOWED));
	if (!pair->shared && !pair->shadowed)
		return;
	CHECK(first_kind(list, kind)->found == who(&s, pair->later));
	CHECK(first_kind(list, kind)->holder == who(&s, pair->earlier));
	check_said(first_kind(list, kind));
}

#define RUN(table)                                                    \
	for (size_t i = 0; i < sizeof(table) / sizeof(*(table)); i++) \
	run(&(table)[i])

/* clang-format off */
TEST(shared_fires)
{
	static const struct pair table[] = {
		{ "two programs, one wildcard", NODE, "0.0.0.0:8080", RP, SQUATTER, "0.0.0.0:8080", RP, 1, 0 },
		{ "over IPv6", NODE, "[::]:8080", RP, SQUATTER, "[::]:8080", RP, 1, 0 },
		{ "a wildcard and an address of it", NODE, "0.0.0.0:8080", RP, SQUATTER, "127.0.0.1:8080", RP, 1, 0 },
		{ "both families by one socket", NODE, "[::]:8080", RP, SQUATTER, "0.0.0.0:8080", RP, 1, 0 },
		{ "over UDP", NODE, "udp:0.0.0.0:8080", RP, SQUATTER, "udp:0.0.0.0:8080", RP, 1, 0 },
		{ "on a registered port", GOBLIN, "0.0.0.0:8767", RP, SQUATTER, "0.0.0.0:8767", RP, 1, 0 },
		{ "in another namespace", NODE, "0.0.0.0:8080", RP | IN_BOX, SQUATTER, "0.0.0.0:8080", RP | IN_BOX, 1, 0 },
		{ "two children of one shell", NODE, "127.0.0.1:8080", RP, CURL, "127.0.0.1:8080", RP, 1, 0 },
		{ "two children of PID 1", WIZARD, "127.0.0.1:8080", RP, MASTER, "127.0.0.1:8080", RP, 1, 0 },
		{ "PID 1 itself and what it started", INIT, "127.0.0.1:8080", RP, NODE, "127.0.0.1:8080", RP, 1, 0 },
		{ "only bound", NODE, "0.0.0.0:8080", RP | ONLY_BOUND, SQUATTER, "0.0.0.0:8080", RP | ONLY_BOUND, 1, 0 },
		{ "one on a device", NODE, "0.0.0.0:8080", RP | ON_DEVICE_1, SQUATTER, "0.0.0.0:8080", RP, 1, 0 },
	};

	RUN(table);
}

TEST(shared_does_not_fire)
{
	static const struct pair table[] = {
		{ "one process", NODE, "0.0.0.0:8080", RP, NODE, "0.0.0.0:8080", RP, 0, 0 },
		{ "a master and its worker", MASTER, "0.0.0.0:80", RP, WORKER_ONE, "0.0.0.0:80", RP, 0, 0 },
		{ "two workers of one master", WORKER_ONE, "0.0.0.0:80", RP, WORKER_TWO, "0.0.0.0:80", RP, 0, 0 },
		{ "one descends from the other", GOBLIN, "0.0.0.0:8080", RP, GOBLIN_CHILD, "0.0.0.0:8080", RP, 0, 0 },
		{ "two instances of one service", GOBLIN, "0.0.0.0:8767", RP, GOBLIN_TWO, "0.0.0.0:8767", RP, 0, 0 },
		{ "two instances elsewhere", GOBLIN, "0.0.0.0:8080", RP, GOBLIN_TWO, "0.0.0.0:8080", RP, 0, 0 },
		{ "two addresses", NODE, "127.0.0.1:8080", RP, SQUATTER, "127.0.0.2:8080", RP, 0, 0 },
		{ "two namespaces", NODE, "0.0.0.0:8080", RP, SQUATTER, "0.0.0.0:8080", RP | IN_BOX, 0, 0 },
		{ "two protocols", NODE, "0.0.0.0:8080", RP, SQUATTER, "udp:0.0.0.0:8080", RP, 0, 0 },
		{ "two devices", NODE, "0.0.0.0:8080", RP | ON_DEVICE_1, SQUATTER, "0.0.0.0:8080", RP | ON_DEVICE_2, 0, 0 },
		{ "two ports", NODE, "0.0.0.0:8080", RP, SQUATTER, "0.0.0.0:8081", RP, 0, 0 },
		{ "an outgoing connection", NODE, "0.0.0.0:8080", RP, CURL, "10.0.0.1:8080", RP | IS_CONNECTED, 0, 0 },
		{ "somebody unknown", NODE, "0.0.0.0:8080", RP, NOBODY, "0.0.0.0:8080", RP, 0, 0 },
		{ "multicast", NODE, "udp:224.0.0.251:5353", RP, SQUATTER, "udp:224.0.0.251:5353", RP, 0, 0 },
		{ "IPv6 alone beside IPv4", NODE, "[fd00::1]:8080", RP, SQUATTER, "0.0.0.0:8080", RP, 0, 0 },
	};

	RUN(table);
}

TEST(shadowed_fires)
{
	static const struct pair table[] = {
		{ "localhost in two families", NODE, "127.0.0.1:8080", 0, SQUATTER, "[::1]:8080", 0, 0, 1 },
		{ "the other way round", NODE, "[::1]:8080", 0, SQUATTER, "127.0.0.1:8080", 0, 0, 1 },
		{ "localhost before the wildcard", NODE, "0.0.0.0:8080", 0, SQUATTER, "127.0.0.1:8080", 0, 0, 1 },
		{ "the wildcard after localhost", NODE, "127.0.0.1:8080", 0, SQUATTER, "0.0.0.0:8080", 0, 0, 1 },
		{ "the wildcards of two families", NODE, "[::]:8080", V6, SQUATTER, "0.0.0.0:8080", 0, 0, 1 },
		{ "IPv6's localhost before IPv4's wildcard", NODE, "0.0.0.0:8080", 0, SQUATTER, "[::1]:8080", 0, 0, 1 },
		{ "IPv4's localhost before IPv6's wildcard", NODE, "[::]:8080", V6, SQUATTER, "127.0.0.1:8080", 0, 0, 1 },
		{ "a wildcard of both before IPv4", NODE, "[::]:8080", 0, SQUATTER, "192.168.1.1:8080", 0, 0, 1 },
		{ "an address before the wildcard", NODE, "0.0.0.0:8080", 0, SQUATTER, "192.168.1.1:8080", 0, 0, 1 },
		{ "a mapped address before the wildcard", NODE, "0.0.0.0:8080", 0, SQUATTER, "[::ffff:127.0.0.1]:8080", 0, 0, 1 },
		{ "a mapped localhost and IPv6's", NODE, "[::ffff:127.0.0.1]:8080", 0, SQUATTER, "[::1]:8080", 0, 0, 1 },
		{ "one UDP address twice", NODE, "udp:0.0.0.0:8080", SOCKET_REUSEADDR, SQUATTER, "udp:0.0.0.0:8080", SOCKET_REUSEADDR, 0, 1 },
		{ "only one with SO_REUSEPORT", NODE, "0.0.0.0:8080", RP, SQUATTER, "127.0.0.1:8080", 0, 0, 1 },
		{ "both with it, in two families", NODE, "127.0.0.1:8080", RP, SQUATTER, "[::1]:8080", RP, 0, 1 },
		{ "one on a device", NODE, "0.0.0.0:8080", ON_DEVICE_1, SQUATTER, "127.0.0.1:8080", 0, 0, 1 },
		{ "only bound", NODE, "0.0.0.0:8080", ONLY_BOUND, SQUATTER, "127.0.0.1:8080", 0, 0, 1 },
		{ "two services", GOBLIN, "127.0.0.1:8767", 0, WIZARD, "[::1]:8767", 0, 0, 1 },
		{ "in another namespace", NODE, "0.0.0.0:8080", IN_BOX, SQUATTER, "127.0.0.1:8080", IN_BOX, 0, 1 },
		{ "PID 1 and what it started", INIT, "0.0.0.0:8080", 0, NODE, "127.0.0.1:8080", 0, 0, 1 },
	};

	RUN(table);
}

TEST(shadowed_does_not_fire)
{
	static const struct pair table[] = {
		{ "one process", NODE, "127.0.0.1:8080", 0, NODE, "[::1]:8080", 0, 0, 0 },
		{ "localhost and the network", NODE, "127.0.0.1:8080", 0, SQUATTER, "192.168.1.1:8080", 0, 0, 0 },
		{ "two loopback addresses", NODE, "127.0.0.1:8080", 0, SQUATTER, "127.0.0.2:8080", 0, 0, 0 },
		{ "a loopback address that is not localhost", NODE, "127.0.0.53:8080", 0, SQUATTER, "[::1]:8080", 0, 0, 0 },
		{ "two namespaces", NODE, "127.0.0.1:8080", 0, SQUATTER, "[::1]:8080", IN_BOX, 0, 0 },
		{ "two protocols", NODE, "127.0.0.1:8080", 0, SQUATTER, "udp:[::1]:8080", 0, 0, 0 },
		{ "two devices", NODE, "0.0.0.0:8080", ON_DEVICE_1, SQUATTER, "127.0.0.1:8080", ON_DEVICE_2, 0, 0 },
		{ "two devices, two families", NODE, "0.0.0.0:8080", ON_DEVICE_1, SQUATTER, "[::1]:8080", ON_DEVICE_2, 0, 0 },
		{ "an outgoing connection", NODE, "0.0.0.0:8080", 0, CURL, "127.0.0.1:8080", IS_CONNECTED, 0, 0 },
		{ "multicast beside the wildcard", NODE, "udp:0.0.0.0:5353", 0, SQUATTER, "udp:224.0.0.251:5353", 0, 0, 0 },
		{ "one service", GOBLIN, "127.0.0.1:8767", 0, GOBLIN_TWO, "[::1]:8767", 0, 0, 0 },
		{ "one service elsewhere", GOBLIN, "127.0.0.1:8080", 0, GOBLIN_TWO, "[::1]:8080", 0, 0, 0 },
		{ "a master and its worker", MASTER, "0.0.0.0:80", 0, WORKER_ONE, "127.0.0.1:80", 0, 0, 0 },
		{ "two workers", WORKER_ONE, "127.0.0.1:80", 0, WORKER_TWO, "[::1]:80", 0, 0, 0 },
		{ "somebody unknown", NODE, "127.0.0.1:8080", 0, NOBODY, "[::1]:8080", 0, 0, 0 },
		{ "IPv6's wildcard and a network address of IPv4", NODE, "[::]:8080", V6, SQUATTER, "192.168.1.1:8080", 0, 0, 0 },
		{ "networks of two families", NODE, "10.0.0.1:8080", 0, SQUATTER, "[fd00::1]:8080", 0, 0, 0 },
		{ "two ports", NODE, "127.0.0.1:8080", 0, SQUATTER, "[::1]:8081", 0, 0, 0 },
	};

	RUN(table);
}
/* clang-format on */

TEST(two_owners_are_told_once_however_many_sockets_they_have)
{
	STAGE(s);

	binds(&s, NODE, "127.0.0.1:8080", LISTENS);
	binds(&s, SQUATTER, "[::1]:8080", LISTENS);
	binds(&s, NODE, "192.168.1.1:8080", LISTENS);
	binds(&s, SQUATTER, "0.0.0.0:8080", LISTENS);
	binds(&s, NODE, "[fd00::1]:8080", LISTENS);
	CHECK_EQ(at_port(&s, "8080", HOST)->count, 1);
	CHECK_EQ(s.said.items[0].found->info.id.pid, SQUATTER);
}

TEST(each_that_came_later_is_told)
{
	STAGE(s);
	const struct verdicts *list;

	binds(&s, NODE, "0.0.0.0:8080", RP);
	binds(&s, SQUATTER, "0.0.0.0:8080", RP);
	binds(&s, CURL, "0.0.0.0:8080", RP);
	list = at_port(&s, "8080", HOST);
	CHECK_EQ(count_kind(list, ALERT_SHARED), 2);
	CHECK_EQ(list->items[0].found->info.id.pid, SQUATTER);
	CHECK_EQ(list->items[1].found->info.id.pid, CURL);
	CHECK_EQ(list->items[1].holder->info.id.pid, NODE);
}

TEST(a_common_holder_makes_one_owner)
{
	STAGE(s);
	uint64_t cookie = binds(&s, INIT, "0.0.0.0:8080", LISTENS);
	struct process *holders[] = { who(&s, GOBLIN) };

	binds(&s, GOBLIN_WORKER, "127.0.0.1:8080", LISTENS);
	CHECK_EQ(count_kind(at_port(&s, "8080", HOST), ALERT_SHADOWED), 1);
	CHECK_EQ(sockets_set_holders(s.sockets, cookie, holders, 1), 0);
	CHECK_EQ(count_kind(at_port(&s, "8080", HOST), ALERT_SHADOWED), 0);
}

TEST(what_is_said_names_both_and_where)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, NODE, "127.0.0.1:8080", LISTENS);
	binds(&s, SQUATTER, "[::1]:8080", LISTENS);
	v = first_kind(at_port(&s, "8080", HOST), ALERT_SHADOWED);
	CHECK_STR(v->message,
		  "Port 8080 (tcp) is split between python3 (pid 40, user root) on "
		  "[::1]:8080 and node (pid 41, user root) on 127.0.0.1:8080, so that "
		  "\"localhost\" reaches one or the other");
	CHECK_STR(v->fix, "portwatch kill pid:40");
	CHECK_STR(v->service, "");
	CHECK_STR(v->expected, "");
}

TEST(a_split_of_the_network_does_not_speak_of_localhost)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, NODE, "0.0.0.0:8080", LISTENS);
	binds(&s, SQUATTER, "192.168.1.1:8080", LISTENS);
	v = first_kind(at_port(&s, "8080", HOST), ALERT_SHADOWED);
	CHECK(strstr(v->message, "the address decides who answers"));
}

TEST(the_one_to_end_is_not_the_service_whose_port_it_is)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, NODE, "[::1]:8767", LISTENS);
	binds(&s, GOBLIN, "127.0.0.1:8767", LISTENS);
	v = first_kind(at_port(&s, "8767", HOST), ALERT_SHADOWED);
	CHECK_STR(v->service, "goblin");
	CHECK_EQ(v->found->info.id.pid, GOBLIN);
	CHECK_STR(v->fix, "portwatch kill pid:41");
}

TEST(a_port_with_ten_thousand_sockets_of_one_owner_is_told_in_one_walk)
{
	STAGE(s);
	char at[32];

	for (unsigned i = 1; i <= 10000; i++) {
		snprintf(at, sizeof(at), "127.%u.%u.1:8080", i >> 8, i & 0xff);
		binds(&s, NODE, at, UNOBSERVED);
	}
	CHECK_EQ(at_port(&s, "8080", HOST)->count, 0);
	binds(&s, SQUATTER, "0.0.0.0:8080", LISTENS);
	CHECK_EQ(at_port(&s, "8080", HOST)->count, 1);
}

TEST(each_of_many_owners_is_told)
{
	STAGE(s);

	binds(&s, NODE, "0.0.0.0:8080", RP);
	for (pid_t pid = 1000; pid < 1030; pid++) {
		enter(&s, pid, BASH, "another");
		binds(&s, pid, "0.0.0.0:8080", RP);
	}
	CHECK_EQ(count_kind(at_port(&s, "8080", HOST), ALERT_SHARED), 30);
}
