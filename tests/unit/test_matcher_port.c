// SPDX-License-Identifier: GPL-2.0-only
/* occupied, unregistered, ephemeral in use: tables of what fires and what does not. */
#include "matcher_stage.h"

enum { SOCKETS_OF_CASE = 4 };

struct scene {
	const char *what;
	struct {
		enum who who;
		const char *at;
		unsigned how;
	} sockets[SOCKETS_OF_CASE];
	size_t expected; /* verdicts of the kind */
	enum who found;
	const char *service;
};

#define FIRES(n, whom, name, text, ...)                                                 \
	{                                                                               \
		.what = text, .sockets = { __VA_ARGS__ }, .expected = n, .found = whom, \
		.service = name                                                         \
	}
#define QUIET(text, ...)                                 \
	{                                                \
		.what = text, .sockets = { __VA_ARGS__ } \
	}

static void run(const struct scene *scene, enum alert_kind kind, enum unregistered want)
{
	STAGE(s);
	const struct verdicts *list;
	const char *port = scene->sockets[0].at;
	uint32_t netns = scene->sockets[0].how & IN_BOX ? BOX : HOST;

	registry_settings(s.registry)->unregistered = want;
	for (size_t i = 0; i < SOCKETS_OF_CASE && scene->sockets[i].at; i++)
		binds(&s, scene->sockets[i].who, scene->sockets[i].at,
		      scene->sockets[i].how);
	list = at_port(&s, port, netns);
	if (count_kind(list, kind) != scene->expected)
		test_fail(__FILE__, __LINE__, "%s: %zu times %s, not %zu", scene->what,
			  count_kind(list, kind), alert_kind_name(kind), scene->expected);
	if (!scene->expected)
		return;
	if (first_kind(list, kind)->found != who(&s, scene->found))
		test_fail(__FILE__, __LINE__, "%s: names somebody else", scene->what);
	CHECK_STR(first_kind(list, kind)->service, scene->service);
	check_said(first_kind(list, kind));
}

#define RUN(table, kind, want)                                        \
	for (size_t i = 0; i < sizeof(table) / sizeof(*(table)); i++) \
	run(&(table)[i], kind, want)

TEST(occupied_fires)
{
	static const struct scene table[] = {
		FIRES(1, SQUATTER, "goblin", "a stranger listens on a registered port",
		      { SQUATTER, "0.0.0.0:8767", LISTENS }),
		FIRES(1, SQUATTER, "goblin", "on one address of it",
		      { SQUATTER, "127.0.0.1:8767", LISTENS }),
		FIRES(1, SQUATTER, "goblin", "on IPv6",
		      { SQUATTER, "[::1]:8767", LISTENS }),
		FIRES(1, SQUATTER, "goblin", "bound is enough",
		      { SQUATTER, "127.0.0.1:8767", ONLY_BOUND }),
		FIRES(1, CURL, "goblin", "connected too",
		      { CURL, "10.0.0.1:8767", IS_CONNECTED }),
		FIRES(1, WIZARD, "goblin", "another service does",
		      { WIZARD, "0.0.0.0:8767", LISTENS }),
		FIRES(1, SQUATTER, "goblin", "v4 and v6 of one process are one",
		      { SQUATTER, "0.0.0.0:8767", LISTENS },
		      { SQUATTER, "[::]:8767", SOCKET_V6ONLY }),
		FIRES(2, NODE, "goblin", "two processes are two",
		      { SQUATTER, "127.0.0.1:8767", LISTENS },
		      { NODE, "[::1]:8767", LISTENS }),
		FIRES(1, NODE, "goblin", "beside the service itself",
		      { GOBLIN, "127.0.0.1:8767", LISTENS },
		      { NODE, "[::1]:8767", LISTENS }),
		FIRES(1, NOBODY, "goblin", "nobody is known to hold it",
		      { NOBODY, "0.0.0.0:8767", LISTENS }),
		FIRES(1, SQUATTER, "names", "over UDP where that is claimed",
		      { SQUATTER, "udp:0.0.0.0:53", LISTENS }),
		FIRES(1, SQUATTER, "local", "the wildcard covers a claimed address",
		      { SQUATTER, "0.0.0.0:5001", LISTENS }),
		FIRES(1, SQUATTER, "local", "so does IPv6's where it takes IPv4 too",
		      { SQUATTER, "[::]:5001", LISTENS }),
		FIRES(1, SQUATTER, "web", "a second port of a service",
		      { SQUATTER, "0.0.0.0:443", LISTENS }),
		FIRES(1, SQUATTER, "boxed", "in the namespace that the entry names",
		      { SQUATTER, "0.0.0.0:8080", IN_BOX }),
		FIRES(1, SQUATTER, "grace_backend", "an allocated port",
		      { SQUATTER, "0.0.0.0:8000", LISTENS }),
		FIRES(1, SQUATTER, "goblin",
		      "an allocation of a service that has a match",
		      { SQUATTER, "0.0.0.0:8002", LISTENS }),
		FIRES(1, SQUATTER, "goblin", "seen in a snapshot",
		      { SQUATTER, "0.0.0.0:8767", FROM_SNAPSHOT }),
		FIRES(1, BASH, "goblin", "the parent of a service is not the service",
		      { BASH, "0.0.0.0:8767", LISTENS }),
	};

	RUN(table, ALERT_OCCUPIED, UNREGISTERED_OFF);
}

