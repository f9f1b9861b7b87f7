// SPDX-License-Identifier: GPL-2.0-only
/* The full-screen view without a screen: what is shown where, and what keys do. */
#include "cli/top_page.h"
#include "cli/top_screen.h"
#include "harness.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

static const char status_text[] =
	"{ \"services\": { \"web\": { \"name\": \"web\", \"status\": \"running\" },"
	" \"db\": { \"name\": \"db\", \"port\": 5432, \"status\": \"stopped\" },"
	" \"off\": { \"name\": \"off\", \"status\": \"disabled\" } },"
	" \"alerts\": [ { \"kind\": \"shadowed\", \"severity\": \"warning\", \"port\": "
	"80,"
	" \"proto\": \"tcp\", \"message\": \"Two.\", \"fix\": \"portwatch kill :80\" },"
	" { \"kind\": \"occupied\", \"severity\": \"critical\", \"port\": 80, \"proto\": "
	"\"tcp\" },"
	" { \"kind\": \"dead_owner\", \"severity\": \"critical\", \"service\": \"db\" } "
	"],"
	" \"kernel\": { \"backend\": \"bpf\", \"realtime\": true, \"events_lost\": 7, "
	"\"resyncs\": 1 },"
	" \"daemon\": { \"version\": \"1.2.3\" } }";

#define SOCKET(cookie, port, comm, state)                                             \
	"{ \"cookie\": \"" cookie "\", \"proto\": \"tcp\", \"address\": \"0.0.0.0\"," \
	" \"port\": " port ", \"pid\": 1" cookie ", \"comm\": \"" comm "\","          \
	" \"state\": \"" state "\", \"age_s\": 90061, \"user\": \"root\","            \
	" \"process\": { \"pid\": 1" cookie ", \"comm\": \"" comm "\","               \
	" \"cmdline\": [ \"/usr/bin/" comm "\", \"a\\nb\" ] } }"
#define SOCKETS(list) "{ \"sockets\": [" list "] }"
#define THREE                                                                   \
	SOCKETS(SOCKET("1", "80", "nginx", "listening") "," SOCKET(             \
		"2", "443", "nginx",                                            \
		"listening") "," SOCKET("3", "9", "zed",                        \
					"bound") "," SOCKET("4", "7", "client", \
							    "connected"))

static struct top top;

static void load(const char *sockets_text)
{
	struct doc *status = doc_parse(status_text, strlen(status_text), NULL);
	struct doc *sockets = doc_parse(sockets_text, strlen(sockets_text), NULL);

	CHECK(status && sockets);
	CHECK_EQ(top_load(&top, status, sockets), 0);
	doc_free(status);
	doc_free(sockets);
}

static void begin(const char *sockets_text)
{
	CHECK(setlocale(LC_CTYPE, "C.UTF-8"));
	top_init(&top, true);
	load(sockets_text);
}

static void type(const char *keys)
{
	for (; *keys; keys++)
		top_press(&top, (unsigned char)*keys);
}

/* What a screen of that size would show, line by line; no piece leaves it. */
static char *drawn(size_t width, size_t height)
{
	struct screen screen;
	char *page;

	top_draw(&top, width, height, &screen);
	CHECK(!screen.failed);
	page = malloc(height * (4 * width + 1) + 1);
	memset(page, ' ', height * (width + 1));
	page[height * (width + 1)] = '\0';
	for (size_t i = 0; i < height; i++)
		page[i * (width + 1) + width] = '\n';
	for (size_t i = 0; i < screen.n; i++) {
		const struct screen_piece *p = &screen.pieces[i];
		size_t n = strlen(p->text);

		CHECK(p->line < height);
		CHECK(p->column + text_width(p->text, n) <= width);
		for (size_t k = 0; k < n; k++)
			CHECK((unsigned char)p->text[k] >= ' ' && p->text[k] != 0x7f);
		/* Good enough for what is looked for here, which is ASCII. */
		if (text_width(p->text, n) == n)
			memcpy(page + p->line * (width + 1) + p->column, p->text, n);
	}
	screen_done(&screen);
	return page;
}

static void check_shown(size_t width, size_t height, const char *want, bool there)
{
	_cleanup_(freep) char *page = drawn(width, height);

	if (!!strstr(page, want) != there)
		test_fail(__FILE__, __LINE__, "%s%s:\n%s", there ? "no " : "", want,
			  page);
}

static void check_order(const char *want)
{
	_cleanup_(buffer_done) struct buffer ports = { 0 };

	for (size_t i = 0; i < top.n_shown; i++)
		buffer_printf(&ports, "%s ", top.shown[i]->cells[TOP_PORT]);
	CHECK_STR(ports.data ? ports.data : "", want);
}

