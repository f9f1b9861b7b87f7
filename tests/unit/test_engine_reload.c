// SPDX-License-Identifier: GPL-2.0-only
#include "engine_stage.h"

#define GOBLIN(port)                                                \
	"{ \"services\": [ { \"name\": \"goblin\", \"port\": " port \
	", \"process_name\": \"python\","                           \
	" \"startup_cmd\": \"python -m goblin.server\" } ] }"
#define NOBODY "{ \"services\": [] }"
#define ALLOCATION(port, pid)                                          \
	"{ \"allocations\": { \"" port "\": { \"port\": " port         \
	", \"service_name\": \"grace\", \"started_by\": \"serve.py\"," \
	" \"purpose\": \"API\", \"pid\": " pid                         \
	", \"allocated_at\": \"2025-11-15T14:30:00Z\" } } }"

static void start_goblin(pid_t pid, uint64_t cookie, uint16_t port)
{
	stage_process(pid, 1, "python -m goblin.server");
	stage_serve(cookie, pid, port);
}

TEST(a_reload_is_told_with_the_number_of_services)
{
	stage_open(NOBODY);
	stage_registry(GOBLIN("8767"), true);
	CHECK_EQ(stage_last(EVENT_REGISTRY_RELOADED)->count, 1);
	CHECK_EQ(stage_last(EVENT_REGISTRY_RELOADED)->source, SOURCE_DAEMON);
	engine_registry_rejected(stage.e, "line 3: what is that?");
	CHECK_STR(stage_last(EVENT_REGISTRY_REJECTED)->reason, "line 3: what is that?");
	stage_close();
}

TEST(a_service_that_keeps_its_name_keeps_its_state)
{
	stage_open(GOBLIN("8767"));
	start_goblin(100, 1, 8767);
	stage_forget_events();
	stage_registry(GOBLIN("8767"), true);
	CHECK_EQ(stage_count(EVENT_SERVICE_RUNNING), 0);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	stage_exit(100, SIGKILL);
	stage_release(1, true);
	CHECK(stage_alert(ALERT_DEAD_OWNER, 0));
	stage_close();
}

TEST(a_dead_owner_stands_over_a_reload)
{
	stage_open(GOBLIN("8767"));
	start_goblin(100, 1, 8767);
	stage_exit(100, SIGKILL);
	stage_release(1, true);
	stage_forget_events();
	stage_registry(GOBLIN("8767"), true);
	CHECK(stage_alert(ALERT_DEAD_OWNER, 0));
	CHECK_EQ(stage_count(EVENT_ALERT_FIRING), 0);
	CHECK_EQ(stage_count(EVENT_ALERT_RESOLVED), 0);
	stage_close();
}

TEST(a_service_that_is_removed_takes_its_alerts_along)
{
	stage_open(GOBLIN("8767"));
	start_goblin(100, 1, 8767);
	stage_exit(100, SIGKILL);
	stage_release(1, true);
	stage_process(200, 1, "nc");
	stage_serve(2, 200, 8767);
	CHECK(stage_alert(ALERT_OCCUPIED, 0));
	stage_registry(NOBODY, true);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK_EQ(processes_count(stage.e->procs), 2);
	stage_close();
}

TEST(a_claim_on_a_port_that_is_taken_fires_at_once)
{
	stage_open(NOBODY);
	stage_process(200, 1, "nc");
	stage_serve(2, 200, 8767);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	stage_registry(GOBLIN("8767"), true);
	CHECK(stage_alert(ALERT_OCCUPIED, 8767));
	CHECK_EQ(stage_last(EVENT_ALERT_FIRING)->source, SOURCE_DAEMON);
	stage_registry(GOBLIN("8768"), true);
	CHECK(!stage_alert(ALERT_OCCUPIED, 0));
	stage_close();
}

TEST(a_service_whose_port_is_changed_has_drifted)
{
	stage_open(GOBLIN("8767"));
	start_goblin(100, 1, 8767);
	stage_registry(GOBLIN("8768"), true);
	CHECK(stage_alert(ALERT_DRIFTED, 0));
	stage_registry(GOBLIN("8767"), true);
	CHECK(!stage_alert(ALERT_DRIFTED, 0));
	stage_close();
}

