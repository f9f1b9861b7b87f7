// SPDX-License-Identifier: GPL-2.0-only
#include "cli/top_page.h"

#include "cli/alert_text.h"
#include "cli/page.h"

static const struct terminal plain = { .width = 80 };

static void add_process(const struct doc *process, struct page *page)
{
	static const char *const members[][2] = {
		{ "Executable", "exe" },     { "Folder", "cwd" },
		{ "Unit", "unit" },          { "Container", "container" },
		{ "Started", "start_time" },
	};
	_cleanup_(buffer_done) struct buffer text = { 0 };

	process_text_add(process, &text);
	page_add(page, "Process", text.data);
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		page_add_member(page, members[i][0], process, members[i][1]);
}

static bool is_at(const struct doc *alert, const struct top_row *row)
{
	const char *service = doc_get_string(alert, "service");

	if (row->port && doc_get_int(alert, "port", 0) == row->port)
		return streq(doc_get_string(alert, "proto"), "udp") == row->is_udp;
	return service && streq(service, row->cells[TOP_SERVICE]);
}

void top_page_row(const struct top_row *row, const struct doc *socket,
		  const struct doc *status, struct buffer *ret)
{
	static const enum top_column columns[] = { TOP_PORT, TOP_ADDRESS, TOP_STATE,
						   TOP_SERVICE, TOP_AGE };
	static const char *const labels[] = { "Port", "Address", "State", "Service",
					      "Age" };
	struct page page = { .terminal = &plain };

	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		page_add(&page, labels[i],
			 *row->cells[columns[i]] ? row->cells[columns[i]] : NULL);
	if (doc_type(doc_get(socket, "process")) == DOC_OBJECT)
		add_process(doc_get(socket, "process"), &page);
	buffer_puts(&page.text, "\n");
	for (const struct doc *a = doc_first(doc_get(status, "alerts")); a;
	     a = doc_next(a))
		if (is_at(a, row))
			alert_text_add(&plain, a, &page.text);
	ret->failed |= page.text.failed;
	if (!page.text.failed)
		buffer_add(ret, page.text.data, page.text.size);
	page_done(&page);
}

size_t top_page_plan(const struct doc *plan, struct buffer *ret)
{
	size_t n = 0;

	for (const struct doc *p = doc_first(doc_get(plan, "processes")); p;
	     p = doc_next(p)) {
		if (!streq(doc_get_string(p, "result"), "would_end"))
			continue;
		buffer_puts(ret, "  ");
		process_text_add(doc_get(p, "process"), ret);
		buffer_puts(ret, "\n");
		n++;
	}
	return n;
}
