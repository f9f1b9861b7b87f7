/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spool - messages in the files of a folder, one each, by number.
 *
 * All is done by a thread of libuv's, one thing after the other in the order in which it
 * was asked for.  A file is whole or not there, whenever the power goes.
 */
#ifndef PORTWATCH_SINKS_SPOOL_H
#define PORTWATCH_SINKS_SPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/cleanup.h"

struct spool;

enum spool_action { SPOOL_WRITE, SPOOL_READ, SPOOL_REMOVE };

struct spool_result {
	enum spool_action action;
	uint64_t number;
	int error;
	/* What was read, or what could not be written: the callee's, NULL otherwise. */
	char *text;
	size_t size;
};
typedef void (*spool_fn)(const struct spool_result *result, void *arg);

/* @folder is copied, and made when something is written.  -ENOMEM. */
int spool_new(uv_loop_t *loop, const char *folder, spool_fn fn, void *arg,
	      struct spool **ret);
/* Nothing may be under way. */
struct spool *spool_free(struct spool *spool);
DEFINE_CLEANUP(struct spool, spool_free)

struct spool_entry {
	uint64_t number, wall_ns;
	size_t size;
};
/* What is there, in order, and owned; what a crash left half written is removed.  The
 * answer is how many, or -errno; none where there is no folder. */
ssize_t spool_list(const char *folder, struct spool_entry **ret);

/* Each is answered, and never before it returns; of what is asked for, @text is taken
 * over.  -ENOMEM: not asked for. */
int spool_write(struct spool *spool, uint64_t number, char *text, size_t size);
int spool_read(struct spool *spool, uint64_t number);
int spool_remove(struct spool *spool, uint64_t number);
/* Of texts that are not written yet. */
size_t spool_bytes(const struct spool *spool);

#endif /* PORTWATCH_SINKS_SPOOL_H */
