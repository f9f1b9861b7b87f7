/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * records - the kernel's records, becoming facts: some at once, some when the moment in
 * which they could be taken back has passed, some only after a look.
 */
#ifndef PORTWATCH_PROBE_RECORDS_H
#define PORTWATCH_PROBE_RECORDS_H

#include "probe/hooks.h"
#include "probe/probe.h"
#include "probe/translate.h"

struct records;

/* A snapshot, as probe_snapshot() takes it. */
typedef int (*records_look_fn)(void *looker, const struct snapshot_query *query,
			       snapshot_fn fn, void *arg);

/* @clocks is borrowed for as long as the answer lives.  -ENOMEM. */
int records_new(const struct clocks *clocks, records_look_fn look, void *looker,
		struct records **ret);
struct records *records_free(struct records *records);
DEFINE_CLEANUP(struct records, records_free)

/* From here on facts go to @fn; @hooks finds the paths of cgroups. */
void records_begin(struct records *records, struct hooks *hooks, fact_fn fn, void *arg);
/* One record; a ring_fn, whose @arg is the records. */
void records_take(const struct pw_header *record, size_t size, void *arg);
/* What has stood long enough: to be called when the ring was read to its end. */
void records_settle(struct records *records);
int records_told(const struct records *records);       /* facts since records_begin() */
uint64_t records_taken(const struct records *records); /* records ever */
uint64_t records_deadline(const struct records *records); /* CLOCK_MONOTONIC; 0 none */
/* Does something have to be looked for in a walk?  Asked once. */
bool records_want_look(struct records *records);

#endif /* PORTWATCH_PROBE_RECORDS_H */
