// SPDX-License-Identifier: GPL-2.0-only
/* Whether a service that has ended comes back, and when. */
#include "base/restart.h"
#include "harness.h"

#include <signal.h>

#include "base/time.h"

#define S NS_PER_S
#define EXITED(code) ((code) << 8)

static struct restart policy = {
	.policy = RESTART_ALWAYS,
	.backoff_initial_ms = 500,
	.backoff_factor = 2,
	.backoff_max_ms = 3000,
	.backoff_reset_ms = 30000,
};
static struct restart_memory memory;

static enum restart_answer judge(bool well, uint64_t started_ns, uint64_t now_ns,
				 uint64_t *delay)
{
	*delay = UINT64_MAX;
	return restart_policy_judge(&policy, &memory, well, started_ns, now_ns, delay);
}

TEST(the_policy_decides_who_comes_back)
{
	static const struct {
		enum restart_policy policy;
		bool well;
		enum restart_answer answer;
	} table[] = {
		{ RESTART_NO, true, RESTART_STAYS_DOWN },
		{ RESTART_NO, false, RESTART_STAYS_DOWN },
		{ RESTART_ON_FAILURE, true, RESTART_STAYS_DOWN },
		{ RESTART_ON_FAILURE, false, RESTART_COMES_BACK },
		{ RESTART_ALWAYS, true, RESTART_COMES_BACK },
		{ RESTART_ALWAYS, false, RESTART_COMES_BACK },
	};
	uint64_t delay;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		policy.policy = table[i].policy;
		CHECK_EQ(judge(table[i].well, 0, S, &delay), table[i].answer);
	}
}

TEST(the_backoff_grows_to_its_ceiling)
{
	static const uint64_t want[] = { 500, 1000, 2000, 3000, 3000 };
	uint64_t delay;

	for (size_t i = 0; i < 5; i++) {
		CHECK_EQ(judge(false, i * S, i * S + 1, &delay), RESTART_COMES_BACK);
		CHECK_EQ(delay, want[i]);
	}
}

TEST(who_has_run_for_long_begins_anew)
{
	uint64_t delay;

	judge(false, 0, 1 * S, &delay);
	judge(false, 2 * S, 3 * S, &delay);
	CHECK_EQ(delay, 1000);
	judge(false, 4 * S, 34 * S - 1, &delay);
	CHECK_EQ(delay, 2000);
	judge(false, 40 * S, 70 * S, &delay);
	CHECK_EQ(delay, 500);
}

TEST(the_limit_counts_within_its_interval)
{
	uint64_t delay;

	policy.limit_count = 3;
	policy.limit_interval_ms = 10000;
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(judge(false, 0, (i + 1) * S, &delay), RESTART_COMES_BACK);
	CHECK_EQ(judge(false, 0, 9 * S, &delay), RESTART_GIVES_UP);
	CHECK_EQ(judge(false, 0, 12 * S, &delay), RESTART_COMES_BACK);
}

TEST(ending_well_is_exit_code_0_or_the_own_signal)
{
	CHECK(restart_ended_well(EXITED(0), SIGTERM));
	CHECK(!restart_ended_well(EXITED(1), SIGTERM));
	CHECK(restart_ended_well(SIGTERM, SIGTERM));
	CHECK(restart_ended_well(SIGQUIT, SIGQUIT));
	CHECK(!restart_ended_well(SIGKILL, SIGTERM));
	CHECK(!restart_ended_well(-1, SIGTERM));
}
