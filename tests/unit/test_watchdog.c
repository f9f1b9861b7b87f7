// SPDX-License-Identifier: GPL-2.0-only
/*
 * The watchdog with an engine whose host the test makes up, and in place of
 * portwatch-fetch a script that answers what the test wants.
 */
#include "engine_stage.h"
#include "loop_stage.h"

#include <stdlib.h>
#include <unistd.h>

#include "service/watchdog_private.h"

#define SERVICE(name, port, health)                                        \
	"{ \"name\": \"" name "\", \"port\": " port ", \"process_name\": " \
	"\"" name "\", \"health\": { " health                              \
	", \"interval\": \"100ms\", \"timeout\": \"1s\","                  \
	" \"failure_threshold\": 2 } }"
#define REGISTRY(services) "{ \"services\": [ " services " ] }"
#define WEB \
	SERVICE("web", "8767", "\"http\": \"http://u:secret@localhost:{port}/up?k=1\"")
#define TRUE_SERVICE SERVICE("fine", "8768", "\"exec\": [ \"true\" ]")
#define FALSE_SERVICE SERVICE("bad", "8769", "\"exec\": [ \"false\" ]")

static struct yard {
	uv_loop_t loop;
	struct watchdog *dog;
	char folder[64], script[96];
	unsigned changed, complaints;
	struct checkup *done;
} yard;

static void on_changed(void *arg)
{
	(void)arg;
	yard.changed++;
}

static void on_complaint(const char *what, void *arg)
{
	(void)what;
	(void)arg;
	yard.complaints++;
}

static void on_done(struct checkup *checkup, void *arg)
{
	(void)arg;
	yard.done = checkup;
}

/* What answers in place of portwatch-fetch, on its input: a loop body of the shell. */
static void script(const char *body)
{
	strcpy(yard.folder, "/tmp/portwatch-watchdog.XXXXXX");
	CHECK(mkdtemp(yard.folder));
	snprintf(yard.script, sizeof(yard.script), "%s/fetch", yard.folder);
	loop_fetch_script(yard.script, body);
}

static void open_yard(const char *registry, const char *body, bool on_demand)
{
	struct watchdog_options options = {
		.loop = &yard.loop,
		.on_demand = on_demand,
		.fetch = yard.script,
		.changed = on_changed,
		.complain = on_complaint,
	};

	script(body);
	CHECK_EQ(uv_loop_init(&yard.loop), 0);
	stage_open(registry);
	options.engine = stage.e;
	CHECK_EQ(watchdog_new(&options, &yard.dog), 0);
	if (!on_demand)
		watchdog_follow(yard.dog);
}

static void close_yard(void)
{
	watchdog_free(yard.dog);
	uv_run(&yard.loop, UV_RUN_DEFAULT);
	CHECK_EQ(uv_loop_close(&yard.loop), 0);
	stage_close();
	unlink(yard.script);
	rmdir(yard.folder);
}

static void start(const char *name, pid_t pid, uint16_t port)
{
	stage_process(pid, 1, name);
	stage_serve((uint64_t)pid, pid, port);
}

static enum health_state health_of(const char *name)
{
	struct checked who = { .service = name };

	return engine_state_of(stage.e, &who)->health;
}

static void run_until(bool (*is)(void))
{
	loop_run_until(&yard.loop, is);
}

static bool web_is_healthy(void)
{
	return health_of("web") == HEALTH_HEALTHY;
}

static bool web_is_unhealthy(void)
{
	return health_of("web") == HEALTH_UNHEALTHY;
}

static bool both_are_known(void)
{
	return health_of("fine") == HEALTH_HEALTHY &&
	       health_of("bad") == HEALTH_UNHEALTHY;
}

static bool ten_were_made(void)
{
	struct watchdog_counters counters;

	watchdog_counters(yard.dog, &counters);
	return counters.performed >= 10;
}

static bool somebody_complained(void)
{
	return yard.complaints > 0;
}

static bool is_done(void)
{
	return yard.done;
}

TEST(what_begins_to_serve_is_checked_and_found_healthy)
{
	open_yard(REGISTRY(WEB), "echo $id 1 77 answered 200", false);
	CHECK(!uv_loop_alive(&yard.loop));
	start("web", 100, 8767);
	run_until(web_is_healthy);
	CHECK_STR(stage_last(EVENT_SERVICE_HEALTHY)->service, "web");
	CHECK_STR(stage_last(EVENT_SERVICE_HEALTHY)->reason,
		  "http://localhost:8767/up answered 200");
	run_until(ten_were_made);
	CHECK_EQ(stage_count(EVENT_SERVICE_HEALTHY), 1);
	close_yard();
}

TEST(what_is_asked_has_its_port_filled_in)
{
	open_yard(REGISTRY(WEB),
		  "[ \"$ms $kind $target\" = "
		  "'1000 http http://u:secret@localhost:8767/up?k=1' ] &&"
		  " echo $id 1 0 fine || echo $id 0 0 wrong",
		  false);
	start("web", 100, 8767);
	run_until(web_is_healthy);
	close_yard();
}