TEST(unregistered_listeners_follow_the_setting)
{
	static const char all[] =
		"{ \"settings\": { \"unregistered\": \"all\" }, \"services\": [] }";

	stage_open(NOBODY);
	stage_process(200, 1, "nc");
	stage_serve(2, 200, 5000);
	CHECK(!stage_alert(ALERT_UNREGISTERED, 0));
	stage_registry(all, true);
	CHECK(stage_alert(ALERT_UNREGISTERED, 5000));
	stage_registry(NOBODY, true);
	CHECK(!stage_alert(ALERT_UNREGISTERED, 0));
	stage_close();
}

TEST(duplicates_are_found_and_end_with_the_registry)
{
	static const char twice[] = "{ \"services\": ["
				    "{ \"name\": \"a\", \"port\": 7000 },"
				    "{ \"name\": \"b\", \"port\": 7000 } ] }";

	stage_open(twice);
	CHECK(stage_alert(ALERT_DUPLICATE, 7000));
	stage_registry(NOBODY, true);
	CHECK(!stage_alert(ALERT_DUPLICATE, 0));
	stage_close();
}

TEST(claimed_ports_are_watched_for_outgoing_connections)
{
	stage_open(GOBLIN("8767"));
	CHECK_EQ(stage.n_watched_ports, 1);
	stage_registry(NOBODY, true);
	CHECK_EQ(stage.n_watched_ports, 0);
	stage_close();
}

TEST(an_allocation_records_its_process)
{
	stage_lives(500, 1, "python serve.py");
	stage_open(ALLOCATION("8000", "500"));
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK_EQ(stage.watched, 1);
	stage_serve(1, 500, 8000);
	stage_exit(500, SIGTERM);
	stage_release(1, true);
	CHECK(stage_alert(ALERT_DEAD_OWNER, 8000));
	CHECK(stage_alert(ALERT_DEAD_OWNER, 8000)->v.allocation);
	stage_close();
}

TEST(an_allocation_whose_process_has_gone_is_a_dead_owner)
{
	stage_open(ALLOCATION("8000", "500"));
	CHECK(stage_alert(ALERT_DEAD_OWNER, 8000));
	CHECK_EQ(stage_alert(ALERT_DEAD_OWNER, 8000)->v.found->info.id.pid, 500);
	stage_registry(ALLOCATION("8000", "500"), true);
	CHECK_EQ(stage_count(EVENT_ALERT_FIRING), 1);
	stage_registry(NOBODY, true);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	stage_close();
}

TEST(an_allocation_given_to_another_begins_anew)
{
	stage_lives(500, 1, "python serve.py");
	stage_lives(600, 1, "python serve.py");
	stage_open(ALLOCATION("8000", "500"));
	stage_registry(ALLOCATION("8000", "600"), true);
	CHECK_EQ(
		slots_find(&stage.e->slots, IPPROTO_TCP, 8000)->own.recorded->info.id.pid,
		600);
	stage_exit(500, SIGKILL);
	CHECK_EQ(stage_count(EVENT_PROCESS_EXITED), 0);
	stage_close();
}

TEST(nothing_is_evaluated_before_it_is_needed)
{
	stage_open(NULL);
	stage.e->have = ENGINE_NEEDS_NOTHING;
	stage_registry(ALLOCATION("8000", "500"), false);
	CHECK_EQ(stage.reads, 0);
	CHECK_EQ(stage.walks, 0);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	CHECK_EQ(engine_need(stage.e, ENGINE_NEEDS_NOTHING), 0);
	CHECK_EQ(stage.walks, 0);
	CHECK_EQ(engine_need(stage.e, ENGINE_NEEDS_SNAPSHOT), 0);
	CHECK(stage_alert(ALERT_DEAD_OWNER, 8000));
	stage_close();
}

TEST(services_in_another_namespace_are_found_by_its_name)
{
	static const char other[] =
		"{ \"services\": [ { \"name\": \"boxed\", \"port\": 8080,"
		" \"netns\": \"/proc/self/ns/net\", \"process_name\": \"boxed\" },"
		" { \"name\": \"lost\", \"port\": 8081,"
		" \"netns\": \"no-such-namespace\", \"process_name\": \"lost\" } ] }";
	struct fact bound = { .type = FACT_BOUND, .cookie = 1 };

	stage_open(other);
	stage_process(200, 1, "nc");
	stage_bind(2, 200, 8080);
	stage_bind(3, 200, 8081);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	bound.caller = stage_id(200);
	bound.at = stage_at("127.0.0.1", 8080);
	bound.at.netns = procfs_own_netns();
	stage_fold(bound);
	CHECK(stage_alert(ALERT_OCCUPIED, 8080));
	stage_close();
}
