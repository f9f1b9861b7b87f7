/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run_restart - whether a command that has ended is started again, and when.  Pure.
 *
 * By restart, backoff, restart_limit and stop of the service's entry as the API has it.
 */
#ifndef PORTWATCH_CLI_RUN_RESTART_H
#define PORTWATCH_CLI_RUN_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "json/doc.h"

struct run_policy {
	enum { RUN_ENDS, RUN_AGAIN_ON_FAILURE, RUN_AGAIN_ALWAYS } again;
	uint64_t initial_ms, max_ms, reset_ms;
	double factor;
	uint64_t limit, limit_interval_ms; /* 0: no limit */
	int stop_signal;
	uint64_t grace_ms;
	/* Remembered from one end to the next; zeroes at first. */
	uint64_t delay_ms, interval_ns, in_interval;
};

/* @service is an entry; NULL: one that is never started again. */
void run_policy_init(struct run_policy *policy, const struct doc *service);

enum { RUN_STAYS_DOWN = -1, RUN_GIVES_UP = -2 };

/* It ran from @started_ns to @now_ns and ended with @status (wait(2)).  How many ms to
 * wait before the next start, or one of the above. */
int64_t run_policy_judge(struct run_policy *policy, int status, uint64_t started_ns,
			 uint64_t now_ns);

#endif /* PORTWATCH_CLI_RUN_RESTART_H */
