// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_restart.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "base/time.h"

static void read_duration(const struct doc *object, const char *key, uint64_t *ret)
{
	const char *text = doc_get_string(object, key);
	uint64_t ms;

	if (text && duration_parse(text, &ms) == 0)
		*ret = ms;
}

static int read_signal(const struct doc *object, const char *key, int otherwise)
{
	const char *text = doc_get_string(object, key);

	if (!text)
		return (int)doc_get_int(object, key, otherwise);
	for (int i = 1; i < NSIG; i++)
		if (streq(sigabbrev_np(i), text))
			return i;
	return otherwise;
}

void run_policy_init(struct run_policy *policy, const struct doc *service)
{
	const struct doc *backoff = doc_get(service, "backoff");
	const struct doc *limit = doc_get(service, "restart_limit");
	const struct doc *stop = doc_get(service, "stop");
	const char *again = doc_get_string(service, "restart");
	double factor = doc_number(doc_get(backoff, "factor"));
	int64_t count = doc_get_int(limit, "count", 5);

	*policy = (struct run_policy){
		.again = streq(again, "always")       ? RUN_AGAIN_ALWAYS
			 : streq(again, "on_failure") ? RUN_AGAIN_ON_FAILURE
						      : RUN_ENDS,
		.initial_ms = 500,
		.max_ms = 30000,
		.reset_ms = 30000,
		.factor = factor >= 1 ? factor : 2,
		.limit = count > 0 ? (uint64_t)count : 0,
		.limit_interval_ms = 10000,
		.stop_signal = read_signal(stop, "signal", SIGTERM),
		.grace_ms = 10000,
	};
	read_duration(backoff, "initial", &policy->initial_ms);
	read_duration(backoff, "max", &policy->max_ms);
	read_duration(backoff, "reset_after", &policy->reset_ms);
	read_duration(limit, "interval", &policy->limit_interval_ms);
	read_duration(stop, "grace", &policy->grace_ms);
}

static bool ended_well(const struct run_policy *policy, int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == policy->stop_signal;
	return WEXITSTATUS(status) == 0;
}

static bool is_too_often(struct run_policy *policy, uint64_t now_ns)
{
	if (policy->limit == 0)
		return false;
	if (policy->in_interval == 0 ||
	    now_ns - policy->interval_ns > policy->limit_interval_ms * NS_PER_MS) {
		policy->interval_ns = now_ns;
		policy->in_interval = 0;
	}
	return policy->in_interval >= policy->limit;
}

int64_t run_policy_judge(struct run_policy *policy, int status, uint64_t started_ns,
			 uint64_t now_ns)
{
	double next = (double)policy->initial_ms;

	if (policy->again == RUN_ENDS ||
	    (policy->again == RUN_AGAIN_ON_FAILURE && ended_well(policy, status)))
		return RUN_STAYS_DOWN;
	if (now_ns - started_ns >= policy->reset_ms * NS_PER_MS)
		policy->delay_ms = policy->in_interval = 0;
	if (is_too_often(policy, now_ns))
		return RUN_GIVES_UP;
	policy->in_interval++;
	if (policy->delay_ms > 0)
		next = (double)policy->delay_ms * policy->factor;
	policy->delay_ms =
		next < (double)policy->max_ms ? (uint64_t)next : policy->max_ms;
	return (int64_t)policy->delay_ms;
}
