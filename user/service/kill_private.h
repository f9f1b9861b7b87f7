/* SPDX-License-Identifier: GPL-2.0-only */
/* kill_private - what kill.c, kill_look.c and kill_run.c share. */
#ifndef PORTWATCH_SERVICE_KILL_PRIVATE_H
#define PORTWATCH_SERVICE_KILL_PRIVATE_H

#include "service/kill.h"

struct kills {
	struct engine *engine;
	int epoll, timer;
	uint64_t due_ns; /* what the timer is set to; 0 none */
	struct kill *all;
	size_t n_all;
	struct engine_subscription *releases; /* NULL while nobody waits */
};

/* kill_look.c: who holds the ports.  -errno. */
int kill_look_first(struct kill *kill, const struct service *service);

/* What is left of the ports. */
struct kill_rest {
	bool lingers; /* a socket that was meant, of which nobody has a descriptor */
	size_t added; /* holders of it that are new: victims now, if @add */
};
int kill_look_again(struct kill *kill, bool add, struct kill_rest *ret);

/* kill.c */
struct kill_victim *kill_find_victim(const struct kill *kill, struct process_id id);
/* The victim that is this process, made where it is new; NULL for want of memory. */
struct kill_victim *kill_victim_of(struct kill *kill, const struct snapshot_row *row);
/* May it be ended?  It is refused, or has ended, or is meant.  -errno where that cannot
 * be found out. */
int kill_examine(struct kill *kill, struct kill_victim *victim);
/* Be woken when it has ended. */
int kill_await(struct kill *kill, struct kill_victim *victim);
/* Set the timer for what is due next. */
void kills_update(struct kills *kills);

/* kill_run.c */
void kill_advance(struct kill *kill, uint64_t now_ns);

#endif /* PORTWATCH_SERVICE_KILL_PRIVATE_H */
