// SPDX-License-Identifier: GPL-2.0-only
#include "probe/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "portwatch/event.h"

enum {
	STAT_MAX = 1024,
	STATUS_MAX = 1024, /* Uid stands near the top */
	CGROUP_MAX = 8192,
	CMDLINE_MAX = 128 * 1024, /* of a longer one the rest is not read */
};

static int open_process(pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* One read: the files of /proc that are used here come whole where there is room.
 * NUL-terminated; the answer is the size, or negative errno. */
static ssize_t read_once(int dirfd, const char *name, char *buf, size_t size)
{
	_cleanup_(close_fdp) int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

/* -ESRCH where there is no such process; other errors too are of the kind that it had
 * gone by the time of reading. */
static int read_stat(int dirfd, const char *path, struct process_info *ret,
		     bool *ret_alive)
{
	char buf[STAT_MAX];
	ssize_t n = read_once(dirfd, path, buf, sizeof(buf));

	if (n < 0 || procfs_parse_stat(buf, n, ret, ret_alive) < 0)
		return -ESRCH;
	return 0;
}

static int read_stat_of(pid_t pid, struct process_info *ret, bool *ret_alive)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return read_stat(AT_FDCWD, path, ret, ret_alive);
}

static uint64_t start_ns(uint64_t ticks)
{
	static long per_s;

	if (!per_s)
		per_s = sysconf(_SC_CLK_TCK);
	return now_wall_ns() - now_boot_ns() + ticks * (NS_PER_S / per_s);
}

static int read_link(int dirfd, const char *name, char **ret)
{
	char buf[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, buf, sizeof(buf));

	if (n < 0)
		return 0;
	*ret = strndup(buf, n);
	return *ret ? 0 : -ENOMEM;
}

static int read_exe(int dirfd, struct process_info *info)
{
	static const char deleted[] = " (deleted)";
	int err = read_link(dirfd, "exe", &info->exe);
	size_t size = info->exe ? strlen(info->exe) : 0;

	if (size >= sizeof(deleted) &&
	    streq(info->exe + size - (sizeof(deleted) - 1), deleted))
		info->exe[size - (sizeof(deleted) - 1)] = '\0';
	return err;
}

static int read_cmdline(int dirfd, struct process_info *info)
{
	_cleanup_(close_fdp) int fd = openat(dirfd, "cmdline", O_RDONLY | O_CLOEXEC);
	_cleanup_(buffer_done) struct buffer buf = { 0 };
	char chunk[4096];
	ssize_t n = fd < 0 ? 0 : sizeof(chunk);

	while (n == sizeof(chunk) && buf.size < CMDLINE_MAX) {
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buffer_add(&buf, chunk, n);
	}
	if (buf.failed)
		return -ENOMEM;
	return buf.size ? procfs_parse_cmdline(buf.data, buf.size, &info->cmdline) : 0;
}

static int read_cgroup(int dirfd, struct process_info *info)
{
	char buf[CGROUP_MAX];

	return read_once(dirfd, "cgroup", buf, sizeof(buf)) > 0
		       ? procfs_parse_cgroup(buf, info)
		       : 0;
}

static int set_user(struct process_info *info)
{
	const char *user = info->uid == (uid_t)-1 ? NULL : procfs_user(info->uid);

	if (!user || info->user)
		return 0;
	info->user = strdup(user);
	return info->user ? 0 : -ENOMEM;
}

/* The real uid: the owner of the folder is the effective one, or root. */
static int read_user(int dirfd, struct process_info *info)
{
	static const char label[] = "\nUid:\t";
	char buf[STATUS_MAX];
	const char *line;

	if (read_once(dirfd, "status", buf, sizeof(buf)) < 0)
		return 0;
	line = strstr(buf, label);
	if (!line)
		return 0;
	info->uid = strtoul(line + sizeof(label) - 1, NULL, 10);
	return set_user(info);
}

/* exe after cmdline: an exec in between then shows. */
static int read_rest(int dirfd, unsigned what, struct process_info *info)
{
	int err = 0;

	info->start_ns = start_ns(info->id.start_ticks);
	if (what & PROCFS_CMDLINE)
		err = read_cmdline(dirfd, info);
	if (err == 0 && what & PROCFS_EXE)
		err = read_exe(dirfd, info);
	if (err == 0 && what & PROCFS_CWD)
		err = read_link(dirfd, "cwd", &info->cwd);
	if (err == 0 && what & PROCFS_CGROUP)
		err = read_cgroup(dirfd, info);
	if (err == 0 && what & PROCFS_USER)
		err = read_user(dirfd, info);
	return err;
}

int procfs_read(pid_t pid, unsigned what, struct process_info *ret)
{
	_cleanup_(process_info_done) struct process_info info = { 0 };
	_cleanup_(close_fdp) int dirfd = open_process(pid);
	bool alive;
	int err;

	if (dirfd < 0)
		return -ESRCH;
	err = read_stat(dirfd, "stat", &info, &alive);
	if (err < 0)
		return err;
	err = read_rest(dirfd, what, &info);
	if (err < 0)
		return err;

	*ret = info;
	info = (struct process_info){ 0 };
	return 0;
}

bool procfs_is_alive(struct process_id id)
{
	struct process_info info;
	bool alive;

	return read_stat_of(id.pid, &info, &alive) == 0 && alive &&
	       (!id.start_ticks || info.id.start_ticks == id.start_ticks);
}

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size >= end_size && streq(text + size - end_size, end);
}

