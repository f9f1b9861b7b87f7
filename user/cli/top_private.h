/* SPDX-License-Identifier: GPL-2.0-only */
/* top_private - what the files of the model share. */
#ifndef PORTWATCH_CLI_TOP_PRIVATE_H
#define PORTWATCH_CLI_TOP_PRIVATE_H

#include "cli/top_model.h"

/* @text (NULL: "") as this terminal can show it; owned; NULL for want of memory. */
char *top_safe(const struct top *top, const char *text);
/* Owned.  -ENOMEM. */
int top_make_rows(const struct top *top, const struct doc *status,
		  const struct doc *sockets, struct top_row **ret, size_t *ret_n);
void top_free_rows(struct top_row *rows, size_t n);

/* Filter and order anew; the chosen one stays so where it still is. */
int top_arrange(struct top *top);

#endif /* PORTWATCH_CLI_TOP_PRIVATE_H */
