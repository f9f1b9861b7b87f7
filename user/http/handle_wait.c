// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET /services/{name}/wait - tells once that a service is as it was asked for, when it
 * is; and /log, where what it prints is written.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http/routes.h"
#include "service/launcher.h"

enum goal { GOAL_LISTENING, GOAL_HEALTHY, GOAL_GONE };

static const char *const goals[] = {
	[GOAL_LISTENING] = "listening",
	[GOAL_HEALTHY] = "healthy",
	[GOAL_GONE] = "gone",
};

struct waiting {
	struct producer producer;
	struct engine *engine;
	struct engine_subscription *events;
	char service[SERVICE_NAME_MAX + 1];
	enum goal goal;
	char *text; /* of the one event; NULL: not yet */
	size_t size, offset;
};

static struct waiting *of(struct producer *producer)
{
	return (struct waiting *)producer; /* its first member */
}

static void close_waiting(struct producer *producer)
{
	struct waiting *waiting = of(producer);

	engine_unsubscribe(waiting->engine, waiting->events);
	free(waiting->text);
	free(waiting);
}

/* Something of it has changed; what, is looked at when the engine is at rest. */
static void on_event(const struct event *event, void *arg)
{
	struct waiting *waiting = arg;

	if (event->service && !streq(event->service, waiting->service))
		return;
	if (waiting->producer.wake)
		waiting->producer.wake(waiting->producer.wake_arg);
}

static bool is_reached(const struct waiting *waiting)
{
	const struct world *world = engine_world(waiting->engine);
	const struct service *svc = registry_find(world->registry, waiting->service);
	const struct service_state *state = svc ? &world->services[svc->index] : NULL;
	enum service_status status;

	if (!svc)
		return waiting->goal == GOAL_GONE;
	status = matcher_status(world, svc, engine_alerts(waiting->engine));
	switch (waiting->goal) {
	case GOAL_LISTENING:
		return status == STATUS_RUNNING || status == STATUS_UNHEALTHY;
	case GOAL_HEALTHY:
		return state->health == HEALTH_HEALTHY;
	case GOAL_GONE:
		break;
	}
	return !matcher_service_socket(world, svc) &&
	       (!state->recorded || state->recorded->exited);
}

static int make_text(struct waiting *waiting)
{
	_cleanup_(doc_freep) struct doc *doc = doc_schema("wait");
	_cleanup_(freep) char *json = NULL;
	int n;

	doc_set_string(doc, "service", waiting->service);
	doc_set_string(doc, "is", goals[waiting->goal]);
	json = doc_print(doc, false, NULL);
	if (!json)
		return -ENOMEM;
	n = asprintf(&waiting->text, "event: done\ndata: %s\n\n", json);
	if (n < 0) {
		waiting->text = NULL;
		return -ENOMEM;
	}
	waiting->size = (size_t)n;
	return 0;
}

static ssize_t read_waiting(struct producer *producer, char *buf, size_t size)
{
	struct waiting *waiting = of(producer);
	size_t n;

	if (!waiting->text && !is_reached(waiting))
		return 0;
	if (!waiting->text && make_text(waiting) < 0)
		return -ENOMEM;
	n = waiting->size - waiting->offset;
	if (n == 0)
		return -ENODATA;
	if (n > size)
		n = size;
	memcpy(buf, waiting->text + waiting->offset, n);
	waiting->offset += n;
	return (ssize_t)n;
}

static int begin(const struct request *req, enum goal goal, struct reply *reply)
{
	const uint32_t wants = 1u << EVENT_SERVICE_STARTING |
			       1u << EVENT_SERVICE_RUNNING | 1u << EVENT_SERVICE_STOPPED |
			       1u << EVENT_SERVICE_HEALTHY |
			       1u << EVENT_SERVICE_UNHEALTHY |
			       1u << EVENT_PROCESS_EXITED | 1u << EVENT_REGISTRY_RELOADED;
	struct waiting *waiting = calloc(1, sizeof(*waiting));
	int err;

	if (!waiting)
		return -ENOMEM;
	waiting->producer.read = read_waiting;
	waiting->producer.close = close_waiting;
	waiting->producer.endless = true;
	waiting->engine = req->api->engine;
	waiting->goal = goal;
	memccpy(waiting->service, req->parameter, 0, sizeof(waiting->service) - 1);
	err = engine_subscribe(waiting->engine, wants, on_event, waiting,
			       &waiting->events);
	if (err < 0) {
		free(waiting);
		return err;
	}
	*reply = (struct reply){
		.status = 200,
		.type = "text/event-stream",
		.producer = &waiting->producer,
	};
	return 0;
}

static const struct service *find(const struct request *req, struct reply *reply)
{
	const struct service *svc =
		registry_find(engine_world(req->api->engine)->registry, req->parameter);

	if (!svc)
		reply_problem(reply, 404, "No service is called %s", req->parameter);
	return svc;
}

int handle_wait(const struct request *req, struct reply *reply)
{
	const char *goal = request_arg(req, "for", 0) ?: goals[GOAL_LISTENING];
	const struct service *svc = find(req, reply);

	if (!svc)
		return 0;
	for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++) {
		if (!streq(goal, goals[i]))
			continue;
		if (i == GOAL_HEALTHY && !health_has_check(&svc->health))
			return reply_problem(reply, 422,
					     "%s has no health check, so that it will "
					     "never be known to be healthy",
					     svc->name);
		return begin(req, (enum goal)i, reply);
	}
	return reply_problem(reply, 400, "for is listening, healthy or gone");
}

int handle_log(const struct request *req, struct reply *reply)
{
	const struct service *svc = find(req, reply);
	_cleanup_(freep) char *path = NULL;
	struct doc *doc;

	if (!svc)
		return 0;
	path = launcher_log_path(req->api->options.launcher, svc->name);
	doc = doc_schema("log");
	doc_set_string(doc, "service", svc->name);
	doc_set_string(doc, "path", path);
	return reply_doc(reply, 200, doc);
}
