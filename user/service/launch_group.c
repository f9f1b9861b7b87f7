// SPDX-License-Identifier: GPL-2.0-only
#include "service/launch_group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

enum { PROC_FILE_MAX = 256 * 1024, KILL_ROUNDS = 8 };

#define TOP "portwatch"

void launch_group_done(struct launch_group *group)
{
	free(group->cgroup);
	*group = (struct launch_group){ 0 };
}

/* -- Where cgroups are ----------------------------------------------------------------
 */

static char *find_mount(void)
{
	FILE *file = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;
	char *found = NULL;

	if (!file)
		return NULL;
	while (!found && (mount = getmntent(file)))
		if (streq(mount->mnt_type, "cgroup2"))
			found = strdup(mount->mnt_dir);
	endmntent(file);
	return found;
}

/* The daemon's own, "/system.slice/portwatchd.service"; NULL. */
static char *own_cgroup(void)
{
	_cleanup_(freep) char *text = NULL;
	const char *at;

	if (file_read("/proc/self/cgroup", PROC_FILE_MAX, &text, NULL) < 0)
		return NULL;
	at = starts_with(text, "0::") ? text : strstr(text, "\n0::");
	if (!at)
		return NULL;
	at += *at == '\n';
	return strndup(at + 3, strcspn(at + 3, "\n"));
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && streq(text + n - m, end);
}

int launch_cgroups_find(const char *instance, char **ret)
{
	_cleanup_(freep) char *mount = find_mount();
	_cleanup_(freep) char *own = own_cgroup();
	_cleanup_(freep) char *folder = NULL;
	bool in_own = own && ends_with(own, ".service");

	if (!mount)
		return -EOPNOTSUPP;
	if (asprintf(&folder, "%s%s/" TOP "/%s", streq(mount, "/") ? "" : mount,
		     in_own ? own : "", instance) < 0) {
		folder = NULL;
		return -ENOMEM;
	}

	*ret = take(folder);
	return 0;
}

int launch_group_name(struct launch_group *group, const char *folder, const char *name)
{
	_cleanup_(freep) char *path = NULL;

	free(group->cgroup);
	group->cgroup = NULL;
	if (!folder)
		return 0;
	/* A name may begin with a dot or be that of a file of the kernel's. */
	if (asprintf(&path, "%s/s-%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	group->cgroup = take(path);
	return 0;
}

int launch_group_remove(struct launch_group *group)
{
	char *slash;

	if (!group->cgroup)
		return 0;
	if (rmdir(group->cgroup) < 0 && errno != ENOENT)
		return -errno;
	/* The last one takes the daemon's folder along. */
	slash = strrchr(group->cgroup, '/');
	*slash = '\0';
	rmdir(group->cgroup);
	free(group->cgroup);
	group->cgroup = NULL;
	return 0;
}

/* -- Who is in it ---------------------------------------------------------------------
 */

struct member {
	pid_t pid, ppid, sid;
	uint64_t start_ticks;
};

static bool read_member(pid_t pid, struct member *ret)
{
	_cleanup_(freep) char *text = NULL;
	char path[48], state;
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, PROC_FILE_MAX, &text, NULL) < 0)
		return false;
	at = strrchr(text, ')');
	ret->pid = pid;
	return at &&
	       sscanf(at + 1,
		      " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
		      "%*d %*d %" SCNu64,
		      &state, &ret->ppid, &ret->sid, &ret->start_ticks) == 4 &&
	       state != 'Z' && state != 'X';
}

static bool has_mark(pid_t pid, const char *mark)
{
	_cleanup_(freep) char *text = NULL;
	char path[48], line[64];
	size_t size, n;

	if (!*mark)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	if (file_read(path, PROC_FILE_MAX, &text, &size) < 0)
		return false;
	n = (size_t)snprintf(line, sizeof(line), LAUNCH_MARK_VARIABLE "=%s", mark) + 1;
	return memmem(text, size, line, n);
}

typedef void (*member_fn)(const struct member *member, void *arg);

static void each_of_cgroup(const char *cgroup, member_fn fn, void *arg)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(freep) char *text = NULL;
	struct member member;

	if (asprintf(&path, "%s/cgroup.procs", cgroup) < 0) {
		path = NULL;
		return;
	}
	if (file_read(path, 16 * PROC_FILE_MAX, &text, NULL) < 0)
		return;
	for (char *at = text, *end; *at; at = end + strspn(end, "\n")) {
		pid_t pid = (pid_t)strtol(at, &end, 10);

		if (end == at)
			break;
		if (pid > 0 && read_member(pid, &member))
			fn(&member, arg);
	}
}

static bool is_member(const struct launch_group *group, const struct member *member)
{
	return (group->session &&
		(member->sid == group->session || member->pid == group->session ||
		 member->ppid == group->session)) ||
	       has_mark(member->pid, group->mark);
}

static void each_of_host(const struct launch_group *group, member_fn fn, void *arg)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	struct member member;
	uint64_t pid;

	while (proc && (entry = readdir(proc)))
		if (parse_u64(entry->d_name, INT32_MAX, &pid) == 0 && pid != 1 &&
		    (pid_t)pid != getpid() && read_member((pid_t)pid, &member) &&
		    is_member(group, &member))
			fn(&member, arg);
	if (proc)
		closedir(proc);
}

static void each(const struct launch_group *group, member_fn fn, void *arg)
{
	if (group->cgroup)
		each_of_cgroup(group->cgroup, fn, arg);
	else if (group->session || group->mark[0])
		each_of_host(group, fn, arg);
}

/* -- What is done to them -------------------------------------------------------------
 */

struct signalling {
	int signal;
	size_t n;
};

static void send_signal(const struct member *member, void *arg)
{
	struct signalling *signalling = arg;

	signalling->n++;
	if (signalling->signal)
		kill(member->pid, signalling->signal);
}

size_t launch_group_signal(const struct launch_group *group, int signal)
{
	struct signalling signalling = { .signal = signal };

	each(group, send_signal, &signalling);
	return signalling.n;
}

bool launch_group_is_empty(const struct launch_group *group)
{
	return launch_group_signal(group, 0) == 0;
}

static bool write_kill(const char *cgroup)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(close_fdp) int fd = -EBADF;

	if (asprintf(&path, "%s/cgroup.kill", cgroup) < 0) {
		path = NULL;
		return false;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "1", 1) == 1;
}

void launch_group_kill(const struct launch_group *group)
{
	if (group->cgroup && write_kill(group->cgroup))
		return;
	/* Whoever forks meanwhile is met in the next round. */
	for (int i = 0; i < KILL_ROUNDS && launch_group_signal(group, SIGKILL) > 0; i++)
		;
}

struct oldest {
	struct process_id id;
	pid_t except;
};

static void note_oldest(const struct member *member, void *arg)
{
	struct oldest *oldest = arg;

	if (member->pid == oldest->except ||
	    (oldest->id.pid && oldest->id.start_ticks <= member->start_ticks))
		return;
	oldest->id = (struct process_id){ member->pid, member->start_ticks };
}

struct process_id launch_group_oldest(const struct launch_group *group, pid_t except)
{
	struct oldest oldest = { .except = except };

	each(group, note_oldest, &oldest);
	return oldest.id;
}
