// SPDX-License-Identifier: GPL-2.0-only
#include "base/restart.h"

#include <sys/wait.h>

#include "base/time.h"

const struct restart restart_default = {
	.policy = RESTART_NO,
	.backoff_initial_ms = 500,
	.backoff_factor = 2,
	.backoff_max_ms = 30000,
	.backoff_reset_ms = 30000,
	.limit_count = 5,
	.limit_interval_ms = 10000,
};

bool restart_ended_well(int status, int stop_signal)
{
	if (status == -1)
		return false;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == stop_signal;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool wants(const struct restart *policy, bool ended_well)
{
	switch (policy->policy) {
	case RESTART_ALWAYS:
		return true;
	case RESTART_ON_FAILURE:
		return !ended_well;
	case RESTART_NO:
		break;
	}
	return false;
}

static bool is_too_often(const struct restart *policy, struct restart_memory *memory,
			 uint64_t now_ns)
{
	if (policy->limit_count == 0)
		return false;
	if (memory->in_interval == 0 ||
	    now_ns - memory->interval_ns > policy->limit_interval_ms * NS_PER_MS) {
		memory->interval_ns = now_ns;
		memory->in_interval = 0;
	}
	return memory->in_interval >= policy->limit_count;
}

static uint64_t next_delay(const struct restart *policy, uint64_t last_ms)
{
	double next = (double)last_ms * policy->backoff_factor;

	if (last_ms == 0)
		next = (double)policy->backoff_initial_ms;
	return next < (double)policy->backoff_max_ms ? (uint64_t)next
						     : policy->backoff_max_ms;
}

enum restart_answer restart_policy_judge(const struct restart *policy,
					 struct restart_memory *memory, bool ended_well,
					 uint64_t started_ns, uint64_t now_ns,
					 uint64_t *ret_delay_ms)
{
	if (!wants(policy, ended_well))
		return RESTART_STAYS_DOWN;
	if (now_ns - started_ns >= policy->backoff_reset_ms * NS_PER_MS)
		*memory = (struct restart_memory){ 0 };
	if (is_too_often(policy, memory, now_ns))
		return RESTART_GIVES_UP;
	memory->in_interval++;
	memory->delay_ms = next_delay(policy, memory->delay_ms);
	*ret_delay_ms = memory->delay_ms;
	return RESTART_COMES_BACK;
}
