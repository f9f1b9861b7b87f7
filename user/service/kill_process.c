// SPDX-License-Identifier: GPL-2.0-only
#include "service/kill_process.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

enum { FILE_MAX = 64 * 1024, KERNEL_THREAD = 0x00200000 /* PF_KTHREAD */ };

/* What decides, of the process that has a PID now. */
struct look {
	uint64_t start_ticks;
	bool kernel_thread;
	bool stopped;
	uid_t uid, saved_uid;
};

static int read_proc(pid_t pid, const char *name, char **ret)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return file_read(path, FILE_MAX, ret, NULL);
}

static int look_at_stat(pid_t pid, struct look *ret)
{
	_cleanup_(freep) char *text = NULL;
	int err = read_proc(pid, "stat", &text);
	uint64_t ticks;
	unsigned flags;
	const char *at;
	char state;

	if (err < 0)
		return err;
	/* What stands in the parentheses is chosen by the process. */
	at = strrchr(text, ')');
	if (!at ||
	    sscanf(at + 1,
		   " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
		   "%*d %*d %" SCNu64,
		   &state, &flags, &ticks) != 3)
		return -EPROTO;
	ret->start_ticks = ticks;
	ret->kernel_thread = flags & KERNEL_THREAD;
	ret->stopped = state == 'T';
	return 0;
}

static int look_at_status(pid_t pid, struct look *ret)
{
	_cleanup_(freep) char *text = NULL;
	int err = read_proc(pid, "status", &text);
	unsigned real, saved;
	const char *at;

	if (err < 0)
		return err;
	/* Name, the first line, has its newlines escaped. */
	at = strstr(text, "\nUid:");
	if (!at || sscanf(at, "\nUid: %u %*u %u", &real, &saved) != 2)
		return -EPROTO;
	ret->uid = real;
	ret->saved_uid = saved;
	return 0;
}

static int look(pid_t pid, struct look *ret)
{
	int err = look_at_stat(pid, ret);

	return err < 0 ? err : look_at_status(pid, ret);
}

static enum kill_rule rule_by_pid(pid_t pid, const struct kill_caller *caller)
{
	if (pid <= 1)
		return RULE_INIT;
	if (pid == getpid())
		return RULE_SELF;
	return pid == caller->pid ? RULE_CALLER : RULE_NONE;
}

/* As kill(2) has it for the caller: its real or saved uid is theirs. */
static enum kill_rule rule_by_look(const struct look *now,
				   const struct kill_caller *caller)
{
	if (now->kernel_thread)
		return RULE_KERNEL;
	if (caller->all || now->uid == caller->uid || now->saved_uid == caller->uid)
		return RULE_NONE;
	return RULE_OTHERS;
}

static int refuse(enum kill_rule rule, enum kill_rule *ret_rule)
{
	*ret_rule = rule;
	return -EPERM;
}

int kill_process_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

static int send_signal(int pidfd, int signal, enum kill_rule *ret_rule)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0)
		return 0;
	return errno == EPERM ? refuse(RULE_CAPABILITY, ret_rule) : -errno;
}

/*
 * While the process of @pidfd is there its PID is its own, so that what /proc says is of
 * that process.  Where it had gone before the look, the last send finds nobody, whoever
 * has the PID by then.
 */
int kill_process_signal(int pidfd, struct process_id id, const struct kill_caller *caller,
			int signal, enum kill_rule *ret_rule)
{
	enum kill_rule rule = rule_by_pid(id.pid, caller);
	struct look now;
	int err;

	if (rule != RULE_NONE)
		return refuse(rule, ret_rule);
	err = look(id.pid, &now);
	if (err < 0)
		return err == -ENOENT ? -ESRCH : err;
	if (now.start_ticks != id.start_ticks)
		return -ESRCH;
	rule = rule_by_look(&now, caller);
	if (rule != RULE_NONE)
		return refuse(rule, ret_rule);
	err = send_signal(pidfd, signal, ret_rule);
	/* One that is stopped would take it when it is continued, which may be never. */
	if (err == 0 && now.stopped && signal != 0 && signal != SIGKILL)
		(void)send_signal(pidfd, SIGCONT, ret_rule);
	return err;
}

bool kill_process_ignores(pid_t pid, int signal)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t ignored;
	const char *at;

	if (read_proc(pid, "status", &text) < 0)
		return false;
	at = strstr(text, "\nSigIgn:");
	return at && sscanf(at, "\nSigIgn: %" SCNx64, &ignored) == 1 &&
	       ignored >> (signal - 1) & 1;
}

static const struct {
	const char *name, *text;
} rules[] = {
	[RULE_NONE] = { NULL, "" },
	[RULE_INIT] = { "init", "it is PID 1" },
	[RULE_SELF] = { "self", "it is portwatch itself" },
	[RULE_CALLER] = { "caller", "it is the one who asks" },
	[RULE_KERNEL] = { "kernel", "it is part of the kernel" },
	[RULE_OTHERS] = { "owner",
			  "it belongs to another user, and only root and members "
			  "of group portwatch may end that" },
	[RULE_CAPABILITY] = { "capability",
			      "it belongs to another user, and CAP_KILL is missing" },
	[RULE_COMPANY] = { "company", "its port would stay taken: another holder is not "
				      "to be ended" },
};

const char *kill_rule_text(enum kill_rule rule)
{
	return rules[rule].text;
}

const char *kill_rule_name(enum kill_rule rule)
{
	return rules[rule].name;
}
