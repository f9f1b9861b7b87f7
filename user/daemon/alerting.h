/* SPDX-License-Identifier: GPL-2.0-only */
/* alerting - the engine's alerts to the sinks of the registry. */
#ifndef PORTWATCH_DAEMON_ALERTING_H
#define PORTWATCH_DAEMON_ALERTING_H

#include "engine/engine.h"
#include "sinks/sinks.h"

struct alerting;

/* All is borrowed.  Nothing is told yet.  -ENOMEM. */
int alerting_new(uv_loop_t *loop, struct engine *engine, const char *state,
		 struct alerting **ret);
/* The loop must run once more before it is closed. */
struct alerting *alerting_free(struct alerting *alerting);
DEFINE_CLEANUP(struct alerting, alerting_free)

/* The privileges are those that stay: tell what stands, and from now on what happens. */
void alerting_begin(struct alerting *alerting);
/* The registry is another one. */
void alerting_follow(struct alerting *alerting);
/* Files were renamed, perhaps. */
void alerting_reopen(struct alerting *alerting);
/* As sinks_stats(). */
bool alerting_stats(const struct alerting *alerting, size_t index,
		    struct sink_stats *ret);

#endif /* PORTWATCH_DAEMON_ALERTING_H */
