/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * latency - how long after the kernel's event it was told, as a histogram.
 *
 * Plain data, zeroed to begin with.
 */
#ifndef PORTWATCH_ENGINE_LATENCY_H
#define PORTWATCH_ENGINE_LATENCY_H

#include <stddef.h>
#include <stdint.h>

enum { LATENCY_BOUNDS = 16 };

struct latency {
	/* Each that took at most the bound of its place and more than the one before; the
	 * last took longer than every bound. */
	uint64_t buckets[LATENCY_BOUNDS + 1];
	uint64_t sum_ns;
};

/* Rising; from 10 us, where waking up alone ends, to 10 s. */
extern const uint64_t latency_bounds_ns[LATENCY_BOUNDS];

void latency_add(struct latency *latency, uint64_t took_ns);

#endif /* PORTWATCH_ENGINE_LATENCY_H */