TEST(failures_running_make_it_unhealthy_and_are_counted)
{
	struct checked web = { .service = "web" };
	const struct alert *alert;

	open_yard(REGISTRY(WEB), "echo $id 0 77 answered 500", false);
	start("web", 100, 8767);
	run_until(web_is_unhealthy);
	alert = stage_alert(ALERT_UNHEALTHY, 8767);
	CHECK(alert);
	CHECK_STR(alert->v.message,
		  "web on port 8767 (tcp) is unhealthy: 2 checks running failed, the "
		  "last one: http://localhost:8767/up: answered 500");
	CHECK(engine_state_of(stage.e, &web)->error_count >= 2);
	close_yard();
}

TEST(what_stops_is_not_checked_any_more)
{
	struct watchdog_counters counters;
	uint64_t performed;

	open_yard(REGISTRY(WEB), "echo $id 1 77 answered 200", false);
	start("web", 100, 8767);
	run_until(web_is_healthy);
	stage_exit(100, 0);
	stage_release(100, true);
	watchdog_counters(yard.dog, &counters);
	performed = counters.performed;
	CHECK_EQ(yard.dog->agenda.count, 0);
	CHECK(!uv_is_active((uv_handle_t *)&yard.dog->timer));
	uv_run(&yard.loop, UV_RUN_NOWAIT);
	watchdog_counters(yard.dog, &counters);
	CHECK_EQ(counters.performed, performed);
	close_yard();
}

TEST(a_command_is_judged_by_its_exit_code)
{
	open_yard(REGISTRY(TRUE_SERVICE "," FALSE_SERVICE), "exit", false);
	start("fine", 100, 8768);
	start("bad", 101, 8769);
	run_until(both_are_known);
	CHECK_STR(stage_last(EVENT_SERVICE_HEALTHY)->reason, "true exit code 0");
	close_yard();
}

TEST(a_command_that_does_not_end_is_killed)
{
	open_yard("{ \"services\": [ { \"name\": \"web\", \"port\": 8767,"
		  " \"process_name\": \"web\", \"health\": { \"exec\": [ \"sleep\","
		  " \"1000\" ], \"timeout\": \"50ms\", \"interval\": \"60ms\","
		  " \"failure_threshold\": 1 } } ] }",
		  "exit", false);
	start("web", 100, 8767);
	run_until(web_is_unhealthy);
	CHECK_STR(stage_last(EVENT_SERVICE_UNHEALTHY)->reason,
		  "a check failed: sleep: no end within 0.05 s");
	close_yard();
}

TEST(a_helper_that_ends_says_nothing_about_the_service)
{
	open_yard(REGISTRY(WEB), "exit 1", false);
	start("web", 100, 8767);
	run_until(somebody_complained);
	CHECK_EQ(health_of("web"), HEALTH_UNKNOWN);
	CHECK_EQ(yard.dog->counters.performed, 0);
	close_yard();
}

TEST(with_nothing_to_check_nothing_is_awake)
{
	open_yard(REGISTRY("{ \"name\": \"plain\", \"port\": 1 }"), "exit", false);
	CHECK(!yard.dog->subscription);
	CHECK(!uv_loop_alive(&yard.loop));
	stage_registry(REGISTRY(WEB), true);
	watchdog_follow(yard.dog);
	CHECK(yard.dog->subscription);
	stage_registry(REGISTRY("{ \"name\": \"plain\", \"port\": 1 }"), true);
	watchdog_follow(yard.dog);
	CHECK(!yard.dog->subscription);
	CHECK(!uv_loop_alive(&yard.loop));
	close_yard();
}

TEST(a_check_that_goes_takes_its_alert_along)
{
	open_yard(REGISTRY(WEB), "echo $id 0 77 answered 500", false);
	start("web", 100, 8767);
	run_until(web_is_unhealthy);
	stage_registry(REGISTRY("{ \"name\": \"web\", \"port\": 8767,"
				" \"process_name\": \"web\" }"),
		       true);
	watchdog_follow(yard.dog);
	CHECK(!stage_alert(ALERT_UNHEALTHY, 0));
	CHECK_EQ(health_of("web"), HEALTH_UNKNOWN);
	close_yard();
}

TEST(a_reload_that_changes_nothing_keeps_the_rhythm)
{
	struct subject *before;

	open_yard(REGISTRY(WEB), "echo $id 1 77 answered 200", false);
	start("web", 100, 8767);
	run_until(web_is_healthy);
	before = yard.dog->subjects;
	stage_registry(REGISTRY(WEB "," TRUE_SERVICE), true);
	watchdog_follow(yard.dog);
	CHECK(yard.dog->subjects == before);
	CHECK_EQ(before->streak.state, HEALTH_HEALTHY);
	CHECK_EQ(yard.dog->counters.subjects, 2);
	close_yard();
}

