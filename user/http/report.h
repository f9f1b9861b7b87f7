/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report - everything on one page of text, to mail or paste.
 *
 * Pure: documents of the API in, text out.  What other processes chose to be called is
 * escaped.
 */
#ifndef PORTWATCH_HTTP_REPORT_H
#define PORTWATCH_HTTP_REPORT_H

#include "json/doc.h"

struct report {
	const char *host, *kernel;
	const struct doc *status;  /* portwatch.status/v1 */
	const struct doc *sockets; /* an array of rows as of `ls` */
	size_t left_out;           /* rows beyond those */
	size_t elsewhere;          /* in other network namespaces */
};

/* Owned; NULL for want of memory. */
char *report_render(const struct report *report);

#endif /* PORTWATCH_HTTP_REPORT_H */
