/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launch_log - what services print: LOG/services/NAME.log, and NAME.log.1 to .5 before
 * that.
 *
 * Services write the file themselves, so that nothing of them hangs on the daemon.  It is
 * therefore never renamed under them: what is old is copied away and cut off the front.
 */
#ifndef PORTWATCH_SERVICE_LAUNCH_LOG_H
#define PORTWATCH_SERVICE_LAUNCH_LOG_H

#include <stdbool.h>

enum { LAUNCH_LOG_BYTES = 10 * 1024 * 1024, LAUNCH_LOGS_KEPT = 5 };

/* The path of a service's log below the folder @log; owned; NULL: no memory. */
char *launch_log_path(const char *log, const char *name);
/* A descriptor to append to; folders are made.  -errno. */
int launch_log_open(const char *path);
/* Is it larger than LAUNCH_LOG_BYTES? */
bool launch_log_is_large(const char *path);
/* Make what there is NAME.log.1.  Where the kernel cannot cut a file at the front, what
 * is written in the very moment may be lost.  -errno. */
int launch_log_rotate(const char *path);

#endif /* PORTWATCH_SERVICE_LAUNCH_LOG_H */
