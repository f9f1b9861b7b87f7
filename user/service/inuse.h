/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inuse - the local ports that the kernel has somebody on, by whatever path.
 *
 * Not only what was bound: the local ends of outgoing and accepted connections and
 * TIME_WAIT too, TCP and UDP, IPv4 and IPv6, in this process's network namespace.  The
 * kernel is asked for its list; binding to find out would make others fail who bind in
 * the same moment.
 */
#ifndef PORTWATCH_SERVICE_INUSE_H
#define PORTWATCH_SERVICE_INUSE_H

#include <stdbool.h>
#include <stdint.h>

enum { PORT_BITMAP = 65536 / 8 };

static inline bool port_is_set(const uint8_t *bitmap, unsigned port)
{
	return bitmap[port / 8] & 1 << port % 8;
}

static inline void port_set(uint8_t *bitmap, unsigned port)
{
	bitmap[port / 8] |= (uint8_t)(1 << port % 8);
}

/*
 * Sets the bits (of PORT_BITMAP bytes) of the ports from @low to @high that are in use
 * with @proto, 0 for any.  Where the kernel has no such list each port is bound for a
 * moment.  -errno.
 */
int inuse_find(uint16_t low, uint16_t high, uint16_t proto, uint8_t *bitmap);

#endif /* PORTWATCH_SERVICE_INUSE_H */
