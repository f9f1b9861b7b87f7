// SPDX-License-Identifier: GPL-2.0-only
/* What the engine counts of events, by type, by errno and by how long they took. */
#include "engine_stage.h"

static struct engine_counters counters(void)
{
	struct engine_counters ret;

	engine_counters(stage.e, &ret);
	return ret;
}

static uint64_t measured(struct latency latency)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= LATENCY_BOUNDS; i++)
		n += latency.buckets[i];
	return n;
}

TEST(a_time_belongs_to_the_first_bound_that_it_does_not_exceed)
{
	struct latency latency = { 0 };
	uint64_t sum_ns = 0;

	latency_add(&latency, 0);
	CHECK_EQ(latency.buckets[0], 1);
	for (size_t i = 0; i < LATENCY_BOUNDS; i++) {
		CHECK(i == 0 || latency_bounds_ns[i] > latency_bounds_ns[i - 1]);
		latency_add(&latency, latency_bounds_ns[i]);
		latency_add(&latency, latency_bounds_ns[i] + 1);
		sum_ns += 2 * latency_bounds_ns[i] + 1;
	}
	for (size_t i = 0; i < LATENCY_BOUNDS; i++)
		CHECK_EQ(latency.buckets[i], 2);
	CHECK_EQ(latency.buckets[LATENCY_BOUNDS], 1);
	CHECK_EQ(latency.sum_ns, sum_ns);
}

TEST(what_the_kernel_tells_is_measured_and_nothing_else)
{
	stage_open("{ \"services\": [ { \"name\": \"goblin\", \"port\": 8767,"
		   " \"process_name\": \"goblin\" } ] }");
	stage_process(100, 1, "nc -l");
	stage_serve(1, 100, 8767);
	CHECK_EQ(stage.n_told, 3);
	CHECK_EQ(measured(counters().latency), 3);
	CHECK(counters().latency.sum_ns > 0);
	/* Of the daemon's own making. */
	stage_registry("{ \"services\": [] }", true);
	CHECK(stage_count(EVENT_REGISTRY_RELOADED) == 1);
	CHECK_EQ(measured(counters().latency), 3);
	stage_close();
}

TEST(an_event_from_the_future_is_not_measured)
{
	struct fact fact = { .type = FACT_BOUND,
			     .source = SOURCE_KERNEL,
			     .cookie = 1,
			     .at = stage_at("127.0.0.1", 5000),
			     .mono_ns = now_mono_ns() + 3600 * NS_PER_S };

	stage_open(NULL);
	engine_fold(stage.e, &fact);
	CHECK_EQ(counters().events[EVENT_SOCKET_BOUND], 1);
	CHECK_EQ(measured(counters().latency), 0);
	stage_close();
}

TEST(failed_binds_are_counted_by_errno)
{
	static const int errors[] = { -EADDRINUSE, -EADDRINUSE, -EACCES, -9999, 0, 1 };

	stage_open(NULL);
	stage_process(100, 1, "nc -l");
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		stage_fold((struct fact){ .type = FACT_BIND_FAILED,
					  .at = stage_at("127.0.0.1", 5000),
					  .caller = stage_id(100),
					  .uid = 1000,
					  .error = errors[i] });
	CHECK_EQ(counters().bind_failures[EADDRINUSE], 2);
	CHECK_EQ(counters().bind_failures[EACCES], 1);
	CHECK_EQ(counters().bind_failures[0], 3);
	stage_close();
}
