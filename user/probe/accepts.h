/* SPDX-License-Identifier: GPL-2.0-only */
/* accepts - the connections that the kernel accepted, counted there, by port. */
#ifndef PORTWATCH_PROBE_ACCEPTS_H
#define PORTWATCH_PROBE_ACCEPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "probe/hooks.h"
#include "probe/probe.h"

struct accepts;

/* Attach; nothing is counted yet.  @hooks outlives it.  -EPERM, or what libbpf says. */
int accepts_new(const struct hooks *hooks, uint32_t own_netns, struct accepts **ret);
struct accepts *accepts_free(struct accepts *accepts);
DEFINE_CLEANUP(struct accepts, accepts_free)

/* As probe_count_accepts() and probe_accepted() say. */
int accepts_choose(struct accepts *accepts, const struct counted_port *ports, size_t n);
int accepts_read(const struct accepts *accepts, const struct counted_port *port,
		 uint64_t *ret);

#endif /* PORTWATCH_PROBE_ACCEPTS_H */
