// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"
#include "http/page.h"
#include "http/routes.h"

#include <stdio.h>
#include <string.h>

#include "base/strings.h"

TEST(every_file_of_the_page_is_found_by_its_name_and_no_other)
{
	CHECK(page_files[0].name);
	for (const struct page_file *file = page_files; file->name; file++) {
		CHECK(page_find(file->name) == file);
		CHECK(file->size > 0 && file->type[0]);
		CHECK_STR(file->etag, page_files[0].etag);
	}
	CHECK(page_find("index.html"));
	CHECK(!page_find(""));
	CHECK(!page_find("../index.html"));
}

TEST(a_browser_that_names_the_tag_has_the_file)
{
	const struct page_file *file = page_find("index.html");
	char list[256];

	CHECK(!page_is_known(file, NULL));
	CHECK(!page_is_known(file, "\"0\""));
	CHECK(page_is_known(file, "*"));
	CHECK(page_is_known(file, file->etag));
	snprintf(list, sizeof(list), "\"0\", W/%s", file->etag);
	CHECK(page_is_known(file, list));
}

static struct reply ask(const char *name, const char *version)
{
	struct request req = {
		.path = "/web/x",
		.args = { { "v", version } },
		.n_args = version ? 1 : 0,
	};
	struct reply reply = { 0 };

	snprintf(req.parameter, sizeof(req.parameter), "%s", name);
	CHECK_EQ(handle_page_file(&req, &reply), 0);
	return reply;
}

TEST(a_file_is_versioned_only_where_its_content_was_named)
{
	const char *etag = page_files[0].etag;
	_cleanup_(freep) char *version = strndup(etag + 1, strlen(etag) - 2);
	struct reply reply = ask("app.js", version);

	CHECK_EQ(reply.status, 200);
	CHECK(reply.versioned);
	CHECK(!ask("app.js", NULL).versioned);
	CHECK(!ask("app.js", "").versioned);
	version[4] = '\0';
	CHECK(!ask("app.js", version).versioned);
	reply = ask("nothing.js", NULL);
	CHECK_EQ(reply.status, 404);
	reply_done(&reply);
}

TEST(without_token_there_are_the_files_of_the_page_and_nothing_else)
{
	const struct route *routes;
	size_t n = routes_all(&routes);

	for (size_t i = 0; i < n; i++)
		CHECK((routes[i].access == ACCESS_PUBLIC) ==
		      (streq(routes[i].path, "/") ||
		       starts_with(routes[i].path, "/web/")));
}
