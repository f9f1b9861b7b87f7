/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch - tells when a file may have changed, come, or gone.
 *
 * It watches folders, not the file: editors and atomic writers replace it.  Folders that
 * do not exist yet are waited for in the nearest one that does, and a symlink's
 * destination is watched too.  A burst of changes is told once.
 */
#ifndef PORTWATCH_DAEMON_WATCH_H
#define PORTWATCH_DAEMON_WATCH_H

#include <uv.h>

#include "base/cleanup.h"

struct watch;

/* @path is copied.  -ENOMEM, or what inotify says. */
int watch_new(uv_loop_t *loop, const char *path, void (*changed)(void *arg), void *arg,
	      struct watch **ret);
/* Accepts NULL, returns NULL. */
struct watch *watch_free(struct watch *watch);
DEFINE_CLEANUP(struct watch, watch_free)

#endif /* PORTWATCH_DAEMON_WATCH_H */
