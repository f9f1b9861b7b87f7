// SPDX-License-Identifier: GPL-2.0-only
#include "engine_stage.h"

static const char goblin[] = "{ \"services\": [ { \"name\": \"goblin\", \"port\": 8767,"
			     " \"process_name\": \"python\", \"startup_cmd\": \"python "
			     "-m goblin.server\" } ] }";

static void start_goblin(pid_t pid, uint64_t cookie)
{
	stage_process(pid, 1, "python -m goblin.server");
	stage_serve(cookie, pid, 8767);
}

TEST(a_socket_is_told_bound_then_listening_then_released)
{
	stage_open(goblin);
	stage_process(100, 1, "nc -l");
	stage_serve(1, 100, 5000);
	CHECK_EQ(stage.n_told, 2);
	CHECK_EQ(stage.log[0].type, EVENT_SOCKET_BOUND);
	CHECK_EQ(stage.log[1].type, EVENT_SOCKET_LISTENING);
	CHECK_EQ(stage.log[1].pid, 100);
	stage_release(1, true);
	CHECK_EQ(stage_last(EVENT_SOCKET_RELEASED)->cause, RELEASE_EXIT);
	CHECK_EQ(sockets_count(stage.e->sockets), 0);
	stage_close();
}

TEST(events_are_numbered_without_gaps)
{
	stage_open(goblin);
	stage_process(100, 1, "nc -l");
	for (unsigned i = 1; i < 50; i++) {
		stage_serve(i, 100, 8767);
		stage_release(i, false);
	}
	for (size_t i = 0; i < stage.n_told && i < STAGE_LOGGED; i++)
		CHECK_EQ(stage.log[i].seq, i + 1);
	CHECK_EQ(engine_sequence(stage.e), stage.n_told);
	stage_close();
}

TEST(replayed_facts_change_nothing)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_forget_events();
	stage_bind(1, 100, 8767);
	stage_socket(FACT_LISTENING, 1, 100, 8767);
	CHECK_EQ(stage.n_told, 0);
	CHECK_EQ(sockets_find(stage.e->sockets, 1)->state, SOCKET_LISTENING);
	stage_close();
}

TEST(listen_without_bind_makes_a_socket)
{
	stage_open(goblin);
	stage_process(100, 1, "nc -l");
	stage_socket(FACT_LISTENING, 1, 100, 40001);
	CHECK_EQ(sockets_find(stage.e->sockets, 1)->state, SOCKET_LISTENING);
	CHECK_EQ(stage_count(EVENT_SOCKET_LISTENING), 1);
	stage_close();
}

TEST(a_socket_that_moves_leaves_its_old_port)
{
	stage_open(goblin);
	stage_process(100, 1, "nc -l");
	stage_serve(1, 100, 8767);
	CHECK(stage_alert(ALERT_OCCUPIED, 8767));
	stage_bind(1, 100, 5001);
	CHECK(!stage_alert(ALERT_OCCUPIED, 8767));
	CHECK_EQ(stage_count(EVENT_SOCKET_RELEASED), 1);
	CHECK_EQ(stage_count(EVENT_SOCKET_BOUND), 2);
	CHECK_EQ(sockets_count(stage.e->sockets), 1);
	stage_close();
}

TEST(unlistened_and_connected_change_the_state_alone)
{
	stage_open(goblin);
	stage_process(100, 1, "nc -l");
	stage_serve(1, 100, 5000);
	stage_fold((struct fact){ .type = FACT_UNLISTENED, .cookie = 1 });
	CHECK_EQ(sockets_find(stage.e->sockets, 1)->state, SOCKET_BOUND);
	stage_socket(FACT_CONNECTED, 1, 100, 5000);
	CHECK_EQ(sockets_find(stage.e->sockets, 1)->state, SOCKET_CONNECTED);
	stage_fold((struct fact){ .type = FACT_UNLISTENED, .cookie = 99 });
	stage_socket(FACT_CONNECTED, 99, 100, 5000);
	CHECK_EQ(sockets_count(stage.e->sockets), 1);
	stage_close();
}

TEST(a_socket_that_disconnects_is_where_it_was_bound)
{
	struct fact fact = { .type = FACT_BOUND, .cookie = 1, .caller = stage_id(100) };

	stage_open(goblin);
	stage_process(100, 1, "nc -l");
	for (unsigned i = 0; i < 3; i++) {
		fact.type = i == 1 ? FACT_CONNECTED : FACT_BOUND;
		fact.at = stage_at(i == 1 ? "127.0.0.1" : "0.0.0.0", 5000);
		if (i == 2)
			fact.type = FACT_UNLISTENED;
		stage_fold(fact);
		CHECK_EQ(endpoint_is_wildcard(&sockets_find(stage.e->sockets, 1)->at),
			 i != 1);
	}
	CHECK_EQ(sockets_find(stage.e->sockets, 1)->state, SOCKET_BOUND);
	stage_fold(fact);
	fact.type = FACT_CONNECTED;
	stage_fold(fact);
	stage_release(1, false);
	CHECK(!stage.e->origins);
	stage_close();
}

