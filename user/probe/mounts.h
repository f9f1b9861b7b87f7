/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mounts - the kernel's file systems, wherever they are mounted, or not at all.
 *
 * A file system that is mounted nowhere is opened detached (fsopen(2), fsmount(2)): it
 * appears in no namespace and goes away with the descriptor.
 */
#ifndef PORTWATCH_PROBE_MOUNTS_H
#define PORTWATCH_PROBE_MOUNTS_H

#include <stddef.h>

/* A descriptor of the root of "cgroup2" or "tracefs"; negative errno.  @path, where not
 * NULL, gets the mount point or "" if there is none. */
int mounts_open(const char *type, char *path, size_t size);

/* The path below the root of a cgroup v2 id; "" and -errno where it is not known.
 * @root is a descriptor and @mount its path, as mounts_open() gave them. */
int mounts_cgroup_path(int root, const char *mount, unsigned long long id, char *path,
		       size_t size);

#endif /* PORTWATCH_PROBE_MOUNTS_H */
