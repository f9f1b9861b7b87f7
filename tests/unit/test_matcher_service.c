// SPDX-License-Identifier: GPL-2.0-only
/* dead_owner, orphaned, not_listening, unhealthy of services and allocations. */
#include "matcher_stage.h"

enum { EXIT_3 = 3 << 8 };

static void only(const struct verdicts *list, enum alert_kind kind, pid_t found)
{
	CHECK_EQ(list->count, 1);
	CHECK_STR(alert_kind_name(list->items[0].kind), alert_kind_name(kind));
	CHECK(list->items[0].found);
	CHECK_EQ(list->items[0].found->info.id.pid, found);
	check_said(&list->items[0]);
}

/* How one dies that held a port, and what is left. */
struct end {
	const char *what;
	const char *service;
	enum who owner;
	const char *at;
	int status;
	enum who heir; /* who has its sockets afterwards */
	size_t dead, orphaned;
};

static void run(const struct end *end)
{
	STAGE(s);
	const struct verdicts *list;

	binds(&s, end->owner, end->at, LISTENS);
	if (at_service(&s, end->service)->count)
		test_fail(__FILE__, __LINE__, "%s: told too early", end->what);
	exits(&s, end->owner, end->status);
	settles(&s, end->owner, end->heir);
	list = at_service(&s, end->service);
	if (count_kind(list, ALERT_DEAD_OWNER) != end->dead ||
	    count_kind(list, ALERT_ORPHANED) != end->orphaned ||
	    list->count != end->dead + end->orphaned)
		test_fail(__FILE__, __LINE__, "%s: told otherwise", end->what);
	if (end->dead)
		only(list, ALERT_DEAD_OWNER, end->owner);
	if (end->orphaned)
		only(list, ALERT_ORPHANED, end->heir);
}

