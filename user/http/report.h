/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report - everything on one page of text, to mail or paste.
 *
 * Pure: documents of the API in, text out.  The first line says whether all is well.
 */
#ifndef PORTWATCH_HTTP_REPORT_H
#define PORTWATCH_HTTP_REPORT_H

#include "json/doc.h"

struct report {
	const char *host, *kernel;
	const struct doc *status;   /* portwatch.status/v1 */
	const struct doc *resolved; /* an array of alerts that stand no more */
	const struct doc *findings; /* those of portwatch.doctor/v1 */
	const struct doc *sockets;  /* rows as of `ls`: of no service and no allocation */
	size_t left_out;            /* rows beyond those */
	size_t elsewhere;           /* in other network namespaces */
};

/* Does nothing stand that someone should look at? */
bool report_is_well(const struct report *report);
/* The first line, without its newline; owned; NULL for want of memory. */
char *report_summary(const struct report *report);
/* Owned; NULL for want of memory. */
char *report_render(const struct report *report);

#endif /* PORTWATCH_HTTP_REPORT_H */
