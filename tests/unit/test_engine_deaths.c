// SPDX-License-Identifier: GPL-2.0-only
#include "engine_stage.h"

enum { EXITED_0 = 0, EXITED_3 = 3 << 8 };

static const char goblin[] = "{ \"services\": [ { \"name\": \"goblin\", \"port\": 8767,"
			     " \"process_name\": \"python\", \"startup_cmd\": \"python "
			     "-m goblin.server\" } ] }";

static void start_goblin(pid_t pid, uint64_t cookie)
{
	stage_process(pid, 1, "python -m goblin.server");
	stage_serve(cookie, pid, 8767);
}

static const struct socket *held(uint64_t cookie)
{
	return sockets_find(stage.e->sockets, cookie);
}

TEST(a_service_that_is_killed_is_a_dead_owner_with_its_signal)
{
	const struct alert *alert;

	stage_open(goblin);
	start_goblin(100, 1);
	stage_exit(100, SIGKILL);
	CHECK_EQ(stage_count(EVENT_PROCESS_EXITED), 1);
	CHECK(!stage_alert(ALERT_DEAD_OWNER, 0));
	stage_release(1, true);
	alert = stage_alert(ALERT_DEAD_OWNER, 0);
	CHECK(alert != NULL);
	CHECK_EQ(alert->v.found->info.id.pid, 100);
	CHECK(strstr(alert->v.message, "SIGKILL") != NULL);
	CHECK_EQ(alerts_count(stage.e->alerts), 1);
	CHECK(strstr(stage_last(EVENT_SERVICE_STOPPED)->reason, "SIGKILL") != NULL);
	CHECK_EQ(stage.walks, 0);
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(the_next_process_of_the_service_ends_a_dead_owner)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_exit(100, EXITED_3);
	stage_release(1, true);
	CHECK(stage_alert(ALERT_DEAD_OWNER, 0));
	start_goblin(101, 2);
	CHECK(!stage_alert(ALERT_DEAD_OWNER, 0));
	CHECK_EQ(stage_count(EVENT_SERVICE_RUNNING), 2);
	stage_close();
}

TEST(only_owners_are_told_to_have_exited)
{
	stage_open(goblin);
	stage_process(100, 1, "nc -l");
	stage_process(200, 1, "nc -l");
	stage_serve(1, 100, 5000);
	stage_exit(200, EXITED_0);
	CHECK_EQ(stage_count(EVENT_PROCESS_EXITED), 0);
	stage_exit(100, EXITED_0);
	CHECK_EQ(stage_count(EVENT_PROCESS_EXITED), 1);
	stage_exit(100, EXITED_0);
	CHECK_EQ(stage_count(EVENT_PROCESS_EXITED), 1);
	stage_close();
}

TEST(a_socket_that_outlives_its_owner_goes_to_the_oldest_holder)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_lives(120, 1, "python -m goblin.server");
	stage_lives(110, 1, "python -m goblin.server");
	stage_row(1, 120, 8767, SOCKET_LISTENING);
	stage_row(1, 110, 8767, SOCKET_LISTENING);
	stage_exit(100, SIGKILL);
	CHECK(engine_deadline(stage.e) != 0);
	stage_wait(10);
	CHECK_EQ(stage.walks, 1);
	CHECK_EQ(held(1)->owner->info.id.pid, 110);
	CHECK_EQ(held(1)->n_holders, 1);
	CHECK_EQ(held(1)->holders[0]->info.id.pid, 120);
	CHECK(stage_alert(ALERT_ORPHANED, 0));
	CHECK(!stage_alert(ALERT_OCCUPIED, 0));
	CHECK(!stage_alert(ALERT_DEAD_OWNER, 0));
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(an_orphan_ends_when_the_child_goes)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_lives(110, 1, "python -m goblin.server");
	stage_row(1, 110, 8767, SOCKET_LISTENING);
	stage_exit(100, SIGKILL);
	stage_wait(10);
	CHECK(stage_alert(ALERT_ORPHANED, 0));
	stage_exit(110, SIGTERM);
	stage_release(1, true);
	CHECK(!stage_alert(ALERT_ORPHANED, 0));
	CHECK(stage_alert(ALERT_DEAD_OWNER, 0));
	stage_close();
}

