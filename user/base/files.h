/* SPDX-License-Identifier: GPL-2.0-only */
/* files - whole files in and out, without tearing. */
#ifndef PORTWATCH_BASE_FILES_H
#define PORTWATCH_BASE_FILES_H

#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

int close_fd(int fd);    /* accepts negative; returns -EBADF */
void close_fdp(int *fd); /* for _cleanup_(close_fdp) int fd = -EBADF; */

/* The contents, NUL-terminated beyond *ret_size (may be NULL).  Owned.  -EFBIG past @max,
 * -EISDIR, -ENOMEM, or what open and read say. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_size);
int file_read_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);

/*
 * Replace @path as a whole: temporary file in the same folder, fsync, rename, fsync of
 * the folder.  A crash at any instant leaves the old contents or the new.  A symlink is
 * followed; owner and mode of an existing file are kept, else @mode.
 */
int file_write_atomic(const char *path, const char *data, size_t size, mode_t mode);

/* fsync of the folder that @path is in: a new name is only sure to outlive a crash then.
 */
int file_sync_folder(const char *path);

/* An exclusive lock on PATH.lock (made 0600), waiting at most @timeout_ms; -EWOULDBLOCK.
 * The answer is a descriptor whose closing ends the lock. */
int file_lock(const char *path, unsigned timeout_ms);

/* mkdir -p, each with fsync of its parent.  An existing directory is fine. */
int make_directories(const char *path, mode_t mode);

#endif /* PORTWATCH_BASE_FILES_H */
