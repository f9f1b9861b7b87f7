// SPDX-License-Identifier: GPL-2.0-only
#include "service/allocations.h"
#include "engine_stage.h"
#include "folder.h"

#define RANGE(range) "{\"settings\":{\"port_range\":\"" range "\"},\"services\":[]}"
#define GRACE                                                                     \
	"{\"settings\":{\"port_range\":\"27000-27002\"},\"services\":[{\"name\":" \
	"\"grace\",\"port\":27050,\"process_name\":\"grace\"}]}"

static struct allocations *a;
static unsigned complaints;

static void complain(const char *what, void *arg)
{
	(void)what;
	(void)arg;
	complaints++;
}

static void open_allocations(void)
{
	struct allocations_options options = {
		.engine = stage.e, .state = "state", .log = "log", .complain = complain
	};

	CHECK_EQ(allocations_new(&options, &a), 0);
}

/* Ports are sought in the namespace that this process has. */
static void serve(uint64_t cookie, pid_t pid, uint16_t port)
{
	struct fact fact = { .type = FACT_BOUND,
			     .cookie = cookie,
			     .at = stage_at("127.0.0.1", port),
			     .caller = stage_id(pid),
			     .uid = 1000 };

	fact.at.netns = stage.e->world.own_netns;
	stage_fold(fact);
	fact.type = FACT_LISTENING;
	stage_fold(fact);
}

static void begin(const char *registry)
{
	folder_enter();
	stage_open(registry);
	engine_refresh_host(stage.e);
	open_allocations();
}

static void end(void)
{
	a = allocations_free(a);
	stage_close();
	folder_leave();
}

static int allocate(const struct allocation_wish *wish, const struct allocation **ret)
{
	struct refusal why = { 0 };
	int err = allocations_allocate(a, wish, ret, &why);

	CHECK(err == 0 || why.what[0]);
	return err;
}

static const struct allocation *must(uint16_t port, pid_t pid, uint64_t ttl_ms)
{
	struct allocation_wish wish = { .service_name = "grace",
					.port = port,
					.proto = IPPROTO_TCP,
					.pid = pid,
					.ttl_ms = ttl_ms };
	const struct allocation *alloc = NULL;

	CHECK_EQ(allocate(&wish, &alloc), 0);
	return alloc;
}

static const struct allocation *at(uint16_t port)
{
	return registry_allocation_at(engine_world(stage.e)->registry, IPPROTO_TCP, port);
}

TEST(ports_are_handed_out_in_order_until_none_is_left)
{
	struct allocation_wish wish = { .service_name = "grace", .proto = IPPROTO_TCP };
	const struct allocation *alloc;

	begin(RANGE("27000-27002"));
	for (uint16_t port = 27000; port <= 27002; port++)
		CHECK_EQ(must(0, 0, 0)->port, port);
	CHECK_EQ(allocate(&wish, &alloc), -EADDRNOTAVAIL);
	CHECK_EQ(stage_count(EVENT_ALLOCATION_CREATED), 3);
	end();
}

TEST(what_is_held_or_taken_or_elsewhere_is_refused)
{
	struct allocation_wish wish = { .service_name = "grace", .proto = IPPROTO_TCP };
	const struct allocation *alloc;

	begin(GRACE);
	stage_process(100, 1, "nc");
	serve(1, 100, 27000);
	CHECK_EQ(must(0, 0, 0)->port, 27001);
	wish.port = 27000;
	CHECK_EQ(allocate(&wish, &alloc), -EADDRINUSE);
	wish.port = 27001;
	CHECK_EQ(allocate(&wish, &alloc), -EADDRINUSE);
	wish.port = 27050;
	CHECK_EQ(allocate(&wish, &alloc), -ERANGE);
	wish.port = 0;
	wish.pid = 4711;
	CHECK_EQ(allocate(&wish, &alloc), -ESRCH);
	end();
}

TEST(whoever_binds_it_has_it)
{
	begin(RANGE("27000-27002"));
	stage_lives(500, 1, "sh");
	must(27000, 500, 0);
	CHECK_EQ(at(27000)->process.start_ticks, stage_id(500).start_ticks);
	CHECK_STR(at(27000)->health_status, "pending");
	stage_process(600, 1, "nc");
	serve(1, 600, 27000);
	CHECK_EQ(at(27000)->process.pid, 600);
	CHECK_STR(at(27000)->health_status, "active");
	CHECK_EQ(stage_count(EVENT_ALLOCATION_CLAIMED), 1);
	CHECK_EQ(stage_count(EVENT_ALERT_FIRING), 0);
	allocations_settle(a);
	CHECK(!at(27000)->unwritten);
	stage_process(700, 1, "other");
	serve(2, 700, 27000);
	CHECK_EQ(at(27000)->process.pid, 600);
	CHECK(stage_alert(ALERT_OCCUPIED, 27000));
	end();
}

