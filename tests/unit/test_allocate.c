// SPDX-License-Identifier: GPL-2.0-only
#include "service/allocations.h"
#include "engine_stage.h"
#include "folder.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/files.h"

#define RANGE(range) "{\"settings\":{\"port_range\":\"" range "\"},\"services\":[]}"
#define GRACE                                                                     \
	"{\"settings\":{\"port_range\":\"27000-27002\"},\"services\":[{\"name\":" \
	"\"grace\",\"port\":27050,\"process_name\":\"grace\"}]}"

static struct allocations *a;
static struct worker *worker;
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
		.engine = stage.e,
		.worker = worker,
		.state = "state",
		.log = "log",
		.complain = complain,
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
	CHECK_EQ(worker_new(&worker), 0);
	open_allocations();
}

static void end(void)
{
	worker = worker_free(worker);
	a = allocations_free(a);
	stage_close();
	folder_leave();
}

struct asked {
	struct allocation_request request;
	unsigned answers;
	int err;
	uint16_t port;
	char why[512];
};

static void on_answer(struct allocation_request *request, int err,
		      const struct allocation *alloc, const struct refusal *why)
{
	struct asked *asked = (struct asked *)request;

	asked->answers++;
	asked->err = err;
	asked->port = alloc ? alloc->port : 0;
	CHECK((err == 0) == !!alloc);
	CHECK(err == 0 || why->what[0]);
	snprintf(asked->why, sizeof(asked->why), "%s", err ? why->what : "");
}

static void submit(struct asked *asked)
{
	asked->request.answer = on_answer;
	allocations_submit(a, &asked->request);
	CHECK_EQ(asked->answers, 0);
}

static int allocate(const struct allocation_wish *wish, const struct allocation **ret)
{
	struct asked asked = { .request = { .kind = REQUEST_ALLOCATE, .wish = *wish } };

	submit(&asked);
	worker_finish(worker);
	CHECK_EQ(asked.answers, 1);
	if (asked.err == 0)
		*ret = registry_allocation_at(engine_world(stage.e)->registry,
					      wish->proto, asked.port);
	return asked.err;
}

static int release(uint16_t port)
{
	struct asked asked = {
		.request = { .kind = REQUEST_RELEASE, .port = port, .proto = IPPROTO_TCP }
	};

	submit(&asked);
	worker_finish(worker);
	CHECK_EQ(asked.answers, 1);
	return asked.err;
}

static void settle(void)
{
	allocations_settle(a);
	worker_finish(worker);
}

static void run(void)
{
	allocations_run(a);
	worker_finish(worker);
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
	settle();
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
	settle();
	stage_exit(600, SIGKILL);
	settle();
	CHECK(at(27000)); /* its socket is still there */
	stage_release(1, true);
	settle();
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
	run();
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
	settle();
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
	const struct allocation *alloc;

	begin(RANGE("27000-27002"));
	must(27000, 0, 0);
	CHECK_EQ(system("rm -r log && touch log"), 0);
	CHECK(allocate(&wish, &alloc) < 0);
	CHECK(!at(27001));
	CHECK(release(27000) < 0);
	CHECK(at(27000));
	CHECK_EQ(stage_count(EVENT_ALLOCATION_CREATED), 1);
	end();
}

TEST(what_nobody_waits_for_is_tried_again)
{
	begin(RANGE("27000-27002"));
	must(27000, 0, 1);
	usleep(2000);
	CHECK_EQ(system("mv log aside && touch log"), 0);
	run();
	CHECK(at(27000));
	CHECK_EQ(complaints, 1);
	CHECK(allocations_deadline(a) > now_wall_ns());
	run();
	CHECK_EQ(complaints, 1);
	CHECK_EQ(system("rm log && mv aside log"), 0);
	run();
	CHECK(!at(27000));
	end();
}

