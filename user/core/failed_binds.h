/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * failed_binds - the last binds that were refused, for whoever asks what was tried.
 *
 * Pure state, bounded: the oldest goes out.  One who tries again and again is one entry
 * that counts.  It holds references on the processes.
 */
#ifndef PORTWATCH_CORE_FAILED_BINDS_H
#define PORTWATCH_CORE_FAILED_BINDS_H

#include "core/endpoint.h"
#include "core/process.h"

enum { FAILED_BINDS_MAX = 512 };

struct failed_bind {
	struct endpoint at; /* as it was asked for */
	int error;          /* negative errno; 0 unknown */
	bool inferred;
	uid_t uid;
	struct process *caller;     /* the last one; NULL unknown */
	struct process *holder;     /* who stood in its way; NULL unknown */
	uint64_t first_ns, last_ns; /* wall clock */
	uint64_t count;
};

struct failed_binds;

/* @procs is borrowed.  -ENOMEM. */
int failed_binds_new(struct processes *procs, struct failed_binds **ret);
struct failed_binds *failed_binds_free(struct failed_binds *list);
DEFINE_CLEANUP(struct failed_binds, failed_binds_free)

/* @bind is a template; its last_ns is when, its count is not looked at. */
void failed_binds_add(struct failed_binds *list, const struct failed_bind *bind);

/* Those to this port, newest first, then NULL; @cursor starts at 0.  @proto 0: any.
 * Borrowed until the next is added. */
const struct failed_bind *failed_binds_next(const struct failed_binds *list,
					    uint32_t netns, uint16_t proto, uint16_t port,
					    size_t *cursor);

#endif /* PORTWATCH_CORE_FAILED_BINDS_H */
