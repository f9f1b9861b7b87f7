/* SPDX-License-Identifier: GPL-2.0-only */
/* recorder - the engine's events into the history. */
#ifndef PORTWATCH_DAEMON_RECORDER_H
#define PORTWATCH_DAEMON_RECORDER_H

#include <uv.h>

#include "engine/engine.h"
#include "store/history.h"

struct recorder;

/* @state is the folder.  @writes: an engine that serves one command only reads.  -ENOMEM.
 */
int recorder_new(uv_loop_t *loop, struct engine *engine, const char *state, bool writes,
		 struct recorder **ret);
/* What was told is written first.  Before the engine is freed; the loop must run once
 * more before it is closed. */
struct recorder *recorder_free(struct recorder *recorder);
DEFINE_CLEANUP(struct recorder, recorder_free)

/* The table is right, and the privileges are those that stay: what stands already is
 * recorded, too, and from now on it is all written. */
void recorder_begin(struct recorder *recorder);
/* The registry was read anew. */
void recorder_follow(struct recorder *recorder);

struct history *recorder_history(struct recorder *recorder); /* borrowed */

#endif /* PORTWATCH_DAEMON_RECORDER_H */