TEST(an_owner_that_goes_is_dead_or_leaves_an_orphan)
{
	static const struct end table[] = {
		{ "killed", "goblin", GOBLIN, "0.0.0.0:8767", SIGKILL, NOBODY, 1, 0 },
		{ "failed", "goblin", GOBLIN, "0.0.0.0:8767", EXIT_3, NOBODY, 1, 0 },
		{ "ended well", "goblin", GOBLIN, "0.0.0.0:8767", 0, NOBODY, 1, 0 },
		{ "nobody knows how", "goblin", GOBLIN, "0.0.0.0:8767", -1, NOBODY, 1,
		  0 },
		{ "on IPv6", "goblin", GOBLIN, "[::1]:8767", SIGTERM, NOBODY, 1, 0 },
		{ "over UDP", "web", MASTER, "udp:0.0.0.0:443", SIGTERM, NOBODY, 1, 0 },
		{ "a worker", "goblin", GOBLIN_WORKER, "0.0.0.0:8767", SIGSEGV, NOBODY, 1,
		  0 },
		{ "of an entry that accepts anybody", "anybody", NODE, "0.0.0.0:9000",
		  SIGKILL, NOBODY, 1, 0 },
		{ "without a port of its own", "tauri", VITE, "0.0.0.0:4000", SIGKILL,
		  NOBODY, 0, 0 },
		{ "a forked worker keeps it", "goblin", GOBLIN, "0.0.0.0:8767", SIGKILL,
		  GOBLIN_WORKER, 0, 1 },
		{ "another program that it started", "goblin", GOBLIN, "0.0.0.0:8767",
		  SIGKILL, GOBLIN_CHILD, 0, 1 },
		{ "a child of one that ended well", "goblin", GOBLIN, "0.0.0.0:8767", 0,
		  GOBLIN_WORKER, 0, 1 },
		{ "on IPv6", "goblin", GOBLIN, "[::]:8767", EXIT_3, GOBLIN_CHILD, 0, 1 },
		{ "over UDP", "web", MASTER, "udp:0.0.0.0:443", SIGKILL, WORKER_ONE, 0,
		  1 },
		{ "a brother of its kind", "web", WORKER_ONE, "0.0.0.0:80", SIGKILL,
		  WORKER_TWO, 0, 1 },
		{ "passed to a stranger", "goblin", GOBLIN, "0.0.0.0:8767", SIGKILL, NODE,
		  0, 1 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		run(&table[i]);
}

TEST(dead_owner_does_not_fire)
{
	static const struct {
		const char *what, *service, *at;
		enum who owner;
		unsigned how;
	} table[] = {
		{ "a stranger on its port", "goblin", "0.0.0.0:8767", SQUATTER, 0 },
		{ "on another port", "goblin", "0.0.0.0:8768", GOBLIN, 0 },
		{ "in another namespace", "goblin", "0.0.0.0:8767", GOBLIN, IN_BOX },
		{ "over the other protocol", "goblin", "udp:0.0.0.0:8767", GOBLIN, 0 },
		{ "of another service", "goblin", "0.0.0.0:8765", WIZARD, 0 },
		{ "only a client", "goblin", "10.0.0.1:8767", GOBLIN, IS_CONNECTED },
		{ "of a service that is disabled", "off", "0.0.0.0:7000", SQUATTER, 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		STAGE(s);

		binds(&s, table[i].owner, table[i].at, table[i].how);
		exits(&s, table[i].owner, SIGKILL);
		settles(&s, table[i].owner, NOBODY);
		if (at_service(&s, table[i].service)->count)
			test_fail(__FILE__, __LINE__, "%s: told", table[i].what);
	}
}

TEST(dead_owner_says_how_it_ended)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	exits(&s, GOBLIN, SIGKILL);
	settles(&s, GOBLIN, NOBODY);
	v = first_kind(at_service(&s, "goblin"), ALERT_DEAD_OWNER);
	CHECK_STR(v->message,
		  "goblin on port 8767 (tcp) has lost its process: python3 (pid 20, user "
		  "root) has gone (signal SIGKILL): python3 -m goblin.server");
	CHECK_STR(v->fix, "portwatch why :8767");
	CHECK_EQ(v->at.port, 8767);
}

TEST(orphaned_says_who_died_and_who_holds)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	exits(&s, GOBLIN, EXIT_3);
	settles(&s, GOBLIN, GOBLIN_CHILD);
	v = first_kind(at_service(&s, "goblin"), ALERT_ORPHANED);
	CHECK_STR(
		v->message,
		"Port 8767 (tcp) of goblin is orphaned: python3 (pid 20, user root) has "
		"gone (exit code 3), yet sleep (pid 22, user root) still holds it: sleep "
		"1000");
	CHECK_STR(v->fix, "portwatch kill :8767");
}

TEST(an_orphan_that_lets_go_leaves_a_dead_owner)
{
	STAGE(s);
	uint64_t cookie = binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);

	exits(&s, GOBLIN, SIGKILL);
	settles(&s, GOBLIN, GOBLIN_CHILD);
	only(at_service(&s, "goblin"), ALERT_ORPHANED, GOBLIN_CHILD);
	exits(&s, GOBLIN_CHILD, 0);
	releases(&s, cookie);
	only(at_service(&s, "goblin"), ALERT_DEAD_OWNER, GOBLIN);
}

TEST(a_holder_that_was_asked_for_is_enough_for_an_orphan)
{
	STAGE(s);
	uint64_t cookie = binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	struct process *holders[] = { who(&s, GOBLIN_CHILD) };

	exits(&s, GOBLIN, SIGKILL);
	CHECK_EQ(sockets_set_holders(s.sockets, cookie, holders, 1), 0);
	matcher_settle(&s.world, s.procs, state(&s, "goblin"), s.now_ns);
	only(at_service(&s, "goblin"), ALERT_ORPHANED, GOBLIN_CHILD);
}

TEST(a_socket_that_nobody_holds_any_more_is_no_orphan)
{
	STAGE(s);
	uint64_t cookie = binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);

	exits(&s, GOBLIN, SIGKILL);
	CHECK_EQ(sockets_set_owner(s.sockets, cookie, NULL), 0);
	matcher_settle(&s.world, s.procs, state(&s, "goblin"), s.now_ns);
	only(at_service(&s, "goblin"), ALERT_DEAD_OWNER, GOBLIN);
}

