/* SPDX-License-Identifier: GPL-2.0-only */
/* diag - the sockets of the host from sock_diag and /proc, where BPF is not to be had. */
#ifndef PORTWATCH_PROBE_DIAG_H
#define PORTWATCH_PROBE_DIAG_H

#include "probe/probe.h"

/* As probe_snapshot().  Without privilege: this namespace and this user's holders. */
int diag_snapshot(const struct snapshot_query *query, snapshot_fn fn, void *arg);

/* As probe_find_holders(). */
int diag_find_holders(const struct snapshot_socket *sockets, size_t n, snapshot_fn fn,
		      void *arg);

#endif /* PORTWATCH_PROBE_DIAG_H */
