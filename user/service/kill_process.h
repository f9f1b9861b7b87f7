/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kill_process - one process held by pidfd, and signalled if it may be.
 */
#ifndef PORTWATCH_SERVICE_KILL_PROCESS_H
#define PORTWATCH_SERVICE_KILL_PROCESS_H

#include "core/process.h"

/* On whose behalf. */
struct kill_caller {
	pid_t pid; /* never signalled; 0 unknown */
	uid_t uid;
	bool all; /* may end whatever the kernel lets this process end */
};

/* Why a process is not to be ended. */
enum kill_rule {
	RULE_NONE,
	RULE_INIT,       /* PID 1 */
	RULE_SELF,       /* this process */
	RULE_CALLER,     /* who asks */
	RULE_KERNEL,     /* a kernel thread */
	RULE_OTHERS,     /* another user's */
	RULE_CAPABILITY, /* this process lacks CAP_KILL */
	RULE_COMPANY,    /* another holder of its port is not to be ended */
};

/* A descriptor of the process that has this PID now, which need not be the one that was
 * meant: kill_process_signal() looks.  -ESRCH, -EMFILE, … */
int kill_process_open(pid_t pid);

/*
 * Send @signal (0: only look whether it could be sent) to the process of @pidfd if that
 * is @id by its start time, and @caller may end it.  0; -ESRCH where it has ended or is
 * another; -EPERM with *ret_rule.
 */
int kill_process_signal(int pidfd, struct process_id id, const struct kill_caller *caller,
			int signal, enum kill_rule *ret_rule);

/* Has the process asked the kernel to ignore @signal?  False where that is unknown. */
bool kill_process_ignores(pid_t pid, int signal);

/* A sentence's end: "it is PID 1". */
const char *kill_rule_text(enum kill_rule rule);
const char *kill_rule_name(enum kill_rule rule); /* "init", …; NULL for RULE_NONE */

#endif /* PORTWATCH_SERVICE_KILL_PROCESS_H */
