// SPDX-License-Identifier: GPL-2.0-only
/* GET /history: read by a worker, since it may wait for the disk. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "http/deferred.h"
#include "http/routes.h"
#include "http/target.h"
#include "store/history.h"
#include "store/worker.h"

struct answer {
	struct deferred deferred;
	struct job job;
	struct history *history;
	struct history_query query;
	struct viewer viewer;
	bool is_known; /* the service is in the registry; or none was named */
	bool done, left;
	/* The worker's, while it has the job. */
	int err;
	struct history_answer answer;
	char reterr[HISTORY_FAULT];
};

/* -- Arguments ------------------------------------------------------------------------
 */

static const struct registry *registry_of(const struct request *req)
{
	const struct api_options *options = &req->api->options;

	/* Read where nobody has done that yet; a bad one names no service. */
	options->registry(options->arg);
	return engine_world(req->api->engine)->registry;
}

static bool add_ports(struct history_query *query, const struct history_ports *ports)
{
	if (query->n_ports == HISTORY_PORTS_MAX)
		return false;
	query->ports[query->n_ports++] = *ports;
	return true;
}

/* What a service did, and what was done on its ports by whomever. */
static bool add_service(const struct request *req, struct answer *answer,
			const char *name)
{
	const struct world *world = engine_world(req->api->engine);
	const struct registry *reg = registry_of(req);
	const struct service *svc = reg ? registry_find(reg, name) : NULL;
	struct history_query *query = &answer->query;
	bool fits = true;

	strcpy(query->service, name);
	answer->is_known = svc;
	for (size_t i = 0; svc && i < svc->n_claims && fits; i++) {
		const struct endpoint *at = &svc->claims[i].at;
		struct history_ports ports = { at->port, at->port, at->proto,
					       svc->netns ? svc->netns_inode
							  : world->own_netns };

		fits = add_ports(query, &ports);
	}
	return fits;
}

/* -EINVAL with *reply filled in. */
static int add_target(const struct request *req, struct answer *answer, const char *text,
		      struct reply *reply)
{
	struct history_query *query = &answer->query;
	struct target target;
	bool fits = true;

	if (target_parse(text, &target) < 0) {
		reply_problem(reply, 400,
			      "%.80s is no target: NAME, :PORT, :LOW-HIGH, :PORT/udp or "
			      "pid:N",
			      text);
		return -EINVAL;
	}
	switch (target.kind) {
	case TARGET_PORTS:
		fits = add_ports(query, &(struct history_ports){ target.low, target.high,
								 target.proto, 0 });
		break;
	case TARGET_SERVICE:
		fits = !query->service[0] && add_service(req, answer, target.service);
		break;
	case TARGET_PROCESS:
		fits = !query->pid;
		query->pid = target.pid;
		break;
	}
	if (fits)
		return 0;
	reply_problem(reply, 400,
		      "That is more than one question: a service, a process "
		      "and some ports at most");
	return -EINVAL;
}

/* A moment, or how long ago. */
static int parse_since(const char *text, uint64_t *ret)
{
	uint64_t ms, now_ns = now_wall_ns();

	if (time_parse(text, ret) == 0)
		return 0;
	if (duration_parse(text, &ms) < 0)
		return -EINVAL;
	*ret = ms < now_ns / NS_PER_MS ? now_ns - ms * NS_PER_MS : 0;
	return 0;
}

/* An id, which is a time as well. */
static int parse_before(const char *text, uint64_t *ret)
{
	if (parse_u64(text, INT64_MAX, ret) == 0)
		return 0;
	return time_parse(text, ret);
}

static int parse_limit(const char *text, unsigned *ret)
{
	uint64_t limit;

	if (parse_u64(text, HISTORY_LIMIT_MAX, &limit) < 0 || limit == 0)
		return -EINVAL;
	*ret = (unsigned)limit;
	return 0;
}

/* -EINVAL with *reply filled in. */
static int parse_rest(const struct request *req, struct history_query *query,
		      struct reply *reply)
{
	const char *since = request_arg(req, "since", 0);
	const char *before = request_arg(req, "before", 0);
	const char *limit = request_arg(req, "limit", 0);
	const char *order = request_arg(req, "order", 0);

