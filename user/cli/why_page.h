/* SPDX-License-Identifier: GPL-2.0-only */
/* why_page - what why found, as a page for people.  Everything is fit for a terminal. */
#ifndef PORTWATCH_CLI_WHY_PAGE_H
#define PORTWATCH_CLI_WHY_PAGE_H

#include "cli/output.h"
#include "json/doc.h"

/* @doc is portwatch.why/v1. */
void why_page_add(const struct terminal *terminal, const struct doc *doc,
		  struct buffer *ret);

#endif /* PORTWATCH_CLI_WHY_PAGE_H */
