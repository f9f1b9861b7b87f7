/* SPDX-License-Identifier: GPL-2.0-only */
/* netns - every network namespace of the host, and doing something inside each. */
#ifndef PORTWATCH_PROBE_NETNS_H
#define PORTWATCH_PROBE_NETNS_H

#include <stdint.h>

#include "base/cleanup.h"

/* Runs in the namespace of inode @netns, on a thread that is given up afterwards. */
typedef int (*netns_fn)(uint32_t netns, void *arg);

/*
 * Call @fn once in each namespace that a process of this host is in or that is kept under
 * /run/netns: in this process's own first, on the calling thread.  Namespaces that may
 * not be entered are passed over.  0, or the first non-zero answer.
 */
int netns_each(netns_fn fn, void *arg);

/* The same in two steps: the search asks every process where it is, 10 us each, and is
 * made by a thread while the caller does something else. */
struct netns_search;
int netns_search_begin(struct netns_search **ret);
/* Waits for its end.  Accepts NULL, returns NULL. */
struct netns_search *netns_search_free(struct netns_search *search);
DEFINE_CLEANUP(struct netns_search, netns_search_free)
int netns_visit(struct netns_search *search, netns_fn fn, void *arg);

#endif /* PORTWATCH_PROBE_NETNS_H */
