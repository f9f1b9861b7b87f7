// SPDX-License-Identifier: GPL-2.0-only
/* /allocations: ports of the managed range, handed out and taken back. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "http/deferred.h"
#include "http/documents.h"
#include "http/routes.h"
#include "service/allocations.h"

enum { TEXT_MAX = 512 };

static struct allocations *allocations_of(const struct request *req)
{
	return req->api->options.allocations;
}

/* -- Problems -------------------------------------------------------------------------
 */

static int refuse(struct reply *reply, int err, const struct refusal *why)
{
	static const struct errno_status statuses[] = {
		{ -EADDRNOTAVAIL, 409 },
		{ -ENOENT, 404 },
		{ -ERANGE, 422 },
		{ -EBADMSG, 422 },
		{ 0 },
	};

	return reply_fault(reply, status_of_errno(err, statuses), why->what, why->path,
			   why->fault.what[0] ? &why->fault : NULL);
}

/* -- Reading --------------------------------------------------------------------------
 */

static struct doc *one(const struct allocation *alloc)
{
	struct doc *doc = doc_schema("allocation");

	doc_set(doc, "allocation", codec_encode_allocation(alloc));
	return doc;
}

void set_allocations(struct engine *engine, struct doc *doc)
{
	const struct registry *reg = engine_world(engine)->registry;
	struct doc *array = doc_array();
	struct allocations_summary summary;
	const struct allocation *alloc;
	char range[16];

	engine_read_counts(engine);
	allocations_summary(engine, &summary);
	for (size_t i = 0; (alloc = registry_allocation(reg, i)); i++)
		doc_append(array, codec_encode_allocation(alloc));
	snprintf(range, sizeof(range), "%u-%u", summary.low, summary.high);
	doc_set_string(doc, "port_range", range);
	doc_set_int(doc, "total_ports", (int64_t)summary.total);
	doc_set_int(doc, "allocated_ports", (int64_t)summary.allocated);
	doc_set_int(doc, "available_ports", (int64_t)summary.available);
	doc_set(doc, "allocations", array);
}

int handle_allocations(const struct request *req, struct reply *reply)
{
	struct doc *doc;

	allocations_refresh(allocations_of(req));
	doc = doc_schema("allocations");
	set_allocations(req->api->engine, doc);
	return reply_doc(reply, 200, doc);
}

/* The port of the path, with the protocol of ?proto= or of whatever is allocated there.
 * -EINVAL with *reply filled in. */
static int parse_place(const struct request *req, uint16_t *ret_port, uint16_t *ret_proto,
		       struct reply *reply)
{
	const struct registry *reg = engine_world(req->api->engine)->registry;
	const char *proto = request_arg(req, "proto", 0);

	if (port_parse(req->parameter, ret_port) < 0) {
		reply_problem(reply, 400, "%s is no port", req->parameter);
		return -EINVAL;
	}
	*ret_proto = IPPROTO_TCP;
	if (proto && proto_parse(proto, ret_proto) < 0) {
		reply_problem(reply, 400, "%s is no protocol: tcp or udp", proto);
		return -EINVAL;
	}
	if (!proto && !registry_allocation_at(reg, IPPROTO_TCP, *ret_port))
		*ret_proto = IPPROTO_UDP;
	return 0;
}

int handle_allocation(const struct request *req, struct reply *reply)
{
	struct engine *engine = req->api->engine;
	const struct allocation *alloc;
	uint16_t port, proto;

	allocations_refresh(allocations_of(req));
	if (parse_place(req, &port, &proto, reply) < 0)
		return 0;
	engine_read_counts(engine);
	alloc = registry_allocation_at(engine_world(engine)->registry, proto, port);
	if (!alloc)
		return reply_problem(reply, 404, "Port %u is not allocated", port);
	return reply_doc(reply, 200, one(alloc));
}

/* -- Changing -------------------------------------------------------------------------
 */

struct answer {
	struct deferred deferred;
	struct allocation_request request;
	struct allocations *allocations;
	struct doc *body; /* the wish's strings are its */
	bool answered, left;
};

