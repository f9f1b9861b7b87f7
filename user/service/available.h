/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * available - which ports are free to be given to somebody.
 *
 * Nothing holds them on any address, family or protocol, not even as the local end of an
 * outgoing connection; nothing reserves them; and no service, enabled or not, and no
 * allocation claims them.  The engine is to have a snapshot.
 */
#ifndef PORTWATCH_SERVICE_AVAILABLE_H
#define PORTWATCH_SERVICE_AVAILABLE_H

#include "engine/engine.h"

/* The first @max of the ports from @low to @high, in order, into @ret.  The answer is how
 * many there are, or negative errno. */
int available_find(struct engine *engine, uint16_t low, uint16_t high, size_t max,
		   uint16_t *ret);

struct available_taken {
	const struct socket *by; /* borrowed; NULL: of which only the kernel knows */
};

/*
 * Does anything but @but (may be NULL) sit on @port with @proto in the daemon's
 * namespace?  1 and *ret, 0, or negative errno.
 */
int available_is_taken(struct engine *engine, uint16_t port, uint16_t proto,
		       const struct service *but, struct available_taken *ret);

#endif /* PORTWATCH_SERVICE_AVAILABLE_H */