TEST(another_than_the_service_of_that_name_does_not_claim)
{
	begin(GRACE);
	must(27000, 0, 0);
	stage_process(600, 1, "nc");
	serve(1, 600, 27000);
	CHECK_EQ(at(27000)->process.pid, 0);
	CHECK(stage_alert(ALERT_OCCUPIED, 27000));
	end();
}

TEST(a_death_gives_it_back)
{
	begin(RANGE("27000-27002"));
	must(27000, 0, 0);
	stage_process(600, 1, "nc");
	serve(1, 600, 27000);
	allocations_settle(a);
	stage_exit(600, SIGKILL);
	allocations_settle(a);
	CHECK(at(27000)); /* its socket is still there */
	stage_release(1, true);
	allocations_settle(a);
	CHECK(!at(27000));
	CHECK_EQ(stage_count(EVENT_ALLOCATION_RELEASED), 1);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	end();
}

TEST(its_time_gives_it_back)
{
	begin(RANGE("27000-27002"));
	must(27000, 0, 60000);
	CHECK(allocations_deadline(a) > now_wall_ns());
	must(27001, 0, 1);
	usleep(2000);
	CHECK(allocations_deadline(a) <= now_wall_ns());
	allocations_run(a);
	CHECK(!at(27001));
	CHECK(at(27000));
	end();
}

TEST(connections_are_its_own_from_when_it_was_handed_out)
{
	begin(RANGE("27000-27002"));
	stage.accepted[27000] = 100;
	must(27000, 0, 0);
	CHECK_EQ(stage.n_counted, 1);
	CHECK_EQ(stage.counted[0].port, 27000);
	stage.accepted[27000] = 103;
	engine_read_counts(stage.e);
	engine_read_counts(stage.e);
	CHECK_EQ(at(27000)->request_count, 3);
	end();
}

TEST(what_was_handed_out_is_there_after_a_restart)
{
	begin(RANGE("27000-27002"));
	stage_lives(500, 1, "grace");
	stage_lives(501, 1, "grace");
	must(27000, 500, 0);
	must(27001, 501, 0);
	must(27002, 0, 0);
	allocations_free(a);
	stage_registry(RANGE("27000-27002"), true); /* without them */
	CHECK(!at(27000));
	stage_dies(501);
	open_allocations();
	allocations_refresh(a);
	CHECK(at(27000) && at(27002));
	CHECK_EQ(at(27000)->process.pid, 500);
	allocations_settle(a);
	CHECK(at(27000) && !at(27001) && at(27002));
	end();
}

TEST(a_registry_that_is_read_anew_keeps_them)
{
	struct registry *reg = NULL;
	struct decode_error why;
	const char *text = RANGE("27000-27002");

	begin(text);
	must(27000, 0, 0);
	stage.accepted[27000] = 5;
	CHECK_EQ(codec_decode_registry(text, strlen(text), 9, &reg, NULL, &why), 0);
	CHECK_EQ(allocations_join(a, reg), 0);
	CHECK_EQ(engine_set_registry(stage.e, reg, true), 0);
	CHECK(at(27000) && at(27000)->managed);
	CHECK_EQ(at(27000)->request_count, 5);
	stage.accepted[27000] = 6;
	engine_read_counts(stage.e);
	CHECK_EQ(at(27000)->request_count, 6);
	end();
}

TEST(what_cannot_be_written_is_not_handed_out)
{
	struct allocation_wish wish = { .service_name = "grace", .proto = IPPROTO_TCP };
	struct allocation *released = NULL;
	const struct allocation *alloc;
	struct refusal why;

	begin(RANGE("27000-27002"));
	must(27000, 0, 0);
	CHECK_EQ(system("rm -r log && touch log"), 0);
	CHECK(allocate(&wish, &alloc) < 0);
	CHECK(!at(27001));
	CHECK(allocations_release(a, IPPROTO_TCP, 27000, &released, &why) < 0);
	CHECK(at(27000) && !released);
	CHECK_EQ(stage_count(EVENT_ALLOCATION_CREATED), 1);
	end();
}

TEST(what_nobody_waits_for_is_tried_again)
{
	begin(RANGE("27000-27002"));
	must(27000, 0, 1);
	usleep(2000);
	CHECK_EQ(system("mv log aside && touch log"), 0);
	allocations_run(a);
	CHECK(at(27000));
	CHECK_EQ(complaints, 1);
	CHECK(allocations_deadline(a) > now_wall_ns());
	allocations_run(a);
	CHECK_EQ(complaints, 1);
	CHECK_EQ(system("rm log && mv aside log"), 0);
	allocations_run(a);
	CHECK(!at(27000));
	end();
}
