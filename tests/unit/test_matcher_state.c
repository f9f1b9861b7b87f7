// SPDX-License-Identifier: GPL-2.0-only
/* Who is recorded for what, and who inherits. */
#include "matcher_stage.h"

static pid_t recorded(struct stage *s, const char *name)
{
	const struct process *p = state(s, name)->recorded;

	return p ? p->info.id.pid : NOBODY;
}

TEST(whoever_binds_the_port_as_the_service_is_recorded)
{
	static const struct {
		enum who who;
		const char *at;
		unsigned how;
		enum who expected;
	} table[] = {
		{ GOBLIN, "0.0.0.0:8767", 0, GOBLIN },
		{ GOBLIN, "[::1]:8767", 0, GOBLIN },
		{ GOBLIN, "127.0.0.1:8767", ONLY_BOUND, GOBLIN },
		{ GOBLIN_CHILD, "0.0.0.0:8767", 0, GOBLIN_CHILD },
		{ GOBLIN, "0.0.0.0:8767", FROM_SNAPSHOT, GOBLIN },
		{ SQUATTER, "0.0.0.0:8767", 0, NOBODY },
		{ GOBLIN, "0.0.0.0:8768", 0, NOBODY },
		{ GOBLIN, "10.0.0.1:8767", IS_CONNECTED, NOBODY },
		{ GOBLIN, "0.0.0.0:8767", IN_BOX, NOBODY },
		{ NOBODY, "0.0.0.0:8767", 0, NOBODY },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		STAGE(s);

		binds(&s, table[i].who, table[i].at, table[i].how);
		CHECK_EQ(recorded(&s, "goblin"), table[i].expected);
		CHECK_EQ(state(&s, "goblin")->had_port, table[i].expected != NOBODY);
	}
}

TEST(the_first_instance_stays_recorded_while_it_holds)
{
	STAGE(s);
	uint64_t first = binds(&s, GOBLIN, "127.0.0.1:8767", LISTENS);

	binds(&s, GOBLIN_TWO, "[::1]:8767", LISTENS);
	CHECK_EQ(recorded(&s, "goblin"), GOBLIN);
	releases(&s, first);
	binds(&s, GOBLIN_TWO, "127.0.0.1:8767", LISTENS);
	CHECK_EQ(recorded(&s, "goblin"), GOBLIN_TWO);
}

TEST(a_child_that_binds_does_not_replace_its_parent)
{
	STAGE(s);

	binds(&s, GOBLIN, "127.0.0.1:8767", LISTENS);
	binds(&s, GOBLIN_WORKER, "[::1]:8767", LISTENS);
	CHECK_EQ(recorded(&s, "goblin"), GOBLIN);
}

TEST(what_portwatch_started_stays_recorded_and_its_child_holds_for_it)
{
	STAGE(s);
	struct service_state *st = state(&s, "goblin");

	service_state_record(s.procs, st, who(&s, BASH), s.now_ns);
	st->launched = true;
	binds(&s, GOBLIN_TWO, "0.0.0.0:8767", LISTENS);
	CHECK_EQ(recorded(&s, "goblin"), BASH);
	CHECK(st->had_port);
	binds(&s, GOBLIN, "[::1]:8767", LISTENS); /* by its match, but not started */
	CHECK_EQ(recorded(&s, "goblin"), BASH);
}

TEST(the_registered_process_of_an_allocation_stays_recorded)
{
	STAGE(s);

	binds(&s, GRACE_CHILD, "0.0.0.0:8000", LISTENS);
	CHECK_EQ(s.allocation_states[0].recorded->info.id.pid, GRACE);
	CHECK(s.allocation_states[0].had_port);
	binds(&s, NODE, "0.0.0.0:8001", LISTENS);
	CHECK_EQ(s.allocation_states[1].recorded->info.id.pid, NODE);
}

TEST(recording_keeps_the_process_and_lists_its_states)
{
	STAGE(s);
	struct process *p = who(&s, GOBLIN);
	unsigned refs = p->refs;

	service_state_record(s.procs, state(&s, "goblin"), p, 5);
	service_state_record(s.procs, state(&s, "wizard"), p, 6);
	service_state_record(s.procs, state(&s, "vite"), p, 7);
	CHECK_EQ(p->refs, refs + 3);
	CHECK_EQ(state(&s, "wizard")->since_ns, 6);
	service_state_record(s.procs, state(&s, "wizard"), NULL, 8);
	CHECK(p->recorded_in == state(&s, "vite"));
	CHECK(p->recorded_in->next_recorded == state(&s, "goblin"));
	CHECK(!p->recorded_in->next_recorded->next_recorded);
	CHECK_EQ(state(&s, "wizard")->since_ns, 0);
	service_state_done(s.procs, state(&s, "vite"));
	service_state_done(s.procs, state(&s, "goblin"));
	CHECK(!p->recorded_in);
	CHECK_EQ(p->refs, refs);
}