TEST(rows_are_what_is_bound_and_the_services_that_do_not_serve)
{
	begin(THREE);
	check_order("9 80 443 5432 ");
	CHECK_STR(top.shown[3]->cells[TOP_SERVICE], "db");
	CHECK_STR(top.shown[3]->cells[TOP_ALERT], "dead_owner");
	/* The worst of two. */
	CHECK_STR(top.shown[1]->cells[TOP_ALERT], "occupied");
	CHECK_STR(top.shown[1]->cells[TOP_AGE], "1d 1h");
	CHECK_STR(top.shown[1]->cells[TOP_COMMAND], "/usr/bin/nginx a b");
	top_done(&top);
}

TEST(the_head_tells_backend_losses_and_alerts)
{
	begin(THREE);
	check_shown(80, 24,
		    "portwatch 1.2.3  bpf, live  2 listening  services 1/3  "
		    "7 lost, 1 resyncs",
		    true);
	check_shown(80, 24, "2 critical, 1 warning  4 of 4 shown, by PORT", true);
	top_done(&top);
}

TEST(it_is_drawn_on_every_size_of_a_screen)
{
	static const size_t sizes[][2] = { { 80, 24 },   { 200, 60 }, { 40, 10 },
					   { 30, 6 },    { 29, 24 },  { 1, 1 },
					   { 500, 200 }, { 31, 300 } };
	static const char keys[] = "?q/x";

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		begin(THREE);
		CHECK_EQ(top_show_page(&top, TOP_DETAIL,
				       "a line that is longer than 30 "
				       "columns are\n\nb"),
			 0);
		free(drawn(sizes[i][0], sizes[i][1]));
		top_press(&top, TOP_KEY_ESCAPE);
		for (size_t k = 0; keys[k]; k++) {
			free(drawn(sizes[i][0], sizes[i][1]));
			top_press(&top, keys[k]);
		}
		top_done(&top);
	}
}

TEST(a_wide_screen_has_the_command_and_a_narrow_one_the_port_and_process)
{
	begin(THREE);
	check_shown(200, 60, "COMMAND", true);
	check_shown(200, 60, "/usr/bin/zed a b", true);
	check_shown(80, 24, "COMMAND", false);
	check_shown(30, 24, "\nPORT  PROCESS", true);
	top_done(&top);
}

TEST(sorting_goes_through_the_columns_and_around)
{
	begin(THREE);
	type("r");
	check_order("5432 443 80 9 ");
	type("s");
	CHECK_EQ(top.sort, TOP_ADDRESS);
	type("SS");
	CHECK_EQ(top.sort, TOP_COMMAND);
	type("s>>>");
	CHECK_EQ(top.sort, TOP_PID);
	check_order("80 443 9 5432 ");
	/* What has none stays at the end. */
	type("r");
	check_order("9 443 80 5432 ");
	top_done(&top);
}

TEST(the_filter_wants_each_of_its_words_in_any_cell)
{
	begin(THREE);
	type("/NGINX 44");
	check_order("443 ");
	check_shown(80, 24, "filter: NGINX 44", true);
	top_press(&top, TOP_KEY_BACKSPACE);
	top_press(&top, TOP_KEY_BACKSPACE);
	check_order("80 443 ");
	top_press(&top, TOP_KEY_ENTER);
	CHECK_EQ(top.mode, TOP_LIST);
	type("/zzz");
	check_shown(80, 24, "Nothing passes the filter", true);
	CHECK(!top_chosen(&top));
	top_press(&top, TOP_KEY_ENTER);
	CHECK_EQ(top_press(&top, TOP_KEY_ENTER), TOP_NOTHING);
	CHECK_EQ(top_press(&top, 'k'), TOP_REDRAW);
	top_press(&top, TOP_KEY_ESCAPE);
	check_order("9 80 443 5432 ");
	top_done(&top);
}

TEST(a_filter_has_an_end)
{
	begin(THREE);
	type("/");
	for (int i = 0; i < 1000; i++)
		top_press(&top, i % 2 ? 0xc3 : 0xb6);
	CHECK_EQ(strlen(top.filter), TOP_FILTER_MAX);
	free(drawn(80, 24));
	for (int i = 0; i < 1000; i++)
		top_press(&top, TOP_KEY_BACKSPACE);
	CHECK_STR(top.filter, "");
	top_done(&top);
}

