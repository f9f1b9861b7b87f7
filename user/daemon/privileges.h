/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * privileges - what the daemon keeps of them: DESIGN section 6.
 *
 * In two steps, since a tracefs that nobody has mounted takes CAP_SYS_ADMIN to open. What
 * is missing is missing already: the engine says so when it matters.
 */
#ifndef PORTWATCH_DAEMON_PRIVILEGES_H
#define PORTWATCH_DAEMON_PRIVILEGES_H

/* Before anything is attached: keep what watching needs, for this process and whatever it
 * executes, and gain nothing from now on.  -errno. */
int privileges_drop(void);
/* Afterwards: drop also what only attaching needs.  -errno. */
int privileges_drop_rest(void);

#endif /* PORTWATCH_DAEMON_PRIVILEGES_H */
