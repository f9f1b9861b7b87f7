// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "http/documents.h"
#include "http/routes.h"

bool alert_is_conflict(const struct alert *alert, const void *arg)
{
	(void)arg;
	return alert_kind_is_conflict(alert->v.kind);
}

bool alert_is_of_service(const struct alert *alert, const void *arg)
{
	return !alert->v.allocation && streq(alert->v.service, arg);
}

static struct doc *alert_doc(const struct request *req, const struct alert *alert)
{
	if (alert->v.found)
		engine_complete_process(req->api->engine, alert->v.found);
	if (alert->v.holder)
		engine_complete_process(req->api->engine, alert->v.holder);
	return codec_encode_alert(alert, &req->peer->viewer);
}

struct doc *alerts_doc(const struct request *req,
		       bool (*wanted)(const struct alert *alert, const void *arg),
		       const void *arg)
{
	const struct alerts *alerts = engine_alerts(req->api->engine);
	struct doc *array = doc_array();
	const struct alert *alert;
	uint64_t cursor = 0;

	while ((alert = alerts_next(alerts, &cursor)))
		if (!wanted || wanted(alert, arg))
			doc_append(array, alert_doc(req, alert));
	return array;
}

int handle_conflicts(const struct request *req, struct reply *reply)
{
	struct doc *doc;

	doc = doc_schema("conflicts");
	doc_set(doc, "conflicts", alerts_doc(req, alert_is_conflict, NULL));
	return reply_doc(reply, 200, doc);
}

int handle_alerts(const struct request *req, struct reply *reply)
{
	const char *state = request_arg(req, "state", 0);
	const struct alert *alert;
	struct doc *doc, *array;
	size_t cursor = 0;

	if (state && !streq(state, "all") && !streq(state, "firing"))
		return reply_problem(reply, 400, "state is all or firing, not %s", state);

	doc = doc_schema("alerts");
	array = alerts_doc(req, NULL, NULL);
	while (streq(state, "all") &&
	       (alert = alerts_next_resolved(engine_alerts(req->api->engine), &cursor)))
		doc_append(array, alert_doc(req, alert));
	doc_set(doc, "alerts", array);
	return reply_doc(reply, 200, doc);
}
