/* SPDX-License-Identifier: GPL-2.0-only */
/* alarm - one timer of the wall clock: it keeps its time when that is set, or the host
 * sleeps. */
#ifndef PORTWATCH_DAEMON_ALARM_H
#define PORTWATCH_DAEMON_ALARM_H

#include <stdint.h>
#include <uv.h>

#include "base/cleanup.h"

struct alarm;

/* Not set yet.  @loop is borrowed.  What timerfd says, -ENOMEM. */
int alarm_new(uv_loop_t *loop, void (*ring)(void *arg), void *arg, struct alarm **ret);
/* The loop must run once more before it is closed. */
struct alarm *alarm_free(struct alarm *alarm);
DEFINE_CLEANUP(struct alarm, alarm_free)

/* Ring once, at @wall_ns or at once where that has gone by; 0: never. */
void alarm_set(struct alarm *alarm, uint64_t wall_ns);

#endif /* PORTWATCH_DAEMON_ALARM_H */
