// SPDX-License-Identifier: GPL-2.0-only
/* POST /health-check - have the checks made now, and answer when all have their result.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "http/deferred.h"
#include "http/documents.h"
#include "http/routes.h"
#include "service/watchdog.h"

struct health_answer {
	struct deferred deferred; /* first */
	struct watchdog *dog;
	struct checkup *checkup;
};

static struct doc *item_doc(const struct checkup_item *item)
{
	bool has_check = item->result != CHECKUP_NO_CHECK;
	struct doc *doc = doc_object();

	doc_set_string(doc, "service", item->service);
	if (item->port)
		doc_set_int(doc, "port", item->port);
	else
		doc_set_null(doc, "port");
	doc_set_string(doc, "result", checkup_result_name(item->result));
	doc_set_string(doc, "health", health_state_name(item->health));
	doc_set_string(doc, "kind", has_check ? check_kind_name(item->kind) : NULL);
	doc_set_string(doc, "target", item->target);
	doc_set_string(doc, "reason", item->text);
	if (item->latency_us)
		doc_set_int(doc, "latency_us", (int64_t)item->latency_us);
	else
		doc_set_null(doc, "latency_us");
	return doc;
}

static int tell(const struct checkup *checkup, struct reply *reply)
{
	struct doc *doc = doc_schema("health-check"), *array = doc_array();

	doc_set_time(doc, "timestamp", now_wall_ns());
	for (size_t i = 0; i < checkup->count; i++)
		doc_append(array, item_doc(&checkup->items[i]));
	doc_set(doc, "checks", array);
	return reply_doc(reply, 200, doc);
}

static void on_done(struct checkup *checkup, void *arg)
{
	struct health_answer *answer = arg;

	deferred_ready(&answer->deferred, tell(checkup, &answer->deferred.reply));
}

static void close_answer(struct deferred *deferred)
{
	struct health_answer *answer = (struct health_answer *)deferred;

	checkup_free(answer->dog, answer->checkup);
	free(answer);
}

static int submit(const struct request *req, char *const *names, struct reply *reply)
{
	struct health_answer *answer = calloc(1, sizeof(*answer));
	int err;

	if (!answer)
		return -ENOMEM;
	answer->dog = req->api->options.watchdog;
	answer->deferred.close = close_answer;
	err = watchdog_check_now(answer->dog, names, on_done, answer, &answer->checkup);
	if (err < 0) {
		free(answer);
		return err;
	}
	if (answer->checkup->waiting == 0) {
		err = tell(answer->checkup, reply);
		close_answer(&answer->deferred);
		return err;
	}
	*reply = (struct reply){ .deferred = &answer->deferred };
	return 0;
}

/* The names of the body; NULL where it has none.  -EINVAL with *reply filled in. */
static int read_names(const struct request *req, char ***ret, struct reply *reply)
{
	const struct registry *reg = engine_world(req->api->engine)->registry;
	_cleanup_(doc_freep) struct doc *body = NULL;
	_cleanup_(strv_freep) char **names = NULL;
	const struct doc *list;

	*ret = NULL;
	if (req->body_size == 0)
		return 0;
	body = doc_parse(req->body, req->body_size, NULL);
	list = doc_get(body, "services");
	if (doc_type(body) != DOC_OBJECT || (list && doc_type(list) != DOC_ARRAY)) {
		reply_problem(reply, 400,
			      "The body is an object, in which services is a list of "
			      "names");
		return -EINVAL;
	}
	for (const struct doc *d = doc_first(body); d; d = doc_next(d)) {
		if (!streq(doc_key(d), "services")) {
			reply_problem(reply, 400, "No member is called %.80s: services",
				      doc_key(d));
			return -EINVAL;
		}
	}
	for (const struct doc *d = doc_first(list); d; d = doc_next(d)) {
		const char *name = doc_string(d);

		if (!name || !registry_find(reg, name)) {
			reply_problem(reply, 404, "No service is called %.64s",
				      name ? name : "so");
			return -EINVAL;
		}
		if (!strv_contains(names, name) && strv_append(&names, name) < 0)
			return -ENOMEM;
	}
	*ret = take(names);
	return 0;
}

int handle_health_check(const struct request *req, struct reply *reply)
{
	_cleanup_(strv_freep) char **names = NULL;
	int err = read_names(req, &names, reply);

	if (err < 0)
		return err == -EINVAL ? 0 : err;
	return submit(req, names, reply);
}
