/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pump - the engine's beat in the loop: woken by the kernel's events, by the engine's
 * deadline, and by nothing else.
 */
#ifndef PORTWATCH_DAEMON_PUMP_H
#define PORTWATCH_DAEMON_PUMP_H

#include <uv.h>

#include "engine/engine.h"

struct pump;

/* @after is called when the engine was dispatched.  @loop and @engine are borrowed.
 * -ENOMEM. */
int pump_new(uv_loop_t *loop, struct engine *engine, void (*after)(void *arg), void *arg,
	     struct pump **ret);
/* The loop must run once more before it is closed. */
struct pump *pump_free(struct pump *pump);
DEFINE_CLEANUP(struct pump, pump_free)

/* The engine was changed: look at its descriptor and deadline anew.  -errno. */
int pump_update(struct pump *pump);

#endif /* PORTWATCH_DAEMON_PUMP_H */
