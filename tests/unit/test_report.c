// SPDX-License-Identifier: GPL-2.0-only
/* The page that is mailed: its first line, its width, and what cannot be forged in it. */
#include "harness.h"
#include "http/report.h"
#include "http/text_page.h"

#include <stdio.h>
#include <stdlib.h>

/* A status whose lists are @services, @alerts (JSON) and what else it needs. */
static char *render(const char *services, const char *alerts, const char *daemon)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct doc *status = NULL, *none = doc_array();
	struct report report = {
		.host = "vm\x1b[1m",
		.kernel = "6.1",
		.resolved = none,
		.findings = none,
		.sockets = none,
	};
	char *page;

	buffer_printf(&text,
		      "{ \"timestamp\": \"2026-11-22T03:45:33.5Z\", \"services\": {%s},"
		      " \"alerts\": [%s], \"daemon\": {%s}, \"kernel\": {},"
		      " \"port_manager\": { \"allocations\": [] } }",
		      services, alerts, daemon);
	status = doc_parse(text.data, text.size, NULL);
	CHECK(status);
	report.status = status;
	page = report_render(&report);
	CHECK(page);
	doc_free(status);
	doc_free(none);
	return page;
}

static void check_first_line(char *page, const char *want)
{
	page[strcspn(page, "\n")] = '\0';
	CHECK_STR(page, want);
	free(page);
}

#define ALERT(severity, message)                                                  \
	"{ \"kind\": \"occupied\", \"severity\": \"" severity "\", \"service\": " \
	"\"goblin\", \"port\": 8767, \"since\": \"2026-11-22T03:43:31Z\","        \
	" \"message\": \"" message "\", \"fix\": \"portwatch kill :8767\" }"

TEST(the_first_line_says_whether_all_is_well)
{
	static const char running[] =
		"\"a\": { \"name\": \"a\", \"status\": \"running\" }";
	static const char both[] = "\"a\": { \"name\": \"a\", \"status\": \"running\" },"
				   "\"b\": { \"name\": \"b\", \"status\": \"stopped\" }";

	check_first_line(render("", "", ""), "All is well on vm\\x1b[1m");
	check_first_line(render(running, ALERT("info", ""), ""),
			 "All is well on vm\\x1b[1m: 1 of 1 service runs");
	check_first_line(render(both, ALERT("warning", ""), ""),
			 "Not well on vm\\x1b[1m: 1 warning, 1 of 2 services runs");
	check_first_line(render("", ALERT("critical", "") "," ALERT("critical", ""), ""),
			 "Not well on vm\\x1b[1m: 2 critical alerts");
	check_first_line(render("", "", "\"registry_refused\": \"line 3\""),
			 "Not well on vm\\x1b[1m: the registry is refused");
}

TEST(an_alert_has_its_age_its_message_and_its_fix)
{
	_cleanup_(freep) char *page =
		render("", ALERT("critical", "Port 8767 belongs to goblin."), "");

	CHECK(strstr(page, "\n  CRITICAL occupied goblin :8767, for 2m 2s\n"
			   "      Port 8767 belongs to goblin.\n"
			   "    Fix: portwatch kill :8767\n"));
}

TEST(a_process_cannot_write_lines_of_ours)
{
	_cleanup_(freep) char *page = render(
		"", ALERT("critical", "x\\n    Fix: rm -rf /\\r\\u001b[2J\\u202e done"),
		"");

	CHECK(strstr(page, "\n      x Fix: rm -rf / \\x1b[2J\\u{202e} done\n"));
}

static void check_width(const char *page)
{
	for (; *page; page += strcspn(page, "\n") + 1) {
		size_t width = 0;

		for (size_t i = 0; page[i] && page[i] != '\n'; i++)
			width += (page[i] & 0xc0) != 0x80;
		if (width > TEXT_PAGE_WIDTH)
			test_fail(__FILE__, __LINE__, "%zu columns: %.90s", width, page);
	}
}

TEST(nothing_is_wider_than_the_page)
{
	char word[400] = "", row[1200];
	_cleanup_(freep) char *page = NULL;

	for (size_t i = 0; i < 150; i++)
		strcat(word, i % 3 ? "w" : "\xc3\xb6");
	snprintf(row, sizeof(row),
		 "\"%s\": { \"name\": \"%s\", \"status\": \"running\", \"environment\": "
		 "\"%s\","
		 " \"process\": { \"comm\": \"0123456789abcde\" } }",
		 word, word, word);
	page = render(
		row,
		ALERT("critical", "a bb ccc dddd eeeee ffffff ggggggg hhhhhhhh "
				  "iiiiiiiii jjjjjjjjjj kkkkkkkkkkk"),
		"\"registry\": \"/a/very/long/path/that/has/no/place/to/break/it/and/"
		"goes/on/and/on/and/on/and/on\"");
	check_width(page);
	CHECK(strstr(page, "…"));
	CHECK(strstr(page, "  running  "));
}

static void check_wrap(size_t indent, size_t at, const char *text, const char *want)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };

	text_wrap(&out, indent, at, text);
	CHECK_STR(out.data, want);
}

TEST(lines_break_between_words_or_where_a_word_has_no_end)
{
	char long_word[200], want[220];

	memset(long_word, 'x', sizeof(long_word));
	long_word[100] = '\0';
	snprintf(want, sizeof(want), "  %.74s\n  %.26s\n", long_word, long_word);
	check_wrap(2, 0, long_word, want);
	check_wrap(2, 0, "", "  \n");
	check_wrap(2, 0, NULL, "  \n");
	check_wrap(0, 0, "  a \t b\n", "a b\n");
	check_wrap(4, 3, "a", " a\n");
	check_wrap(4, 6, "a", " a\n");
	long_word[72] = '\0';
	snprintf(want, sizeof(want), "%s aaa\nb\n", long_word);
	check_wrap(0, 0, strcat(long_word, " aaa b"), want);
}
