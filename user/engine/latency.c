// SPDX-License-Identifier: GPL-2.0-only
#include "engine/latency.h"

#define US 1000ull
#define MS 1000000ull

const uint64_t latency_bounds_ns[LATENCY_BOUNDS] = {
	10 * US, 25 * US, 50 * US, 100 * US, 250 * US, 500 * US, 1 * MS,    2500 * US,
	5 * MS,  10 * MS, 25 * MS, 50 * MS,  100 * MS, 500 * MS, 1000 * MS, 10000 * MS,
};

void latency_add(struct latency *latency, uint64_t took_ns)
{
	size_t i = 0;

	while (i < LATENCY_BOUNDS && took_ns > latency_bounds_ns[i])
		i++;
	latency->buckets[i]++;
	latency->sum_ns += took_ns;
}
