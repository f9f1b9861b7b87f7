/* SPDX-License-Identifier: GPL-2.0-only */
/* privileges - what the daemon keeps of them: DESIGN section 6. */
#ifndef PORTWATCH_DAEMON_PRIVILEGES_H
#define PORTWATCH_DAEMON_PRIVILEGES_H

/*
 * Keep of the capabilities that the process has those that watching needs, for itself and
 * for whatever it executes, and gain none from now on.  What is missing is missing
 * already: the engine says so when it matters.  -errno.
 */
int privileges_drop(void);

#endif /* PORTWATCH_DAEMON_PRIVILEGES_H */