TEST(recording_the_same_process_again_changes_nothing)
{
	STAGE(s);

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	service_state_record(s.procs, state(&s, "goblin"), who(&s, GOBLIN), 1);
	CHECK(state(&s, "goblin")->had_port);
	CHECK_EQ(state(&s, "goblin")->n_held, 1);
}

TEST(a_state_moves_with_all_that_is_known)
{
	STAGE(s);
	struct service_state to = { .service = state(&s, "goblin")->service };

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	binds(&s, GOBLIN, "0.0.0.0:8768", LISTENS);
	binds(&s, GOBLIN, "0.0.0.0:8002", LISTENS);
	service_state_move(state(&s, "goblin"), &to);
	CHECK(!state(&s, "goblin")->recorded);
	CHECK(to.service);
	CHECK_EQ(to.recorded->info.id.pid, GOBLIN);
	CHECK_EQ(to.n_strays, 2); /* 8002 is told apart when it is judged */
	CHECK_EQ(to.n_held, 1);
	CHECK(to.had_port);
	for (struct service_state *st = to.recorded->recorded_in; st;
	     st = st->next_recorded)
		CHECK(st != state(&s, "goblin"));
	service_state_done(s.procs, &to);
}

TEST(a_service_whose_port_was_reassigned_has_drifted_and_is_not_silent)
{
	STAGE(s);
	struct service *svc = (struct service *)registry_find(s.registry, "vite");

	binds(&s, VITE, "0.0.0.0:5173", LISTENS);
	svc->claims[0].at.port = 6000; /* nobody asks for what is at 6000 */
	observe(&s, sockets_find(s.sockets, 1));
	CHECK_EQ(at_service(&s, "vite")->count, 1);
	CHECK_EQ(s.said.items[0].kind, ALERT_DRIFTED);
}

TEST(a_daemon_hands_over_to_its_child)
{
	STAGE(s);
	uint64_t since;

	who(&s, GOBLIN_WORKER)->info.sid = GOBLIN_WORKER;
	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	since = state(&s, "goblin")->since_ns;
	exits(&s, GOBLIN, 0);
	settles(&s, GOBLIN, GOBLIN_WORKER);
	CHECK_EQ(recorded(&s, "goblin"), GOBLIN_WORKER);
	CHECK(state(&s, "goblin")->had_port);
	CHECK(state(&s, "goblin")->since_ns > since);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
	exits(&s, GOBLIN_WORKER, SIGKILL);
	settles(&s, GOBLIN_WORKER, NOBODY);
	CHECK_EQ(count_kind(at_service(&s, "goblin"), ALERT_DEAD_OWNER), 1);
}

