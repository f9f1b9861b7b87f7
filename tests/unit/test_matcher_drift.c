// SPDX-License-Identifier: GPL-2.0-only
/* drifted: tables of what fires and what does not. */
#include "matcher_stage.h"

struct scene {
	const char *what, *service;
	struct {
		enum who who;
		const char *at;
		unsigned how;
	} sockets[3];
	enum who found, holder;
	uint16_t port;
	const char *expected; /* NULL: it does not fire */
};

#define FIRES(whom, on, name, own, taken_by, text, ...)                        \
	{                                                                      \
		.what = text, .service = name, .sockets = { __VA_ARGS__ },     \
		.found = whom, .holder = taken_by, .port = on, .expected = own \
	}
#define QUIET(name, text, ...)                                            \
	{                                                                 \
		.what = text, .service = name, .sockets = { __VA_ARGS__ } \
	}

static void run(const struct scene *scene)
{
	STAGE(s);
	const struct verdict *v;
	size_t n;

	for (size_t i = 0; i < 3 && scene->sockets[i].at; i++)
		binds(&s, scene->sockets[i].who, scene->sockets[i].at,
		      scene->sockets[i].how);
	n = count_kind(at_service(&s, scene->service), ALERT_DRIFTED);
	if (n != (scene->expected ? 1 : 0))
		test_fail(__FILE__, __LINE__, "%s: told %zu times", scene->what, n);
	if (!n)
		return;
	v = first_kind(&s.said, ALERT_DRIFTED);
	check_said(v);
	CHECK_STR(v->service, scene->service);
	CHECK_STR(v->expected, scene->expected);
	CHECK_EQ(v->at.port, scene->port);
	CHECK(v->found == who(&s, scene->found));
	CHECK(v->holder == who(&s, scene->holder));
}

TEST(drifted_fires)
{
	static const struct scene table[] = {
		FIRES(VITE, 5174, "vite", ":5173", NODE, "its port is taken",
		      { NODE, "0.0.0.0:5173", 0 }, { VITE, "0.0.0.0:5174", 0 }),
		FIRES(VITE, 5174, "vite", ":5173", NOBODY, "its port is free",
		      { VITE, "0.0.0.0:5174", 0 }),
		FIRES(VITE, 5174, "vite", ":5173", NOBODY, "on loopback",
		      { VITE, "127.0.0.1:5174", 0 }),
		FIRES(VITE, 5174, "vite", ":5173", NOBODY, "over IPv6",
		      { VITE, "[::1]:5174", 0 }),
		FIRES(VITE, 5174, "vite", ":5173", NOBODY, "both families are one",
		      { VITE, "127.0.0.1:5174", 0 }, { VITE, "[::1]:5174", 0 }),
		FIRES(VITE, 40001, "vite", ":5173", NOBODY, "a port of the kernel's",
		      { VITE, "0.0.0.0:40001", SOCKET_AUTOPORT }),
		FIRES(GOBLIN_WORKER, 8768, "goblin", ":8767", NOBODY, "a worker",
		      { GOBLIN_WORKER, "0.0.0.0:8768", 0 }),
		FIRES(GOBLIN_CHILD, 8768, "goblin", ":8767", NOBODY, "what it started",
		      { GOBLIN_CHILD, "0.0.0.0:8768", 0 }),
		FIRES(GOBLIN, 8765, "goblin", ":8767", NOBODY, "on another's port",
		      { GOBLIN, "0.0.0.0:8765", 0 }),
		FIRES(GOBLIN, 8767, "goblin", ":8767", NOBODY, "over UDP",
		      { GOBLIN, "udp:0.0.0.0:8767", 0 }),
		FIRES(MASTER, 81, "web", ":80", NOBODY, "one of several ports",
		      { MASTER, "0.0.0.0:81", 0 }),
		FIRES(MASTER, 444, "web", ":443/udp", NOBODY, "of the same protocol",
		      { MASTER, "udp:0.0.0.0:444", 0 }),
		FIRES(VITE, 5174, "vite", ":5173", CURL, "a client sits on its port",
		      { CURL, "10.0.0.1:5173", IS_CONNECTED },
		      { VITE, "0.0.0.0:5174", 0 }),
		FIRES(VITE, 5174, "vite", ":5173", NOBODY, "found in a snapshot",
		      { VITE, "0.0.0.0:5174", FROM_SNAPSHOT }),
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		run(&table[i]);
}

TEST(drifted_does_not_fire)
{
	static const struct scene table[] = {
		QUIET("vite", "on its port", { VITE, "0.0.0.0:5173", 0 }),
		QUIET("vite", "on its port and another", { VITE, "0.0.0.0:5174", 0 },
		      { VITE, "0.0.0.0:5173", 0 }),
		QUIET("vite", "bound only", { VITE, "0.0.0.0:5174", ONLY_BOUND }),
		QUIET("vite", "an outgoing connection",
		      { VITE, "10.0.0.1:5174", IS_CONNECTED }),
		QUIET("vite", "UDP on a port of the kernel's",
		      { VITE, "udp:0.0.0.0:40001", SOCKET_AUTOPORT }),
		QUIET("vite", "a UDP client", { VITE, "udp:0.0.0.0:5174", IS_CONNECTED }),
		QUIET("vite", "in another namespace", { VITE, "0.0.0.0:5174", IN_BOX }),
		QUIET("vite", "somebody else", { NODE, "0.0.0.0:5174", 0 }),
		QUIET("vite", "on a port that accepts anybody",
		      { VITE, "0.0.0.0:9000", 0 }),
		QUIET("vite", "on an allocation for anybody",
		      { VITE, "0.0.0.0:8001", 0 }),
		QUIET("goblin", "on an allocation of its own",
		      { GOBLIN, "0.0.0.0:8002", 0 }),
		QUIET("goblin", "another instance holds its port",
		      { GOBLIN, "0.0.0.0:8767", 0 }, { GOBLIN_TWO, "0.0.0.0:8768", 0 }),
		QUIET("goblin", "about to listen on its port",
		      { GOBLIN, "0.0.0.0:8767", ONLY_BOUND },
		      { GOBLIN, "0.0.0.0:8768", 0 }),
		QUIET("anybody", "an entry that accepts anybody",
		      { NODE, "0.0.0.0:9001", 0 }),
		QUIET("tauri", "no port of its own", { VITE, "0.0.0.0:5174", 0 }),
		QUIET("off", "a disabled service", { NODE, "0.0.0.0:7001", 0 }),
		QUIET("vite", "nothing at all", { NODE, "0.0.0.0:1234", 0 }),
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		run(&table[i]);
}

TEST(drifted_says_where_and_who_has_its_port)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, NODE, "0.0.0.0:5173", LISTENS);
	binds(&s, VITE, "0.0.0.0:5174", LISTENS);
	v = first_kind(at_service(&s, "vite"), ALERT_DRIFTED);
	CHECK_STR(
		v->message,
		"vite should be on port 5173 (tcp) but node (pid 70, user root) listens "
		"on port 5174; port 5173 is held by node (pid 41, user root)");
	CHECK_STR(v->fix, "portwatch kill :5173");
}