	query->limit = HISTORY_LIMIT;
	if (since && parse_since(since, &query->since_ns) < 0)
		reply_problem(reply, 400,
			      "%.80s is no time: 2026-01-17T12:00:00Z, or how long ago, "
			      "such as 2h",
			      since);
	else if (before && parse_before(before, &query->before) < 0)
		reply_problem(reply, 400, "%.80s is neither an entry's id nor a time",
			      before);
	else if (limit && parse_limit(limit, &query->limit) < 0)
		reply_problem(reply, 400, "limit is a number from 1 to %d, not %.80s",
			      HISTORY_LIMIT_MAX, limit);
	else if (order && !streq(order, "newest") && !streq(order, "oldest"))
		reply_problem(reply, 400, "order is newest or oldest, not %.80s", order);
	else
		query->oldest_first = streq(order, "oldest");
	return reply->status ? -EINVAL : 0;
}

static int parse(const struct request *req, struct answer *answer, struct reply *reply)
{
	const char *target, *port = request_arg(req, "port", 0);
	char text[40];
	int err = 0;

	for (size_t i = 0; err == 0 && (target = request_arg(req, "target", i)); i++)
		err = add_target(req, answer, target, reply);
	if (err == 0 && port) {
		snprintf(text, sizeof(text), ":%.38s", port);
		err = add_target(req, answer, text, reply);
	}
	return err < 0 ? err : parse_rest(req, &answer->query, reply);
}

/* -- Answering ------------------------------------------------------------------------
 */

static struct answer *of_deferred(struct deferred *deferred)
{
	return (struct answer *)deferred; /* its first member */
}

static struct answer *of_job(struct job *job)
{
	return (struct answer *)((char *)job - offsetof(struct answer, job));
}

static void free_answer(struct answer *answer)
{
	free(answer->answer.text);
	free(answer);
}

static void close_answer(struct deferred *deferred)
{
	struct answer *answer = of_deferred(deferred);

	if (answer->done)
		free_answer(answer);
	else
		answer->left = true;
}

/* In the worker's thread. */
static void run(struct job *job)
{
	struct answer *answer = of_job(job);

	answer->err = history_read(answer->history, &answer->query, &answer->viewer,
				   &answer->answer, answer->reterr);
}

static int refuse(const struct answer *answer, struct reply *reply)
{
	static const struct errno_status statuses[] = {
		{ -ENOENT, 404 }, { -EACCES, 403 }, { -EBADMSG, 500 },
		{ -EIO, 500 },    { 0, 503 },
	};
	unsigned status = status_of_errno(answer->err, statuses);
	struct doc *doc;

	if (answer->err == -ENOENT)
		return reply_problem(reply, status,
				     "No daemon has kept a history yet: there is no %s",
				     history_path(answer->history));
	doc = problem_doc(status, answer->reterr);
	if (doc && answer->err == -EACCES)
		doc_set_string(doc, "remedy",
			       "ask as root or a member of group portwatch, or ask the "
			       "daemon");
	return doc ? reply_problem_doc(reply, status, doc) : -ENOMEM;
}

static int tell(struct answer *answer, struct reply *reply)
{
	const struct history_query *query = &answer->query;

	if (answer->err == -ENOMEM)
		return -ENOMEM;
	if (answer->err < 0)
		return refuse(answer, reply);
	if (query->service[0] && !answer->is_known && !query->since_ns &&
	    !query->before && answer->answer.count == 0)
		return reply_problem(reply, 404,
				     "No service is called %s, and none was that is "
				     "remembered",
				     query->service);
	*reply = (struct reply){
		.status = 200,
		.type = "application/json",
		.body = take(answer->answer.text),
		.size = answer->answer.size,
	};
	return 0;
}

static void done(struct job *job)
{
	struct answer *answer = of_job(job);

	answer->done = true;
	if (answer->left)
		free_answer(answer);
	else
		deferred_ready(&answer->deferred, tell(answer, &answer->deferred.reply));
}

int handle_history(const struct request *req, struct reply *reply)
{
	const struct api_options *options = &req->api->options;
	struct answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		return -ENOMEM;
	answer->is_known = true;
	if (parse(req, answer, reply) < 0) {
		free_answer(answer);
		return 0;
	}
	answer->history = options->history;
	answer->viewer = req->peer->viewer;
	answer->query.mark = history_mark(options->history);
	answer->job = (struct job){ .run = run, .done = done };
	answer->deferred.close = close_answer;
	*reply = (struct reply){ .deferred = &answer->deferred };
	worker_submit(options->history_worker, &answer->job);
	return 0;
}