TEST(a_squatter_is_named_and_forgiven_when_it_goes)
{
	const struct alert *alert;

	stage_open(goblin);
	stage_process(200, 1, "python3 -m http.server 8767");
	stage_serve(1, 200, 8767);
	alert = stage_alert(ALERT_OCCUPIED, 8767);
	CHECK(alert != NULL);
	CHECK_STR(alert->v.service, "goblin");
	CHECK_EQ(alert->v.found->info.id.pid, 200);
	CHECK_EQ(stage_count(EVENT_ALERT_FIRING), 1);
	CHECK_EQ(stage_last(EVENT_ALERT_FIRING)->source, SOURCE_KERNEL);
	stage_exit(200, SIGKILL);
	stage_release(1, true);
	CHECK(!stage_alert(ALERT_OCCUPIED, 8767));
	CHECK_EQ(stage_count(EVENT_ALERT_RESOLVED), 1);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	stage_close();
}

TEST(the_service_itself_raises_nothing)
{
	stage_open(goblin);
	start_goblin(100, 1);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK_EQ(stage_count(EVENT_SERVICE_RUNNING), 1);
	CHECK_STR(stage_last(EVENT_SERVICE_RUNNING)->service, "goblin");
	CHECK_EQ(stage_last(EVENT_SERVICE_RUNNING)->pid, 100);
	stage_close();
}

TEST(a_port_that_the_service_gives_up_is_not_listening)
{
	stage_open(goblin);
	start_goblin(100, 1);
	stage_release(1, false);
	CHECK(stage_alert(ALERT_NOT_LISTENING, 0));
	CHECK_EQ(stage_count(EVENT_SERVICE_STOPPED), 1);
	stage_serve(2, 100, 8767);
	CHECK(!stage_alert(ALERT_NOT_LISTENING, 0));
	CHECK_EQ(stage_count(EVENT_SERVICE_RUNNING), 2);
	stage_close();
}

TEST(a_process_may_execute_what_it_is_not)
{
	struct process_info info;

	stage_open(goblin);
	start_goblin(100, 1);
	CHECK(!stage_alert(ALERT_OCCUPIED, 8767));
	info = stage_info(100, 1, "sleep 1000");
	info.exec_count = 2;
	stage_fold(
		(struct fact){ .type = FACT_PROCESS, .caller = info.id, .info = &info });
	process_info_done(&info);
	CHECK(stage_alert(ALERT_OCCUPIED, 8767) != NULL);
	stage_close();
}

TEST(a_failed_bind_names_both_and_ends_with_the_release)
{
	const struct alert *alert;

	stage_open(goblin);
	stage_process(200, 1, "nc -l");
	stage_serve(1, 200, 8767);
	stage_process(100, 1, "python -m goblin.server");
	stage_fold((struct fact){ .type = FACT_BIND_FAILED,
				  .cookie = 2,
				  .at = stage_at("127.0.0.1", 8767),
				  .caller = stage_id(100),
				  .error = -EADDRINUSE });
	CHECK_EQ(stage_last(EVENT_SOCKET_BIND_FAILED)->error, -EADDRINUSE);
	CHECK_EQ(stage_last(EVENT_SOCKET_BIND_FAILED)->n_holders, 1);
	alert = stage_alert(ALERT_BLOCKED, 8767);
	CHECK(alert != NULL);
	CHECK_EQ(alert->v.found->info.id.pid, 100);
	CHECK_EQ(alert->v.holder->info.id.pid, 200);
	stage_release(1, false);
	CHECK(!stage_alert(ALERT_BLOCKED, 8767));
	stage_close();
}

TEST(a_failed_bind_alone_ends_after_a_minute)
{
	stage_open(goblin);
	stage_process(200, 1, "nc -l");
	stage_serve(1, 200, 8767);
	stage_process(100, 1, "python -m goblin.server");
	stage_fold((struct fact){ .type = FACT_BIND_FAILED,
				  .cookie = 2,
				  .at = stage_at("127.0.0.1", 8767),
				  .caller = stage_id(100),
				  .error = -EADDRINUSE });
	CHECK(engine_deadline(stage.e) != 0);
	stage_wait(59000);
	CHECK(stage_alert(ALERT_BLOCKED, 8767));
	stage_wait(61000);
	CHECK(!stage_alert(ALERT_BLOCKED, 8767));
	stage_close();
}

