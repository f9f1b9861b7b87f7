/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * priority - a daemon that is waited for in the midst of a storm.
 *
 * As auditd(8): a bit more urgent than what it watches.  What it starts, processes and
 * threads, is not.
 */
#ifndef PORTWATCH_DAEMON_PRIORITY_H
#define PORTWATCH_DAEMON_PRIORITY_H

/* Where nobody chose another: then it stays at that.  -EPERM, -errno. */
int priority_raise(void);

#endif /* PORTWATCH_DAEMON_PRIORITY_H */
