// SPDX-License-Identifier: GPL-2.0-only
/* blocked: which failed binds count, who is named, and when it has ended. */
#include "matcher_stage.h"

struct scene {
	const char *what;
	enum who caller;
	const char *at;
	struct {
		enum who who;
		const char *at;
		unsigned how;
	} sockets[3];
	bool fires;
	const char *service;
	enum who holder;
};

#define FIRES(whom, on, name, held_by, text, ...)                                       \
	{                                                                               \
		.what = text, .caller = whom, .at = on, .fires = true, .service = name, \
		.holder = held_by, .sockets = {                                         \
			__VA_ARGS__                                                     \
		}                                                                       \
	}
#define QUIET(whom, on, text, ...)                                                 \
	{                                                                          \
		.what = text, .caller = whom, .at = on, .sockets = { __VA_ARGS__ } \
	}

static void run(const struct scene *scene)
{
	STAGE(s);
	struct endpoint at = place(scene->at);
	struct verdict v;

	for (size_t i = 0; i < 3 && scene->sockets[i].at; i++)
		binds(&s, scene->sockets[i].who, scene->sockets[i].at,
		      scene->sockets[i].how);
	if (scene->sockets[0].how & IN_BOX)
		at.netns = BOX;
	if (matcher_blocked(&s.world, &at, who(&s, scene->caller), &v) != scene->fires)
		test_fail(__FILE__, __LINE__, "%s: not so", scene->what);
	if (!scene->fires)
		return;
	check_said(&v);
	CHECK_STR(v.service, scene->service);
	CHECK(v.found == who(&s, scene->caller));
	if (v.holder != who(&s, scene->holder))
		test_fail(__FILE__, __LINE__, "%s: names another holder", scene->what);
}

