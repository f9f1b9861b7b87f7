// SPDX-License-Identifier: GPL-2.0-only
#include "engine_stage.h"

static const char goblin[] = "{ \"services\": [ { \"name\": \"goblin\", \"port\": 8767,"
			     " \"process_name\": \"python\", \"startup_cmd\": \"python "
			     "-m goblin.server\" } ] }";

static const struct socket *held(uint64_t cookie)
{
	return sockets_find(stage.e->sockets, cookie);
}

static size_t heal(void)
{
	size_t differed = 0;

	sockets_each(stage.e->sockets, stage_age, NULL);
	engine_set_cause(stage.e, SOURCE_RESYNC, 0, 0);
	CHECK_EQ(heal_now(stage.e, 0, &differed), 0);
	engine_set_cause(stage.e, SOURCE_DAEMON, 0, 0);
	return differed;
}

static void begin(const char *registry)
{
	stage_open(registry);
	stage.e->have = ENGINE_NEEDS_NOTHING;
	CHECK_EQ(engine_need(stage.e, ENGINE_NEEDS_SNAPSHOT), 0);
}

TEST(what_was_there_before_is_no_news_but_its_alerts_are)
{
	stage_lives(200, 1, "python3 -m http.server 8767");
	stage_row(1, 200, 8767, SOCKET_LISTENING);
	begin(goblin);
	CHECK_EQ(sockets_count(stage.e->sockets), 1);
	CHECK_EQ(stage_count(EVENT_SOCKET_BOUND), 0);
	CHECK_EQ(stage_count(EVENT_ALERT_FIRING), 1);
	CHECK_EQ(stage_last(EVENT_ALERT_FIRING)->source, SOURCE_SNAPSHOT);
	CHECK_STR(stage_alert(ALERT_OCCUPIED, 8767)->v.found->info.comm, "unread");
	CHECK(strv_contains(held(1)->owner->info.cmdline, "http.server"));
	stage_close();
}

TEST(a_service_that_was_there_before_is_running)
{
	stage_lives(100, 1, "python -m goblin.server");
	stage_row(1, 100, 8767, SOCKET_LISTENING);
	begin(goblin);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK_EQ(stage_count(EVENT_SERVICE_RUNNING), 1);
	stage_close();
}

TEST(the_same_walk_twice_changes_nothing)
{
	stage_lives(100, 1, "python -m goblin.server");
	stage_lives(200, 1, "nc");
	stage_row(1, 100, 8767, SOCKET_LISTENING);
	stage_row(2, 200, 5000, SOCKET_BOUND);
	begin(goblin);
	stage_forget_events();
	CHECK_EQ(heal(), 0);
	CHECK_EQ(heal(), 0);
	CHECK_EQ(stage.n_told, 0);
	stage_close();
}

TEST(a_walk_after_facts_changes_nothing)
{
	stage_open(goblin);
	stage_process(100, 1, "python -m goblin.server");
	stage_serve(1, 100, 8767);
	stage_row(1, 100, 8767, SOCKET_LISTENING);
	stage_forget_events();
	CHECK_EQ(heal(), 0);
	CHECK_EQ(stage.n_told, 0);
	CHECK(held(1)->holders_known);
	CHECK_EQ(held(1)->n_holders, 0);
	stage_close();
}

TEST(sockets_that_vanished_are_released_and_new_ones_bound)
{
	stage_open(goblin);
	stage_process(100, 1, "python -m goblin.server");
	stage_process(200, 1, "nc");
	stage_serve(1, 100, 8767);
	stage_row(2, 200, 8767, SOCKET_LISTENING);
	stage_forget_events();
	CHECK_EQ(heal(), 2);
	CHECK(!held(1));
	CHECK_EQ(held(2)->source, SOURCE_RESYNC);
	CHECK_EQ(stage_last(EVENT_SOCKET_RELEASED)->source, SOURCE_RESYNC);
	CHECK_EQ(stage_last(EVENT_SOCKET_BOUND)->source, SOURCE_RESYNC);
	CHECK_EQ(stage_last(EVENT_SOCKET_LISTENING)->source, SOURCE_RESYNC);
	CHECK(stage_alert(ALERT_OCCUPIED, 8767));
	stage_close();
}

