/* SPDX-License-Identifier: GPL-2.0-only */
/* page - labels and values, one a line.  What is unknown has no line. */
#ifndef PORTWATCH_CLI_PAGE_H
#define PORTWATCH_CLI_PAGE_H

#include "cli/columns.h"
#include "json/doc.h"

struct page {
	const struct terminal *terminal;
	struct buffer text;
};
void page_done(struct page *page);

/* @value is fit for a terminal; NULL: no line. */
void page_add(struct page *page, const char *label, const char *value);
/* @value is escaped first. */
void page_add_text(struct page *page, const char *label, const char *value);
void page_add_member(struct page *page, const char *label, const struct doc *object,
		     const char *key);
/* As a table shows it: a string, or a number. */
void page_add_span(struct page *page, const char *label, const char *value, show_fn show);
void page_add_number(struct page *page, const char *label, const struct doc *value,
		     show_fn show);

#endif /* PORTWATCH_CLI_PAGE_H */
