// SPDX-License-Identifier: GPL-2.0-only
#include "cli/why_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/alert_text.h"
#include "cli/columns.h"

enum { INDENT = 2, DEEPER = 4, DEEPEST = 6, BROAD = 100, ANCESTOR_MAX = 120 };

struct page {
	const struct terminal *terminal;
	struct buffer *out;
};

/* -- Words ----------------------------------------------------------------------------
 */

/* A sentence, escaped; broken where the terminal is narrower. */
static void add_text(const struct page *page, int indent, const char *text)
{
	_cleanup_(freep) char *safe = terminal_escape(text ? text : "");
	size_t width = page->terminal->is_terminal ? page->terminal->width : BROAD;
	size_t margin = (size_t)indent;

	if (!safe) {
		page->out->failed = true;
		return;
	}
	wrapped_text_add(safe, indent, width > 2 * margin ? width - margin : BROAD,
			 page->out);
}

static void add_heading(const struct page *page, const char *text)
{
	const struct buffer *out = page->out;
	bool at_start = out->size > 0 && out->data[out->size - 1] == '\n';

	buffer_printf(page->out, "%s%s", at_start ? "\n" : "\n\n",
		      tone_begin(page->terminal, TONE_BOLD));
	escaped_text_add(text, page->out);
	buffer_puts(page->out, tone_end(page->terminal, TONE_BOLD));
}

/* "tcp 127.0.0.1:80", "udp [::]:53"; nothing of it is foreign. */
static void add_endpoint(const struct page *page, const struct doc *row)
{
	const char *address = doc_get_string(row, "address");
	bool v6 = address && strchr(address, ':');

	member_text_add(row, "proto", "-", page->out);
	buffer_puts(page->out, v6 ? " [" : " ");
	member_text_add(row, "address", "*", page->out);
	buffer_printf(page->out, "%s:%" PRId64, v6 ? "]" : "",
		      doc_get_int(row, "port", 0));
}

/* A member as a table shows it. */
static void add_shown(const struct page *page, const struct doc *value, show_fn show)
{
	_cleanup_(freep) char *json = NULL;
	size_t size;

	json = value ? doc_print(value, false, &size) : NULL;
	if (json)
		show((struct span){ json, size }, page->out);
}

static void add_age(const struct page *page, const struct doc *row)
{
	if (doc_type(doc_get(row, "age_s")) != DOC_NUMBER)
		return;
	buffer_puts(page->out, ", since ");
	add_shown(page, doc_get(row, "since"), show_time);
	buffer_puts(page->out, " (");
	add_shown(page, doc_get(row, "age_s"), show_age);
	buffer_puts(page->out, " ago)");
}

static void add_member(const struct page *page, const char *label,
		       const struct doc *object, const char *key)
{
	if (!doc_get_string(object, key))
		return;
	buffer_printf(page->out, ", %s ", label);
	member_text_add(object, key, "", page->out);
}

/* -- Holders --------------------------------------------------------------------------
 */

static void add_place(const struct page *page, const struct doc *process, int indent)
{
	if (!doc_get_string(process, "cwd") && !doc_get_string(process, "unit"))
		return;
	buffer_printf(page->out, "\n%*sin ", indent, "");
	member_text_add(process, "cwd", "an unknown folder", page->out);
	add_member(page, "unit", process, "unit");
	add_member(page, "container", process, "container");
}

/* Ancestors with a command line of a page are cut: it is the holder's that matters. */
static void add_ancestor(const struct page *page, const struct doc *p)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	size_t size;

	process_text_add(p, &text);
	if (text.failed) {
		page->out->failed = true;
		return;
	}
	size = text.size;
	if (size > ANCESTOR_MAX)
		for (size = ANCESTOR_MAX; (text.data[size] & 0xc0) == 0x80;)
			size--;
	buffer_add(page->out, text.data, size);
	if (size < text.size)
		buffer_puts(page->out, "...");
}

static void add_chain(const struct page *page, const struct doc *chain)
{
	const struct doc *first = doc_first(chain), *p;

	if (!first)
		return;
	buffer_printf(page->out, "\n%*s", DEEPER, "");
	process_text_add(first, page->out);
	add_place(page, first, DEEPEST);
	for (p = doc_next(first); p; p = doc_next(p)) {
		buffer_printf(page->out, "\n%*sstarted by ", DEEPEST, "");
		add_ancestor(page, p);
		if (doc_get_bool(p, "exited", false))
			buffer_puts(page->out, ", which has ended");
		add_member(page, "unit", p, "unit");
	}
}