TEST(those_who_ask_together_get_a_port_each)
{
	struct asked asked[5] = { 0 };

	begin(RANGE("27000-27002"));
	for (int i = 0; i < 5; i++) {
		asked[i].request.wish.service_name = "grace";
		asked[i].request.wish.proto = IPPROTO_TCP;
		submit(&asked[i]);
	}
	worker_finish(worker);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(asked[i].answers, 1);
		CHECK_EQ(asked[i].err, i < 3 ? 0 : -EADDRNOTAVAIL);
		CHECK_EQ(asked[i].port, i < 3 ? 27000 + i : 0);
	}
	CHECK_EQ(registry_count_allocations(engine_world(stage.e)->registry), 3);
	end();
}

static struct asked release_of(uint16_t port)
{
	return (struct asked){
		.request = { .kind = REQUEST_RELEASE, .port = port, .proto = IPPROTO_TCP }
	};
}

TEST(a_port_is_given_back_once)
{
	struct asked asked[] = { release_of(27000), release_of(27000),
				 release_of(27001) };

	begin(RANGE("27000-27002"));
	must(27000, 0, 0);
	must(27001, 0, 0);
	for (int i = 0; i < 3; i++)
		submit(&asked[i]);
	worker_finish(worker);
	CHECK_EQ(asked[0].err, 0);
	CHECK_EQ(asked[1].err, -ENOENT);
	CHECK_EQ(asked[2].err, 0);
	CHECK_EQ(asked[2].port, 27001);
	end();
}

/* The step of the worker that is under way, and what is decided then. */
static void one_step(void)
{
	struct pollfd done = { .fd = worker_fd(worker), .events = POLLIN };

	CHECK_EQ(poll(&done, 1, 60000), 1);
	worker_dispatch(worker);
}

static int hold(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static bool is_in_file(uint16_t port)
{
	char command[96];

	snprintf(command, sizeof(command), "grep -q '\"%u\"' state/port_registry.json",
		 port);
	return system(command) == 0;
}

TEST(a_port_that_is_taken_while_it_is_written_is_not_handed_out)
{
	struct asked any = { .request.wish = { .service_name = "grace",
					       .proto = IPPROTO_TCP } };
	struct asked this = { .request.wish = { .service_name = "grace",
						.port = 27002,
						.proto = IPPROTO_TCP } };
	int fd, other;

	begin(RANGE("27000-27002"));
	submit(&any);
	submit(&this);
	one_step();
	fd = hold(27000);
	other = hold(27002);
	worker_finish(worker);
	close_fd(fd);
	close_fd(other);
	CHECK_EQ(any.err, 0);
	CHECK_EQ(any.port, 27001);
	CHECK_EQ(this.err, -EADDRINUSE);
	CHECK(!at(27000) && !at(27002));
	CHECK(is_in_file(27001));
	CHECK(!is_in_file(27000) && !is_in_file(27002));
	CHECK_EQ(system("test $(cat log/*.jsonl | grep -c cleanup) = 2"), 0);
	end();
}

TEST(what_is_withdrawn_before_its_turn_is_not_made)
{
	struct asked first = { .request.wish = { .service_name = "grace",
						 .proto = IPPROTO_TCP } };
	struct asked second = first;

	begin(RANGE("27000-27002"));
	submit(&first);
	one_step();
	submit(&second);
	CHECK(!allocations_withdraw(a, &first.request));
	CHECK(allocations_withdraw(a, &second.request));
	worker_finish(worker);
	CHECK_EQ(first.answers, 1);
	CHECK_EQ(second.answers, 0);
	CHECK(at(27000) && !at(27001));
	end();
}

TEST(what_happens_while_something_is_written_is_settled_after_it)
{
	struct asked asked = { .request.wish = { .service_name = "grace",
						 .proto = IPPROTO_TCP } };

	begin(RANGE("27000-27002"));
	must(27000, 0, 0);
	submit(&asked);
	one_step();
	stage_process(600, 1, "nc");
	serve(1, 600, 27000);
	allocations_settle(a);
	CHECK(at(27000)->unwritten);
	worker_finish(worker);
	CHECK(!at(27000)->unwritten);
	CHECK_EQ(at(27000)->process.pid, 600);
	CHECK_EQ(asked.port, 27001);
	CHECK_EQ(system("grep -q '\"pid\":600' log/*.jsonl"), 0);
	end();
}
