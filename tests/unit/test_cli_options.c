// SPDX-License-Identifier: GPL-2.0-only
#include "cli/options.h"
#include "harness.h"

#include <errno.h>

struct config {
	bool all;
	const char *file, *word;
	int format;
	struct duration time;
	struct option_list env;
};

static const char *const formats[] = { "table", "json", NULL };

#define AT(member) offsetof(struct config, member)

static const struct option table[] = {
	{ "all", 'a', OPTION_FLAG, AT(all), NULL, "", NULL },
	{ "file", 'f', OPTION_TEXT, AT(file), "FILE", "", NULL },
	{ "word", 0, OPTION_TEXT, AT(word), "WORD", "", formats },
	{ "format", 'o', OPTION_CHOICE, AT(format), "FORMAT", "", formats },
	{ "for", 0, OPTION_DURATION, AT(time), "TIME", "", NULL },
	{ "env", 'e', OPTION_LIST, AT(env), "NAME=VALUE", "", NULL },
	{ 0 },
};

/* Parses all of @argv; the error, if any, is in @error. */
static int parse(char *const *argv, struct config *ret, char *error)
{
	struct option_set sets[] = { { table, ret } };
	int at = 0, err = 0;

	*ret = (struct config){ 0 };
	while (argv[at] && err == 0)
		err = options_take(sets, 1, argv, &at, error, 200);
	return err;
}

#define ARGV(...)                 \
	(char *const[])           \
	{                         \
		__VA_ARGS__, NULL \
	}

TEST(every_way_to_write_an_option_is_understood)
{
	struct config config;
	char error[200];

	CHECK_EQ(parse(ARGV("--all", "--file", "a", "-o", "json", "--for=1m30s"), &config,
		       error),
		 0);
	CHECK(config.all);
	CHECK_STR(config.file, "a");
	CHECK_EQ(config.format, 1);
	CHECK(config.time.given);
	CHECK_EQ(config.time.ms, 90000);
	CHECK_EQ(parse(ARGV("-a", "-fa=b", "-ojson", "--word=table"), &config, error), 0);
	CHECK_STR(config.file, "a=b");
	CHECK_STR(config.word, "table");
	CHECK_EQ(config.format, 1);
}

TEST(the_last_one_counts)
{
	struct config config;
	char error[200];

	CHECK_EQ(parse(ARGV("-f", "a", "-f", "b"), &config, error), 0);
	CHECK_STR(config.file, "b");
}

TEST(a_list_has_each_of_them_up_to_its_limit)
{
	char *argv[2 * OPTION_LIST_MAX + 3] = { 0 }, error[200];
	struct config config;

	CHECK_EQ(parse(ARGV("--env", "A=1", "-e", "B", "--env=C=2"), &config, error), 0);
	CHECK_EQ(config.env.n, 3);
	CHECK_STR(config.env.items[0], "A=1");
	CHECK_STR(config.env.items[2], "C=2");
	for (int i = 0; i < 2 * OPTION_LIST_MAX + 2; i++)
		argv[i] = "-e";
	CHECK_EQ(parse(argv, &config, error), -EINVAL);
	CHECK(strstr(error, "more than"));
}

TEST(a_value_may_look_like_an_option)
{
	struct config config;
	char error[200];

	CHECK_EQ(parse(ARGV("--file", "--all"), &config, error), 0);
	CHECK_STR(config.file, "--all");
	CHECK(!config.all);
}

TEST(bad_options_are_refused_in_words)
{
	static const struct {
		char *const argv[3];
		const char *want;
	} cases[] = {
		{ { "--al" }, "there is no option --al" },
		{ { "--fil", "x" }, "there is no option --fil (did you mean --file?)" },
		{ { "--formta=json" },
		  "there is no option --formta (did you mean --format?)" },
		{ { "-x" }, "there is no option -x" },
		{ { "--all=yes" }, "--all takes no value" },
		{ { "-ax" }, "--all takes no value" },
		{ { "--file" }, "--file needs a value: FILE" },
		{ { "--file=" }, "--file needs a FILE that is not empty" },
		{ { "-o", "xml" }, "--format is one of table, json, not 'xml'" },
		{ { "--word", "x" }, "--word is one of table, json, not 'x'" },
		{ { "--for", "soon" },
		  "--for takes a time such as 30s, 5m or 1h30m, not 'soon'" },
		{ { "--for", "-1" },
		  "--for takes a time such as 30s, 5m or 1h30m, not '-1'" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config config;
		char error[200] = "";

		CHECK_EQ(parse(cases[i].argv, &config, error), -EINVAL);
		CHECK_STR(error, cases[i].want);
	}
}
