/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run_restart - whether a command that has ended is started again, and when.  Pure.
 *
 * By restart, backoff, restart_limit and stop of the service's entry as the API has it.
 */
#ifndef PORTWATCH_CLI_RUN_RESTART_H
#define PORTWATCH_CLI_RUN_RESTART_H

#include <stdint.h>

#include "base/restart.h"
#include "json/doc.h"

struct run_policy {
	struct restart restart;
	struct restart_memory memory;
	int stop_signal;
	uint64_t grace_ms;
};

/* @service is an entry; NULL: one that is never started again. */
void run_policy_init(struct run_policy *policy, const struct doc *service);

/* It ran from @started_ns to @now_ns and ended with @status (wait(2)); as
 * restart_policy_judge(). */
enum restart_answer run_policy_judge(struct run_policy *policy, int status,
				     uint64_t started_ns, uint64_t now_ns,
				     uint64_t *ret_delay_ms);

#endif /* PORTWATCH_CLI_RUN_RESTART_H */