TEST(a_child_is_an_heir_or_an_orphan)
{
	static const struct {
		const char *what;
		int status;
		pid_t sid;
		enum who child;
		bool heir;
	} table[] = {
		{ "daemon(3)", 0, GOBLIN_WORKER, GOBLIN_WORKER, true },
		{ "a double fork", 0, 5555, GOBLIN_WORKER, true },
		{ "another program in its own session", 0, GOBLIN_CHILD, GOBLIN_CHILD,
		  true },
		{ "in the same session", 0, 10, GOBLIN_WORKER, false },
		{ "in a session not known", 0, 0, GOBLIN_WORKER, false },
		{ "of a parent that was killed", SIGKILL, GOBLIN_WORKER, GOBLIN_WORKER,
		  false },
		{ "of a parent that failed", 1 << 8, GOBLIN_WORKER, GOBLIN_WORKER,
		  false },
		{ "of a parent of which nobody knows", -1, GOBLIN_WORKER, GOBLIN_WORKER,
		  false },
		{ "a stranger in its own session", 0, NODE, NODE, false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		STAGE(s);

		who(&s, table[i].child)->info.sid = table[i].sid;
		binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
		exits(&s, GOBLIN, table[i].status);
		settles(&s, GOBLIN, table[i].child);
		if ((recorded(&s, "goblin") == (pid_t)table[i].child) != table[i].heir)
			test_fail(__FILE__, __LINE__, "%s: not so", table[i].what);
		CHECK_EQ(count_kind(at_service(&s, "goblin"), ALERT_ORPHANED),
			 !table[i].heir);
	}
}

TEST(an_orphan_does_not_become_the_service_by_being_looked_at_again)
{
	STAGE(s);

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	exits(&s, GOBLIN, SIGKILL);
	settles(&s, GOBLIN, GOBLIN_WORKER);
	for (struct socket *sock = sockets_at(s.sockets, HOST, IPPROTO_TCP, 8767); sock;
	     sock = sock->next_in_port)
		observe(&s, sock);
	CHECK_EQ(recorded(&s, "goblin"), GOBLIN);
	CHECK_EQ(count_kind(at_service(&s, "goblin"), ALERT_ORPHANED), 1);
}

TEST(an_orphan_that_binds_anew_is_the_service)
{
	STAGE(s);

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	exits(&s, GOBLIN, SIGKILL);
	settles(&s, GOBLIN, NOBODY);
	binds(&s, GOBLIN_WORKER, "0.0.0.0:8767", LISTENS);
	CHECK_EQ(recorded(&s, "goblin"), GOBLIN_WORKER);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
}

TEST(more_sockets_than_are_remembered_leave_an_orphan_still)
{
	STAGE(s);
	char at[32];

	for (unsigned i = 1; i <= 3 * STATE_HELD_MAX; i++) {
		snprintf(at, sizeof(at), "127.0.0.%u:8767", i);
		binds(&s, GOBLIN, at, LISTENS);
	}
	CHECK_EQ(state(&s, "goblin")->n_held, STATE_HELD_MAX);
	exits(&s, GOBLIN, SIGKILL);
	settles(&s, GOBLIN, GOBLIN_WORKER);
	CHECK_EQ(recorded(&s, "goblin"), GOBLIN);
	CHECK_EQ(count_kind(at_service(&s, "goblin"), ALERT_ORPHANED), 1);
}

TEST(a_brother_with_a_socket_of_his_own_carries_on)
{
	STAGE(s);

	binds(&s, WORKER_ONE, "0.0.0.0:80", SOCKET_REUSEPORT);
	binds(&s, WORKER_TWO, "0.0.0.0:80", SOCKET_REUSEPORT);
	CHECK_EQ(recorded(&s, "web"), WORKER_ONE);
	exits(&s, WORKER_ONE, SIGKILL);
	settles(&s, WORKER_ONE, NOBODY);
	CHECK_EQ(recorded(&s, "web"), WORKER_TWO);
	CHECK_EQ(at_service(&s, "web")->count, 0);
}

TEST(what_settles_is_left_as_it_is)
{
	STAGE(s);

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	s.touched = 0;
	exits(&s, GOBLIN, SIGKILL);
	CHECK_EQ(s.touched, 1);
	CHECK(state(&s, "goblin")->settling);
	settles(&s, GOBLIN, NOBODY);
	CHECK(!state(&s, "goblin")->settling);
}

TEST(a_launched_daemon_stays_launched)
{
	STAGE(s);
	struct service_state *st = state(&s, "goblin");

	service_state_record(s.procs, st, who(&s, GOBLIN), s.now_ns);
	st->launched = true;
	who(&s, GOBLIN_WORKER)->info.sid = GOBLIN_WORKER;
	binds(&s, GOBLIN_WORKER, "0.0.0.0:8767", LISTENS);
	exits(&s, GOBLIN, 0);
	settles(&s, GOBLIN, NOBODY);
	CHECK_EQ(recorded(&s, "goblin"), GOBLIN_WORKER);
	CHECK(st->launched);
}

struct touching {
	struct service_state *states[8];
	size_t n;
};

static void collect(struct service_state *st, void *arg)
{
	struct touching *t = arg;

	CHECK(t->n < 8);
	t->states[t->n++] = st;
}

static bool is_touched(struct touching *t, const struct service_state *st)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->states[i] == st)
			return true;
	return false;
}

TEST(a_socket_touches_its_claimants_and_its_owner)
{
	STAGE(s);
	struct touching t = { { NULL }, 0 };

	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	binds(&s, GOBLIN, "0.0.0.0:8765", LISTENS);
	matcher_touched(&s.world, sockets_find(s.sockets, 2), collect, &t);
	CHECK(is_touched(&t, state(&s, "wizard")));
	CHECK(is_touched(&t, state(&s, "goblin")));
	CHECK(!is_touched(&t, state(&s, "vite")));
	t.n = 0;
	binds(&s, SQUATTER, "0.0.0.0:8000", LISTENS);
	matcher_touched(&s.world, sockets_find(s.sockets, 3), collect, &t);
	CHECK_EQ(t.n, 1);
	CHECK(t.states[0] == &s.allocation_states[0]);
	t.n = 0;
	binds(&s, SQUATTER, "0.0.0.0:4444", LISTENS);
	matcher_touched(&s.world, sockets_find(s.sockets, 4), collect, &t);
	CHECK_EQ(t.n, 0);
}

TEST(a_world_without_states_can_be_observed)
{
	STAGE(s);

	s.world.services = NULL;
	s.world.allocation_state = NULL;
	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	binds(&s, SQUATTER, "0.0.0.0:8000", LISTENS);
	CHECK_EQ(count_kind(at_port(&s, "8000", HOST), ALERT_OCCUPIED), 1);
	CHECK_EQ(at_service(&s, "goblin")->count, 0);
	CHECK_EQ(at_allocation(&s, 8000)->count, 0);
}