TEST(the_cause_of_a_failed_bind_is_inferred_from_the_table)
{
	struct fact tried = {
		.type = FACT_BIND_FAILED, .cookie = 7, .inferred = true, .uid = 1000
	};
	const struct told *told;

	stage_open(goblin);
	stage_process(200, 1, "nc -l");
	stage_serve(1, 200, 5000);
	tried.caller = stage_id(200);
	tried.at = stage_at("127.0.0.1", 5000);
	stage_fold(tried);
	told = stage_last(EVENT_SOCKET_BIND_FAILED);
	CHECK_EQ(told->error, -EADDRINUSE);
	tried.at = stage_at("127.0.0.1", 80);
	stage_fold(tried);
	CHECK_EQ(stage_last(EVENT_SOCKET_BIND_FAILED)->error, -EACCES);
	tried.uid = 0;
	stage_fold(tried);
	CHECK_EQ(stage_last(EVENT_SOCKET_BIND_FAILED)->error, 0);
	stage_close();
}

TEST(an_outgoing_connection_on_a_claimed_port_is_told_while_it_stands)
{
	stage_open(goblin);
	stage_process(100, 1, "curl example.org");
	stage_socket(FACT_OUTGOING, 9, 100, 8767);
	stage_socket(FACT_OUTGOING, 9, 100, 8767);
	CHECK(stage_alert(ALERT_EPHEMERAL, 8767));
	CHECK_EQ(stage.e->world.n_outgoing, 1);
	stage_fold((struct fact){ .type = FACT_OUTGOING_END, .cookie = 9 });
	CHECK(!stage_alert(ALERT_EPHEMERAL, 8767));
	stage_close();
}

TEST(outgoing_connections_are_bounded)
{
	stage_open(goblin);
	stage_process(100, 1, "curl example.org");
	for (unsigned i = 1; i < 2 * OUTGOING_MAX; i++)
		stage_socket(FACT_OUTGOING, i, 100, 8767);
	CHECK_EQ(stage.e->world.n_outgoing, OUTGOING_MAX);
	for (unsigned i = 1; i < 2 * OUTGOING_MAX; i++)
		stage_fold((struct fact){ .type = FACT_OUTGOING_END, .cookie = i });
	CHECK_EQ(stage.e->world.n_outgoing, 0);
	stage_close();
}

TEST(processes_that_bind_nothing_do_not_accumulate)
{
	stage_open(goblin);
	for (pid_t pid = 1000; pid < 1000 + 5 * RECENT_PROCESSES; pid++) {
		struct process_info info = stage_info(pid, 1, "true");

		stage_fold((struct fact){
			.type = FACT_PROCESS, .caller = info.id, .info = &info });
		process_info_done(&info);
	}
	CHECK(processes_count(stage.e->procs) <= RECENT_PROCESSES);
	stage_close();
}

TEST(a_caller_that_was_forgotten_is_read_again)
{
	stage_open(goblin);
	stage_lives(100, 1, "python -m goblin.server");
	stage_serve(1, 100, 8767);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK_EQ(stage.reads, 1);
	stage_serve(2, 100, 5000);
	CHECK_EQ(stage.reads, 1);
	stage_close();
}

TEST(a_caller_that_nobody_knows_any_more_is_named_by_its_pid)
{
	stage_open(goblin);
	stage_serve(1, 100, 8767);
	CHECK_EQ(stage_alert(ALERT_OCCUPIED, 8767)->v.found->info.id.pid, 100);
	stage_close();
}

TEST(nothing_is_made_for_events_that_nobody_wants)
{
	struct engine_counters counters;

	stage_open(goblin);
	stage.sub = engine_unsubscribe(stage.e, stage.sub);
	stage_process(100, 1, "nc -l");
	stage_serve(1, 100, 5000);
	stage_release(1, false);
	engine_counters(stage.e, &counters);
	CHECK_EQ(stage.n_told, 0);
	CHECK_EQ(counters.events[EVENT_SOCKET_BOUND], 1);
	CHECK_EQ(counters.events[EVENT_SOCKET_RELEASED], 1);
	stage_close();
}

static void leave(const struct event *event, void *arg)
{
	struct engine_subscription **sub = arg;

	(void)event;
	*sub = engine_unsubscribe(stage.e, *sub);
}

