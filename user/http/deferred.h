/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * deferred - an answer that is not known yet: of a change that is to be on the disk
 * first.
 *
 * A handler leaves one in its reply and returns; the connection waits, the loop does not.
 * Whoever carries the change out fills in the answer later, from the loop.
 */
#ifndef PORTWATCH_HTTP_DEFERRED_H
#define PORTWATCH_HTTP_DEFERRED_H

#include "http/api.h"

struct deferred {
	bool ready;
	struct reply reply; /* once it is ready; without a status: for want of memory */
	/* It was sent, or nobody waits for it any more.  Frees it, not the reply. */
	void (*close)(struct deferred *deferred);
	/* Set by the server. */
	void (*wake)(void *arg);
	void *wake_arg;
};

/* The reply is filled in: have it sent.  @err is what making it answered; below 0 it is a
 * problem instead. */
void deferred_ready(struct deferred *deferred, int err);
/* Accepts NULL, returns NULL. */
struct deferred *deferred_close(struct deferred *deferred);

#endif /* PORTWATCH_HTTP_DEFERRED_H */
