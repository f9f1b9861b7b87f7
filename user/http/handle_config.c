// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "http/documents.h"
#include "http/routes.h"

static struct doc *settings_doc(const struct request *req, const struct registry *reg)
{
	struct doc *doc = codec_encode_settings(registry_get_settings(reg));

	if (doc && !req->peer->may_change)
		codec_hide_secrets(doc);
	return doc;
}

static struct doc *registry_doc(const struct request *req)
{
	const struct registry *reg = engine_world(req->api->engine)->registry;
	struct doc *doc = doc_object(), *services = doc_array(),
		   *allocations = doc_object();
	const struct allocation *alloc;
	char port[16]; /* "8000" or "8000/udp", as the registry has them */

	for (size_t i = 0; i < registry_count(reg); i++)
		doc_append(services, service_doc(req, registry_service(reg, i)));
	for (size_t i = 0; (alloc = registry_allocation(reg, i)); i++) {
		snprintf(port, sizeof(port), "%u%s", alloc->port,
			 alloc->proto == IPPROTO_UDP ? "/udp" : "");
		doc_set(allocations, port, codec_encode_allocation(alloc));
	}
	doc_set(doc, "settings", settings_doc(req, reg));
	doc_set(doc, "services", services);
	doc_set(doc, "allocations", allocations);
	return doc;
}

int handle_config(const struct request *req, struct reply *reply)
{
	const struct api_options *options = &req->api->options;
	const struct registry_view *view = options->registry(options->arg);
	struct doc *doc = doc_schema("config"), *warnings = doc_array();

	doc_set_string(doc, "path", view->path);
	doc_set(doc, "registry", registry_doc(req));
	for (size_t i = 0; view->warnings && i < view->warnings->count; i++)
		doc_append_string(warnings, view->warnings->items[i]);
	doc_set(doc, "warnings", warnings);
	return reply_doc(reply, 200, doc);
}
