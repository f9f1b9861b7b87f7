// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_restart.h"

#include <signal.h>
#include <string.h>

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
	struct restart restart = restart_default;
	int64_t count = doc_get_int(limit, "count", restart.limit_count);

	if (streq(again, "always"))
		restart.policy = RESTART_ALWAYS;
	else if (streq(again, "on_failure"))
		restart.policy = RESTART_ON_FAILURE;
	if (factor >= 1)
		restart.backoff_factor = factor;
	restart.limit_count = count > 0 ? (unsigned)count : 0;
	read_duration(backoff, "initial", &restart.backoff_initial_ms);
	read_duration(backoff, "max", &restart.backoff_max_ms);
	read_duration(backoff, "reset_after", &restart.backoff_reset_ms);
	read_duration(limit, "interval", &restart.limit_interval_ms);

	*policy = (struct run_policy){
		.restart = restart,
		.stop_signal = read_signal(stop, "signal", SIGTERM),
		.grace_ms = 10000,
	};
	read_duration(stop, "grace", &policy->grace_ms);
}

enum restart_answer run_policy_judge(struct run_policy *policy, int status,
				     uint64_t started_ns, uint64_t now_ns,
				     uint64_t *ret_delay_ms)
{
	return restart_policy_judge(&policy->restart, &policy->memory,
				    restart_ended_well(status, policy->stop_signal),
				    started_ns, now_ns, ret_delay_ms);
}
