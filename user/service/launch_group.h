/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launch_group - all processes of a service: its cgroup, or where there is none to be had
 * its session, its descendants and whoever has its mark in the environment.
 */
#ifndef PORTWATCH_SERVICE_LAUNCH_GROUP_H
#define PORTWATCH_SERVICE_LAUNCH_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/process.h"

enum { LAUNCH_MARK = 32 };
#define LAUNCH_MARK_VARIABLE "PORTWATCH_LAUNCH"

struct launch_group {
	char *cgroup;           /* its folder; owned; NULL none */
	pid_t session;          /* 0 unknown */
	char mark[LAUNCH_MARK]; /* the value of LAUNCH_MARK_VARIABLE; "" unknown */
};
void launch_group_done(struct launch_group *group);

/*
 * The folder below which services of the daemon called @instance get their cgroups: below
 * the daemon's own cgroup where a service manager started it as a service, else below the
 * top, so that it outlives the session of whoever started the daemon.  It is the spawner
 * who makes it, and removes it: at the top nobody but CAP_DAC_OVERRIDE may.  -EOPNOTSUPP
 * where cgroup v2 is not mounted.
 */
int launch_cgroups_find(const char *instance, char **ret);

/* Name the cgroup of a service below @folder (NULL: none is to be had).  -ENOMEM. */
int launch_group_name(struct launch_group *group, const char *folder, const char *name);
/* Send @signal to all of them.  The answer is how many there were. */
size_t launch_group_signal(const struct launch_group *group, int signal);
/* SIGKILL to all, in one go where the kernel has that (5.14). */
void launch_group_kill(const struct launch_group *group);
bool launch_group_is_empty(const struct launch_group *group);
/* The oldest of them but @except; pid 0: nobody. */
struct process_id launch_group_oldest(const struct launch_group *group, pid_t except);
/*
 * Remove the cgroup of an empty one.  -EBUSY while a process of it is not quite gone: its
 * end is told before the kernel takes it out of its cgroup.  0 also where there is none.
 */
int launch_group_remove(struct launch_group *group);

#endif /* PORTWATCH_SERVICE_LAUNCH_GROUP_H */
