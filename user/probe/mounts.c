// SPDX-License-Identifier: GPL-2.0-only
#include "probe/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "base/strings.h"

static int find_mount(const char *type, char *path, size_t size)
{
	struct mntent entry;
	char line[4096];
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	int err = -ENOENT;

	if (!mounts)
		return -errno;
	while (err == -ENOENT && getmntent_r(mounts, &entry, line, sizeof(line)))
		if (streq(entry.mnt_type, type) && strlen(entry.mnt_dir) < size) {
			strcpy(path, entry.mnt_dir);
			err = 0;
		}
	endmntent(mounts);
	return err;
}

static int mount_detached(const char *type)
{
	_cleanup_(close_fdp) int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int mounts_open(const char *type, char *path, size_t size)
{
	char found[512];
	int fd;

	if (path)
		path[0] = '\0';
	if (find_mount(type, found, sizeof(found)) < 0)
		return mount_detached(type);
	fd = open(found, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (path && strlen(found) < size)
		strcpy(path, found);
	return fd;
}

int mounts_cgroup_path(int root, const char *mount, unsigned long long id, char *path,
		       size_t size)
{
	/* include/linux/exportfs.h: FILEID_KERNFS, a handle that is the id alone. */
	struct {
		struct file_handle h;
		uint64_t id;
	} handle = { .h = { .handle_bytes = sizeof(uint64_t), .handle_type = 0xfe } };
	_cleanup_(close_fdp) int fd = -EBADF;
	char link[64], full[1024];
	size_t prefix = strlen(mount);
	ssize_t n;

	path[0] = '\0';
	if (prefix == 0)
		return -ENOENT;
	memcpy(handle.h.f_handle, &id, sizeof(uint64_t));
	fd = open_by_handle_at(root, &handle.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, full, sizeof(full) - 1);
	if (n < 0)
		return -errno;
	full[n] = '\0';
	if (strncmp(full, mount, prefix) != 0 || (size_t)n - prefix + 2 > size)
		return -ENAMETOOLONG;
	strcpy(path, full[prefix] ? full + prefix : "/");
	return 0;
}
