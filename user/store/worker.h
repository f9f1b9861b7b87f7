/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker - one thread for what waits on a disk or on somebody's lock, so that whoever
 * owns it never does.
 *
 * Jobs are run one after the other, in the order in which they came.  What a job needs is
 * its own from submitting until done(): nothing is shared, so nothing is locked.  The
 * thread is started by the first job.
 */
#ifndef PORTWATCH_STORE_WORKER_H
#define PORTWATCH_STORE_WORKER_H

#include "base/cleanup.h"

struct worker;

struct job {
	void (*run)(struct job *job); /* in the worker's thread */
	void (*done)(
		struct job *job); /* in the owner's, afterwards; may submit it again */
	/* private */
	struct job *next;
};

/* -ENOMEM, or what eventfd says. */
int worker_new(struct worker **ret);
/* Finishes first. */
struct worker *worker_free(struct worker *worker);
DEFINE_CLEANUP(struct worker, worker_free)

/* @job is borrowed until its done() is called, which is never before this returns.  Where
 * no thread can be had it is run at once and here. */
void worker_submit(struct worker *worker, struct job *job);

int worker_fd(const struct worker *worker); /* readable while jobs wait for done() */
void worker_dispatch(struct worker *worker);
/* Wait until every job is done, those that done() submits included. */
void worker_finish(struct worker *worker);

#endif /* PORTWATCH_STORE_WORKER_H */