TEST(blocked_fires)
{
	static const struct scene table[] = {
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", SQUATTER,
		      "a service by a stranger", { SQUATTER, "0.0.0.0:8767", 0 }),
		FIRES(SQUATTER, "0.0.0.0:8767", "goblin", GOBLIN,
		      "a stranger by a service", { GOBLIN, "0.0.0.0:8767", 0 }),
		FIRES(GOBLIN_TWO, "0.0.0.0:8767", "goblin", GOBLIN, "a second instance",
		      { GOBLIN, "0.0.0.0:8767", 0 }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", SQUATTER, "by one address of it",
		      { SQUATTER, "127.0.0.1:8767", 0 }),
		FIRES(GOBLIN, "127.0.0.1:8767", "goblin", SQUATTER, "by the other family",
		      { SQUATTER, "[::]:8767", 0 }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", SQUATTER, "by one only bound",
		      { SQUATTER, "0.0.0.0:8767", ONLY_BOUND }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", CURL, "by a client",
		      { CURL, "10.0.0.1:8767", IS_CONNECTED }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", SQUATTER,
		      "a listener before a client", { SQUATTER, "127.0.0.1:8767", 0 },
		      { CURL, "10.0.0.1:8767", IS_CONNECTED }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", CURL,
		      "one known before one unknown", { NOBODY, "127.0.0.1:8767", 0 },
		      { CURL, "10.0.0.1:8767", IS_CONNECTED }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", NOBODY, "by nobody known",
		      { NOBODY, "127.0.0.1:8767", 0 }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", NOBODY, "by nothing at all"),
		FIRES(NOBODY, "0.0.0.0:8767", "goblin", SQUATTER, "an unknown caller",
		      { SQUATTER, "0.0.0.0:8767", 0 }),
		FIRES(NODE, "0.0.0.0:8000", "grace_backend", GRACE, "an allocated port",
		      { GRACE, "0.0.0.0:8000", 0 }),
		FIRES(NODE, "0.0.0.0:8050", "", SQUATTER, "the managed range",
		      { SQUATTER, "0.0.0.0:8050", 0 }),
		FIRES(NODE, "udp:0.0.0.0:53", "names", SQUATTER, "over UDP",
		      { SQUATTER, "udp:0.0.0.0:53", 0 }),
		FIRES(NODE, "127.0.0.1:5001", "local", SQUATTER, "the claimed address",
		      { SQUATTER, "0.0.0.0:5001", 0 }),
		FIRES(NODE, "[::]:5001", "local", SQUATTER, "a wildcard that takes it in",
		      { SQUATTER, "0.0.0.0:5001", 0 }),
		FIRES(NODE, "0.0.0.0:8080", "boxed", SQUATTER,
		      "in a namespace of the registry",
		      { SQUATTER, "0.0.0.0:8080", IN_BOX }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", GOBLIN,
		      "by itself, on the same address", { GOBLIN, "0.0.0.0:8767", 0 }),
		FIRES(GOBLIN, "127.0.0.1:8767", "goblin", GOBLIN,
		      "by an address of its own", { GOBLIN, "0.0.0.0:8767", 0 }),
		FIRES(GOBLIN, "0.0.0.0:8767", "goblin", SQUATTER,
		      "by itself and a stranger",
		      { GOBLIN, "[::]:8767", SOCKET_REUSEPORT },
		      { SQUATTER, "127.0.0.1:8767", 0 }),
		FIRES(GOBLIN_WORKER, "0.0.0.0:8767", "goblin", GOBLIN,
		      "a worker by its parent", { GOBLIN, "[::]:8767", 0 }),
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		run(&table[i]);
}

TEST(blocked_does_not_fire)
{
	static const struct scene table[] = {
		QUIET(NODE, "0.0.0.0:8768", "a port that nobody claims",
		      { SQUATTER, "0.0.0.0:8768", 0 }),
		QUIET(NODE, "udp:0.0.0.0:8767", "the other protocol",
		      { SQUATTER, "udp:0.0.0.0:8767", 0 }),
		QUIET(NODE, "0.0.0.0:8767", "another namespace",
		      { SQUATTER, "0.0.0.0:8767", IN_BOX }),
		QUIET(NODE, "0.0.0.0:8050", "another namespace's managed range",
		      { SQUATTER, "0.0.0.0:8050", IN_BOX }),
		QUIET(NODE, "127.0.0.2:5001", "another address",
		      { SQUATTER, "127.0.0.2:5001", 0 }),
		QUIET(NODE, "0.0.0.0:7000", "a disabled service",
		      { SQUATTER, "0.0.0.0:7000", 0 }),
		QUIET(NODE, "0.0.0.0:8101", "beyond the managed range",
		      { SQUATTER, "0.0.0.0:8101", 0 }),
		QUIET(GOBLIN, "0.0.0.0:8767", "its own wildcard of both families",
		      { GOBLIN, "[::]:8767", 0 }),
		QUIET(GOBLIN, "127.0.0.1:8767", "its own, an address",
		      { GOBLIN, "[::]:8767", 0 }),
		QUIET(GOBLIN, "[::]:8767", "both families after the one",
		      { GOBLIN, "0.0.0.0:8767", 0 }),
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		run(&table[i]);
}

static struct verdict blocked(struct stage *s, pid_t caller, const char *text)
{
	struct endpoint at = place(text);
	struct verdict v;

	CHECK_EQ(matcher_blocked(&s->world, &at, who(s, caller), &v), 1);
	return v;
}

TEST(a_service_that_is_kept_out_is_told_whom_to_end)
{
	STAGE(s);
	struct verdict v;

	binds(&s, SQUATTER, "0.0.0.0:8767", LISTENS);
	v = blocked(&s, GOBLIN, "0.0.0.0:8767");
	CHECK_STR(v.message,
		  "goblin, python3 (pid 20, user root) could not bind port 8767 (tcp): "
		  "python3 (pid 40, user root) holds it: python3 -m http.server 8767");
	CHECK_STR(v.fix, "portwatch kill :8767");
	CHECK_STR(v.expected, "goblin");
}

TEST(a_stranger_that_is_kept_out_is_told_whose_port_it_is)
{
	STAGE(s);
	struct verdict v;

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	v = blocked(&s, SQUATTER, "0.0.0.0:8767");
	CHECK_STR(v.message,
		  "python3 (pid 40, user root) could not bind port 8767 (tcp) of goblin: "
		  "python3 (pid 20, user root) holds it: python3 -m goblin.server");
	CHECK_STR(v.fix, "portwatch why :8767");
}

TEST(a_holder_that_the_table_does_not_know_is_looked_for_elsewhere)
{
	STAGE(s);
	struct verdict v = blocked(&s, GOBLIN, "0.0.0.0:8767");

	CHECK(!v.holder);
	CHECK_STR(v.message,
		  "goblin, python3 (pid 20, user root) could not bind port 8767 (tcp): "
		  "nothing that the table knows holds it; an outgoing connection or "
		  "TIME_WAIT may: portwatch why :8767");
	CHECK_STR(v.fix, "portwatch why :8767");
}

TEST(a_port_of_the_managed_range_is_called_that)
{
	STAGE(s);
	struct verdict v;

	binds(&s, SQUATTER, "0.0.0.0:8050", LISTENS);
	v = blocked(&s, NODE, "0.0.0.0:8050");
	CHECK(starts_with(v.message, "node (pid 41, user root) could not bind port 8050 "
				     "(tcp) of the managed range: "));
	CHECK_STR(v.expected, "");
}

TEST(of_two_services_on_a_port_the_caller_is_blocked_as_itself)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "goblin", "8767", "-m goblin.server");
	add_service(&s, "wizard", "8767", "-m wizard.server");
	seal(&s);
	CHECK_STR(blocked(&s, WIZARD, "0.0.0.0:8767").service, "wizard");
	CHECK_STR(blocked(&s, NODE, "0.0.0.0:8767").service, "goblin");
}

