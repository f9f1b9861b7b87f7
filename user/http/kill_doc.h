/* SPDX-License-Identifier: GPL-2.0-only */
/* kill_doc - what became of an order to end something, as a document and in words. */
#ifndef PORTWATCH_HTTP_KILL_DOC_H
#define PORTWATCH_HTTP_KILL_DOC_H

#include "json/codec.h"
#include "service/destroy.h"
#include "service/kill.h"

/* "SIGTERM"; @buf has SIGNAL_TEXT bytes. */
enum { SIGNAL_TEXT = 16 };
const char *signal_text(int signal, char *buf);

/* portwatch.kill/v1 of an order that was carried out or, in a dry run, only planned.
 * NULL for want of memory. */
struct doc *kill_doc(const struct kill *kill, const char *target,
		     const struct viewer *viewer);
/* The same of sockets that were destroyed. */
struct doc *destroyed_doc(const struct destroyed_list *list, const char *target,
			  bool dry_run);

/* How many connections sit on a port of portwatch's own namespace. */
size_t kill_connections(const struct kill *kill, uint16_t low, uint16_t high,
			uint16_t proto);

#endif /* PORTWATCH_HTTP_KILL_DOC_H */
