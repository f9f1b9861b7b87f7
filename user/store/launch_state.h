/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launch_state - launched.json: which processes portwatch started, so that a daemon that
 * comes back finds them again.
 */
#ifndef PORTWATCH_STORE_LAUNCH_STATE_H
#define PORTWATCH_STORE_LAUNCH_STATE_H

#include "core/process.h"
#include "core/registry.h"

enum { LAUNCH_PHASE_NAME = 16, LAUNCH_MARK_MAX = 32 };

struct launch_record {
	char service[SERVICE_NAME_MAX + 1];
	char phase[LAUNCH_PHASE_NAME];
	struct process_id process; /* pid 0: none */
	char *cgroup;              /* owned; NULL none */
	char mark[LAUNCH_MARK_MAX];
	uint32_t restarts;
	uint64_t started_ns; /* wall clock */
	bool is_ready;       /* it has been */
};

struct launch_records {
	struct launch_record *items;
	size_t n;
};
void launch_records_done(struct launch_records *records);
/* Owned; NULL for want of memory. */
char *launch_state_path(const char *folder);

/* None where the file is missing or was written before the host was started anew.
 * -EINVAL where it is none of ours; what reading says, -ENOMEM. */
int launch_state_load(const char *path, struct launch_records *ret);
/* Replace it.  What writing says, -ENOMEM. */
int launch_state_save(const char *path, const struct launch_records *records);

#endif /* PORTWATCH_STORE_LAUNCH_STATE_H */
