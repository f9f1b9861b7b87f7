// SPDX-License-Identifier: GPL-2.0-only
#include <sys/utsname.h>

#include "http/documents.h"
#include "http/routes.h"

static struct doc *finding_doc(const struct probe_finding *finding)
{
	struct doc *doc = doc_object();

	doc_set_string(doc, "name", finding->name);
	doc_set_string(doc, "what", finding->what);
	doc_set_bool(doc, "ok", finding->ok);
	doc_set_bool(doc, "in_use", finding->in_use);
	doc_set_string(doc, "reason", finding->reason);
	doc_set_string(doc, "remedy", finding->remedy);
	return doc;
}

struct doc *findings_doc(struct probe *probe)
{
	const struct probe_finding *findings = NULL;
	struct doc *array = doc_array();
	size_t n = probe_examine(probe, &findings);

	for (size_t i = 0; i < n; i++)
		doc_append(array, finding_doc(&findings[i]));
	return array;
}

int handle_doctor(const struct request *req, struct reply *reply)
{
	struct probe *probe = engine_probe(req->api->engine);
	struct doc *doc = doc_schema("doctor");
	struct utsname host;

	doc_set(doc, "findings", findings_doc(probe));
	doc_set_string(doc, "kernel", uname(&host) == 0 ? host.release : NULL);
	doc_set_string(doc, "backend", probe_backend(probe));
	doc_set_string(doc, "bind_failures", probe_bind_failures(probe));
	return reply_doc(reply, 200, doc);
}

int handle_healthz(const struct request *req, struct reply *reply)
{
	(void)req;
	return reply_text(reply, 200, "ok\n");
}
