// SPDX-License-Identifier: GPL-2.0-only
#include "core/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/strings.h"

void process_info_done(struct process_info *info)
{
	free(info->exe);
	strv_free(info->cmdline);
	free(info->user);
	free(info->cwd);
	free(info->cgroup);
	free(info->unit);
	free(info->container);
	*info = (struct process_info){ .uid = (uid_t)-1 };
}

/* True unless memory ran out. */
static bool copy_string(const char *from, char **ret)
{
	if (from)
		*ret = strdup(from);
	return !from || *ret;
}

int process_info_copy(const struct process_info *from, struct process_info *ret)
{
	struct process_info copy = *from;
	bool copied;

	copy.exe = copy.user = copy.cwd = NULL;
	copy.cgroup = copy.unit = copy.container = NULL;
	copy.cmdline = from->cmdline ? strv_copy(from->cmdline) : NULL;

	copied = (copy.cmdline || !from->cmdline) && copy_string(from->exe, &copy.exe) &&
		 copy_string(from->user, &copy.user) &&
		 copy_string(from->cwd, &copy.cwd) &&
		 copy_string(from->cgroup, &copy.cgroup) &&
		 copy_string(from->unit, &copy.unit) &&
		 copy_string(from->container, &copy.container);
	if (!copied) {
		process_info_done(&copy);
		return -ENOMEM;
	}

	*ret = copy;
	return 0;
}

bool process_descends(const struct process *b, const struct process *a)
{
	for (; a && b; b = b->parent)
		if (a == b)
			return true;
	return false;
}

/* PID 1 starts everything that nobody else does, also where it runs the same program
 * as what it starts (busybox, a container's entry point). */
static bool are_workers(const struct process *a, const struct process *b)
{
	const struct process *master = a->parent;

	return master && master == b->parent && master->info.id.pid != 1 &&
	       master->info.exe && streq(a->info.exe, master->info.exe) &&
	       streq(b->info.exe, master->info.exe);
}

bool process_same_family(const struct process *a, const struct process *b)
{
	if (!a || !b)
		return false;
	return process_descends(a, b) || process_descends(b, a) || are_workers(a, b);
}

const char *process_describe(const struct process *p, char *buf, size_t size)
{
	if (!p)
		snprintf(buf, size, "an unknown process");
	else if (p->info.comm[0])
		snprintf(buf, size, "%s (pid %d)", p->info.comm, p->info.id.pid);
	else
		snprintf(buf, size, "pid %d", p->info.id.pid);
	return buf;
}

static void describe_signal(int sig, char *buf, size_t size)
{
	const char *name = sigabbrev_np(sig);

	if (name)
		snprintf(buf, size, "signal SIG%s", name);
	else
		snprintf(buf, size, "signal %d", sig);
}

const char *process_describe_exit(const struct process *p, char *buf, size_t size)
{
	int status = p ? p->status : -1;

	if (status == -1)
		snprintf(buf, size, "unknown status");
	else if (WIFSIGNALED(status))
		describe_signal(WTERMSIG(status), buf, size);
	else
		snprintf(buf, size, "exit code %d", WEXITSTATUS(status));
	return buf;
}