TEST(a_new_process_on_the_port_ends_all_three)
{
	STAGE(s);

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	exits(&s, GOBLIN, SIGKILL);
	settles(&s, GOBLIN, NOBODY);
	CHECK_EQ(at_service(&s, "goblin")->count, 1);
	binds(&s, SQUATTER, "0.0.0.0:8767", LISTENS);
	only(at_service(&s, "goblin"), ALERT_DEAD_OWNER, GOBLIN);
	binds(&s, GOBLIN_TWO, "[::1]:8767", LISTENS);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
	CHECK_EQ(state(&s, "goblin")->recorded->info.id.pid, GOBLIN_TWO);
}

TEST(a_bind_before_the_dead_one_has_settled_is_a_new_start)
{
	STAGE(s);

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	exits(&s, GOBLIN, SIGKILL);
	binds(&s, GOBLIN_TWO, "[::1]:8767", LISTENS);
	CHECK(!state(&s, "goblin")->settling);
	settles(&s, GOBLIN, NOBODY);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
}

/* One that lives and releases what it had. */
struct release {
	const char *what;
	const char *service;
	enum who owner;
	const char *at, *other; /* both held, the first released */
	size_t expected;
};

TEST(not_listening_is_told_when_the_last_port_goes)
{
	static const struct release table[] = {
		{ "its only port", "goblin", GOBLIN, "0.0.0.0:8767", NULL, 1 },
		{ "on IPv6", "goblin", GOBLIN, "[::]:8767", NULL, 1 },
		{ "over UDP", "names", NODE, "udp:0.0.0.0:53", NULL, 0 },
		{ "a master's", "web", MASTER, "udp:0.0.0.0:443", NULL, 1 },
		{ "of a worker", "goblin", GOBLIN_WORKER, "0.0.0.0:8767", NULL, 1 },
		{ "of an entry that accepts anybody", "anybody", NODE, "0.0.0.0:9000",
		  NULL, 1 },
		{ "listens elsewhere still", "anybody", NODE, "0.0.0.0:9000",
		  "0.0.0.0:9001", 1 },
		{ "one family of two", "goblin", GOBLIN, "127.0.0.1:8767", "[::1]:8767",
		  0 },
		{ "one port of several", "web", MASTER, "0.0.0.0:80", "0.0.0.0:443", 0 },
		{ "TCP and not UDP", "web", MASTER, "0.0.0.0:80", "udp:0.0.0.0:443", 0 },
		{ "of a stranger", "goblin", SQUATTER, "0.0.0.0:8767", NULL, 0 },
		{ "of a disabled service", "off", SQUATTER, "0.0.0.0:7000", NULL, 0 },
		{ "not its port", "goblin", GOBLIN, "0.0.0.0:8768", NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		STAGE(s);
		const struct verdicts *list;
		uint64_t cookie = binds(&s, table[i].owner, table[i].at, LISTENS);

		if (table[i].other)
			binds(&s, table[i].owner, table[i].other, LISTENS);
		list = at_service(&s, table[i].service);
		CHECK_EQ(count_kind(list, ALERT_NOT_LISTENING), 0);
		releases(&s, cookie);
		list = at_service(&s, table[i].service);
		if (count_kind(list, ALERT_NOT_LISTENING) != table[i].expected)
			test_fail(__FILE__, __LINE__, "%s: not so", table[i].what);
		if (table[i].expected)
			only(list, ALERT_NOT_LISTENING, table[i].owner);
	}
}

TEST(not_listening_ends_when_it_listens_again)
{
	STAGE(s);
	const struct verdict *v;

	releases(&s, binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS));
	v = first_kind(at_service(&s, "goblin"), ALERT_NOT_LISTENING);
	CHECK_STR(v->message,
		  "goblin no longer listens on port 8767 (tcp): python3 (pid 20, user "
		  "root) lives but has released it: python3 -m goblin.server");
	binds(&s, GOBLIN, "[::]:8767", LISTENS);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
}

