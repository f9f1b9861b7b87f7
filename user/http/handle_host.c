// SPDX-License-Identifier: GPL-2.0-only
#include <sys/utsname.h>

#include "http/documents.h"
#include "http/routes.h"
#include "store/history.h"

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

/* Owned. */
static struct doc *history_doc(struct history *history)
{
	struct history_counters counters;
	struct probe_finding finding = { .name = "history",
					 .what = "remember what happened" };

	history_counters(history, &counters);
	finding.ok = !counters.fault[0];
	finding.in_use = counters.writes && finding.ok;
	if (!finding.ok) {
		finding.reason = counters.fault;
		finding.remedy = "make room, or give portwatchd a folder that it may "
				 "write to, with --state; it tries again by itself";
	} else if (!counters.writes) {
		finding.reason = "only a daemon writes it";
	}
	return finding_doc(&finding);
}

int handle_doctor(const struct request *req, struct reply *reply)
{
	struct probe *probe = engine_probe(req->api->engine);
	struct doc *doc = doc_schema("doctor"), *findings = findings_doc(probe);
	struct utsname host;

	if (findings)
		doc_append(findings, history_doc(req->api->options.history));
	doc_set(doc, "findings", findings);
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
