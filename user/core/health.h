/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * health - what a row of checks makes of a service, and when the next one is due.
 *
 * Pure: no I/O, no clock, no chance of its own.  A streak begins zeroed when its service
 * begins to run, and ends when that stops.
 */
#ifndef PORTWATCH_CORE_HEALTH_H
#define PORTWATCH_CORE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

struct health;

enum health_state { HEALTH_UNKNOWN, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *health_state_name(enum health_state state); /* NULL for unknown */

/* Does it say what to check? */
bool health_has_check(const struct health *health);

struct health_streak {
	enum health_state state;
	unsigned failures, successes; /* running */
	unsigned tries;               /* while nothing is known */
	bool passed;                  /* one of them has */
	uint64_t began_ns;            /* it runs since; CLOCK_MONOTONIC */
	uint64_t counted_ns;          /* the last failure that counted; 0 none */
};

/*
 * Count one check, which ended at @now_ns; true where `state` changed.
 *
 * A failure does not count within start_period of the beginning, unless one check has
 * passed already; and while nothing is known, when checks are frequent, it counts only
 * once in an interval.
 */
bool health_count(struct health_streak *streak, const struct health *health, bool passed,
		  uint64_t now_ns);

/*
 * How long after the last one was due the next check is: the interval, give or take its
 * jitter; sooner while nothing is known, so that whoever waits for it to be healthy need
 * not wait for long.  @chance is any number, evenly spread.
 */
uint64_t health_pause_ns(const struct health_streak *streak, const struct health *health,
			 uint32_t chance);
/* How far a check may be from its interval: a twentieth, which keeps those apart that
 * were begun together. */
uint64_t health_jitter_ns(const struct health *health);

#endif /* PORTWATCH_CORE_HEALTH_H */