TEST(occupied_does_not_fire)
{
	static const struct scene table[] = {
		QUIET("the service holds its port", { GOBLIN, "0.0.0.0:8767", LISTENS }),
		QUIET("its worker does", { GOBLIN_WORKER, "0.0.0.0:8767", LISTENS }),
		QUIET("a child of another program does",
		      { GOBLIN_CHILD, "0.0.0.0:8767", LISTENS }),
		QUIET("a second instance does", { GOBLIN_TWO, "0.0.0.0:8767", LISTENS }),
		QUIET("nobody claims the port", { SQUATTER, "0.0.0.0:8768", LISTENS }),
		QUIET("only TCP is claimed", { SQUATTER, "udp:0.0.0.0:8767", LISTENS }),
		QUIET("another namespace", { SQUATTER, "0.0.0.0:8767", IN_BOX }),
		QUIET("the host's side of a port of another namespace",
		      { SQUATTER, "0.0.0.0:8080", LISTENS }),
		QUIET("another address than the claimed one",
		      { SQUATTER, "127.0.0.2:5001", LISTENS }),
		QUIET("IPv6 alone where IPv4 is claimed",
		      { SQUATTER, "[::]:5001", SOCKET_V6ONLY }),
		QUIET("IPv6's localhost where IPv4's is claimed",
		      { SQUATTER, "[::1]:5001", LISTENS }),
		QUIET("an entry that accepts anybody",
		      { SQUATTER, "0.0.0.0:9000", LISTENS }),
		QUIET("a service that is disabled",
		      { SQUATTER, "0.0.0.0:7000", LISTENS }),
		QUIET("the process that the allocation registered",
		      { GRACE, "0.0.0.0:8000", LISTENS }),
		QUIET("its child", { GRACE_CHILD, "0.0.0.0:8000", LISTENS }),
		QUIET("an allocation that registered nobody",
		      { SQUATTER, "0.0.0.0:8001", LISTENS }),
		QUIET("an allocation of a service, by its match",
		      { GOBLIN, "0.0.0.0:8002", LISTENS }),
		QUIET("the managed range without an allocation",
		      { SQUATTER, "0.0.0.0:8050", LISTENS }),
		QUIET("an allocation in another namespace",
		      { SQUATTER, "0.0.0.0:8000", IN_BOX }),
	};

	RUN(table, ALERT_OCCUPIED, UNREGISTERED_OFF);
}

TEST(occupied_says_what_a_person_needs)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, SQUATTER, "0.0.0.0:8767", LISTENS);
	v = first_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED);
	CHECK_STR(v->message, "Port 8767 (tcp) belongs to goblin but python3 (pid 40, "
			      "user root) holds it: python3 -m http.server 8767");
	CHECK_STR(v->fix, "portwatch kill :8767");
	CHECK_STR(v->expected, "goblin");
	CHECK_EQ(v->cookie, 1);
	CHECK(!v->allocation);
}

TEST(occupied_by_nobody_known_says_so)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, NOBODY, "0.0.0.0:8767", LISTENS);
	v = first_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED);
	CHECK_STR(v->message,
		  "Port 8767 (tcp) belongs to goblin but a process that could "
		  "not be identified holds it");
	CHECK_STR(v->fix, "portwatch why :8767");
}