TEST(a_subscriber_may_leave_while_it_is_told)
{
	struct engine_subscription *sub;

	stage_open(goblin);
	CHECK_EQ(engine_subscribe(stage.e, UINT32_MAX, leave, &sub, &sub), 0);
	stage_process(100, 1, "nc -l");
	stage_serve(1, 100, 5000);
	CHECK(sub == NULL);
	CHECK_EQ(stage.n_told, 2);
	stage_close();
}

TEST(a_table_that_is_full_refuses_and_goes_on)
{
	struct engine_options options = { .probe.no_bpf = true, .sockets_max = 3 };
	struct engine *spare;

	stage_open(goblin);
	CHECK_EQ(engine_new(&options, &spare), 0);
	sockets_free(stage.e->sockets);
	CHECK_EQ(sockets_new(3, stage.e->procs, &stage.e->sockets), 0);
	stage.e->world.sockets = stage.e->sockets;
	stage_process(100, 1, "nc -l");
	for (unsigned i = 1; i <= 10; i++)
		stage_serve(i, 100, (uint16_t)(5000 + i));
	CHECK_EQ(sockets_count(stage.e->sockets), 3);
	for (unsigned i = 1; i <= 10; i++)
		stage_release(i, false);
	CHECK_EQ(sockets_count(stage.e->sockets), 0);
	engine_free(spare);
	stage_close();
}

TEST(an_engine_at_rest_has_no_deadline)
{
	stage_open(goblin);
	CHECK_EQ(engine_deadline(stage.e), 0);
	start_goblin(100, 1);
	stage_process(200, 1, "nc -l");
	stage_serve(2, 200, 5000);
	stage_release(2, false);
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}

TEST(drift_is_seen_on_ports_that_nobody_claims)
{
	stage_open(goblin);
	stage_process(100, 1, "python -m goblin.server");
	stage_serve(1, 100, 8768);
	CHECK(stage_alert(ALERT_DRIFTED, 0));
	stage_release(1, false);
	CHECK(!stage_alert(ALERT_DRIFTED, 0));
	stage_close();
}

TEST(two_owners_of_one_port_are_seen_without_a_registry)
{
	stage_open(NULL);
	stage_process(100, 1, "alpha");
	stage_process(200, 1, "beta");
	for (pid_t pid = 100; pid <= 200; pid += 100) {
		struct fact bound = { .type = FACT_BOUND,
				      .cookie = (uint64_t)pid,
				      .at = stage_at("127.0.0.1", 5000),
				      .flags = SOCKET_REUSEPORT,
				      .caller = stage_id(pid) };

		stage_fold(bound);
		bound.type = FACT_LISTENING;
		stage_fold(bound);
	}
	CHECK(stage_alert(ALERT_SHARED, 5000));
	stage_release(100, false);
	CHECK(!stage_alert(ALERT_SHARED, 5000));
	CHECK_EQ(HASH_COUNT(stage.e->standing), 0);
	stage_close();
}

TEST(a_child_of_the_service_is_the_service)
{
	stage_open(goblin);
	stage_lives(90, 1, "python -m goblin.server");
	stage_process(100, 90, "node worker.js");
	stage_serve(1, 100, 8767);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK_EQ(stage_count(EVENT_SERVICE_RUNNING), 1);
	stage_close();
}

TEST(a_dynamic_service_runs_where_it_listens)
{
	stage_open("{ \"services\": [ { \"name\": \"elf\", \"port\": \"dynamic\","
		   " \"process_name\": \"elf\" } ] }");
	stage_process(100, 1, "elf --serve");
	stage_serve(1, 100, 40123);
	CHECK_EQ(stage_count(EVENT_SERVICE_RUNNING), 1);
	CHECK_STR(stage_last(EVENT_SERVICE_RUNNING)->service, "elf");
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	stage_exit(100, SIGKILL);
	stage_release(1, true);
	CHECK_EQ(stage_count(EVENT_SERVICE_STOPPED), 1);
	CHECK(stage_alert(ALERT_DEAD_OWNER, 0));
	stage_close();
}

TEST(what_flaps_is_counted_and_not_repeated)
{
	stage_open(goblin);
	stage_process(200, 1, "nc -l");
	for (unsigned i = 1; i <= 20; i++) {
		stage_serve(i, 200, 8767);
		stage_release(i, false);
	}
	CHECK(stage_count(EVENT_ALERT_FIRING) <= 2);
	CHECK(stage_alert(ALERT_OCCUPIED, 8767)->repeats > 10);
	stage_wait(30000);
	CHECK(!stage_alert(ALERT_OCCUPIED, 8767));
	CHECK_EQ(engine_deadline(stage.e), 0);
	stage_close();
}