TEST(drifted_with_its_port_free_says_so)
{
	STAGE(s);
	const struct verdict *v;

	binds(&s, VITE, "0.0.0.0:5174", LISTENS);
	v = first_kind(at_service(&s, "vite"), ALERT_DRIFTED);
	CHECK_STR(
		v->message,
		"vite should be on port 5173 (tcp) but node (pid 70, user root) listens "
		"on port 5174, although port 5173 is free");
	CHECK_STR(v->fix, "portwatch reassign vite 5174");
}

TEST(each_process_and_port_that_drifted_is_told)
{
	STAGE(s);

	binds(&s, GOBLIN, "0.0.0.0:8768", LISTENS);
	binds(&s, GOBLIN, "0.0.0.0:8769", LISTENS);
	binds(&s, GOBLIN_TWO, "127.0.0.1:8770", LISTENS);
	CHECK_EQ(count_kind(at_service(&s, "goblin"), ALERT_DRIFTED), 3);
}

TEST(drifted_ends_when_it_comes_home)
{
	STAGE(s);
	uint64_t home;

	binds(&s, GOBLIN, "0.0.0.0:8768", LISTENS);
	CHECK_EQ(at_service(&s, "goblin")->count, 1);
	home = binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
	releases(&s, home);
	CHECK_EQ(count_kind(at_service(&s, "goblin"), ALERT_DRIFTED), 1);
	CHECK_EQ(count_kind(&s.said, ALERT_NOT_LISTENING), 1);
}

TEST(drifted_ends_with_the_stray_or_its_process)
{
	STAGE(s);
	uint64_t cookie = binds(&s, GOBLIN, "0.0.0.0:8768", LISTENS);

	binds(&s, GOBLIN_TWO, "0.0.0.0:8769", LISTENS);
	CHECK_EQ(at_service(&s, "goblin")->count, 2);
	releases(&s, cookie);
	CHECK_EQ(at_service(&s, "goblin")->count, 1);
	exits(&s, GOBLIN_TWO, 0);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
}

TEST(a_process_that_drifts_without_end_is_bounded)
{
	STAGE(s);
	char at[32];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(at, sizeof(at), "0.0.0.0:%u", 20000 + i);
		binds(&s, GOBLIN, at, LISTENS);
	}
	CHECK_EQ(at_service(&s, "goblin")->count, STATE_STRAYS_MAX);
	/* What has gone makes room. */
	releases(&s, state(&s, "goblin")->strays[0]);
	binds(&s, GOBLIN, "0.0.0.0:30000", LISTENS);
	CHECK_EQ(at_service(&s, "goblin")->count, STATE_STRAYS_MAX);
}