TEST(not_listening_becomes_dead_owner_when_it_dies)
{
	STAGE(s);

	releases(&s, binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS));
	only(at_service(&s, "goblin"), ALERT_NOT_LISTENING, GOBLIN);
	exits(&s, GOBLIN, 0);
	settles(&s, GOBLIN, NOBODY);
	only(at_service(&s, "goblin"), ALERT_DEAD_OWNER, GOBLIN);
}

TEST(another_instance_that_takes_over_is_no_silence)
{
	STAGE(s);
	uint64_t cookie = binds(&s, GOBLIN, "127.0.0.1:8767", LISTENS);

	binds(&s, GOBLIN_TWO, "[::1]:8767", LISTENS);
	releases(&s, cookie);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
	exits(&s, GOBLIN, 0);
	settles(&s, GOBLIN, NOBODY);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
	CHECK_EQ(state(&s, "goblin")->recorded->info.id.pid, GOBLIN_TWO);
}

TEST(one_that_stopped_listening_but_keeps_its_port_is_not_silent)
{
	STAGE(s);
	uint64_t cookie = binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);

	CHECK_EQ(sockets_set_state(s.sockets, cookie, SOCKET_BOUND), 1);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
}

TEST(one_that_never_had_its_port_is_not_silent)
{
	STAGE(s);
	struct service_state *st = state(&s, "goblin");

	service_state_record(s.procs, st, who(&s, GOBLIN), s.now_ns);
	st->launched = true;
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
	exits(&s, GOBLIN, EXIT_3);
	settles(&s, GOBLIN, NOBODY);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
}

TEST(a_service_that_portwatch_stopped_is_not_missed)
{
	STAGE(s);
	uint64_t cookie = binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);

	service_state_record(s.procs, state(&s, "goblin"), NULL, s.now_ns);
	who(&s, GOBLIN)->exited = true;
	releases(&s, cookie);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
}

TEST(a_dynamic_service_is_missed_as_well)
{
	STAGE(s);
	uint64_t cookie;

	enter(&s, 80, BASH, "tauri dev");
	cookie = binds(&s, 80, "127.0.0.1:41234", SOCKET_AUTOPORT);
	CHECK_EQ(at_service(&s, "tauri")->count, 0);
	releases(&s, cookie);
	only(at_service(&s, "tauri"), ALERT_NOT_LISTENING, 80);
	binds(&s, 80, "127.0.0.1:41235", SOCKET_AUTOPORT);
	CHECK_EQ(at_service(&s, "tauri")->count, 0);
	exits(&s, 80, SIGKILL);
	settles(&s, 80, NOBODY);
	only(at_service(&s, "tauri"), ALERT_DEAD_OWNER, 80);
	CHECK_EQ(s.said.items[0].at.port, 41235);
}

TEST(a_dynamic_service_can_leave_an_orphan)
{
	STAGE(s);

	enter(&s, 80, BASH, "tauri dev");
	enter(&s, 81, 80, "webview");
	binds(&s, 80, "127.0.0.1:41234", SOCKET_AUTOPORT);
	exits(&s, 80, SIGKILL);
	settles(&s, 80, 81);
	only(at_service(&s, "tauri"), ALERT_ORPHANED, 81);
}

TEST(a_restart_is_offered_where_portwatch_can_start_it)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "goblin", "8767", "-m goblin.server")->startup_cmd =
		strdup("python3 -m goblin.server");
	seal(&s);
	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	exits(&s, GOBLIN, SIGKILL);
	settles(&s, GOBLIN, NOBODY);
	only(at_service(&s, "goblin"), ALERT_DEAD_OWNER, GOBLIN);
	CHECK_STR(s.said.items[0].fix, "portwatch restart goblin");
}

