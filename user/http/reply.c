// SPDX-License-Identifier: GPL-2.0-only
#include "http/api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "http/deferred.h"

static const char json_type[] = "application/json";

const char *request_arg(const struct request *req, const char *key, size_t index)
{
	for (size_t i = 0; i < req->n_args; i++)
		if (streq(req->args[i].key, key) && index-- == 0)
			return req->args[i].value ? req->args[i].value : "";
	return NULL;
}

int request_check_args(const struct request *req, const char *const *known,
		       struct reply *reply)
{
	for (size_t i = 0; i < req->n_args; i++) {
		const char *key = req->args[i].key, *near;
		bool found = false;

		for (size_t k = 0; known[k] && !found; k++)
			found = streq(known[k], key);
		if (found)
			continue;
		near = nearest_name(key, known);
		if (near)
			reply_problem(reply, 400,
				      "No argument is called %s; did you mean %s?", key,
				      near);
		else
			reply_problem(reply, 400, "No argument is called %s", key);
		return -EINVAL;
	}
	return 0;
}

struct shared_body *shared_body_new(const char *data, size_t size)
{
	struct shared_body *body = malloc(sizeof(*body) + size + 1);

	if (!body)
		return NULL;
	*body = (struct shared_body){ .refs = 1, .size = size };
	memcpy(body->data, data, size);
	body->data[size] = '\0';
	return body;
}

struct shared_body *shared_body_unref(struct shared_body *body)
{
	if (body && --body->refs == 0) {
		if (body->native)
			body->release(body->native);
		free(body);
	}
	return NULL;
}

void reply_done(struct reply *reply)
{
	free(reply->body);
	shared_body_unref(reply->shared);
	if (reply->producer)
		reply->producer->close(reply->producer);
	deferred_close(reply->deferred);
	*reply = (struct reply){ 0 };
}

static int reply_json(struct reply *reply, unsigned status, const char *type,
		      struct doc *doc)
{
	size_t size = 0;
	char *body = doc ? doc_print(doc, false, &size) : NULL;

	doc_free(doc);
	if (!body)
		return -ENOMEM;
	*reply = (struct reply){
		.status = status,
		.type = type,
		.body = body,
		.size = size,
	};
	return 0;
}

int reply_doc(struct reply *reply, unsigned status, struct doc *doc)
{
	return reply_json(reply, status, json_type, doc);
}

int reply_text(struct reply *reply, unsigned status, const char *text)
{
	char *body = strdup(text);

	if (!body)
		return -ENOMEM;
	*reply = (struct reply){
		.status = status,
		.type = "text/plain; charset=utf-8",
		.body = body,
		.size = strlen(body),
	};
	return 0;
}

const char *status_title(unsigned status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 422:
		return "Unprocessable Content";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 507:
		return "Insufficient Storage";
	default:
		return "Error";
	}
}

static unsigned find_status(int err, const struct errno_status *list)
{
	while (list->err && list->err != err)
		list++;
	return list->status;
}

unsigned status_of_errno(int err, const struct errno_status *own)
{
	static const struct errno_status usual[] = {
		{ -EACCES, 403 }, { -EPERM, 403 },  { -EROFS, 403 },
		{ -ESRCH, 404 },  { -EEXIST, 409 }, { -EADDRINUSE, 409 },
		{ -EINVAL, 422 }, { -ENOMEM, 503 }, { -EWOULDBLOCK, 503 },
		{ -ENOSPC, 507 }, { -EDQUOT, 507 }, { 0, 500 },
	};
	unsigned status = find_status(err, own);

	return status ? status : find_status(err, usual);
}

struct doc *problem_doc(unsigned status, const char *detail)
{
	struct doc *doc = doc_object();

	if (!doc)
		return NULL;
	doc_set_string(doc, "type", "about:blank");
	doc_set_string(doc, "title", status_title(status));
	doc_set_int(doc, "status", status);
	doc_set_string(doc, "detail", detail);
	return doc;
}

static void set_fault(struct doc *problem, const char *path,
		      const struct decode_error *fault)
{
	doc_set_string(problem, "path", path);
	if (fault->line) {
		doc_set_int(problem, "line", fault->line);
		doc_set_int(problem, "column", fault->column);
	}
	if (fault->path[0])
		doc_set_string(problem, "json_path", fault->path);
	if (fault->remedy[0])
		doc_set_string(problem, "remedy", fault->remedy);
}

int reply_problem_doc(struct reply *reply, unsigned status, struct doc *doc)
{
	return reply_json(reply, status, "application/problem+json", doc);
}

int reply_fault(struct reply *reply, unsigned status, const char *detail,
		const char *path, const struct decode_error *fault)
{
	struct doc *doc = problem_doc(status, detail);

	if (!doc)
		return -ENOMEM;
	if (fault)
		set_fault(doc, path, fault);
	return reply_problem_doc(reply, status, doc);
}

int reply_problem(struct reply *reply, unsigned status, const char *fmt, ...)
{
	char detail[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	return reply_problem_doc(reply, status, problem_doc(status, detail));
}

void reply_failure(struct reply *reply, int err)
{
	reply_done(reply);
	if (err == -ENOMEM)
		reply_problem(reply, 503, "Out of memory");
	else
		reply_problem(reply, 500, "%s", strerror(-err));
}