static struct answer *of_deferred(struct deferred *deferred)
{
	return (struct answer *)deferred; /* its first member */
}

static struct answer *of_request(struct allocation_request *request)
{
	return (struct answer *)((char *)request - offsetof(struct answer, request));
}

static void free_answer(struct answer *answer)
{
	doc_free(answer->body);
	free(answer);
}

static void close_answer(struct deferred *deferred)
{
	struct answer *answer = of_deferred(deferred);

	if (answer->answered ||
	    allocations_withdraw(answer->allocations, &answer->request))
		free_answer(answer);
	else
		answer->left = true;
}

/* Who asked has gone.  A port that nobody was told of is given back. */
static void clear_up(struct answer *answer, const struct allocation *alloc)
{
	struct allocation_request *request = &answer->request;

	if (!alloc || request->kind != REQUEST_ALLOCATE) {
		free_answer(answer);
		return;
	}
	request->kind = REQUEST_RELEASE;
	request->port = alloc->port;
	request->proto = alloc->proto;
	allocations_submit(answer->allocations, request);
}

static void on_answer(struct allocation_request *request, int err,
		      const struct allocation *alloc, const struct refusal *why)
{
	struct answer *answer = of_request(request);
	struct reply *reply = &answer->deferred.reply;

	if (answer->left) {
		clear_up(answer, alloc);
		return;
	}
	answer->answered = true;
	if (err < 0)
		err = refuse(reply, err, why);
	else
		err = reply_doc(reply, request->kind == REQUEST_ALLOCATE ? 201 : 200,
				one(alloc));
	deferred_ready(&answer->deferred, err);
}

/* Takes over @body. */
static int submit(const struct request *req, const struct allocation_request *request,
		  struct doc *body, struct reply *reply)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	if (!answer) {
		doc_free(body);
		return -ENOMEM;
	}
	answer->allocations = allocations_of(req);
	answer->request = *request;
	answer->request.answer = on_answer;
	answer->body = body;
	answer->deferred.close = close_answer;
	*reply = (struct reply){ .deferred = &answer->deferred };
	allocations_submit(answer->allocations, &answer->request);
	return 0;
}

int handle_allocation_release(const struct request *req, struct reply *reply)
{
	struct allocation_request request = { .kind = REQUEST_RELEASE };
	const char *since = request_arg(req, "allocated_at", 0);

	allocations_refresh(allocations_of(req));
	if (since && time_parse(since, &request.allocated_ns) < 0)
		return reply_problem(reply, 400, "%s is no time", since);
	if (parse_place(req, &request.port, &request.proto, reply) < 0)
		return 0;
	return submit(req, &request, NULL, reply);
}

/* -- Allocating -----------------------------------------------------------------------
 */

/* What the members of a body say; answers -EINVAL with *reply filled in. */
static int bad(struct reply *reply, const char *fmt, const char *name)
{
	char detail[160];

	snprintf(detail, sizeof(detail), fmt, name);
	reply_problem(reply, 422, "%s", detail);
	return -EINVAL;
}

static int take_text(const struct doc *value, const char *name, const char **ret,
		     struct reply *reply)
{
	const char *text = doc_string(value);

	if (doc_type(value) == DOC_NULL)
		return 0;
	if (!text || strlen(text) > TEXT_MAX)
		return bad(reply, "\"%s\" is a string of at most 512 bytes", name);
	*ret = text;
	return 0;
}

static int take_number(const struct doc *value, const char *name, int64_t max,
		       int64_t *ret, struct reply *reply)
{
	int64_t number;

	if (doc_type(value) == DOC_NULL)
		return 0;
	if (!doc_int(value, &number) || number < 1 || number > max)
		return bad(reply,
			   max > UINT16_MAX ? "\"%s\" is no process id"
					    : "\"%s\" is a number from 1 to 65535",
			   name);
	*ret = number;
	return 0;
}

