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

static void add_resolved(const struct request *req, struct doc *array)
{
	const struct alerts *alerts = engine_alerts(req->api->engine);
	const struct alert *alert;
	size_t cursor = 0;

	while ((alert = alerts_next_resolved(alerts, &cursor)))
		doc_append(array, alert_doc(req, alert));
}

struct doc *resolved_alerts_doc(const struct request *req)
{
	struct doc *array = doc_array();

	add_resolved(req, array);
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
	struct doc *doc, *array;

	if (state && !streq(state, "all") && !streq(state, "firing"))
		return reply_problem(reply, 400, "state is all or firing, not %s", state);

	doc = doc_schema("alerts");
	array = alerts_doc(req, NULL, NULL);
	if (streq(state, "all"))
		add_resolved(req, array);
	doc_set(doc, "alerts", array);
	return reply_doc(reply, 200, doc);
}
