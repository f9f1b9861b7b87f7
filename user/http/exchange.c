// SPDX-License-Identifier: GPL-2.0-only
/*
 * exchange - from the library's request to the API's, and from a reply to its response.
 *
 * A request is answered when it is there as a whole.  Answering on the library's first
 * call would save that call, but costs the connection: it is closed after the answer.
 */
#include "http/server_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/strings.h"
#include "http/deferred.h"
#include "http/page.h"

enum {
	/* What is read beyond a body that is too large, that the answer may arrive. */
	PATIENCE = 16 * BODY_MAX,
	CHUNK = 32 * 1024,
};

static const struct access_verdict two_lengths = {
	400, "Content-Length and Transfer-Encoding exclude each other"
};
static const struct access_verdict too_large = { 413, "A body ends at 1 MiB" };

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* An escaped NUL stays escaped, lest it hide what follows it. */
size_t exchange_unescape(void *cls, struct MHD_Connection *native, char *text)
{
	char *to = text;

	(void)cls;
	(void)native;
	for (const char *from = text; *from; to++) {
		int high = from[0] == '%' ? hex_value(from[1]) : -1;
		int low = high >= 0 ? hex_value(from[2]) : -1;

		if (low >= 0 && (high | low)) {
			*to = (char)(high << 4 | low);
			from += 3;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static unsigned method_of(const char *name)
{
	static const struct {
		const char *name;
		enum method method;
	} methods[] = {
		{ "GET", METHOD_GET },       { "HEAD", METHOD_GET },
		{ "POST", METHOD_POST },     { "PUT", METHOD_PUT },
		{ "DELETE", METHOD_DELETE },
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (streq(methods[i].name, name))
			return methods[i].method;
	return 0;
}

static enum MHD_Result add_argument(void *cls, enum MHD_ValueKind kind, const char *key,
				    const char *value)
{
	struct request *req = cls;

	(void)kind;
	if (req->n_args == ARGS_MAX)
		return MHD_NO;
	req->args[req->n_args++] = (struct argument){ key, value };
	return MHD_YES;
}

static const char *header(struct MHD_Connection *native, const char *name)
{
	return MHD_lookup_connection_value(native, MHD_HEADER_KIND, name);
}

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = sizeof(json) - 1;

	return type && strncasecmp(type, json, n) == 0 &&
	       (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

/* The route, or NULL with *reply filled in. */
static const struct route *find_route(struct connection *c, const char *method,
				      struct request *req, struct reply *reply)
{
	unsigned allow;
	const struct route *route =
		routes_find(method_of(method), req->path, req->parameter, &allow);

	if (route && c->body_seen > BODY_MAX) {
		reply_problem(reply, too_large.status, "%s", too_large.detail);
		return NULL;
	}
	if (route && route->method != METHOD_GET &&
	    !is_json(header(c->native, MHD_HTTP_HEADER_CONTENT_TYPE))) {
		reply_problem(reply, 415,
			      "A change needs Content-Type: application/json");
		return NULL;
	}
	if (route)
		return route;
	if (allow) {
		reply_problem(reply, 405, "%s cannot be asked for with %s", req->path,
			      method);
		reply->allow = allow;
	} else {
		reply_problem(reply, 404, "Nothing is served at %s", req->path);
	}
	return NULL;
}

void outflow_detach(struct outflow *outflow)
{
	struct producer *producer;

	if (!outflow)
		return;
	if (outflow->connection)
		outflow->connection->outflow = NULL;
	outflow->connection = NULL;
	producer = take(outflow->producer);
	if (producer)
		producer->close(producer);
}

static void free_outflow(void *cls)
{
	outflow_detach(cls);
	free(cls);
}

static ssize_t read_outflow(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct outflow *outflow = cls;
	ssize_t n;

	(void)pos;
	if (!outflow->connection || outflow->connection->hung_up)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = outflow->producer->read(outflow->producer, buf, max);
	if (n == 0)
		connection_suspend(outflow->connection);
	if (n == -ENODATA)
		return MHD_CONTENT_READER_END_OF_STREAM;
	return n < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static struct MHD_Response *respond_with_producer(struct connection *c,
						  struct reply *reply)
{
	struct outflow *outflow = calloc(1, sizeof(*outflow));
	struct MHD_Response *response;

	if (!outflow)
		return NULL;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CHUNK,
						     read_outflow, outflow, free_outflow);
	if (!response) {
		free(outflow);
		return NULL;
	}
	outflow->connection = c;
	outflow->producer = take(reply->producer);
	outflow->producer->wake = connection_resume;
	outflow->producer->wake_arg = c;
	if (outflow->producer->endless)
		MHD_set_connection_option(c->native, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	c->outflow = outflow;
	return response;
}

static void add_headers(struct MHD_Response *response, const struct reply *reply)
{
	static const struct {
		enum method method;
		const char *name;
	} names[] = {
		{ METHOD_GET, "GET, HEAD" },
		{ METHOD_POST, "POST" },
		{ METHOD_PUT, "PUT" },
		{ METHOD_DELETE, "DELETE" },
	};
	char allow[64] = "";

	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	if (reply->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					"Bearer realm=\"portwatch\"");
	if (reply->backend)
		MHD_add_response_header(response, "Portwatch-Backend", reply->backend);
	if (!reply->allow)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(reply->allow & names[i].method))
			continue;
		if (allow[0])
			strcat(allow, ", ");
		strcat(allow, names[i].name);
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
}

static void release_response(void *native)
{
	MHD_destroy_response(native);
}

static enum MHD_Result send_shared(struct connection *c, struct reply *reply)
{
	struct shared_body *body = reply->shared;

	if (!body->native) {
		body->native = MHD_create_response_from_buffer(body->size, body->data,
							       MHD_RESPMEM_MUST_COPY);
		body->release = release_response;
		if (!body->native)
			return MHD_NO;
		add_headers(body->native, reply);
	}
	return MHD_queue_response(c->native, reply->status, body->native);
}

static enum MHD_Result send_file(struct connection *c, const struct reply *reply)
{
	struct MHD_Response *response = page_respond(
		reply->file, reply->status == MHD_HTTP_NOT_MODIFIED, reply->versioned);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_queue_response(c->native, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_reply(struct connection *c, struct reply *reply)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (reply->shared)
		return send_shared(c, reply);
	if (reply->file)
		return send_file(c, reply);
	if (reply->producer)
		response = respond_with_producer(c, reply);
	else
		response = MHD_create_response_from_buffer(reply->size, reply->body,
							   MHD_RESPMEM_MUST_FREE);
	if (!response)
		return MHD_NO;
	take(reply->body);
	add_headers(response, reply);
	result = MHD_queue_response(c->native, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

/* The library comes back here once the connection is resumed. */
static enum MHD_Result defer(struct connection *c, struct reply *reply)
{
	c->deferred = take(reply->deferred);
	c->deferred->wake = connection_resume;
	c->deferred->wake_arg = c;
	connection_suspend(c);
	return MHD_YES;
}

static enum MHD_Result answer_deferred(struct connection *c)
{
	enum MHD_Result result = MHD_NO;

	if (c->hung_up)
		return MHD_NO;
	if (!c->deferred->ready) {
		connection_suspend(c);
		return MHD_YES;
	}
	if (c->deferred->reply.status)
		result = send_reply(c, &c->deferred->reply);
	c->deferred = deferred_close(c->deferred);
	return result;
}

/* Answers MHD_NO, which closes the connection, where not even a problem can be told. */
static enum MHD_Result answer(struct connection *c, const char *url, const char *method)
{
	struct reply reply = { 0 };
	struct request req = {
		.api = c->server->api,
		.peer = &c->peer,
		.path = url,
		.last_event_id = header(c->native, "Last-Event-ID"),
		.if_none_match = header(c->native, MHD_HTTP_HEADER_IF_NONE_MATCH),
		.body = c->body.data,
		.body_size = c->body.size,
	};
	const struct route *route = find_route(c, method, &req, &reply);
	enum MHD_Result result = MHD_NO;

	if (route && MHD_get_connection_values(c->native, MHD_GET_ARGUMENT_KIND,
					       add_argument, &req) > ARGS_MAX)
		reply_problem(&reply, 400, "More than %d arguments", ARGS_MAX);
	else if (route) {
		req.method = route->method;
		routes_answer(route, &req, &reply);
	}
	if (reply.deferred)
		result = defer(c, &reply);
	else if (reply.status)
		result = send_reply(c, &reply);
	reply_done(&reply);
	return result;
}

static enum MHD_Result add_claim(void *cls, enum MHD_ValueKind kind, const char *key,
				 const char *value)
{
	struct access_claims *claims = cls;

	(void)kind;
	if (strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0) {
		claims->host = value ? value : "";
		claims->n_hosts++;
	} else if (strcasecmp(key, MHD_HTTP_HEADER_ORIGIN) == 0) {
		claims->origin = value ? value : "";
		claims->n_origins++;
	} else if (strcasecmp(key, MHD_HTTP_HEADER_AUTHORIZATION) == 0) {
		claims->authorization = value ? value : "";
	}
	return MHD_YES;
}

static bool is_public(const char *url, const char *method)
{
	char parameter[PARAMETER_MAX];
	unsigned allow;
	const struct route *route =
		routes_find(method_of(method), url, parameter, &allow);

	return route && route->access == ACCESS_PUBLIC;
}

/* What the token gives is given for one request. */
static struct access_verdict judge(struct connection *c, const char *url,
				   const char *method)
{
	const struct access_rules *rules = &c->server->rules;
	struct access_claims claims = { 0 };
	struct access_verdict verdict;

	MHD_get_connection_values(c->native, MHD_HEADER_KIND, add_claim, &claims);
	verdict = access_judge(rules, &claims);
	if (verdict.status || !c->policy->by_token)
		return verdict;
	verdict = access_judge_token(rules, &claims, method_of(method) != METHOD_GET);
	c->peer.may_change = c->peer.viewer.all = !verdict.status && !rules->read_only;
	if (verdict.status == MHD_HTTP_UNAUTHORIZED && is_public(url, method))
		return (struct access_verdict){ 0 };
	return verdict;
}

static enum MHD_Result refuse(struct connection *c)
{
	struct reply reply = { 0 };
	enum MHD_Result result = MHD_NO;

	if (reply_problem(&reply, c->refused.status, "%s", c->refused.detail) == 0)
		result = send_reply(c, &reply);
	reply_done(&reply);
	return result;
}

/* The head is there; of the body nothing was read. */
static enum MHD_Result begin(struct connection *c, const char *url, const char *method)
{
	const char *length = header(c->native, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t size = 0;

	if (length && parse_u64(length, UINT64_MAX, &size) < 0)
		size = 0;
	c->refused = judge(c, url, method);
	if (!c->refused.status && length &&
	    header(c->native, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		c->refused = two_lengths;
	if (!c->refused.status && size > BODY_MAX)
		c->refused = too_large;
	if (!c->refused.status)
		return MHD_YES;
	/* Who sends the body unasked reads no answer before it is through; an answer
	 * now ends the connection. */
	if (size > PATIENCE || c->refused.status == 400 ||
	    header(c->native, MHD_HTTP_HEADER_EXPECT))
		return refuse(c);
	return MHD_YES;
}

static enum MHD_Result take_upload(struct connection *c, const char *data, size_t size)
{
	c->body_seen += size;
	if (c->body_seen > PATIENCE)
		return MHD_NO;
	if (c->body_seen <= BODY_MAX && !c->refused.status)
		buffer_add(&c->body, data, size);
	return c->body.failed ? MHD_NO : MHD_YES;
}

enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *native, const char *url,
				const char *method, const char *version,
				const char *upload, size_t *upload_size, void **context)
{
	struct connection *c = *context;
	enum MHD_Result result;

	(void)cls;
	(void)version;
	if (!c) {
		c = MHD_get_connection_info(native, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			    ->socket_context;
		*context = c;
		return begin(c, url, method);
	}
	if (*upload_size) {
		result = take_upload(c, upload, *upload_size);
		*upload_size = 0;
		return result;
	}
	if (c->deferred)
		return answer_deferred(c);
	connection_unwait(c);
	return c->refused.status ? refuse(c) : answer(c, url, method);
}

void exchange_completed(void *cls, struct MHD_Connection *native, void **context,
			enum MHD_RequestTerminationCode code)
{
	struct connection *c = *context;

	(void)cls;
	(void)native;
	if (!c)
		return;
	*context = NULL;
	c->deferred = deferred_close(c->deferred);
	buffer_done(&c->body);
	c->body = (struct buffer){ 0 };
	c->body_seen = 0;
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		connection_wait(c, HTTP_WAIT_MS);
}