TEST(unhealthy_is_told_of_one_that_serves)
{
	STAGE(s);

	state(&s, "goblin")->health = HEALTH_UNHEALTHY;
	state(&s, "goblin")->health_reason = strdup("3 checks running failed");
	CHECK_EQ(count_kind(at_service(&s, "goblin"), ALERT_UNHEALTHY), 0);
	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	only(at_service(&s, "goblin"), ALERT_UNHEALTHY, GOBLIN);
	CHECK_STR(s.said.items[0].message,
		  "goblin on port 8767 (tcp) is unhealthy: 3 checks running failed");
	CHECK_STR(s.said.items[0].fix, "portwatch why :8767");
	state(&s, "goblin")->health = HEALTH_HEALTHY;
	CHECK_EQ(count_kind(at_service(&s, "goblin"), ALERT_UNHEALTHY), 0);
}

TEST(an_allocation_whose_process_goes_is_dead_port_or_not)
{
	STAGE(s);
	const struct verdict *v;

	CHECK_EQ(at_allocation(&s, 8000)->count, 0);
	exits(&s, GRACE, SIGTERM);
	settles(&s, GRACE, NOBODY);
	only(at_allocation(&s, 8000), ALERT_DEAD_OWNER, GRACE);
	v = &s.said.items[0];
	CHECK(v->allocation);
	CHECK_STR(v->service, "grace_backend");
	CHECK_STR(v->fix, "portwatch release :8000");
	CHECK_STR(v->message, "grace_backend on port 8000 (tcp) has lost its process: "
			      "serve.py (pid 60, user root) has gone (signal SIGTERM): "
			      "serve.py");
}

TEST(an_allocation_that_a_parent_keeps_is_not_dead_while_that_lives)
{
	STAGE(s);

	registry_find_allocation(s.registry, IPPROTO_TCP, 8000)->kept = true;
	exits(&s, GRACE, SIGTERM);
	settles(&s, GRACE, NOBODY);
	CHECK_EQ(at_allocation(&s, 8000)->count, 0);
	exits(&s, BASH, SIGKILL);
	only(at_allocation(&s, 8000), ALERT_DEAD_OWNER, GRACE);
}

TEST(an_allocation_leaves_an_orphan)
{
	STAGE(s);

	binds(&s, GRACE, "0.0.0.0:8000", LISTENS);
	exits(&s, GRACE, SIGKILL);
	settles(&s, GRACE, GRACE_CHILD);
	only(at_allocation(&s, 8000), ALERT_ORPHANED, GRACE_CHILD);
}

TEST(an_allocation_that_is_not_listened_on_any_more_is_told)
{
	STAGE(s);

	releases(&s, binds(&s, GRACE, "0.0.0.0:8000", LISTENS));
	only(at_allocation(&s, 8000), ALERT_NOT_LISTENING, GRACE);
	CHECK_STR(s.said.items[0].fix, "portwatch release :8000");
	binds(&s, GRACE_CHILD, "0.0.0.0:8000", LISTENS);
	CHECK_EQ(at_allocation(&s, 8000)->count, 0);
}

TEST(an_allocation_without_a_process_has_lost_nobody)
{
	STAGE(s);

	CHECK_EQ(at_allocation(&s, 8001)->count, 0);
	binds(&s, NODE, "0.0.0.0:8001", LISTENS);
	CHECK_EQ(at_allocation(&s, 8001)->count, 0);
	exits(&s, NODE, SIGKILL);
	settles(&s, NODE, NOBODY);
	only(at_allocation(&s, 8001), ALERT_DEAD_OWNER, NODE);
}

TEST(a_process_that_serves_a_service_and_an_allocation_is_missed_by_both)
{
	STAGE(s);

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	binds(&s, GOBLIN, "0.0.0.0:8002", LISTENS);
	exits(&s, GOBLIN, SIGKILL);
	settles(&s, GOBLIN, NOBODY);
	only(at_service(&s, "goblin"), ALERT_DEAD_OWNER, GOBLIN);
	only(at_allocation(&s, 8002), ALERT_DEAD_OWNER, GOBLIN);
}
