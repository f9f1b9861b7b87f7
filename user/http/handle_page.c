// SPDX-License-Identifier: GPL-2.0-only
/* GET / and what that page consists of. */
#include <string.h>

#include "base/strings.h"
#include "http/page.h"
#include "http/routes.h"

static int reply_file(const struct request *req, const char *name, struct reply *reply)
{
	const struct page_file *file = page_find(name);
	const char *version = request_arg(req, "v", 0);

	if (!file)
		return reply_problem(reply, 404, "Nothing is served at %.80s", req->path);
	*reply = (struct reply){
		.status = page_is_known(file, req->if_none_match) ? 304 : 200,
		.type = file->type,
		.file = file,
		/* What the tag holds between its quotes. */
		.versioned = version && strlen(version) == strlen(file->etag) - 2 &&
			     starts_with(file->etag + 1, version),
	};
	return 0;
}

int handle_page(const struct request *req, struct reply *reply)
{
	return reply_file(req, "index.html", reply);
}

int handle_page_file(const struct request *req, struct reply *reply)
{
	return reply_file(req, req->parameter, reply);
}
