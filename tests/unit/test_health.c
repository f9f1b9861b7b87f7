// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"

#include "base/time.h"
#include "core/health.h"
#include "core/registry.h"

enum { START_MS = 1000 };

static const struct health usual = {
	.tcp = (char *)"localhost:1",
	.interval_ms = 30000,
	.timeout_ms = 2000,
	.failure_threshold = 3,
	.success_threshold = 1,
};

/* A letter a check: '+' passed, '-' failed; one each interval. */
static enum health_state after(const struct health *health, const char *checks)
{
	struct health_streak streak = { .began_ns = START_MS * NS_PER_MS };
	uint64_t now_ns = streak.began_ns;

	for (const char *c = checks; *c; c++) {
		health_count(&streak, health, *c == '+', now_ns);
		now_ns += health->interval_ms * NS_PER_MS;
	}
	return streak.state;
}

TEST(it_takes_as_many_checks_as_the_thresholds_say)
{
	static const struct {
		unsigned failures, successes;
		const char *checks;
		enum health_state state;
	} table[] = {
		{ 3, 1, "", HEALTH_UNKNOWN },
		{ 3, 1, "+", HEALTH_HEALTHY },
		{ 3, 1, "--", HEALTH_UNKNOWN },
		{ 3, 1, "---", HEALTH_UNHEALTHY },
		{ 1, 1, "-", HEALTH_UNHEALTHY },
		{ 3, 1, "+--", HEALTH_HEALTHY },
		{ 3, 1, "+--+--", HEALTH_HEALTHY },
		{ 3, 1, "+---", HEALTH_UNHEALTHY },
		{ 3, 1, "+---+", HEALTH_HEALTHY },
		{ 3, 2, "+", HEALTH_UNKNOWN },
		{ 3, 2, "+-+", HEALTH_UNKNOWN },
		{ 3, 2, "++", HEALTH_HEALTHY },
		{ 3, 2, "++---+", HEALTH_UNHEALTHY },
		{ 3, 2, "++---+-+", HEALTH_UNHEALTHY },
		{ 3, 2, "++---++", HEALTH_HEALTHY },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct health health = usual;

		health.failure_threshold = table[i].failures;
		health.success_threshold = table[i].successes;
		CHECK_EQ(after(&health, table[i].checks), table[i].state);
	}
}

TEST(a_change_is_said_once)
{
	struct health_streak streak = { .began_ns = 1 };
	struct health health = usual;

	health.failure_threshold = 1;
	CHECK(health_count(&streak, &health, true, 2));
	CHECK(!health_count(&streak, &health, true, 3));
	CHECK(health_count(&streak, &health, false, 4));
	CHECK(!health_count(&streak, &health, false, 5));
	CHECK(health_count(&streak, &health, true, 6));
}

TEST(failures_do_not_count_in_the_start_period)
{
	struct health_streak streak = { .began_ns = START_MS * NS_PER_MS };
	struct health health = usual;

	health.failure_threshold = 1;
	health.start_period_ms = 5000;
	CHECK(!health_count(&streak, &health, false, streak.began_ns + NS_PER_S));
	CHECK(!health_count(&streak, &health, false, streak.began_ns + 4 * NS_PER_S));
	CHECK_EQ(streak.failures, 0);
	CHECK(health_count(&streak, &health, false, streak.began_ns + 5 * NS_PER_S));
	CHECK_EQ(streak.state, HEALTH_UNHEALTHY);
}

TEST(a_check_that_passed_ends_the_start_period)
{
	struct health_streak streak = { .began_ns = START_MS * NS_PER_MS };
	struct health health = usual;

	health.failure_threshold = 1;
	health.start_period_ms = 60000;
	CHECK(health_count(&streak, &health, true, streak.began_ns + NS_PER_S));
	CHECK(health_count(&streak, &health, false, streak.began_ns + 2 * NS_PER_S));
	CHECK_EQ(streak.state, HEALTH_UNHEALTHY);
}

/* Else an interval of 30 s with three failures would be over in a second. */
TEST(frequent_failures_in_the_beginning_count_once_in_an_interval)
{
	struct health_streak streak = { .began_ns = START_MS * NS_PER_MS };
	uint64_t now_ns = streak.began_ns;
	uint32_t checks = 0;

	while (streak.state == HEALTH_UNKNOWN) {
		health_count(&streak, &usual, false, now_ns);
		now_ns += health_pause_ns(&streak, &usual, 0);
		checks++;
	}
	CHECK_EQ(streak.state, HEALTH_UNHEALTHY);
	CHECK(checks > 8);
	CHECK(now_ns - streak.began_ns >= 2 * 28500 * NS_PER_MS);
	CHECK(now_ns - streak.began_ns <= 5 * 30000 * NS_PER_MS);
}

TEST(checks_are_frequent_until_something_is_known)
{
	struct health_streak streak = { .began_ns = START_MS * NS_PER_MS };
	uint64_t pause_ns, last_ns = 0;

	for (unsigned i = 0; i < 8; i++) {
		health_count(&streak, &usual, false, streak.began_ns + i);
		pause_ns = health_pause_ns(&streak, &usual, UINT32_MAX / 2);
		CHECK(i == 0 ? pause_ns <= NS_PER_S : pause_ns == 2 * last_ns);
		last_ns = pause_ns;
	}
	for (unsigned i = 0; i < 100; i++)
		health_count(&streak, &usual, false, streak.began_ns + 10 + i);
	CHECK(health_pause_ns(&streak, &usual, UINT32_MAX) <= 31500 * NS_PER_MS);
	CHECK(health_pause_ns(&streak, &usual, 0) >= 28500 * NS_PER_MS);
}

TEST(a_pause_is_the_interval_give_or_take_the_jitter)
{
	struct health_streak streak = { .state = HEALTH_HEALTHY };
	uint64_t jitter_ns = health_jitter_ns(&usual);

	CHECK_EQ(jitter_ns, 1500 * NS_PER_MS);
	CHECK_EQ(health_pause_ns(&streak, &usual, 0), 28500 * NS_PER_MS);
	CHECK_EQ(health_pause_ns(&streak, &usual, UINT32_MAX), 31500 * NS_PER_MS);
	for (uint32_t chance = 0; chance < UINT32_MAX - 50000000; chance += 50000000) {
		uint64_t ns = health_pause_ns(&streak, &usual, chance);

		CHECK(ns >= 28500 * NS_PER_MS && ns <= 31500 * NS_PER_MS);
	}
}

TEST(an_interval_shorter_than_the_first_pause_is_kept)
{
	struct health_streak streak = { 0 };
	struct health health = usual;

	health.interval_ms = 50;
	health_count(&streak, &health, false, 1);
	CHECK(health_pause_ns(&streak, &health, UINT32_MAX) <= 53 * NS_PER_MS);
}

TEST(states_have_names)
{
	CHECK(!health_state_name(HEALTH_UNKNOWN));
	CHECK_STR(health_state_name(HEALTH_HEALTHY), "healthy");
	CHECK_STR(health_state_name(HEALTH_UNHEALTHY), "unhealthy");
}
