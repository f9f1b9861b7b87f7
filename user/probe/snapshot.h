/* SPDX-License-Identifier: GPL-2.0-only */
/* snapshot - walking the sockets of the host with BPF iterators. */
#ifndef PORTWATCH_PROBE_SNAPSHOT_H
#define PORTWATCH_PROBE_SNAPSHOT_H

#include "probe/hooks.h"
#include "probe/probe.h"
#include "probe/translate.h"

struct snapshot;

/* The iterators of @hooks, which outlives it, where events run; with NULL, loaded alone,
 * without what @without names (see iterators_load()). */
int snapshot_new(const struct hooks *hooks, const char *without, struct snapshot **ret);
struct snapshot *snapshot_free(struct snapshot *snapshot);
DEFINE_CLEANUP(struct snapshot, snapshot_free)

int snapshot_walk(struct snapshot *snapshot, const struct clocks *clocks,
		  const struct snapshot_query *query, snapshot_fn fn, void *arg);

#endif /* PORTWATCH_PROBE_SNAPSHOT_H */
