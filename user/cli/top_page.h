/* SPDX-License-Identifier: GPL-2.0-only */
/* top_page - the pages of the full-screen view as text, from documents of the API. */
#ifndef PORTWATCH_CLI_TOP_PAGE_H
#define PORTWATCH_CLI_TOP_PAGE_H

#include "cli/top_model.h"

/* What is known of a row: @socket (NULL: none) and the alerts of @status at its port. */
void top_page_row(const struct top_row *row, const struct doc *socket,
		  const struct doc *status, struct buffer *ret);
/* Whom portwatch.kill/v1, asked with dry_run, would end.  Answers how many. */
size_t top_page_plan(const struct doc *plan, struct buffer *ret);

#endif /* PORTWATCH_CLI_TOP_PAGE_H */
