/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * restart - whether a program that has ended comes back, and when.
 *
 * Pure: `restart`, `backoff` and `restart_limit` of an entry, what is remembered of the
 * restarts before, and how the process ended.
 */
#ifndef PORTWATCH_BASE_RESTART_H
#define PORTWATCH_BASE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS };

struct restart {
	enum restart_policy policy;
	uint64_t backoff_initial_ms, backoff_max_ms, backoff_reset_ms;
	double backoff_factor;
	unsigned limit_count; /* 0: no limit */
	uint64_t limit_interval_ms;
};

extern const struct restart restart_default;

/* Begins zeroed, and again when somebody starts the service by hand. */
struct restart_memory {
	uint64_t delay_ms;    /* of the last restart; 0: there was none */
	uint64_t interval_ns; /* when the interval of the limit began; CLOCK_MONOTONIC */
	unsigned in_interval; /* restarts since then */
};

enum restart_answer {
	RESTART_STAYS_DOWN, /* by its policy */
	RESTART_COMES_BACK,
	RESTART_GIVES_UP, /* it would by its policy, and has done so too often */
};

/* Did it end well: with exit code 0, or by the signal that is its own for stopping?
 * @status as wait(2) has it, -1 unknown. */
bool restart_ended_well(int status, int stop_signal);

/*
 * It ran from @started_ns to @now_ns (CLOCK_MONOTONIC).  For RESTART_COMES_BACK the
 * restart is counted and *ret_delay_ms is how long to wait before it.
 */
enum restart_answer restart_policy_judge(const struct restart *policy,
					 struct restart_memory *memory, bool ended_well,
					 uint64_t started_ns, uint64_t now_ns,
					 uint64_t *ret_delay_ms);

#endif /* PORTWATCH_BASE_RESTART_H */
