/* SPDX-License-Identifier: GPL-2.0-only */
/* launching - the launcher in the loop. */
#ifndef PORTWATCH_DAEMON_LAUNCHING_H
#define PORTWATCH_DAEMON_LAUNCHING_H

#include <uv.h>

#include "service/launcher.h"

struct launching;

/* @after is called when it has done something.  -errno. */
int launching_new(uv_loop_t *loop, const struct launcher_options *options,
		  void (*after)(void *arg), void *arg, struct launching **ret);
/* The loop must run once more before it is closed. */
struct launching *launching_free(struct launching *launching);
DEFINE_CLEANUP(struct launching, launching_free)

struct launcher *launching_launcher(struct launching *launching); /* borrowed */

/* Stop all that runs, in order; @done is called when it has, perhaps before this returns.
 */
void launching_end(struct launching *launching, void (*done)(void *arg), void *arg);

#endif /* PORTWATCH_DAEMON_LAUNCHING_H */
