// SPDX-License-Identifier: GPL-2.0-only
#include "cli/table.h"
#include "harness.h"

#include <locale.h>

static const struct column port = { .name = "port",
				    .header = "PORT",
				    .flags = COLUMN_RIGHT };
static const struct column name = { .name = "name",
				    .header = "NAME",
				    .flags = COLUMN_CUT };
static const struct column spare = { .name = "unit",
				     .header = "UNIT",
				     .flags = COLUMN_SPARE };
static const struct column state = { .name = "state",
				     .header = "STATE",
				     .flags = COLUMN_TONED };

static struct span json(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* Prints cells of three columns each. */
static void check_table(const struct column *const *columns, const char *const *cells,
			const struct table_style *style, const char *want)
{
	_cleanup_(buffer_done) struct buffer got = { 0 };
	_cleanup_(table_freep) struct table *table = NULL;

	setlocale(LC_CTYPE, "C.UTF-8");
	CHECK_EQ(table_new(columns, 3, &table), 0);
	for (; *cells; cells++)
		table_add(table, json(*cells));
	CHECK_EQ(table_print(table, style, &got), 0);
	CHECK_STR(got.data, want);
}

static const struct column *const columns[] = { &port, &name, &state };
static const struct terminal no_terminal = { .width = 80 };

TEST(columns_are_as_wide_as_their_widest_cell)
{
	const struct table_style style = { .terminal = &no_terminal, .headers = true };

	check_table(columns,
		    (const char *[]){ "80", "\"nginx\"", "\"running\"", "65535", "null",
				      "\"stopped\"", NULL },
		    &style,
		    " PORT  NAME   STATE\n"
		    "   80  nginx  running\n"
		    "65535  -      stopped\n");
}

TEST(without_headers_the_cells_alone_count)
{
	const struct table_style style = { .terminal = &no_terminal };

	check_table(columns, (const char *[]){ "8", "\"a\"", "\"b\"", NULL }, &style,
		    "8  a  b\n");
}

TEST(what_other_processes_chose_is_escaped)
{
	const struct table_style style = { .terminal = &no_terminal };

	check_table(columns,
		    (const char *[]){ "8", "\"a\\u001b[31m\\n\"", "\"\xc2\x9b\"", NULL },
		    &style, "8  a\\x1b[31m\\x0a  \\u{009b}\n");
}

TEST(wide_characters_take_the_columns_that_they_take)
{
	const struct table_style style = { .terminal = &no_terminal };

	check_table(columns,
		    (const char *[]){ "1", "\"\xe6\x97\xa5\xe6\x9c\xac\"", "\"x\"", "2",
				      "\"\xc3\xa9\"", "\"y\"", NULL },
		    &style,
		    "1  \xe6\x97\xa5\xe6\x9c\xac  x\n"
		    "2  \xc3\xa9     y\n");
}

TEST(states_are_coloured_where_colour_is_wanted)
{
	const struct terminal terminal = { .is_terminal = true,
					   .colour = true,
					   .width = 80 };
	const struct table_style style = { .terminal = &terminal };

	check_table(columns, (const char *[]){ "1", "\"running\"", "\"running\"", NULL },
		    &style, "1  running  \033[32mrunning\033[0m\n");
}

TEST(a_terminal_is_not_overrun)
{
	const struct terminal terminal = { .is_terminal = true, .width = 24 };
	const struct table_style style = { .terminal = &terminal,
					   .headers = true,
					   .fit = true };

	check_table(columns,
		    (const char *[]){ "80", "\"a-name-that-is-far-too-long\"",
				      "\"stopped\"", NULL },
		    &style,
		    "PORT NAME        STATE\n"
		    "  80 a-name-that stopped\n");
}

TEST(spare_columns_stand_on_a_terminal_only_where_they_say_something)
{
	static const struct column *const with_spare[] = { &port, &spare, &name };
	const struct terminal terminal = { .is_terminal = true, .width = 80 };
	const struct table_style style = { .terminal = &terminal,
					   .headers = true,
					   .fit = true };

	check_table(
		with_spare,
		(const char *[]){ "80", "null", "\"a\"", "81", "null", "\"b\"", NULL },
		&style,
		"PORT NAME\n"
		"  80 a\n"
		"  81 b\n");
	check_table(
		with_spare,
		(const char *[]){ "80", "null", "\"a\"", "81", "\"u\"", "\"b\"", NULL },
		&style,
		"PORT UNIT NAME\n"
		"  80 -    a\n"
		"  81 u    b\n");
}