TEST(occupied_elsewhere_names_the_namespace_and_the_process_to_end)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, SQUATTER, "0.0.0.0:8080", IN_BOX);
	v = first_kind(at_port(&s, "8080", BOX), ALERT_OCCUPIED);
	CHECK(starts_with(v->message, "Port 8080 (tcp, network namespace 4000) belongs"));
	CHECK_STR(v->fix, "portwatch kill pid:40");
}

TEST(occupied_over_udp_gives_a_udp_target)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, SQUATTER, "udp:0.0.0.0:53", LISTENS);
	v = first_kind(at_port(&s, "udp:53", HOST), ALERT_OCCUPIED);
	CHECK_STR(v->fix, "portwatch kill :53/udp");
}

TEST(a_known_holder_that_is_the_service_is_enough)
{
	STAGE(s);
	uint64_t cookie = binds(&s, INIT, "0.0.0.0:8767", LISTENS);
	struct process *holders[] = { who(&s, NODE), who(&s, GOBLIN) };

	CHECK_EQ(count_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED), 1);
	CHECK_EQ(sockets_set_holders(s.sockets, cookie, holders, 1), 0);
	CHECK_EQ(count_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED), 1);
	CHECK_EQ(sockets_set_holders(s.sockets, cookie, holders, 2), 0);
	CHECK_EQ(count_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED), 0);
}

TEST(a_holder_is_named_where_the_owner_is_not_known)
{
	STAGE(s);
	uint64_t cookie = binds(&s, NOBODY, "0.0.0.0:8767", LISTENS);
	struct process *holders[] = { who(&s, NODE) };

	CHECK_EQ(sockets_set_holders(s.sockets, cookie, holders, 1), 0);
	CHECK_EQ(
		first_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED)->found->info.id.pid,
		NODE);
}

TEST(where_owners_are_hidden_an_unknown_one_is_no_stranger)
{
	STAGE(s);

	registry_settings(s.registry)->unregistered = UNREGISTERED_ALL;
	s.world.owners_hidden = true;
	binds(&s, NOBODY, "0.0.0.0:8767", LISTENS);
	binds(&s, NOBODY, "0.0.0.0:8000", LISTENS);
	binds(&s, NOBODY, "0.0.0.0:8768", LISTENS);
	CHECK_EQ(at_port(&s, "8767", HOST)->count, 0);
	CHECK_EQ(at_port(&s, "8000", HOST)->count, 0);
	CHECK_EQ(at_port(&s, "8768", HOST)->count, 0);
	binds(&s, SQUATTER, "127.0.0.1:8767", LISTENS);
	CHECK_EQ(at_port(&s, "8767", HOST)->count, 1);
}

TEST(verdicts_are_added_to_those_of_other_ports)
{
	STAGE(s);
	struct verdicts list = { 0 };

	binds(&s, SQUATTER, "0.0.0.0:80", LISTENS);
	binds(&s, SQUATTER, "0.0.0.0:443", LISTENS);
	CHECK_EQ(matcher_port(&s.world, HOST, IPPROTO_TCP, 80, &list), 0);
	CHECK_EQ(matcher_port(&s.world, HOST, IPPROTO_TCP, 443, &list), 0);
	CHECK_EQ(list.count, 2);
	verdicts_done(&list);
}

TEST(of_several_services_on_a_port_only_the_others_are_occupied)
{
	_cleanup_(teardown) struct stage s;
	const struct verdicts *list;

	begin(&s);
	add_service(&s, "goblin", "8767", "-m goblin.server");
	add_service(&s, "wizard", "8767", "-m wizard.server");
	add_service(&s, "third", "8767", "-m third.server");
	seal(&s);
	binds(&s, WIZARD, "0.0.0.0:8767", LISTENS);
	list = at_port(&s, "8767", HOST);
	CHECK_EQ(list->count, 2);
	CHECK_STR(list->items[0].service, "goblin");
	CHECK_STR(list->items[1].service, "third");
}

TEST(a_service_that_claims_two_addresses_is_told_once)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "goblin", "127.0.0.1:8767 [::1]:8767", "-m goblin.server");
	seal(&s);
	binds(&s, SQUATTER, "127.0.0.1:8767", LISTENS);
	binds(&s, SQUATTER, "[::1]:8767", LISTENS);
	CHECK_EQ(at_port(&s, "8767", HOST)->count, 1);
}