static void add_others(const struct page *page, const struct doc *others)
{
	for (const struct doc *p = doc_first(others); p; p = doc_next(p)) {
		buffer_printf(page->out, "\n%*salso held by ", DEEPER, "");
		process_text_add(p, page->out);
	}
}

static void add_holder(const struct page *page, const struct doc *row)
{
	buffer_printf(page->out, "\n%*s", INDENT, "");
	add_endpoint(page, row);
	buffer_puts(page->out, "  ");
	member_text_add(row, "state", "-", page->out);
	add_age(page, row);
	add_member(page, "service", row, "service");
	if (doc_get_bool(row, "reuseport", false))
		buffer_puts(page->out, ", SO_REUSEPORT");
	add_chain(page, doc_get(row, "chain"));
	add_others(page, doc_get(row, "others"));
}

static void add_holders(const struct page *page, const struct doc *doc)
{
	const struct doc *rows = doc_get(doc, "holders");
	int64_t accepted = doc_get_int(doc, "accepted", 0);

	if (doc_count(rows) == 0)
		return;
	add_heading(page, "Held by");
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row))
		add_holder(page, row);
	if (accepted > 0)
		buffer_printf(page->out, "\n%*s%s%" PRId64 " connection%s accepted",
			      INDENT, "",
			      doc_get_bool(doc, "more", false) ? "at least " : "",
			      accepted, accepted == 1 ? "" : "s");
}

static void add_elsewhere(const struct page *page, const struct doc *doc)
{
	const struct doc *rows = doc_get(doc, "elsewhere");

	if (doc_count(rows) == 0)
		return;
	add_heading(page, "In other network namespaces, where it is another port");
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row)) {
		buffer_printf(page->out, "\n%*s", INDENT, "");
		add_endpoint(page, row);
		buffer_printf(page->out, "  namespace %" PRId64 "  ",
			      doc_get_int(row, "netns", 0));
		process_text_add(doc_get(row, "process"), page->out);
	}
}

/* -- Connections ----------------------------------------------------------------------
 */

static void add_connections(const struct page *page, const struct doc *doc)
{
	const struct doc *rows = doc_get(doc, "connections");

	if (doc_count(rows) == 0)
		return;
	add_heading(page, "Connections that sit on it");
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row)) {
		const char *until = doc_get_string(row, "until");

		buffer_printf(page->out, "\n%*s", INDENT, "");
		add_endpoint(page, row);
		buffer_puts(page->out, " to ");
		member_text_add(row, "peer", "nobody", page->out);
		buffer_puts(page->out, "  ");
		if (until) {
			buffer_puts(page->out, "TIME_WAIT until ");
			add_shown(page, doc_get(row, "until"), show_time);
		} else {
			member_text_add(row, "kind", "-", page->out);
			buffer_puts(page->out, "  ");
			process_text_add(doc_get(row, "process"), page->out);
		}
	}
}

/* -- Binds ----------------------------------------------------------------------------
 */

static bool is_same(const struct doc *a, const struct doc *b, const char *key)
{
	return streq(doc_get_string(a, key), doc_get_string(b, key));
}

/* Is all that is said of them the same but for the address? */
static bool is_alike(const struct doc *a, const struct doc *b)
{
	return is_same(a, b, "proto") && is_same(a, b, "as") && is_same(a, b, "result") &&
	       is_same(a, b, "errno") && is_same(a, b, "text") &&
	       doc_get_int(a, "port", 0) == doc_get_int(b, "port", 0) &&
	       doc_equal(doc_get(a, "options"), doc_get(b, "options"));
}

static bool is_told(const struct doc *rows, const struct doc *row)
{
	for (const struct doc *r = doc_first(rows); r != row; r = doc_next(r))
		if (is_alike(r, row))
			return true;
	return false;
}

/* "tcp 0.0.0.0, 127.0.0.1" */
static void add_addresses(const struct page *page, const struct doc *row,
			  bool has_several)
{
	buffer_printf(page->out, "\n%*s", INDENT, "");
	member_text_add(row, "proto", "-", page->out);
	if (has_several)
		buffer_printf(page->out, " :%" PRId64, doc_get_int(row, "port", 0));
	buffer_puts(page->out, " ");
	member_text_add(row, "address", "*", page->out);
	for (const struct doc *r = doc_next(row); r; r = doc_next(r)) {
		if (!is_alike(r, row))
			continue;
		buffer_puts(page->out, ", ");
		member_text_add(r, "address", "*", page->out);
	}
}

