/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pending - records that are not facts yet.
 *
 * A tentative LISTEN becomes one when it has stood for a moment; a bind that was tried
 * becomes a failure when no BOUND has followed.  What happens to the socket meanwhile
 * decides sooner.  Pure: time is handed in.
 */
#ifndef PORTWATCH_PROBE_PENDING_H
#define PORTWATCH_PROBE_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "portwatch/event.h"

enum { PENDING_MAX = 65536 };

struct pending;

int pending_new(struct pending **ret);
struct pending *pending_free(struct pending *set);
DEFINE_CLEANUP(struct pending, pending_free)

/* Put @ev (LISTEN, BIND_TRIED or CONNECT) aside until @due_ns; one of the same
 * kind and cookie is replaced, and keeps its place.  -ENOSPC past PENDING_MAX, -ENOMEM.
 */
int pending_add(struct pending *set, const struct pw_socket_event *ev, uint64_t due_ns);
/* Take out the record of that kind and cookie: true and *ret where there is one. */
bool pending_take(struct pending *set, uint32_t kind, uint64_t cookie,
		  struct pw_socket_event *ret);
/* The first record that is due at @now_ns, taken out. */
bool pending_take_due(struct pending *set, uint64_t now_ns, struct pw_socket_event *ret);
/* When the next is due; 0 none. */
uint64_t pending_deadline(const struct pending *set);

#endif /* PORTWATCH_PROBE_PENDING_H */
