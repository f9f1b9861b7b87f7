// SPDX-License-Identifier: GPL-2.0-only
#include "core/health.h"

#include "base/time.h"
#include "core/registry.h"

enum {
	JITTER_DIVISOR = 20,
	FIRST_PAUSE_MS = 100, /* between checks while nothing is known; then doubled */
	DOUBLINGS_MAX = 20,
};

const char *health_state_name(enum health_state state)
{
	static const char *const names[] = {
		[HEALTH_HEALTHY] = "healthy",
		[HEALTH_UNHEALTHY] = "unhealthy",
	};

	return (unsigned)state <= HEALTH_UNHEALTHY ? names[state] : NULL;
}

bool health_has_check(const struct health *health)
{
	return health->http || health->tcp || health->exec;
}

static bool failure_counts(const struct health_streak *streak,
			   const struct health *health, uint64_t now_ns)
{
	uint64_t interval_ns = health->interval_ms * NS_PER_MS;

	if (streak->state != HEALTH_UNKNOWN)
		return true;
	if (!streak->passed &&
	    now_ns - streak->began_ns < health->start_period_ms * NS_PER_MS)
		return false;
	return streak->counted_ns == 0 ||
	       now_ns - streak->counted_ns + health_jitter_ns(health) >= interval_ns;
}

static bool become(struct health_streak *streak, enum health_state state)
{
	if (streak->state == state)
		return false;
	streak->state = state;
	streak->tries = 0;
	return true;
}

bool health_count(struct health_streak *streak, const struct health *health, bool passed,
		  uint64_t now_ns)
{
	if (streak->state == HEALTH_UNKNOWN && streak->tries < DOUBLINGS_MAX)
		streak->tries++;
	if (passed) {
		streak->passed = true;
		streak->failures = 0;
		streak->counted_ns = 0;
		if (streak->successes < UINT32_MAX)
			streak->successes++;
		return streak->successes >= health->success_threshold &&
		       become(streak, HEALTH_HEALTHY);
	}
	streak->successes = 0;
	if (!failure_counts(streak, health, now_ns))
		return false;
	streak->counted_ns = now_ns;
	if (streak->failures < UINT32_MAX)
		streak->failures++;
	return streak->failures >= health->failure_threshold &&
	       become(streak, HEALTH_UNHEALTHY);
}

uint64_t health_jitter_ns(const struct health *health)
{
	return health->interval_ms * NS_PER_MS / JITTER_DIVISOR;
}

uint64_t health_pause_ns(const struct health_streak *streak, const struct health *health,
			 uint32_t chance)
{
	uint64_t interval_ns = health->interval_ms * NS_PER_MS;
	uint64_t jitter_ns = health_jitter_ns(health);
	uint64_t early_ns = FIRST_PAUSE_MS * NS_PER_MS;

	if (streak->state == HEALTH_UNKNOWN && streak->tries > 0) {
		early_ns <<= streak->tries - 1;
		if (early_ns < interval_ns)
			return early_ns;
	}
	/* 2^32 of @chance are twice the jitter. */
	return interval_ns - jitter_ns +
	       (uint64_t)((double)chance / UINT32_MAX * 2 * (double)jitter_ns);
}
