/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring - taking records from the kernel, woken as seldom as can be.
 *
 * While the consumer is awake the programs do not wake it.  It drains until the ring
 * is empty; under load it naps for a moment and drains again, so that a storm costs
 * one wake-up in many events; then it clears the flag, looks once more, and sleeps.
 */
#ifndef PORTWATCH_PROBE_RING_H
#define PORTWATCH_PROBE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "portwatch/control.h"

struct ring;

/* Called for each record; good until it returns. */
typedef void (*ring_fn)(const struct pw_header *record, size_t size, void *arg);

/* @map_fd and @control are borrowed. */
int ring_new(int map_fd, struct pw_control *control, ring_fn fn, void *arg,
	     struct ring **ret);
struct ring *ring_free(struct ring *ring);
DEFINE_CLEANUP(struct ring, ring_free)

/* A nap ends when @fd becomes readable, and the caller gets its turn; -EBADF: never. */
void ring_yield_to(struct ring *ring, int fd);
int ring_fd(const struct ring *ring); /* readable when records wait */
/*
 * Take at most @budget records (0: until empty).  Answers how many; *ret_more says that
 * the caller is to come again at once, without waiting on ring_fd().
 */
int ring_drain(struct ring *ring, int budget, bool *ret_more);
/* Nothing is waiting and nothing is half written. */
bool ring_is_empty(const struct ring *ring);
/* The two ends, in bytes since the start. */
unsigned long ring_written(const struct ring *ring);
unsigned long ring_taken(const struct ring *ring);
/* Records came faster than the consumer slept, of late. */
bool ring_is_busy(const struct ring *ring);

#endif /* PORTWATCH_PROBE_RING_H */
