// SPDX-License-Identifier: GPL-2.0-only
/*
 * PUT and DELETE /services/{name}, POST /services/{name}/reassign.
 *
 * A worker changes the file under its lock, and the engine reads it anew before the
 * answer: what was answered is on the disk and in force.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "http/change_answer.h"
#include "http/documents.h"
#include "http/routes.h"
#include "service/available.h"

static int refuse(const struct change_answer *answer, struct reply *reply)
{
	const struct decode_error *fault = &answer->request.order.error;
	int err = answer->request.order.result;
	bool of_file;

	switch (err) {
	case -ENOTUNIQ:
	case -ESRCH:
	case -EEXIST:
	case -EADDRINUSE:
	case -EBUSY:
		of_file = false;
		break;
	case -EINVAL:
	case -E2BIG:
		of_file = fault->line || starts_with(fault->path, "services[");
		break;
	default:
		of_file = true;
	}
	return reply_registry_fault(reply, err,
				    of_file ? change_answer_path(answer) : NULL, fault);
}

static void set_port(struct doc *doc, const char *key, uint16_t port)
{
	if (port)
		doc_set_int(doc, key, port);
	else
		doc_set_null(doc, key);
}

/* What the change was, and the entry as it is now. */
static struct doc *change_doc(const struct change_answer *answer)
{
	const struct registry_change *change = &answer->request.order.change;
	const struct service *svc = registry_find(change->registry, answer->name);
	struct doc *doc = doc_schema("change"), *notes = doc_array();
	uint16_t port = svc && svc->n_claims ? svc->claims[0].at.port : 0;

	doc_set_string(doc, "name", answer->name);
	doc_set_string(doc, "change", registry_change_name(change->kind));
	set_port(doc, "port", port);
	set_port(doc, "previous_port", change->from);
	doc_set_string(doc, "registry", change_answer_path(answer));
	doc_set(doc, "service", codec_encode_service(svc));
	for (char *const *note = change->notes; note && *note; note++)
		doc_append_string(notes, *note);
	doc_set(doc, "notes", notes);
	return doc;
}

static int tell(struct change_answer *answer, struct reply *reply)
{
	const struct registry_order *order = &answer->request.order;
	struct doc *doc;

	if (order->result < 0)
		return refuse(answer, reply);
	doc = change_doc(answer);
	if (order->kind == ORDER_REASSIGN)
		doc_replace(doc, "port", doc_int_new(order->reassign.port));
	return reply_doc(reply, order->change.kind == REGISTRY_CREATED ? 201 : 200, doc);
}

/* "1" and "0"; an argument without a value is meant. */
static int read_flag(const struct request *req, const char *key, bool *ret,
		     struct reply *reply)
{
	const char *value = request_arg(req, key, 0);

	*ret = value && !streq(value, "0");
	if (!value || !*value || streq(value, "0") || streq(value, "1"))
		return 0;
	reply_problem(reply, 400, "%s is 1 or 0, not %.80s", key, value);
	return -EINVAL;
}

static struct doc *read_object(const struct request *req, struct reply *reply)
{
	const char *text = req->body ? req->body : "";
	struct doc *doc = doc_parse(text, req->body_size, NULL);

	if (doc_type(doc) == DOC_OBJECT)
		return doc;
	reply_problem(reply, 400,
		      doc ? "The body is no JSON object" : "The body is no JSON");
	return doc_free(doc);
}

int handle_service_put(const struct request *req, struct reply *reply)
{
	_cleanup_(change_answer_freep) struct change_answer *answer = NULL;
	bool create, update, force;

	if (read_flag(req, "create", &create, reply) < 0 ||
	    read_flag(req, "update", &update, reply) < 0 ||
	    read_flag(req, "force", &force, reply) < 0)
		return 0;
	if (create && update)
		return reply_problem(reply, 400, "create and update exclude each other");
	answer = change_answer_new(req, tell);
	if (!answer)
		return -ENOMEM;
	answer->body = read_object(req, reply);
	if (!answer->body)
		return 0;
	answer->request.order.kind = ORDER_PUT;
	answer->request.order.put = (struct registry_put){
		.name = answer->name,
		.entry = answer->body,
		.mode = create   ? REGISTRY_CREATE
			: update ? REGISTRY_UPDATE
				 : REGISTRY_PUT,
		.force = force,
	};
	change_answer_submit(take(answer), reply);
	return 0;
}

int handle_service_delete(const struct request *req, struct reply *reply)
{
	struct change_answer *answer;

	answer = change_answer_new(req, tell);
	if (!answer)
		return -ENOMEM;
	answer->request.order.kind = ORDER_REMOVE;
	answer->request.order.remove = answer->name;
	change_answer_submit(answer, reply);
	return 0;
}

