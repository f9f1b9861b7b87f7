/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unheld - what the kernel lists of the sockets of each network namespace, for finding
 * those that no descriptor holds.
 *
 * It is gathered by a thread, while the caller walks the descriptors: of the two lists
 * one is as long as the other.
 */
#ifndef PORTWATCH_PROBE_UNHELD_H
#define PORTWATCH_PROBE_UNHELD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "portwatch/control.h"
#include "probe/diag_private.h"
#include "probe/netns.h"

struct unheld {
	/* After unheld_end(): of the iterators, and TCP sockets that are only bound. */
	struct pw_snapshot_row *rows;
	struct diag_socket *bound;
	size_t n_rows, n_bound;

	size_t rows_capacity, bound_capacity;
	int tcp, udp; /* links, borrowed */
	struct netns_search *search;
	pthread_t thread;
	bool runs;
	int err;
};

/* Begin to read the links @tcp and @udp in each namespace that @search finds, which is
 * taken; NULL: a new one.  To be done, whatever comes of it. */
void unheld_begin(struct unheld *unheld, int tcp, int udp, struct netns_search *search);
/* Wait for it.  0 or negative errno. */
int unheld_end(struct unheld *unheld);
void unheld_done(struct unheld *unheld);

#endif /* PORTWATCH_PROBE_UNHELD_H */