TEST(holders_are_told_listeners_first)
{
	STAGE(s);
	const struct socket *found[2] = { NULL, NULL };
	struct endpoint at = place("0.0.0.0:8767");

	CHECK_EQ(matcher_holders(&s.world, &at, found, 2), 0);
	binds(&s, NODE, "127.0.0.1:8767", LISTENS);
	binds(&s, CURL, "10.0.0.1:8767", IS_CONNECTED);
	binds(&s, SQUATTER, "10.0.0.2:8767", ONLY_BOUND);
	binds(&s, VITE, "[::1]:8767", LISTENS);
	CHECK_EQ(matcher_holders(&s.world, &at, found, 2), 3);
	CHECK_EQ(found[0]->owner->info.id.pid, NODE);
	CHECK_EQ(found[1]->owner->info.id.pid, SQUATTER);
	CHECK_EQ(matcher_holders(&s.world, &at, NULL, 0), 3);
	at = place("[::]:8767");
	CHECK_EQ(matcher_holders(&s.world, &at, NULL, 0), 4);
	at = place("10.0.0.3:8767");
	CHECK_EQ(matcher_holders(&s.world, &at, NULL, 0), 0);
}

/* Whether the alert of @caller, refused at @text, still stands. */
struct trial {
	struct stage *s;
	struct alerts *alerts;
};

static struct alert_moment moment(const struct trial *t)
{
	return (struct alert_moment){ t->s->now_ns, t->s->now_ns, 0 };
}

static void refuse(struct trial *t, pid_t caller, const char *text)
{
	struct verdict v = blocked(t->s, caller, text);
	struct alert_moment now = moment(t);

	CHECK_EQ(alerts_new(t->s->procs, NULL, NULL, &t->alerts), 0);
	CHECK_EQ(alerts_blocked(t->alerts, &v, &now), 0);
}

static void bound_by(struct trial *t, pid_t pid, const char *text)
{
	struct alert_moment now = moment(t);
	struct endpoint at = place(text);

	matcher_unblock(&t->s->world, t->alerts, &at, who(t->s, pid), &now);
}

static void released(struct trial *t, uint64_t cookie)
{
	struct alert_moment now = moment(t);
	struct endpoint at = sockets_find(t->s->sockets, cookie)->at;

	releases(t->s, cookie);
	matcher_unblock(&t->s->world, t->alerts, &at, NULL, &now);
}

static void done(struct trial *t)
{
	alerts_free(t->alerts);
}

TEST(blocked_ends_when_the_last_in_the_way_has_gone)
{
	STAGE(s);
	_cleanup_(done) struct trial t = { &s, NULL };
	uint64_t a = binds(&s, SQUATTER, "127.0.0.1:8767", LISTENS);
	uint64_t b = binds(&s, NODE, "10.0.0.1:8767", LISTENS);

	refuse(&t, GOBLIN, "0.0.0.0:8767");
	released(&t, a);
	CHECK_EQ(alerts_count(t.alerts), 1);
	released(&t, b);
	CHECK_EQ(alerts_count(t.alerts), 0);
}

TEST(blocked_does_not_end_by_what_was_not_in_the_way)
{
	STAGE(s);
	_cleanup_(done) struct trial t = { &s, NULL };
	uint64_t other = binds(&s, NODE, "127.0.0.2:8767", LISTENS);

	binds(&s, SQUATTER, "127.0.0.1:8767", LISTENS);
	refuse(&t, GOBLIN, "127.0.0.1:8767");
	released(&t, other);
	CHECK_EQ(alerts_count(t.alerts), 1);
}

TEST(blocked_ends_when_its_service_has_bound_the_port)
{
	STAGE(s);
	_cleanup_(done) struct trial t = { &s, NULL };

	refuse(&t, GOBLIN, "0.0.0.0:8767");
	bound_by(&t, NODE, "0.0.0.0:8767");
	CHECK_EQ(alerts_count(t.alerts), 1);
	bound_by(&t, GOBLIN_TWO, "[::1]:8767");
	CHECK_EQ(alerts_count(t.alerts), 1);
	bound_by(&t, GOBLIN_TWO, "0.0.0.0:8767");
	CHECK_EQ(alerts_count(t.alerts), 0);
}

TEST(blocked_in_the_managed_range_ends_when_the_same_program_has_it)
{
	STAGE(s);
	_cleanup_(done) struct trial t = { &s, NULL };

	refuse(&t, NODE, "0.0.0.0:8050");
	bound_by(&t, SQUATTER, "0.0.0.0:8050");
	CHECK_EQ(alerts_count(t.alerts), 1);
	enter(&s, 500, INIT, "node server.js");
	bound_by(&t, 500, "0.0.0.0:8050");
	CHECK_EQ(alerts_count(t.alerts), 0);
}
