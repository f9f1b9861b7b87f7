// SPDX-License-Identifier: GPL-2.0-only
/*
 * POST /config/import - take a document of either form over into the registry file.
 *
 * The body is that document, or {"path", "text"}: the text of a file and what the client
 * calls it, so that a fault is told with its line.
 */
#include <errno.h>
#include <string.h>

#include "http/change_answer.h"
#include "http/documents.h"
#include "http/routes.h"

static int tell(struct change_answer *answer, struct reply *reply)
{
	const struct registry_order *order = &answer->request.order;
	const struct registry_import *counts = &order->counts;
	const char *from = doc_get_string(answer->body, "path");
	struct doc *doc;

	if (order->result < 0)
		return reply_registry_fault(reply, order->result,
					    from ? from : "the body", &order->error);
	doc = doc_schema("import");
	doc_set_string(doc, "path", change_answer_path(answer));
	doc_set_int(doc, "services", (int64_t)counts->services_added);
	doc_set_int(doc, "services_same", (int64_t)counts->services_same);
	doc_set_int(doc, "allocations", (int64_t)counts->allocations_added);
	doc_set_int(doc, "allocations_same", (int64_t)counts->allocations_same);
	doc_set_int(doc, "settings", (int64_t)counts->settings_added);
	return reply_doc(reply, 200, doc);
}

int handle_config_import(const struct request *req, struct reply *reply)
{
	_cleanup_(change_answer_freep) struct change_answer *answer =
		change_answer_new(req, tell);
	struct registry_order *order = answer ? &answer->request.order : NULL;
	const char *text;

	if (!answer)
		return -ENOMEM;
	order->kind = ORDER_IMPORT;
	answer->text = calloc(1, req->body_size + 1);
	if (!answer->text)
		return -ENOMEM;
	if (req->body)
		memcpy(answer->text, req->body, req->body_size);
	answer->body = doc_parse(answer->text, req->body_size, NULL);
	text = doc_get_string(answer->body, "text");
	if (text) {
		order->import.text = text;
		order->import.size = strlen(text);
	} else {
		answer->body = doc_free(answer->body);
		order->import.text = answer->text;
		order->import.size = req->body_size;
	}
	change_answer_submit(take(answer), reply);
	return 0;
}