TEST(a_state_that_changed_unseen_is_put_right)
{
	stage_open(goblin);
	stage_process(200, 1, "nc");
	stage_bind(1, 200, 5000);
	stage_row(1, 200, 5000, SOCKET_LISTENING);
	stage_forget_events();
	CHECK_EQ(heal(), 1);
	CHECK_EQ(held(1)->state, SOCKET_LISTENING);
	CHECK_EQ(stage_count(EVENT_SOCKET_LISTENING), 1);
	CHECK_EQ(stage_count(EVENT_SOCKET_BOUND), 0);
	stage_close();
}

TEST(a_socket_as_young_as_the_walk_is_not_judged_by_it)
{
	size_t differed;

	stage_open(goblin);
	stage_process(200, 1, "nc");
	stage_bind(1, 200, 5000);
	CHECK_EQ(heal_now(stage.e, 0, &differed), 0);
	CHECK_EQ(differed, 0);
	CHECK(held(1) != NULL);
	stage_close();
}

TEST(facts_that_a_walk_overtook_are_not_folded)
{
	struct fact late = { .type = FACT_BOUND,
			     .source = SOURCE_KERNEL,
			     .cookie = 9,
			     .at = stage_at("127.0.0.1", 5000),
			     .caller = stage_id(200) };

	stage_open(goblin);
	late.mono_ns = now_mono_ns() - NS_PER_S;
	heal();
	engine_fold(stage.e, &late);
	CHECK(!held(9));
	late.mono_ns = now_mono_ns();
	engine_fold(stage.e, &late);
	CHECK(held(9) != NULL);
	stage_close();
}

TEST(phantom_sources_are_not_taken_for_binds)
{
	struct snapshot_row *row;

	begin(goblin);
	/* UDP that was bound by the packet that it sent. */
	row = stage_row(1, 200, 5000, SOCKET_BOUND);
	row->evident = false;
	row->at.proto = IPPROTO_UDP;
	CHECK_EQ(heal(), 0);
	CHECK(!held(1));
	row->evident = true;
	CHECK_EQ(heal(), 1);
	CHECK(held(1) != NULL);
	/* Once it is known, it stays. */
	row->evident = false;
	CHECK_EQ(heal(), 0);
	CHECK(held(1) != NULL);
	stage_close();
}

TEST(at_the_beginning_all_that_is_bound_counts)
{
	stage_row(1, 200, 5000, SOCKET_BOUND)->evident = false;
	begin(goblin);
	CHECK(held(1) != NULL);
	stage_close();
}

TEST(a_socket_that_nobody_holds_counts)
{
	begin(goblin);
	stage_row(1, 0, 5000, SOCKET_LISTENING);
	CHECK_EQ(heal(), 1);
	CHECK(held(1) && !held(1)->owner);
	stage_close();
}