static int read_which(const struct doc *which, struct change_answer *answer)
{
	int64_t number;

	if (doc_type(which) == DOC_NULL)
		return 0;
	if (doc_int(which, &number))
		snprintf(answer->which, sizeof(answer->which), "%jd", (intmax_t)number);
	else if (doc_string(which) && strlen(doc_string(which)) <= SERVICE_NAME_MAX)
		strcpy(answer->which, doc_string(which));
	else
		return -EINVAL;
	answer->request.order.reassign.which = answer->which;
	return 0;
}

static int read_reassign(struct change_answer *answer, struct reply *reply)
{
	struct registry_reassign *asked = &answer->request.order.reassign;
	const struct doc *body = answer->body;
	static const char *const known[] = { "port", "which", "force", NULL };
	const struct doc *force = doc_get(body, "force");
	int64_t port = doc_get_int(body, "port", 0);

	for (const struct doc *i = doc_first(body); i; i = doc_next(i))
		if (!strv_contains((char *const *)known, doc_key(i))) {
			reply_problem(reply, 400,
				      "No member is called %.80s: port, "
				      "which, force",
				      doc_key(i));
			return -EINVAL;
		}
	if (port < 1 || port > UINT16_MAX) {
		reply_problem(reply, 400, "port is a number from 1 to 65535");
		return -EINVAL;
	}
	if (read_which(doc_get(body, "which"), answer) < 0) {
		reply_problem(reply, 400, "which is the name or number of a port");
		return -EINVAL;
	}
	if (doc_type(force) != DOC_NULL && doc_type(force) != DOC_BOOL) {
		reply_problem(reply, 400, "force is true or false");
		return -EINVAL;
	}
	asked->port = (uint16_t)port;
	asked->force = doc_type(force) == DOC_BOOL && doc_bool(force);
	return 0;
}

/* The claim that is to move, as far as one can be told; the edit judges the rest. */
static const struct claim *claim_meant(const struct service *svc, const char *which)
{
	uint16_t port = 0;

	if (which)
		port_parse(which, &port);
	for (size_t i = 0; i < svc->n_claims; i++)
		if (!which || streq(svc->claims[i].name, which) ||
		    svc->claims[i].at.port == port)
			return &svc->claims[i];
	return NULL;
}

static int refuse_taken(const struct request *req, uint16_t port, uint16_t proto,
			const struct available_taken *taken, struct reply *reply)
{
	struct process *owner = taken->by ? taken->by->owner : NULL;
	char who[96] = "a process that is not known", detail[192];
	struct doc *doc;

	if (owner) {
		engine_complete_process(req->api->engine, owner);
		snprintf(who, sizeof(who), "%s (pid %d)", owner->info.comm,
			 owner->info.id.pid);
	}
	snprintf(detail, sizeof(detail), "port %u/%s is taken by %s", port,
		 proto_name(proto), taken->by ? who : "a connection");
	doc = problem_doc(409, detail);
	if (!doc)
		return -ENOMEM;
	doc_set(doc, "holder", codec_encode_process(owner, &req->peer->viewer));
	doc_set_string(doc, "remedy", "take another, or force it");
	return reply_problem_doc(reply, 409, doc);
}

/* 1 with *reply filled in where somebody else sits on the new port. */
static int check_taken(const struct request *req, const struct registry_reassign *asked,
		       struct reply *reply)
{
	struct engine *engine = req->api->engine;
	const struct service *svc =
		registry_find(engine_world(engine)->registry, asked->name);
	const struct claim *claim = svc ? claim_meant(svc, asked->which) : NULL;
	uint16_t proto = claim ? claim->at.proto : IPPROTO_TCP;
	struct available_taken taken = { 0 };
	int err;

	if (!svc || svc->netns || asked->force ||
	    (claim && claim->at.port == asked->port))
		return 0;
	err = available_is_taken(engine, asked->port, proto, svc, &taken);
	if (err <= 0)
		return err;
	err = refuse_taken(req, asked->port, proto, &taken, reply);
	return err < 0 ? err : 1;
}

int handle_service_reassign(const struct request *req, struct reply *reply)
{
	_cleanup_(change_answer_freep) struct change_answer *answer = NULL;
	struct registry_reassign *asked;
	int err;

	answer = change_answer_new(req, tell);
	if (!answer)
		return -ENOMEM;
	answer->body = read_object(req, reply);
	asked = &answer->request.order.reassign;
	answer->request.order.kind = ORDER_REASSIGN;
	asked->name = answer->name;
	if (!answer->body || read_reassign(answer, reply) < 0)
		return 0;
	err = check_taken(req, asked, reply);
	if (err != 0)
		return err < 0 ? err : 0;
	change_answer_submit(take(answer), reply);
	return 0;
}