TEST(what_portwatch_started_is_the_service_that_it_was_started_for)
{
	STAGE(s);
	struct service_state *goblin = state(&s, "goblin"), *wizard = state(&s, "wizard");

	/* Its arguments say goblin, but portwatch started it as wizard. */
	service_state_record(s.procs, wizard, who(&s, GOBLIN), s.now_ns);
	wizard->launched = true;
	binds(&s, GOBLIN_WORKER, "0.0.0.0:8767", LISTENS);
	CHECK_EQ(count_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED), 1);
	binds(&s, GOBLIN_CHILD, "0.0.0.0:8765", LISTENS);
	CHECK_EQ(count_kind(at_port(&s, "8765", HOST), ALERT_OCCUPIED), 0);
	CHECK(!goblin->recorded);
}

TEST(an_owner_that_has_just_exited_is_still_the_service)
{
	STAGE(s);
	uint64_t cookie = binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);

	exits(&s, GOBLIN, SIGKILL);
	CHECK_EQ(sockets_set_owner(s.sockets, cookie, NULL), 0);
	CHECK_EQ(count_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED), 0);
	state(&s, "goblin")->settling = false;
	CHECK_EQ(count_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED), 1);
}

TEST(unregistered_fires)
{
	static const struct scene table[] = {
		FIRES(1, SQUATTER, "", "a listener that nobody claims",
		      { SQUATTER, "0.0.0.0:8768", LISTENS }),
		FIRES(1, SQUATTER, "", "on loopback",
		      { SQUATTER, "127.0.0.1:8768", LISTENS }),
		FIRES(1, NODE, "", "found after a loss",
		      { NODE, "0.0.0.0:8768", FROM_RESYNC }),
		FIRES(1, NODE, "", "over UDP", { NODE, "udp:0.0.0.0:8768", LISTENS }),
		FIRES(1, NODE, "", "on a port that the kernel chose",
		      { NODE, "0.0.0.0:40001", SOCKET_AUTOPORT }),
		FIRES(2, SQUATTER, "", "by two programs",
		      { NODE, "127.0.0.1:8768", LISTENS },
		      { SQUATTER, "[::1]:8768", LISTENS }),
		FIRES(1, NODE, "", "v4 and v6 are one",
		      { NODE, "127.0.0.1:8768", LISTENS },
		      { NODE, "[::1]:8768", LISTENS }),
		FIRES(1, NODE, "", "beside the claimed address",
		      { NODE, "127.0.0.2:5001", LISTENS }),
		FIRES(1, NODE, "", "on a port that only a disabled service has",
		      { NODE, "0.0.0.0:7000", LISTENS }),
		FIRES(1, NOBODY, "", "by nobody known",
		      { NOBODY, "0.0.0.0:8768", LISTENS }),
	};

	RUN(table, ALERT_UNREGISTERED, UNREGISTERED_ALL);
}

TEST(unregistered_does_not_fire)
{
	static const struct scene table[] = {
		QUIET("what was there before",
		      { SQUATTER, "0.0.0.0:8768", FROM_SNAPSHOT }),
		QUIET("what is only bound", { SQUATTER, "0.0.0.0:8768", ONLY_BOUND }),
		QUIET("what is connected", { CURL, "0.0.0.0:8768", IS_CONNECTED }),
		QUIET("UDP on a port that the kernel chose",
		      { CURL, "udp:0.0.0.0:40001", SOCKET_AUTOPORT }),
		QUIET("UDP that is connected",
		      { CURL, "udp:0.0.0.0:8768", IS_CONNECTED }),
		QUIET("a claimed port", { SQUATTER, "0.0.0.0:8767", LISTENS }),
		QUIET("an allocated port", { SQUATTER, "0.0.0.0:8000", LISTENS }),
		QUIET("a service on another port", { GOBLIN, "0.0.0.0:8768", LISTENS }),
		QUIET("its child", { GOBLIN_CHILD, "0.0.0.0:8768", LISTENS }),
		QUIET("the process of an allocation", { GRACE, "0.0.0.0:8768", LISTENS }),
		QUIET("a port that accepts anybody", { NODE, "0.0.0.0:9000", LISTENS }),
	};

	RUN(table, ALERT_UNREGISTERED, UNREGISTERED_ALL);
}