TEST(the_chosen_one_stays_chosen_wherever_it_goes)
{
	begin(THREE);
	type("j");
	CHECK_EQ(top_chosen(&top)->port, 80);
	type("sr");
	CHECK_EQ(top_chosen(&top)->port, 80);
	load(SOCKETS(SOCKET("9", "1", "new", "listening") "," SOCKET("1", "80", "nginx",
								     "listening")));
	CHECK_EQ(top_chosen(&top)->port, 80);
	/* It has gone: another one, and none that is not there. */
	load(SOCKETS(""));
	CHECK_EQ(top_chosen(&top)->port, 5432);
	top_done(&top);
}

TEST(the_chosen_one_is_on_the_screen)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };

	for (int i = 1; i <= 100; i++)
		buffer_printf(
			&text,
			"%s{ \"cookie\": \"%d\", \"port\": %d, \"state\": \"bound\" }",
			i > 1 ? "," : "{ \"sockets\": [", i, 1000 + i);
	buffer_puts(&text, "] }");
	begin(text.data);
	for (int i = 0; i < 60; i++) {
		free(drawn(80, 10));
		top_press(&top, i % 3 ? TOP_KEY_PAGE_DOWN : TOP_KEY_UP);
		check_shown(80, 10, top_chosen(&top)->cells[TOP_PORT], true);
	}
	top_press(&top, TOP_KEY_HOME);
	check_shown(80, 10, "1001", true);
	type("G");
	check_shown(80, 10, "5432", true);
	top_done(&top);
}

TEST(ending_a_process_takes_one_key_for_the_question_and_one_for_yes)
{
	static const char noes[] = "nY qk\n";

	begin(THREE);
	CHECK_EQ(top_press(&top, 'k'), TOP_WANTS_PLAN);
	for (const char *no = noes; *no; no++) {
		top_show_page(&top, TOP_CONFIRM, "zed");
		check_shown(80, 24, "y ends it", true);
		CHECK_EQ(top_press(&top, *no), TOP_REDRAW);
		CHECK_EQ(top.mode, TOP_LIST);
		check_shown(80, 24, "Nothing was ended", true);
	}
	top_show_page(&top, TOP_CONFIRM, "zed");
	CHECK_EQ(top_press(&top, 'y'), TOP_WANTS_END);
	/* A service that does not run has no process. */
	type("G");
	CHECK_EQ(top_press(&top, 'k'), TOP_REDRAW);
	check_shown(80, 24, "No process is known", true);
	top_done(&top);
}

/* drawn() looks at every byte. */
TEST(what_a_process_is_called_moves_no_cursor)
{
	begin(SOCKETS(
		SOCKET("1", "80", "\\u001b[2J\\r\\n\\t\\u009b\\u202e", "listening")));
	check_shown(200, 60, "\\x1b[2J\\x0d\\x0a", true);
	CHECK_EQ(top_show_page(&top, TOP_DETAIL, "\x1b[31m\xff\r"), 0);
	check_shown(80, 24, "\\x1b[31m\\xff\\x0d", true);
	top_press(&top, 'q');
	top_say(&top, "%s", "\x1b]0;x\a");
	check_shown(80, 24, "\\x1b]0;x\\x07", true);
	top_done(&top);
}

TEST(wide_characters_are_cut_whole)
{
	CHECK(setlocale(LC_CTYPE, "C.UTF-8"));
	CHECK_EQ(screen_cut("ab", 1), 1);
	CHECK_EQ(screen_cut("\xe6\xbc\xa2\xe5\xad\x97", 3), 3);
	CHECK_EQ(screen_cut("\xe6\xbc\xa2", 1), 0);
	begin(SOCKETS(SOCKET("1", "80",
			     "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97",
			     "listening")));
	for (size_t width = 30; width < 60; width++)
		free(drawn(width, 24));
	top_done(&top);
}

TEST(a_terminal_without_utf8_gets_ascii)
{
	begin(SOCKETS(""));
	top_done(&top);
	top_init(&top, false);
	load(SOCKETS(SOCKET("1", "80",
			    "g\xc3\xb6"
			    "blin",
			    "listening")));
	check_shown(80, 24, "g?blin", true);
	top_done(&top);
}

TEST(a_page_has_the_alerts_of_its_row)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct doc *status = doc_parse(status_text, strlen(status_text), NULL);

	begin(THREE);
	type("j");
	top_page_row(top_chosen(&top), NULL, status, &text);
	CHECK(strstr(text.data, "80") && strstr(text.data, "Two."));
	CHECK(strstr(text.data, "portwatch kill :80"));
	CHECK(!strstr(text.data, "dead_owner"));
	doc_free(status);
	top_done(&top);
}
