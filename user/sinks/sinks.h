/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sinks - where alerts go: stdout, a file, journald, syslog, a command, a webhook,
 * Alertmanager.
 *
 * Each sink has a queue with a bound and goes at its own pace: none waits for another,
 * and whoever tells an alert waits for none.  What a sink cannot take is counted.  With
 * no sink nothing is allocated, opened or awake.
 */
#ifndef PORTWATCH_SINKS_SINKS_H
#define PORTWATCH_SINKS_SINKS_H

#include <uv.h>

#include "core/event.h"
#include "core/sink.h"

struct sinks;

struct sinks_options {
	uv_loop_t *loop;             /* borrowed */
	const struct alerts *alerts; /* borrowed: what stands, for Alertmanager */
	const char *state;           /* queues are kept in its folder `sinks`; borrowed */
	const char *fetch; /* path of portwatch-fetch; NULL: near this program */
	/* Something keeps a sink from working; said when it begins. */
	void (*complain)(const char *what, void *arg);
	void *arg;
};

/* -ENOMEM. */
int sinks_new(const struct sinks_options *options, struct sinks **ret);
/* What waits is on the disk, or lost.  The loop must run once more before it is closed.
 */
struct sinks *sinks_free(struct sinks *sinks);
DEFINE_CLEANUP(struct sinks, sinks_free)

/* Have those of @settings: one that keeps its name and type keeps its queue, too.
 * -ENOMEM. */
int sinks_follow(struct sinks *sinks, const struct settings *settings);
/* Files were renamed, perhaps: open them anew. */
void sinks_reopen(struct sinks *sinks);

size_t sinks_count(const struct sinks *sinks);
/* An alert.firing or alert.resolved; other events are ignored. */
void sinks_tell(struct sinks *sinks, const struct event *event);
/* Of the @index-th sink, in the order of the settings; false past the last. */
bool sinks_stats(const struct sinks *sinks, size_t index, struct sink_stats *ret);

#endif /* PORTWATCH_SINKS_SINKS_H */
