/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disk - the workers that wait for files, and the way back from them into the loop.
 *
 * One for each file that is locked: whoever keeps the registry locked holds up no
 * allocation.  The history is only read here.
 */
#ifndef PORTWATCH_DAEMON_DISK_H
#define PORTWATCH_DAEMON_DISK_H

#include <uv.h>

#include "store/worker.h"

enum disk_file { DISK_REGISTRY, DISK_STATE, DISK_HISTORY, DISK_FILES };

struct disk;

/* @after is called when something was done.  @loop is borrowed.  -errno. */
int disk_new(uv_loop_t *loop, void (*after)(void *arg), void *arg, struct disk **ret);
/* Finishes first.  The loop must run once more before it is closed. */
struct disk *disk_free(struct disk *disk);
DEFINE_CLEANUP(struct disk, disk_free)

struct worker *disk_worker(struct disk *disk, enum disk_file file); /* borrowed */
/* Wait until all that was begun is done and told.  Accepts NULL. */
void disk_finish(struct disk *disk);

#endif /* PORTWATCH_DAEMON_DISK_H */
