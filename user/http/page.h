/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page - the files of the dashboard, which user/web/embed wrote into the program.
 *
 * They hold no data of this host: whoever reaches a listener may have them, and what the
 * page then asks for is judged like any other request.
 */
#ifndef PORTWATCH_HTTP_PAGE_H
#define PORTWATCH_HTTP_PAGE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct page_file {
	const char *name;
	const char *type; /* Content-Type */
	const char *etag; /* in quotes; changes with the content of any of the files */
	const unsigned char *data;
	size_t size;
};

/* Generated; one without a name ends it. */
extern const struct page_file page_files[];

/* NULL where none has that name. */
const struct page_file *page_find(const char *name);
/* Does @etags, the value of If-None-Match (NULL none), name this @file as it is? */
bool page_is_known(const struct page_file *file, const char *etags);
/*
 * A response with @file, or with nothing but its headers where it is @known.  @versioned:
 * asked for by its content, which never changes under that name.  NULL for want of
 * memory.
 */
struct MHD_Response *page_respond(const struct page_file *file, bool known,
				  bool versioned);

#endif /* PORTWATCH_HTTP_PAGE_H */
