// SPDX-License-Identifier: GPL-2.0-only
/*
 * POST /up, /down, /restart and …/start, /stop, /restart of one service.
 *
 * Answered at once with what is being done; with wait=1 when that is done; with stream=1
 * as events: `step` whenever one of them has got on, `done` at the end.  Who hangs up
 * stops nothing.
 */
#include <errno.h>
#include <string.h>

#include "http/launch_doc.h"
#include "http/routes.h"
#include "service/launcher.h"

enum { NAMES_MAX = REGISTRY_SERVICES_MAX };

/* -- What is asked --------------------------------------------------------------------
 */

struct wish {
	struct launch_order order;
	char **names;
	struct launch_choices *choices;
	struct doc *body;
	bool check_only, wait, stream;
};

static void wish_done(struct wish *wish)
{
	strv_free(wish->names);
	free(wish->choices);
	doc_free(wish->body);
}

static int bad(struct reply *reply, const char *what)
{
	reply_problem(reply, 400, "%s", what);
	return -EINVAL;
}

static int take_names(const struct doc *value, struct wish *wish, struct reply *reply)
{
	if (doc_type(value) != DOC_ARRAY || doc_count(value) > NAMES_MAX)
		return bad(reply, "names is a list of services");
	for (const struct doc *d = doc_first(value); d; d = doc_next(d)) {
		if (!doc_string(d) || !service_name_is_valid(doc_string(d)))
			return bad(reply, "names is a list of services");
		if (strv_append(&wish->names, doc_string(d)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int parse_choice(const char *text, enum launch_choice *ret, struct reply *reply)
{
	for (int i = CHOICE_FAIL; text && i <= CHOICE_SKIP; i++) {
		if (!streq(text, launch_choice_name((enum launch_choice)i)))
			continue;
		*ret = (enum launch_choice)i;
		return 0;
	}
	return bad(reply, "on_conflict is fail, next_free, kill or skip, or an object of "
			  "these by service");
}

/* {"api": "kill"}; in the path of one service also just "kill". */
static int take_choices(const struct doc *value, struct wish *wish, struct reply *reply)
{
	size_t n = 0;
	int err = 0;

	wish->choices = calloc(doc_count(value) + 2, sizeof(*wish->choices));
	if (!wish->choices)
		return -ENOMEM;
	wish->order.choices = wish->choices;
	if (doc_string(value) && wish->names) {
		wish->choices[0].service = wish->names[0];
		return parse_choice(doc_string(value), &wish->choices[0].choice, reply);
	}
	if (doc_type(value) != DOC_OBJECT)
		return parse_choice(NULL, NULL, reply);
	for (const struct doc *d = doc_first(value); d && err == 0; d = doc_next(d)) {
		wish->choices[n].service = doc_key(d);
		err = parse_choice(doc_string(d), &wish->choices[n++].choice, reply);
	}
	return err;
}

static int take_flag(const struct doc *value, bool *ret, struct reply *reply)
{
	if (doc_type(value) != DOC_BOOL) {
		reply_problem(reply, 400, "%s is true or false", doc_key(value));
		return -EINVAL;
	}
	*ret = doc_bool(value);
	return 0;
}

static int take_member(const struct doc *value, bool is_one, struct wish *wish,
		       struct reply *reply)
{
	const char *key = doc_key(value);

	if (streq(key, "names") && !is_one)
		return take_names(value, wish, reply);
	if (streq(key, "on_conflict"))
		return take_choices(value, wish, reply);
	if (streq(key, "no_deps"))
		return take_flag(value, &wish->order.no_deps, reply);
	if (streq(key, "check_only"))
		return take_flag(value, &wish->check_only, reply);
	reply_problem(reply, 400, "No member of the body is called %.64s", key);
	return -EINVAL;
}

/* -EINVAL with *reply filled in; -ENOMEM. */
static int parse(const struct request *req, struct wish *wish, struct reply *reply)
{
	bool is_one = req->parameter[0];
	int err = 0;

	wish->wait = streq(request_arg(req, "wait", 0), "1");
	wish->stream = streq(request_arg(req, "stream", 0), "1");
	if (is_one && !service_name_is_valid(req->parameter)) {
		reply_problem(reply, 404, "No service is called %s", req->parameter);
		return -EINVAL;
	}
	if (is_one && strv_append(&wish->names, req->parameter) < 0)
		return -ENOMEM;
	if (req->body && req->body_size > 0) {
		wish->body = doc_parse(req->body, req->body_size, NULL);
		if (doc_type(wish->body) != DOC_OBJECT)
			return bad(reply, "The body is no JSON object");
	}
	for (const struct doc *m = doc_first(wish->body); m && err == 0; m = doc_next(m))
		err = take_member(m, is_one, wish, reply);
	wish->order.names = wish->names;
	return err;
}

/* -- The answer -----------------------------------------------------------------------
 */

struct answer {
	struct producer producer;
	struct api *api;
	struct launch *launch;
	struct viewer viewer;
	char service[SERVICE_NAME_MAX + 1];
	bool stream, ended;
	enum step_state *told; /* of each step */
	struct buffer text;
	size_t offset;
};

static struct answer *of(struct producer *producer)
{
	return (struct answer *)producer; /* its first member */
}

static void close_answer(struct producer *producer)
{
	struct answer *answer = of(producer);

	launch_free(answer->launch);
	buffer_done(&answer->text);
	free(answer->told);
	free(answer);
}

static void on_changed(void *arg)
{
	struct answer *answer = arg;

	if (answer->producer.wake)
		answer->producer.wake(answer->producer.wake_arg);
}

static const struct registry *registry_of(const struct api *api)
{
	return engine_world(api->engine)->registry;
}

static struct doc *whole(const struct answer *answer)
{
	return launch_doc(answer->launch, answer->api->options.launcher,
			  registry_of(answer->api),
			  answer->service[0] ? answer->service : NULL, &answer->viewer);
}

/* Takes over @doc. */
static void add_event(struct answer *answer, const char *type, struct doc *doc)
{
	_cleanup_(freep) char *text = doc ? doc_print(doc, false, NULL) : NULL;

	if (text && answer->stream)
		buffer_printf(&answer->text, "event: %s\ndata: %s\n\n", type, text);
	else if (text)
		buffer_puts(&answer->text, text);
	else
		answer->text.failed = true;
	doc_free(doc);
}

static void add_news(struct answer *answer)
{
	const struct launch *launch = answer->launch;

	for (size_t i = 0; answer->stream && i < launch->plan->n_steps; i++) {
		if (answer->told[i] == launch->plan->steps[i].state)
			continue;
		answer->told[i] = launch->plan->steps[i].state;
		add_event(answer, "step",
			  launch_step_doc(launch, answer->api->options.launcher,
					  registry_of(answer->api), i, &answer->viewer));
	}
	if (!launch->is_over || answer->ended)
		return;
	answer->ended = true;
	add_event(answer, "done", whole(answer));
}

static ssize_t read_answer(struct producer *producer, char *buf, size_t size)
{
	struct answer *answer = of(producer);
	size_t n;

	add_news(answer);
	if (answer->text.failed)
		return -ENOMEM;
	n = answer->text.size - answer->offset;
	if (n == 0)
		return answer->ended ? -ENODATA : 0;
	if (n > size)
		n = size;
	memcpy(buf, answer->text.data + answer->offset, n);
	answer->offset += n;
	if (answer->offset == answer->text.size)
		answer->offset = answer->text.size = 0;
	return (ssize_t)n;
}

/* Takes over @launch on success. */
static int answer_later(const struct request *req, const struct wish *wish,
			struct launch *launch, struct reply *reply)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		return -ENOMEM;
	answer->told = calloc(launch->plan->n_steps + 1, sizeof(*answer->told));
	if (!answer->told) {
		free(answer);
		return -ENOMEM;
	}
	answer->producer.read = read_answer;
	answer->producer.close = close_answer;
	answer->producer.endless = true;
	answer->api = req->api;
	answer->viewer = req->peer->viewer;
	answer->stream = wish->stream;
	answer->launch = launch;
	if (req->parameter[0])
		memccpy(answer->service, req->parameter, 0, sizeof(answer->service) - 1);
	launch_begin(launch, on_changed, answer);
	*reply = (struct reply){
		.status = 200,
		.type = wish->stream ? "text/event-stream" : "application/json",
		.producer = &answer->producer,
	};
	return 0;
}

static int refuse(int err, const char *why, struct reply *reply)
{
	switch (err) {
	case -ENOENT:
		return reply_problem(reply, 404, "%s", why);
	case -EINVAL:
		return reply_problem(reply, 422, "%s", why);
	case -EAGAIN:
		return reply_problem(reply, 503, "Too much is being started already");
	default:
		return err;
	}
}

static int handle(const struct request *req, enum launch_action action,
		  struct reply *reply)
{
	_cleanup_(wish_done) struct wish wish = { .order.action = action };
	_cleanup_(launch_freep) struct launch *launch = NULL;
	struct launcher *launcher = req->api->options.launcher;
	char why[LAUNCH_REASON] = "";
	int err = parse(req, &wish, reply);

	if (err < 0)
		return err == -EINVAL ? 0 : err;
	err = launch_new(launcher, &wish.order, &launch, why);
	if (err < 0)
		return refuse(err, why, reply);
	if (!wish.check_only && (wish.wait || wish.stream)) {
		err = answer_later(req, &wish, launch, reply);
		if (err == 0)
			take(launch);
		return err;
	}
	if (!wish.check_only)
		launch_begin(launch, NULL, NULL);
	return reply_doc(reply, wish.check_only ? 200 : 202,
			 launch_doc(launch, launcher, registry_of(req->api),
				    req->parameter[0] ? req->parameter : NULL,
				    &req->peer->viewer));
}

int handle_up(const struct request *req, struct reply *reply)
{
	return handle(req, LAUNCH_ACTION_UP, reply);
}

int handle_down(const struct request *req, struct reply *reply)
{
	return handle(req, LAUNCH_ACTION_DOWN, reply);
}

int handle_restart(const struct request *req, struct reply *reply)
{
	return handle(req, LAUNCH_ACTION_RESTART, reply);
}
