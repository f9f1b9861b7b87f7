// SPDX-License-Identifier: GPL-2.0-only
/*
 * POST /config/import - take a document of either form over into the registry file.
 *
 * The body is that document, or {"path", "text"}: the text of a file and what the client
 * calls it, so that a fault is told with its line.
 */
#include <errno.h>
#include <string.h>

#include "http/documents.h"
#include "http/routes.h"
#include "store/registry_file.h"

static int tell(struct reply *reply, const char *path,
		const struct registry_import *counts)
{
	struct doc *doc = doc_schema("import");

	doc_set_string(doc, "path", path);
	doc_set_int(doc, "services", (int64_t)counts->services_added);
	doc_set_int(doc, "services_same", (int64_t)counts->services_same);
	doc_set_int(doc, "allocations", (int64_t)counts->allocations_added);
	doc_set_int(doc, "allocations_same", (int64_t)counts->allocations_same);
	doc_set_int(doc, "settings", (int64_t)counts->settings_added);
	return reply_doc(reply, 200, doc);
}

int handle_config_import(const struct request *req, struct reply *reply)
{
	const struct api_options *options = &req->api->options;
	const struct registry_view *view = options->registry(options->arg);
	const char *text = req->body ? req->body : "";
	_cleanup_(doc_freep) struct doc *wrapped = doc_parse(text, req->body_size, NULL);
	const char *given = doc_get_string(wrapped, "text");
	const char *from = given ? doc_get_string(wrapped, "path") : NULL;
	struct registry_import counts = { 0 };
	struct decode_error fault = { 0 };
	int err;

	err = registry_file_import(
		view->path, given ? given : text, given ? strlen(given) : req->body_size,
		registry_generation(engine_world(req->api->engine)->registry), NULL,
		&counts, &fault);
	if (err < 0)
		return reply_registry_fault(reply, err, from ? from : "the body", &fault);
	if (err > 0) {
		err = options->reload(options->arg);
		if (err < 0)
			return err;
	}
	return tell(reply, view->path, &counts);
}