/* The kernel's word on a path may lack the front. */
static void complete_path(char **known, char **found)
{
	if (*known && (**known == '/' || !*found || !ends_with(*found, *known)))
		return;
	free(*known);
	*known = take(*found);
}

/* The kernel's word on argv may lack the end. */
static void complete_argv(char ***known, char ***found)
{
	size_t n = strv_length(*known);

	if (strv_length(*found) <= n)
		return;
	for (size_t i = 0; i < n; i++)
		if (!streq((*known)[i], (*found)[i]))
			return;
	strv_free(*known);
	*known = take(*found);
}

static void complete_string(char **known, char **found)
{
	if (!*known)
		*known = take(*found);
}

static bool is_same_program(const struct process_info *info,
			    const struct process_info *found)
{
	if (info->exe && found->exe)
		return ends_with(found->exe, info->exe);
	return !info->comm[0] || streq(info->comm, found->comm);
}

static void complete(struct process_info *info, struct process_info *found)
{
	if (!info->ppid)
		info->ppid = found->ppid;
	if (!info->sid)
		info->sid = found->sid;
	if (!info->start_ns)
		info->start_ns = found->start_ns;
	if (info->uid == (uid_t)-1)
		info->uid = found->uid;
	if (!info->cgroup) {
		complete_string(&info->cgroup, &found->cgroup);
		complete_string(&info->unit, &found->unit);
		complete_string(&info->container, &found->container);
	}
	complete_path(&info->cwd, &found->cwd);
	if (!is_same_program(info, found))
		return;
	complete_path(&info->exe, &found->exe);
	complete_argv(&info->cmdline, &found->cmdline);
	if (!info->comm[0])
		memcpy(info->comm, found->comm, sizeof(info->comm));
}

/* The kernel sends this much of argv at most; so long a one may lack its end. */
static bool may_be_cut(char *const *argv)
{
	size_t size = 0;

	for (; argv && *argv; argv++)
		size += strlen(*argv) + 1;
	return size >= PW_ARGS_LEN / 2;
}

/* Each is a file to be opened, while an alert may be waiting for it. */
static unsigned find_missing(const struct process_info *info)
{
	unsigned what = PROCFS_STAT;

	if (!info->exe || *info->exe != '/')
		what |= PROCFS_EXE;
	/* An argv is of use only with the exe that says whose it is. */
	if (!info->cmdline || may_be_cut(info->cmdline))
		what |= PROCFS_CMDLINE | PROCFS_EXE;
	if (!info->cwd || *info->cwd != '/')
		what |= PROCFS_CWD;
	if (!info->cgroup)
		what |= PROCFS_CGROUP;
	if (info->uid == (uid_t)-1)
		what |= PROCFS_USER;
	return what;
}

int procfs_complete(struct process_info *info)
{
	_cleanup_(process_info_done) struct process_info found = { 0 };
	int err = procfs_read(info->id.pid, find_missing(info), &found);

	if (err == -ENOMEM)
		return err;
	if (err == 0 && found.id.start_ticks == info->id.start_ticks)
		complete(info, &found);
	return set_user(info);
}

enum { ANCESTORS_MAX = 64 };

/* The parent @pid of a process that started at @child_start, by its stat alone.  A pid
 * that was given anew since is no parent. */
static bool find_parent(pid_t pid, uint64_t child_start, struct process_info *ret)
{
	bool alive;

	return pid > 0 && read_stat_of(pid, ret, &alive) == 0 &&
	       ret->id.start_ticks <= child_start;
}

/* In the table with all that is above it, and still the same program? */
static struct process *find_known(const struct processes *table,
				  const struct process_info *stat)
{
	struct process *known = processes_find(table, stat->id);

	return known && streq(known->info.comm, stat->comm) &&
			       (known->parent || !stat->ppid)
		       ? known
		       : NULL;
}

/* Interned from the top down; takes over what is in @chain. */
static struct process *intern_chain(struct processes *table, struct process_info *chain,
				    size_t n, struct process *top)
{
	struct process *next;

	while (n-- > 0) {
		/* Where the table is full the chain has a gap there. */
		if (processes_intern(table, &chain[n], top, &next) < 0)
			next = NULL;
		processes_unref(table, top);
		top = next;
	}
	return top;
}

/* Referenced; NULL where it has gone. */
static struct process *intern_ancestors(struct processes *table, pid_t ppid,
					uint64_t child_start)
{
	struct process_info chain[ANCESTORS_MAX], stat;
	struct process *top = NULL;
	size_t n = 0;

	while (n < ANCESTORS_MAX && find_parent(ppid, child_start, &stat)) {
		top = find_known(table, &stat);
		if (top) {
			processes_ref(top);
			break;
		}
		if (procfs_read(ppid, PROCFS_ALL, &chain[n]) < 0)
			break;
		if (chain[n].id.start_ticks != stat.id.start_ticks) {
			process_info_done(&chain[n]);
			break;
		}
		ppid = chain[n].ppid;
		child_start = chain[n].id.start_ticks;
		n++;
	}
	return intern_chain(table, chain, n, top);
}

int procfs_intern(struct processes *table, struct process_info *info,
		  struct process **ret)
{
	struct process *known = processes_find(table, info->id), *parent = NULL;
	int err;

	if (!known || !known->parent)
		parent = intern_ancestors(table, info->ppid, info->id.start_ticks);
	err = processes_intern(table, info, parent, ret);
	processes_unref(table, parent);
	return err;
}
