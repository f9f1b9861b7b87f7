/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * procfs - what /proc says of one process and of the host.
 */
#ifndef PORTWATCH_PROBE_PROCFS_H
#define PORTWATCH_PROBE_PROCFS_H

#include "core/matcher.h"
#include "core/process.h"

/* How much of a process to read: each is a file or more. */
enum {
	PROCFS_STAT = 0, /* id, ppid, start, comm, sid: always */
	PROCFS_EXE = 1 << 0,
	PROCFS_CMDLINE = 1 << 1,
	PROCFS_CWD = 1 << 2,
	PROCFS_CGROUP = 1 << 3, /* cgroup, unit, container */
	PROCFS_USER = 1 << 4,   /* uid and user */
	PROCFS_ALL = 0x1f,
};

/* /proc/PID/stat; *ret gets id, ppid, sid and comm.  -EINVAL. */
int procfs_parse_stat(const char *text, size_t size, struct process_info *ret,
		      bool *ret_alive);
/* argv as /proc/PID/cmdline has it, also written over by a title; NULL for a kernel
 * thread.  -ENOMEM. */
int procfs_parse_cmdline(const char *data, size_t size, char ***ret);
/* /proc/PID/cgroup: the v2 line, else systemd's own; in hybrid mode whichever says more.
 * -ENOMEM. */
int procfs_parse_cgroup(const char *text, struct process_info *info);
/* "1,5-9" into a bitmap of 8192 bytes.  -EINVAL. */
int procfs_parse_ports(const char *text, uint8_t *bitmap);

/* Everything that /proc lets be read of @pid; what cannot be read stays unknown.
 * -ESRCH where there is no such process. */
int procfs_read(pid_t pid, unsigned what, struct process_info *ret);
/* Alive (not a zombie) and the same that was meant? */
bool procfs_is_alive(struct process_id id);
/* @info as it was told by the kernel, completed from /proc where that is still the same
 * process and program.  0, also where it has gone; -ENOMEM. */
int procfs_complete(struct process_info *info);
/* The process with its chain of parents, interned; one reference for the caller. */
int procfs_intern(struct processes *table, struct process_info *info,
		  struct process **ret);
/* User name of a uid from /etc/passwd, cached; NULL where it has none.  Borrowed until
 * the next call. */
const char *procfs_user(uid_t uid);

/* Inode number of this process's network namespace; 0 where unknown. */
uint32_t procfs_own_netns(void);
/* net.ipv4.ip_local_port_range of this namespace; -errno. */
int procfs_port_range(struct port_range *ret);
/* net.ipv4.ip_local_reserved_ports as a bitmap of 8192 bytes; -errno. */
int procfs_reserved_ports(uint8_t *bitmap);
/* net.ipv4.ip_unprivileged_port_start; 1024 where unknown. */
uint16_t procfs_unprivileged_port(void);

#endif /* PORTWATCH_PROBE_PROCFS_H */