TEST(a_process_that_is_still_closing_is_looked_at_again)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_row(1, 100, 8767, SOCKET_LISTENING);
	stage_exit(100, SIGKILL);
	stage_wait(10);
	CHECK_EQ(stage.walks, 1);
	CHECK_EQ(held(1)->owner->info.id.pid, 100);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK(engine_deadline(stage.e) != 0);
	stage.n_rows = 0;
	stage_release(1, true);
	CHECK(stage_alert(ALERT_DEAD_OWNER, 0));
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(looking_ends_and_a_socket_in_flight_has_no_owner)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_row(1, 0, 8767, SOCKET_LISTENING);
	stage_exit(100, SIGKILL);
	for (unsigned ms = 10; ms < 20000 && stage.e->deaths; ms += 200)
		stage_wait(ms);
	CHECK(stage.walks <= 10);
	CHECK(!stage.e->deaths);
	CHECK(held(1) && !held(1)->owner);
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(a_socket_that_no_walk_finds_is_released_at_last)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_exit(100, SIGKILL);
	for (unsigned ms = 10; ms < 20000 && stage.e->deaths; ms += 200)
		stage_wait(ms);
	CHECK(!held(1));
	CHECK(stage_alert(ALERT_DEAD_OWNER, 0));
	CHECK_EQ(alerts_count(stage.e->alerts), 1);
	stage_close();
}

TEST(a_walk_that_fails_is_tried_again_later)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage.walk_error = -ENOMEM;
	stage_exit(100, SIGKILL);
	stage_wait(10);
	CHECK(engine_deadline(stage.e) > now_mono_ns());
	stage.walk_error = 0;
	stage_lives(110, 1, "python -m goblin.server");
	stage_row(1, 110, 8767, SOCKET_LISTENING);
	stage_wait(1000);
	CHECK_EQ(held(1)->owner->info.id.pid, 110);
	stage_close();
}

TEST(one_walk_serves_many_deaths)
{
	stage_open(goblin);
	for (pid_t pid = 100; pid < 120; pid++) {
		stage_process(pid, 1, "worker");
		stage_serve((uint64_t)pid, pid, (uint16_t)(5000 + pid));
		stage_lives(pid + 1000, 1, "worker");
		stage_row((uint64_t)pid, pid + 1000, (uint16_t)(5000 + pid),
			  SOCKET_LISTENING);
	}
	for (pid_t pid = 100; pid < 120; pid++)
		stage_exit(pid, SIGKILL);
	stage_wait(10);
	CHECK_EQ(stage.walks, 1);
	for (pid_t pid = 100; pid < 120; pid++)
		CHECK_EQ(held((uint64_t)pid)->owner->info.id.pid, pid + 1000);
	stage_close();
}

TEST(an_heir_that_dies_before_it_can_be_watched_has_heirs_of_its_own)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_row(1, 110, 8767, SOCKET_LISTENING);
	stage_exit(100, SIGKILL);
	stage_wait(10);
	CHECK(held(1)->owner->exited);
	stage.n_rows = 0;
	stage_lives(120, 1, "python -m goblin.server");
	stage_row(1, 120, 8767, SOCKET_LISTENING);
	stage_wait(100);
	CHECK_EQ(held(1)->owner->info.id.pid, 120);
	stage_close();
}

TEST(a_daemon_that_leaves_its_child_in_charge_raises_nothing)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_lives(110, 1, "python -m goblin.server");
	stage_row(1, 110, 8767, SOCKET_LISTENING);
	stage_exit(100, EXITED_0);
	stage_wait(10);
	CHECK_EQ(stage.walks, 0);
	stage_wait(50);
	CHECK_EQ(stage.walks, 1);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK_EQ(stage_count(EVENT_ALERT_FIRING), 0);
	CHECK_EQ(stage_count(EVENT_SERVICE_STOPPED), 0);
	stage_close();
}

TEST(an_exit_that_only_a_walk_reveals_is_an_exit)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_dies(100);
	stage_lives(110, 1, "python -m goblin.server");
	stage_row(1, 110, 8767, SOCKET_LISTENING);
	CHECK_EQ(heal_now(stage.e, 0, NULL), 0);
	CHECK_EQ(stage_last(EVENT_PROCESS_EXITED)->pid, 100);
	stage_wait(10);
	CHECK_EQ(held(1)->owner->info.id.pid, 110);
	CHECK(stage_alert(ALERT_ORPHANED, 0));
	stage_close();
}
