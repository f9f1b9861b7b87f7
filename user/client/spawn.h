/* SPDX-License-Identifier: GPL-2.0-only */
/* spawn - an engine of one's own: portwatchd on one end of a socket pair. */
#ifndef PORTWATCH_CLIENT_SPAWN_H
#define PORTWATCH_CLIENT_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Beside this program, then in ../sbin and ../libexec from there, then in PATH.
 * Owned.  -ENOPKG, -ENOMEM. */
int spawn_find_engine(char **ret);
/* Start @engine with `--serve-fd`, and --registry where @registry is not NULL.  Answers
 * our end.  What socketpair(2) and posix_spawn(3) say; -ENOMEM. */
int spawn_engine(const char *engine, const char *registry, pid_t *ret_pid, int *ret_fd);
/* It ends once its socket is closed; whoever does not within @patience_ms is killed. */
void spawn_reap(pid_t pid, unsigned patience_ms);
/* Reap one that has closed its socket unasked, and say how it ended: "and ended with exit
 * code 3", "and ended by signal 11 (Segmentation fault)", "but still runs".  True where
 * it is reaped. */
bool spawn_describe_end(pid_t pid, char *buf, size_t size);

#endif /* PORTWATCH_CLIENT_SPAWN_H */