TEST(a_checkup_waits_for_those_that_run)
{
	char *names[] = { (char *)"web", (char *)"fine", (char *)"plain", NULL };
	struct checkup *checkup = NULL;

	open_yard(REGISTRY(WEB "," TRUE_SERVICE ",{ \"name\": \"plain\", \"port\": 1 }"),
		  "echo $id 0 77 answered 503", true);
	start("web", 100, 8767);
	CHECK_EQ(watchdog_check_now(yard.dog, names, on_done, NULL, &checkup), 0);
	CHECK_EQ(checkup->count, 3);
	CHECK_EQ(checkup->waiting, 1);
	run_until(is_done);
	for (size_t i = 0; i < checkup->count; i++) {
		const struct checkup_item *item = &checkup->items[i];

		if (streq(item->service, "web")) {
			CHECK_EQ(item->result, CHECKUP_FAILED);
			CHECK_STR(item->text, "answered 503");
			CHECK_STR(item->target, "http://localhost:8767/up");
			CHECK_EQ(item->latency_us, 77);
		} else if (streq(item->service, "fine")) {
			CHECK_EQ(item->result, CHECKUP_NOT_RUNNING);
		} else {
			CHECK_EQ(item->result, CHECKUP_NO_CHECK);
		}
	}
	/* Only when somebody asks. */
	CHECK_EQ(yard.dog->agenda.count, 0);
	checkup_free(yard.dog, checkup);
	close_yard();
}

TEST(what_waits_to_be_asked_can_begin_by_itself)
{
	open_yard(REGISTRY(WEB), "echo $id 1 77 answered 200", true);
	start("web", 100, 8767);
	uv_run(&yard.loop, UV_RUN_NOWAIT);
	CHECK(!uv_loop_alive(&yard.loop));
	watchdog_begin(yard.dog);
	run_until(web_is_healthy);
	close_yard();
}

TEST(who_waits_no_longer_is_told_nothing)
{
	struct checkup *checkup = NULL;

	open_yard(REGISTRY(WEB), "echo $id 1 77 answered 200", false);
	start("web", 100, 8767);
	CHECK_EQ(watchdog_check_now(yard.dog, NULL, on_done, NULL, &checkup), 0);
	CHECK_EQ(checkup->waiting, 1);
	checkup_free(yard.dog, checkup);
	run_until(web_is_healthy);
	CHECK(!yard.done);
	close_yard();
}

TEST(an_allocation_is_checked_on_its_own_port)
{
	struct checked grace = { "web", IPPROTO_TCP, 8001 };
	struct allocation *alloc = calloc(1, sizeof(*alloc));

	open_yard(REGISTRY(WEB),
		  "case $target in *:8001/*) echo $id 0 0 answered 500;;"
		  " *) echo $id 1 0 answered 200;; esac",
		  false);
	start("web", 100, 8767);
	*alloc = (struct allocation){ .port = 8001,
				      .proto = IPPROTO_TCP,
				      .service_name = strdup("web"),
				      .allocated_ns = 1,
				      .managed = true };
	CHECK_EQ(engine_allocate(stage.e, alloc), 0);
	stage_process(101, 1, "web");
	stage_serve(101, 101, 8001);
	run_until(web_is_healthy);
	while (engine_state_of(stage.e, &grace)->health != HEALTH_UNHEALTHY)
		uv_run(&yard.loop, UV_RUN_ONCE);
	CHECK(stage_alert(ALERT_UNHEALTHY, 8001));
	CHECK(!stage_alert(ALERT_UNHEALTHY, 8767));
	CHECK_STR(registry_allocation_at(stage.e->registry, IPPROTO_TCP, 8001)
			  ->health_status,
		  "unhealthy");
	CHECK_EQ(engine_release(stage.e, IPPROTO_TCP, 8001), 0);
	uv_run(&yard.loop, UV_RUN_NOWAIT);
	uv_run(&yard.loop, UV_RUN_NOWAIT);
	CHECK_EQ(HASH_COUNT(yard.dog->subjects), 1);
	close_yard();
}

static uint64_t soonest(const struct agenda *agenda)
{
	uint64_t due_ns = UINT64_MAX;

	for (size_t i = 0; i < agenda->count; i++)
		if (agenda->heap[i]->due_ns < due_ns)
			due_ns = agenda->heap[i]->due_ns;
	return due_ns;
}

TEST(the_agenda_knows_who_is_next_whatever_is_moved)
{
	static struct subject subjects[200];
	struct agenda agenda = { 0 };

	srand(1);
	for (unsigned round = 0; round < 5000; round++) {
		struct subject *s = &subjects[rand() % 200];

		if (rand() % 3 == 0) {
			agenda_remove(&agenda, s);
			CHECK_EQ(s->place, 0);
		} else {
			s->due_ns = (uint64_t)rand() % 1000;
			CHECK_EQ(agenda_put(&agenda, s), 0);
			CHECK(agenda.heap[s->place - 1] == s);
		}
		if (agenda.count > 0)
			CHECK_EQ(agenda_first(&agenda)->due_ns, soonest(&agenda));
	}
	free(agenda.heap);
}