/* Seconds, or a time such as "5m". */
static int take_ttl(const struct doc *value, uint64_t *ret, struct reply *reply)
{
	const uint64_t max_ms = 10 * 365 * 24 * 3600 * 1000ull;
	const char *text = doc_string(value);

	if (doc_type(value) == DOC_NULL)
		return 0;
	if (doc_type(value) == DOC_NUMBER && doc_number(value) > 0 &&
	    doc_number(value) <= (double)(max_ms / 1000)) {
		*ret = (uint64_t)(doc_number(value) * 1000);
		*ret += *ret == 0;
		return 0;
	}
	if (text && duration_parse(text, ret) == 0 && *ret > 0 && *ret <= max_ms)
		return 0;
	return bad(reply, "\"%s\" is a time such as \"30s\" or a number of seconds",
		   "ttl");
}

static int take_kept(const struct doc *value, bool *ret, struct reply *reply)
{
	if (doc_type(value) != DOC_BOOL)
		return bad(reply, "\"%s\" is true or false", "kept");
	*ret = doc_bool(value);
	return 0;
}

static int take_member(const struct doc *member, struct allocation_wish *wish,
		       struct reply *reply)
{
	static const char *const known[] = {
		"service_name", "name", "port", "proto", "purpose",
		"started_by",   "pid",  "ttl",  "kept",  NULL
	};
	const char *key = doc_key(member), *text = NULL, *near;
	int64_t number = 0;
	int err;

	if (streq(key, "service_name") || streq(key, "name"))
		return take_text(member, key, &wish->service_name, reply);
	if (streq(key, "purpose"))
		return take_text(member, key, &wish->purpose, reply);
	if (streq(key, "started_by"))
		return take_text(member, key, &wish->started_by, reply);
	if (streq(key, "ttl"))
		return take_ttl(member, &wish->ttl_ms, reply);
	if (streq(key, "port")) {
		err = take_number(member, key, UINT16_MAX, &number, reply);
		wish->port = (uint16_t)number;
		return err;
	}
	if (streq(key, "pid")) {
		err = take_number(member, key, INT32_MAX, &number, reply);
		wish->pid = (pid_t)number;
		return err;
	}
	if (streq(key, "kept"))
		return take_kept(member, &wish->kept, reply);
	if (streq(key, "proto")) {
		err = take_text(member, key, &text, reply);
		if (err == 0 && text && proto_parse(text, &wish->proto) < 0)
			return bad(reply, "\"%s\" is \"tcp\" or \"udp\"", key);
		return err;
	}
	near = nearest_name(key, known);
	reply_problem(reply, 422, "An allocation has no \"%.64s\"%s%s%s", key,
		      near ? "; did you mean \"" : "", near ? near : "",
		      near ? "\"?" : "");
	return -EINVAL;
}

static int read_wish(const struct doc *doc, struct allocation_wish *wish,
		     struct reply *reply)
{
	if (doc_type(doc) != DOC_OBJECT) {
		reply_problem(reply, 400, "The body is no JSON object");
		return -EINVAL;
	}
	for (const struct doc *m = doc_first(doc); m; m = doc_next(m))
		if (take_member(m, wish, reply) < 0)
			return -EINVAL;
	if (!wish->service_name) {
		reply_problem(reply, 422, "The \"service_name\" is missing");
		return -EINVAL;
	}
	if (!service_name_is_valid(wish->service_name))
		return bad(reply,
			   "\"%.64s\" is no name: up to 64 letters, digits, '.', '_' "
			   "and '-'",
			   wish->service_name);
	return 0;
}

int handle_allocate(const struct request *req, struct reply *reply)
{
	const char *body = req->body ? req->body : "";
	_cleanup_(doc_freep) struct doc *doc = doc_parse(body, req->body_size, NULL);
	struct allocation_request request = {
		.kind = REQUEST_ALLOCATE,
		.wish.proto = IPPROTO_TCP,
	};

	if (read_wish(doc, &request.wish, reply) < 0)
		return 0;
	return submit(req, &request, take(doc), reply);
}