TEST(unregistered_is_told_only_where_settings_ask_for_it)
{
	static const struct {
		const char *at;
		size_t off, public, all;
	} table[] = {
		{ "127.0.0.1:8768", 0, 0, 1 },   { "[::1]:8768", 0, 0, 1 },
		{ "127.8.8.8:8768", 0, 0, 1 },   { "[::ffff:127.0.0.1]:8768", 0, 0, 1 },
		{ "0.0.0.0:8768", 0, 1, 1 },     { "[::]:8768", 0, 1, 1 },
		{ "192.168.1.1:8768", 0, 1, 1 }, { "[fe80::1]:8768", 0, 1, 1 },
		{ "8.8.8.8:8768", 0, 1, 1 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		STAGE(s);
		struct settings *settings = registry_settings(s.registry);

		binds(&s, NODE, table[i].at, LISTENS);
		settings->unregistered = UNREGISTERED_OFF;
		CHECK_EQ(at_port(&s, "8768", HOST)->count, table[i].off);
		settings->unregistered = UNREGISTERED_PUBLIC;
		CHECK_EQ(at_port(&s, "8768", HOST)->count, table[i].public);
		settings->unregistered = UNREGISTERED_ALL;
		CHECK_EQ(at_port(&s, "8768", HOST)->count, table[i].all);
	}
}

TEST(unregistered_suggests_how_to_register)
{
	STAGE(s);
	const struct verdict *v;

	registry_settings(s.registry)->unregistered = UNREGISTERED_ALL;
	enter(&s, 99, BASH, "'we b;rm'");
	binds(&s, 99, "udp:0.0.0.0:8768", LISTENS);
	v = first_kind(at_port(&s, "udp:8768", HOST), ALERT_UNREGISTERED);
	CHECK_STR(v->fix, "portwatch register we-b-rm --port 8768 --proto udp");
}

static void run_outgoing(const char *what, enum who whose, const char *at,
			 const char *port, size_t expected)
{
	STAGE(s);
	const struct verdicts *list;

	connects(&s, whose, at);
	connects(&s, whose, at);
	list = at_port(&s, port, HOST);
	if (count_kind(list, ALERT_EPHEMERAL) != expected)
		test_fail(__FILE__, __LINE__, "%s: %zu, not %zu", what,
			  count_kind(list, ALERT_EPHEMERAL), expected);
	if (expected) {
		CHECK(list->items[0].found == who(&s, whose));
		check_said(&list->items[0]);
	}
}

TEST(ephemeral_in_use_fires)
{
	run_outgoing("a registered port", CURL, "10.0.0.1:8767", "8767", 1);
	run_outgoing("an allocated port", CURL, "10.0.0.1:8000", "8000", 1);
	run_outgoing("over IPv6", CURL, "[fd00::1]:8767", "8767", 1);
	run_outgoing("from the claimed address", CURL, "127.0.0.1:5001", "5001", 1);
	run_outgoing("by nobody known", NOBODY, "10.0.0.1:8767", "8767", 1);
	run_outgoing("by the service itself", GOBLIN, "10.0.0.1:8767", "8767", 1);
	run_outgoing("over UDP", CURL, "udp:10.0.0.1:53", "udp:53", 1);
}

TEST(ephemeral_in_use_does_not_fire)
{
	run_outgoing("another port", CURL, "10.0.0.1:8768", "8767", 0);
	run_outgoing("a port that nobody claims", CURL, "10.0.0.1:8768", "8768", 0);
	run_outgoing("another protocol", CURL, "udp:10.0.0.1:8767", "8767", 0);
	run_outgoing("another address", CURL, "10.0.0.1:5001", "5001", 0);
	run_outgoing("a disabled service", CURL, "10.0.0.1:7000", "7000", 0);
	run_outgoing("the managed range", CURL, "10.0.0.1:8050", "8050", 0);
	run_outgoing("another namespace's port", CURL, "10.0.0.1:8080", "8080", 0);
}

TEST(ephemeral_in_use_says_how_to_end_it)
{
	STAGE(s);
	const struct verdict *v;

	connects(&s, CURL, "10.0.0.1:8767");
	v = first_kind(at_port(&s, "8767", HOST), ALERT_EPHEMERAL);
	CHECK_STR(v->fix, "portwatch kill :8767 --sockets");
	CHECK_STR(
		v->message,
		"Port 8767 (tcp) of goblin is in use as the local end of an outgoing "
		"connection of curl (pid 42, user root), and cannot be bound until that "
		"ends");
}
