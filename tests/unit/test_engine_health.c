// SPDX-License-Identifier: GPL-2.0-only
#include "engine_stage.h"

#define GOBLIN                                                      \
	"{ \"services\": [ { \"name\": \"goblin\", \"port\": 8767," \
	" \"process_name\": \"python\","                            \
	" \"startup_cmd\": \"python -m goblin.server\","            \
	" \"health\": { \"tcp\": \"localhost:8767\" } } ] }"
#define ALLOCATION                                                    \
	"{ \"allocations\": { \"8000\": { \"port\": 8000,"            \
	" \"service_name\": \"grace\", \"started_by\": \"serve.py\"," \
	" \"purpose\": \"API\", \"pid\": 100,"                        \
	" \"allocated_at\": \"2025-11-15T14:30:00Z\" } } }"

static const struct checked goblin = { .service = "goblin" };
static const struct checked grace = { "grace", IPPROTO_TCP, 8000 };

static void start_goblin(pid_t pid, uint64_t cookie)
{
	stage_process(pid, 1, "python -m goblin.server");
	stage_serve(cookie, pid, 8767);
}

static enum health_state health(const struct checked *who)
{
	return engine_state_of(stage.e, who)->health;
}

TEST(unhealthy_fires_and_healthy_resolves)
{
	const struct alert *alert;

	stage_open(GOBLIN);
	start_goblin(100, 1);
	CHECK_EQ(engine_set_health(stage.e, &goblin, HEALTH_UNHEALTHY, "it coughs"), 1);
	CHECK_STR(stage_last(EVENT_SERVICE_UNHEALTHY)->service, "goblin");
	CHECK_STR(stage_last(EVENT_SERVICE_UNHEALTHY)->reason, "it coughs");
	CHECK_EQ(stage_last(EVENT_SERVICE_UNHEALTHY)->pid, 100);
	alert = stage_alert(ALERT_UNHEALTHY, 8767);
	CHECK(alert);
	CHECK_STR(alert->v.message, "goblin on port 8767 (tcp) is unhealthy: it coughs");
	CHECK_STR(alert->v.fix, "portwatch restart goblin");
	CHECK_EQ(alert->v.found->info.id.pid, 100);
	CHECK(alert->latency_us < 1000000);

	CHECK_EQ(engine_set_health(stage.e, &goblin, HEALTH_HEALTHY, "it answers"), 1);
	CHECK(!stage_alert(ALERT_UNHEALTHY, 0));
	CHECK_EQ(stage_count(EVENT_ALERT_RESOLVED), 1);
	CHECK_STR(stage_last(EVENT_SERVICE_HEALTHY)->reason, "it answers");
	stage_close();
}

TEST(the_same_health_is_told_once)
{
	stage_open(GOBLIN);
	start_goblin(100, 1);
	CHECK_EQ(engine_set_health(stage.e, &goblin, HEALTH_HEALTHY, "a"), 1);
	CHECK_EQ(engine_set_health(stage.e, &goblin, HEALTH_HEALTHY, "b"), 0);
	CHECK_EQ(stage_count(EVENT_SERVICE_HEALTHY), 1);
	stage_close();
}

TEST(what_does_not_serve_has_no_health)
{
	static const struct checked nobody = { .service = "nobody" };

	stage_open(GOBLIN);
	CHECK_EQ(engine_set_health(stage.e, &goblin, HEALTH_HEALTHY, "a"), -ENOENT);
	CHECK_EQ(engine_set_health(stage.e, &nobody, HEALTH_HEALTHY, "a"), -ENOENT);
	CHECK(!engine_state_of(stage.e, &nobody));
	CHECK_EQ(health(&goblin), HEALTH_UNKNOWN);
	CHECK_EQ(stage_count(EVENT_SERVICE_HEALTHY), 0);
	stage_close();
}

TEST(who_stops_is_unhealthy_no_more)
{
	stage_open(GOBLIN);
	start_goblin(100, 1);
	engine_set_health(stage.e, &goblin, HEALTH_UNHEALTHY, "it coughs");
	stage_exit(100, SIGKILL);
	stage_release(1, true);
	CHECK_EQ(health(&goblin), HEALTH_UNKNOWN);
	CHECK(!stage_alert(ALERT_UNHEALTHY, 0));
	CHECK(stage_alert(ALERT_DEAD_OWNER, 0));
	start_goblin(101, 2);
	CHECK_EQ(health(&goblin), HEALTH_UNKNOWN);
	stage_close();
}

TEST(health_and_failures_outlive_a_reload)
{
	stage_open(GOBLIN);
	start_goblin(100, 1);
	engine_check_failed(stage.e, &goblin);
	engine_check_failed(stage.e, &goblin);
	engine_set_health(stage.e, &goblin, HEALTH_UNHEALTHY, "it coughs");
	stage_forget_events();
	stage_registry(GOBLIN, true);
	CHECK_EQ(health(&goblin), HEALTH_UNHEALTHY);
	CHECK_EQ(engine_state_of(stage.e, &goblin)->error_count, 2);
	CHECK(stage_alert(ALERT_UNHEALTHY, 8767));
	CHECK_EQ(stage_count(EVENT_ALERT_FIRING) + stage_count(EVENT_ALERT_RESOLVED), 0);
	stage_close();
}

TEST(health_that_is_unknown_again_ends_the_alert)
{
	stage_open(GOBLIN);
	start_goblin(100, 1);
	engine_set_health(stage.e, &goblin, HEALTH_UNHEALTHY, "it coughs");
	stage_forget_events();
	CHECK_EQ(engine_set_health(stage.e, &goblin, HEALTH_UNKNOWN, NULL), 1);
	CHECK(!stage_alert(ALERT_UNHEALTHY, 0));
	CHECK_EQ(stage_count(EVENT_SERVICE_HEALTHY), 0);
	CHECK_EQ(stage_count(EVENT_SERVICE_UNHEALTHY), 0);
	stage_close();
}

TEST(an_allocation_is_unhealthy_by_itself)
{
	const struct alert *alert;

	stage_open(NULL);
	stage_lives(100, 1, "serve.py");
	stage_registry(ALLOCATION, false);
	CHECK_EQ(engine_set_health(stage.e, &grace, HEALTH_UNHEALTHY, "a"), -ENOENT);
	stage_serve(1, 100, 8000);
	CHECK_EQ(engine_set_health(stage.e, &grace, HEALTH_UNHEALTHY, "it coughs"), 1);
	engine_check_failed(stage.e, &grace);
	alert = stage_alert(ALERT_UNHEALTHY, 8000);
	CHECK(alert && alert->v.allocation);
	CHECK_EQ(
		registry_allocation_at(stage.e->registry, IPPROTO_TCP, 8000)->error_count,
		1);
	stage_release(1, false);
	CHECK(!stage_alert(ALERT_UNHEALTHY, 0));
	CHECK_EQ(health(&grace), HEALTH_UNKNOWN);
	stage_close();
}
