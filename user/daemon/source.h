/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source - the registry file: read, checked, handed to the engine, and read again.
 *
 * A file that is refused leaves the registry that is in force alone; that is said once,
 * however often it is looked at.
 */
#ifndef PORTWATCH_DAEMON_SOURCE_H
#define PORTWATCH_DAEMON_SOURCE_H

#include "engine/engine.h"
#include "http/api.h"

struct source_file;

/* @path is copied.  @must_exist: the default file may be missing, which is an empty
 * registry.  @engine is borrowed.  -ENOMEM. */
int source_new(struct engine *engine, const char *path, bool must_exist,
	       struct source_file **ret);
struct source_file *source_free(struct source_file *source);
DEFINE_CLEANUP(struct source_file, source_free)

/* Read it for the first time, unless that was done.  0, or why it is refused: see the
 * view. */
int source_load(struct source_file *source);
/*
 * Read it again.  1 where the engine has a new registry, 0 where nothing changed and
 * @force is false, or why the file is refused: that was then logged, unless it was for
 * the same reason as last time, and the engine told.
 */
int source_reload(struct source_file *source, bool force);

/* Have each registry that was read completed by @prepare, which answers -errno, before
 * the engine gets it. */
void source_prepare(struct source_file *source,
		    int (*prepare)(struct registry *reg, void *arg), void *arg);

const struct registry_view *source_view(const struct source_file *source);
/* "FILE:LINE:COLUMN: PATH: WHAT; REMEDY" of a refusal.  Returns @buf. */
const char *source_describe(const struct registry_view *view, char *buf, size_t size);

#endif /* PORTWATCH_DAEMON_SOURCE_H */