static void add_bind(const struct page *page, const struct doc *row, const char *as)
{
	const char *error = doc_get_string(row, "errno");
	bool depends = streq(doc_get_string(row, "result"), "depends");
	enum tone tone = depends ? TONE_WARNING : error ? TONE_BAD : TONE_GOOD;

	for (const struct doc *o = doc_first(doc_get(row, "options")); o;
	     o = doc_next(o)) {
		buffer_puts(page->out, " with ");
		escaped_text_add(doc_string(o) ? doc_string(o) : "", page->out);
	}
	if (!streq(doc_get_string(row, "as"), as)) {
		buffer_puts(page->out, " as ");
		member_text_add(row, "as", "-", page->out);
	}
	buffer_printf(page->out, "  %s%s", tone_begin(page->terminal, tone),
		      depends ? "perhaps " : "");
	escaped_text_add(error ? error : "ok", page->out);
	buffer_puts(page->out, tone_end(page->terminal, tone));
	if (error || !streq(doc_get_string(row, "reason"), "free"))
		add_text(page, DEEPEST, doc_get_string(row, "text"));
}

static void add_binds(const struct page *page, const struct doc *doc)
{
	const struct doc *rows = doc_get(doc, "binds");
	bool has_several = doc_type(doc_get(doc, "port")) != DOC_NUMBER;
	const char *as = NULL;
	char heading[80];

	if (doc_count(rows) == 0)
		return;
	/* Who asks comes last. */
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row))
		as = doc_get_string(row, "as");
	snprintf(heading, sizeof(heading), "A bind as %s now gets", as ? as : "root");
	add_heading(page, heading);
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row)) {
		if (is_told(rows, row))
			continue;
		add_addresses(page, row, has_several);
		add_bind(page, row, as);
	}
}

/* -- What failed and what to do -------------------------------------------------------
 */

static void add_failures(const struct page *page, const struct doc *doc)
{
	const struct doc *rows = doc_get(doc, "failures");

	if (doc_count(rows) == 0)
		return;
	add_heading(page, "Failed lately");
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row)) {
		int64_t count = doc_get_int(row, "count", 1);

		buffer_printf(page->out, "\n%*s", INDENT, "");
		add_shown(page, doc_get(row, "last"), show_time);
		buffer_puts(page->out, "  ");
		member_text_add(row, "errno", "-", page->out);
		buffer_puts(page->out, "  ");
		add_endpoint(page, row);
		if (count > 1)
			buffer_printf(page->out, "  %" PRId64 " times", count);
		buffer_puts(page->out, "  ");
		process_text_add(doc_get(row, "process"), page->out);
	}
}

static void add_alerts(const struct page *page, const struct doc *doc)
{
	const struct doc *rows = doc_get(doc, "alerts");

	if (doc_count(rows) == 0)
		return;
	add_heading(page, "Alerts");
	buffer_puts(page->out, "\n");
	for (const struct doc *row = doc_first(rows); row; row = doc_next(row))
		alert_text_add(page->terminal, row, page->out);
}

static void add_advice(const struct page *page, const struct doc *doc)
{
	const struct doc *advice = doc_get(doc, "advice");
	const char *text = doc_get_string(advice, "text");

	if (!text || !*text)
		return;
	add_heading(page, "What to do");
	add_text(page, INDENT, text);
	if (!doc_get_string(advice, "command"))
		return;
	buffer_printf(page->out, "\n\n%*s%s", DEEPER, "",
		      tone_begin(page->terminal, TONE_BOLD));
	member_text_add(advice, "command", "", page->out);
	buffer_puts(page->out, tone_end(page->terminal, TONE_BOLD));
}

void why_page_add(const struct terminal *terminal, const struct doc *doc,
		  struct buffer *ret)
{
	const struct page page = { terminal, ret };
	_cleanup_(buffer_done) struct buffer summary = { 0 };
	const struct page first = { terminal, &summary };

	add_text(&first, 0, doc_get_string(doc, "summary"));
	if (summary.failed)
		ret->failed = true;
	else if (summary.size > 1) /* it began a new line */
		buffer_add(ret, summary.data + 1, summary.size - 1);
	add_holders(&page, doc);
	add_connections(&page, doc);
	add_elsewhere(&page, doc);
	add_binds(&page, doc);
	add_failures(&page, doc);
	add_alerts(&page, doc);
	add_advice(&page, doc);
	buffer_puts(ret, "\n");
}
