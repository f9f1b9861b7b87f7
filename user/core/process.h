/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process - what an alert prints of a process, read when the event happened.
 *
 * Pure state.  A struct process is counted by reference: kept while a socket, a
 * service, an allocation or an alert refers to it, so that a process that has
 * died since is still named.  It is keyed by pid *and* start time.  NULL and
 * UINT64_MAX/(uid_t)-1 mean "unknown".
 */
#ifndef PORTWATCH_CORE_PROCESS_H
#define PORTWATCH_CORE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct service;
struct service_state;
struct processes;

struct process_id {
	pid_t pid;
	/* Start, in clock ticks since boot as field 22 of /proc/PID/stat has it:
	 * the coarsest of what the sources give, so that all of them compare. */
	uint64_t start_ticks;
};

/* All strings are owned.  Plain data: probe fills it, processes_intern() copies it. */
struct process_info {
	struct process_id id;
	pid_t ppid;          /* 0 where there is none or it is unknown */
	uint64_t start_ns;   /* wall clock, since 1970; 0 unknown */
	uid_t uid;           /* (uid_t)-1 unknown */
	pid_t sid;           /* session; 0 unknown */
	uint32_t exec_count; /* changes when the process executes another program */
	char comm[16];
	char *exe;      /* NULL unknown; a " (deleted)" of the kernel's is cut off */
	char **cmdline; /* NULL-terminated; NULL unknown */
	char *user;
	char *cwd;
	char *cgroup;    /* the v2 path, else that of the systemd hierarchy */
	char *unit;      /* "goblin.service" */
	char *container; /* id, as docker, podman, containerd, lxc and cri-o name it */
};

struct process {
	struct process_info info;
	struct process *parent; /* referenced; NULL at the top or where it had gone */
	bool exited;
	int status;         /* as wait(2) reports it, once exited; -1 unknown */
	uint64_t exited_ns; /* wall clock */
	/* Which service it is by `match`, as the matcher found it under registry
	 * generation match_generation; borrowed from that registry. */
	const struct service *match;
	uint64_t match_generation;
	/* The states in which it is recorded; linked by next_recorded.  The matcher's. */
	struct service_state *recorded_in;
	/* The engine's: /proc has been asked for what the kernel's word left open. */
	bool complete;
	/* The engine's: allocations are kept by it while a child of it has them. */
	bool keeps;
	/* The engine's: portwatch is ending it, so that nothing records it. */
	bool ending;
	unsigned refs; /* processes_ref() and processes_unref() only */
};

void process_info_done(struct process_info *info);
/* Deep copy. -ENOMEM */
int process_info_copy(const struct process_info *from, struct process_info *ret);

/* Keeps @cgroup, and the unit and container that it names; either may stay NULL.
 * -ENOMEM. */
int process_info_parse_cgroup(struct process_info *info, const char *cgroup);

/* @a is @b, or one of its ancestors. */
bool process_descends(const struct process *b, const struct process *a);
/* One program in SPEC's sense, services aside: the same process, one descends from
 * the other, or siblings under a parent that runs the same executable. */
bool process_same_family(const struct process *a, const struct process *b);

/* "python3 (pid 4711)", for messages.  Not escaped.  Returns @buf. */
const char *process_describe(const struct process *p, char *buf, size_t size);
/* "exit code 3", "signal SIGKILL", "unknown status".  Returns @buf. */
const char *process_describe_exit(const struct process *p, char *buf, size_t size);

/* An empty table that refuses to grow past @limit processes.  -ENOMEM. */
int processes_new(size_t limit, struct processes **ret);
struct processes *processes_free(struct processes *table);
DEFINE_CLEANUP(struct processes, processes_free)

/*
 * The process of @info, made if it is new, with one more reference for the caller.
 * Takes over the contents of @info and empties it, also on failure.  Where the
 * process is known, what @info knows and it does not is filled in; a different
 * exec_count or exe replaces what the earlier program was and returns 1.
 * @parent may be NULL and is referenced.  0 or 1; -ENOSPC, -ENOMEM.
 */
int processes_intern(struct processes *table, struct process_info *info,
		     struct process *parent, struct process **ret);

/* Borrowed; NULL if unknown. */
struct process *processes_find(const struct processes *table, struct process_id id);
/* The youngest one with that pid that has not exited; borrowed; NULL. */
struct process *processes_find_pid(const struct processes *table, pid_t pid);

struct process *processes_ref(struct process *p);
/* Accepts NULL, returns NULL; frees at the last reference. */
struct process *processes_unref(struct processes *table, struct process *p);

size_t processes_count(const struct processes *table);

#endif /* PORTWATCH_CORE_PROCESS_H */
