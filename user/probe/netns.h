/* SPDX-License-Identifier: GPL-2.0-only */
/* netns - every network namespace of the host, and doing something inside each. */
#ifndef PORTWATCH_PROBE_NETNS_H
#define PORTWATCH_PROBE_NETNS_H

#include <stdint.h>

/* Runs in the namespace of inode @netns, on a thread that is given up afterwards. */
typedef int (*netns_fn)(uint32_t netns, void *arg);

/*
 * Call @fn once in each namespace that a process of this host is in or that is kept under
 * /run/netns: in this process's own first, on the calling thread.  Namespaces that may
 * not be entered are passed over.  0, or the first non-zero answer.
 */
int netns_each(netns_fn fn, void *arg);

#endif /* PORTWATCH_PROBE_NETNS_H */
