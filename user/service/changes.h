/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * changes - the registry file changed when somebody asks for it, by a worker.
 *
 * Whatever is asked for while one change is on its way to the disk is written with the
 * next.  What is answered as done is on the disk and in force.  Single-threaded but for
 * the worker, which is given all that it looks at.
 */
#ifndef PORTWATCH_SERVICE_CHANGES_H
#define PORTWATCH_SERVICE_CHANGES_H

#include "engine/engine.h"
#include "store/registry_orders.h"
#include "store/worker.h"

struct changes;

struct changes_options {
	struct engine *engine;
	struct worker *worker;
	const char *path; /* copied */
	/* Take the file over as it now is.  -errno. */
	int (*reload)(void *arg);
	void *arg;
};

/* Touches no file.  -ENOMEM. */
int changes_new(const struct changes_options *options, struct changes **ret);
/* The worker must have finished. */
struct changes *changes_free(struct changes *changes);
DEFINE_CLEANUP(struct changes, changes_free)

struct change_request {
	struct registry_order order; /* what it borrows is kept until the answer */
	/* The order has its answer, which is the callee's to free.  @err: what came of
	 * putting a change in force that is on the disk. */
	void (*answer)(struct change_request *request, int err);
	/* private */
	struct change_request *next;
	bool begun;
};

/* @request is borrowed until its answer, which never comes before this returns. */
void changes_submit(struct changes *changes, struct change_request *request);
/* Nobody waits for it any more.  True where it was not begun and never will be; false
 * where it is being made: the answer comes nevertheless. */
bool changes_withdraw(struct changes *changes, struct change_request *request);

#endif /* PORTWATCH_SERVICE_CHANGES_H */