TEST(a_socket_that_is_being_closed_is_not_taken_for_a_new_one)
{
	stage_open(goblin);
	stage_process(200, 1, "nc");
	stage_serve(1, 200, 5000);
	stage_release(1, false);
	stage_row(1, 0, 5000, SOCKET_LISTENING);
	CHECK_EQ(heal(), 0);
	CHECK(!held(1));
	CHECK(engine_deadline(stage.e) != 0);
	CHECK_EQ(heal(), 0);
	/* Unless it was bound again, and only that was missed. */
	stage_last_long();
	CHECK_EQ(heal(), 1);
	CHECK(held(1) && !held(1)->owner);
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(an_owner_is_found_for_a_socket_that_had_none)
{
	stage_row(1, 0, 5000, SOCKET_LISTENING);
	begin(goblin);
	CHECK(!held(1)->owner);
	stage.n_rows = 0;
	stage_lives(200, 1, "nc");
	stage_row(1, 200, 5000, SOCKET_LISTENING);
	heal();
	CHECK_EQ(held(1)->owner->info.id.pid, 200);
	stage_close();
}

TEST(the_owner_of_a_walk_is_the_oldest_holder)
{
	stage_lives(300, 200, "worker");
	stage_lives(200, 1, "master");
	stage_row(1, 300, 5000, SOCKET_LISTENING);
	stage_row(1, 200, 5000, SOCKET_LISTENING);
	stage_row(1, 200, 5000, SOCKET_LISTENING);
	begin(goblin);
	CHECK_EQ(held(1)->owner->info.id.pid, 200);
	CHECK_EQ(held(1)->n_holders, 1);
	stage_close();
}

TEST(of_two_that_began_together_the_parent_is_the_owner)
{
	struct snapshot_row *child, *parent;

	stage_lives(200, 300, "worker");
	stage_lives(300, 1, "master");
	child = stage_row(1, 200, 5000, SOCKET_LISTENING);
	parent = stage_row(1, 300, 5000, SOCKET_LISTENING);
	child->holder.start_ticks = parent->holder.start_ticks = 7777;
	begin(goblin);
	CHECK_EQ(held(1)->owner->info.id.pid, 300);
	stage_close();
}

TEST(a_holder_that_is_the_service_makes_a_socket_its_own)
{
	stage_lives(1, 0, "systemd");
	stage_lives(100, 1, "python -m goblin.server");
	stage_row(1, 1, 8767, SOCKET_LISTENING);
	stage_row(1, 100, 8767, SOCKET_LISTENING);
	begin(goblin);
	CHECK_EQ(held(1)->owner->info.id.pid, 1);
	CHECK(!stage_alert(ALERT_OCCUPIED, 8767));
	stage_close();
}

TEST(who_else_holds_a_socket_that_an_alert_names_is_asked_once)
{
	stage_open(goblin);
	stage_process(50, 1, "launcher");
	stage_serve(1, 50, 8767);
	CHECK(stage_alert(ALERT_OCCUPIED, 8767));
	CHECK(engine_deadline(stage.e) != 0);
	stage_lives(100, 1, "python -m goblin.server");
	stage_row(1, 50, 8767, SOCKET_LISTENING);
	stage_row(1, 100, 8767, SOCKET_LISTENING);
	stage_wait(2000);
	CHECK_EQ(stage.walks, 1);
	CHECK(!stage_alert(ALERT_OCCUPIED, 8767));
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(nobody_is_asked_about_a_socket_that_has_gone)
{
	stage_open(goblin);
	stage_process(50, 1, "nc");
	stage_serve(1, 50, 8767);
	stage_release(1, false);
	stage_wait(2000);
	CHECK_EQ(stage.walks, 0);
	stage_close();
}

TEST(refreshing_holders_touches_neither_new_nor_vanished_sockets)
{
	stage_open(goblin);
	stage_process(200, 1, "nc");
	stage_process(300, 1, "nc");
	stage_serve(1, 200, 5000);
	stage_serve(2, 200, 5001);
	sockets_each(stage.e->sockets, stage_age, NULL);
	stage_row(1, 200, 5000, SOCKET_LISTENING);
	stage_row(1, 300, 5000, SOCKET_LISTENING);
	stage_row(3, 300, 5003, SOCKET_LISTENING);
	CHECK_EQ(engine_refresh_holders(stage.e), 0);
	CHECK(held(1) && held(2) && !held(3));
	CHECK_EQ(held(1)->n_holders, 1);
	stage_close();
}

TEST(many_sockets_are_put_right_together)
{
	enum { SOCKETS = 200 };

	stage_open(goblin);
	stage_process(200, 1, "nc");
	for (unsigned i = 1; i <= SOCKETS; i++)
		stage_bind(i, 200, (uint16_t)(5000 + i));
	for (unsigned i = SOCKETS / 2 + 1; i <= SOCKETS; i++)
		stage_row(i, 200, (uint16_t)(5000 + i), SOCKET_LISTENING);
	CHECK_EQ(heal(), SOCKETS / 2);
	CHECK_EQ(sockets_count(stage.e->sockets), SOCKETS);
	CHECK(engine_deadline(stage.e) != 0);
	stage_last_long();
	CHECK_EQ(heal(), SOCKETS / 2);
	CHECK_EQ(sockets_count(stage.e->sockets), SOCKETS / 2);
	CHECK_EQ(heal(), 0);
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(a_walk_that_fails_leaves_the_table_alone)
{
	stage_open(goblin);
	stage_process(200, 1, "nc");
	stage_bind(1, 200, 5000);
	sockets_each(stage.e->sockets, stage_age, NULL);
	stage.walk_error = -EPERM;
	CHECK_EQ(heal_now(stage.e, 0, NULL), -EPERM);
	CHECK(held(1) != NULL);
	stage_close();
}

TEST(polling_tells_differences_every_second)
{
	begin(goblin);
	stage.e->have = ENGINE_NEEDS_EVENTS;
	stage.e->polling = true;
	heal_poll(stage.e);
	CHECK_EQ(engine_fd(stage.e), -EBADF);
	stage_lives(200, 1, "nc");
	stage_row(1, 200, 8767, SOCKET_LISTENING);
	stage_wait(500);
	CHECK(!held(1));
	stage_wait(1500);
	CHECK(held(1) != NULL);
	CHECK_EQ(stage_last(EVENT_ALERT_FIRING)->source, SOURCE_RESYNC);
	CHECK_EQ(stage_count(EVENT_KERNEL_RESYNCED), 0);
	CHECK(engine_deadline(stage.e) != 0);
	stage_close();
}

static void lose(uint64_t lost, bool drained)
{
	stage.e->healing.lost += lost;
	stage.e->healing.has_lost = true;
	stage.e->healing.drained = drained;
	stage.e->healing.due_ns = now_mono_ns();
}

TEST(a_loss_is_told_and_healed)
{
	struct engine_counters counters;

	stage_open(goblin);
	stage_process(200, 1, "nc");
	stage_row(1, 200, 8767, SOCKET_LISTENING);
	lose(7, true);
	stage_wait(1);
	CHECK_EQ(stage_last(EVENT_KERNEL_LOST)->count, 7);
	CHECK_EQ(stage_last(EVENT_KERNEL_RESYNCED)->count, 1);
	CHECK_EQ(stage_last(EVENT_KERNEL_RESYNCED)->source, SOURCE_RESYNC);
	CHECK(stage_alert(ALERT_OCCUPIED, 8767));
	CHECK_EQ(stage.e->healing.due_ns, 0);
	engine_counters(stage.e, &counters);
	CHECK_EQ(counters.resyncs, 1);
	stage_close();
}

TEST(a_loss_healed_amid_a_storm_is_healed_once_more)
{
	stage_open(goblin);
	lose(7, false);
	stage_wait(1);
	CHECK_EQ(stage.walks, 1);
	CHECK(stage.e->healing.due_ns != 0);
	stage.e->healing.drained = true;
	stage_wait(1000);
	CHECK_EQ(stage.walks, 2);
	CHECK_EQ(stage_count(EVENT_KERNEL_LOST), 1);
	CHECK_EQ(stage_count(EVENT_KERNEL_RESYNCED), 1);
	CHECK_EQ(stage.e->healing.due_ns, 0);
	stage_close();
}

TEST(a_loss_that_cannot_be_healed_is_tried_again)
{
	stage_open(goblin);
	stage.walk_error = -ENOMEM;
	lose(7, true);
	stage_wait(1);
	CHECK_EQ(stage_count(EVENT_KERNEL_RESYNCED), 0);
	stage.walk_error = 0;
	stage_wait(500);
	CHECK_EQ(stage.walks, 1);
	stage_wait(2000);
	CHECK_EQ(stage_count(EVENT_KERNEL_LOST), 1);
	CHECK_EQ(stage_count(EVENT_KERNEL_RESYNCED), 1);
	stage_close();
}

TEST(processes_that_share_a_port_are_read_only_where_they_seem_strangers)
{
	struct snapshot_row *row;

	stage_lives(200, 1, "alpha");
	stage_lives(300, 1, "beta");
	stage_lives(400, 200, "alpha");
	/* Two addresses: no conflict, nobody asked. */
	stage_row(1, 200, 5000, SOCKET_LISTENING);
	row = stage_row(2, 300, 5000, SOCKET_LISTENING);
	row->at = stage_at("127.0.0.2", 5000);
	begin(NULL);
	CHECK_EQ(stage.reads, 0);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	/* A parent and its child. */
	stage_row(3, 200, 6000, SOCKET_LISTENING)->flags = SOCKET_REUSEPORT;
	stage_row(4, 400, 6000, SOCKET_LISTENING)->flags = SOCKET_REUSEPORT;
	heal();
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	/* And a stranger. */
	stage_row(5, 300, 6000, SOCKET_LISTENING)->flags = SOCKET_REUSEPORT;
	heal();
	CHECK(stage_alert(ALERT_SHARED, 6000));
	stage_close();
}

TEST(without_bpf_events_are_had_by_polling)
{
	stage_lives(200, 1, "nc");
	stage_row(1, 200, 5000, SOCKET_LISTENING);
	begin(goblin);
	CHECK_EQ(engine_need(stage.e, ENGINE_NEEDS_EVENTS), 0);
	CHECK(stage.e->polling);
	CHECK_EQ(stage.watched, 0);
	CHECK(engine_deadline(stage.e) != 0);
	stage_close();
}

static void hint(void)
{
	sockets_each(stage.e->sockets, stage_age, NULL);
	stage.e->healing.hint_due_ns = now_mono_ns();
	stage_wait(1);
}

TEST(where_releases_are_told_a_look_does_not_make_them_up)
{
	stage_open(goblin);
	stage.tells_releases = true;
	stage_process(200, 1, "nc");
	stage_serve(1, 200, 5000);
	stage_bind(2, 200, 5001);
	hint();
	CHECK(held(1) && held(2));
	CHECK_EQ(engine_deadline(stage.e), 0);
	/* Unless one of them may have been lost. */
	lose(1, true);
	stage_wait(1);
	CHECK(!held(1) && held(2));
	stage_last_long();
	stage_wait(1000);
	CHECK(!held(2));
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(a_bound_socket_on_its_way_between_processes_is_not_released)
{
	stage_open(goblin);
	stage_process(200, 1, "nc");
	stage_bind(1, 200, 5000);
	hint();
	CHECK(held(1) != NULL);
	stage_row(1, 200, 5000, SOCKET_BOUND);
	stage_last_long();
	stage_wait(1000);
	CHECK(held(1) != NULL);
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(the_address_of_a_connection_that_was_refused_counts_when_it_stays)
{
	struct fact bound = { .type = FACT_BOUND, .cookie = 1, .caller = stage_id(200) };

	stage_open(goblin);
	stage_process(200, 1, "nc");
	bound.at = stage_at("0.0.0.0", 5000);
	bound.uid = 1000;
	stage_fold(bound);
	stage_row(1, 200, 5000, SOCKET_BOUND);
	CHECK_EQ(heal(), 0);
	CHECK(endpoint_is_wildcard(&held(1)->at));
	stage_wait(200);
	CHECK(!endpoint_is_wildcard(&held(1)->at));
	stage.rows[0].at = bound.at;
	CHECK_EQ(heal(), 1);
	CHECK(endpoint_is_wildcard(&held(1)->at));
	stage.rows[0] = (struct snapshot_row){ 0 };
	stage.n_rows = 0;
	stage_row(1, 200, 5000, SOCKET_CONNECTED);
	CHECK_EQ(heal(), 1);
	CHECK(!endpoint_is_wildcard(&held(1)->at));
	stage_close();
}
