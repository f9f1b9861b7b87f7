// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/priority.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NICENESS = -4 };

int priority_raise(void)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_NORMAL,
		/* sched(7): a negative nice value is 0 in what is started from here. */
		.sched_flags = SCHED_FLAG_RESET_ON_FORK,
		.sched_nice = NICENESS,
	};

	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) != 0 || errno != 0)
		return -errno;
	return syscall(SYS_sched_setattr, 0, &attr, 0) < 0 ? -errno : 0;
}
