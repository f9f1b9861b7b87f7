// SPDX-License-Identifier: GPL-2.0-only
#include "cli/page.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_WIDTH = 12 };

void page_done(struct page *page)
{
	buffer_done(&page->text);
}

void page_add(struct page *page, const char *label, const char *value)
{
	enum tone tone;

	if (!value)
		return;
	tone = tone_of(value, strlen(value));
	buffer_printf(&page->text, "%*s  %s%s%s\n", LABEL_WIDTH, label,
		      tone_begin(page->terminal, tone), value,
		      tone_end(page->terminal, tone));
}

void page_add_text(struct page *page, const char *label, const char *value)
{
	_cleanup_(freep) char *safe = value ? terminal_escape(value) : NULL;

	if (value && !safe)
		page->text.failed = true;
	page_add(page, label, safe);
}

void page_add_member(struct page *page, const char *label, const struct doc *object,
		     const char *key)
{
	page_add_text(page, label, doc_get_string(object, key));
}

static void add_shown(struct page *page, const char *label, const char *json,
		      show_fn show)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };

	show((struct span){ json, strlen(json) }, &text);
	page_add(page, label, text.data);
}

void page_add_span(struct page *page, const char *label, const char *value, show_fn show)
{
	char json[80];

	if (!value)
		return;
	snprintf(json, sizeof(json), "\"%s\"", value);
	add_shown(page, label, json, show);
}

void page_add_number(struct page *page, const char *label, const struct doc *value,
		     show_fn show)
{
	char json[40];

	if (doc_type(value) != DOC_NUMBER)
		return;
	snprintf(json, sizeof(json), "%.17g", doc_number(value));
	add_shown(page, label, json, show);
}
