// SPDX-License-Identifier: GPL-2.0-only
/* GET /openapi.json: the table of routes, told to programs. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "http/routes.h"
#include "http/schema.h"

static const char *method_name(enum method method)
{
	switch (method) {
	case METHOD_GET:
		return "get";
	case METHOD_POST:
		return "post";
	case METHOD_PUT:
		return "put";
	default:
		return "delete";
	}
}

/* "getServicesName" of GET /api/ports/services/{name} */
static void set_id(struct doc *operation, const struct route *route)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	const char *at = route->path;
	bool begins = true;

	if (starts_with(at, "/api/ports"))
		at += strlen("/api/ports");
	buffer_puts(&text, method_name(route->method));
	for (; *at; at++) {
		char letter = begins ? (char)toupper((unsigned char)*at) : *at;

		begins = !isalnum((unsigned char)*at);
		if (!begins)
			buffer_add(&text, &letter, 1);
	}
	doc_set_string(operation, "operationId", text.failed ? NULL : text.data);
}

static void add_parameter(struct doc *parameters, const char *name, const char *in,
			  struct doc *schema)
{
	struct doc *doc = doc_object();

	doc_set_string(doc, "name", name);
	doc_set_string(doc, "in", in);
	doc_set_bool(doc, "required", streq(in, "path"));
	doc_set(doc, "schema", schema);
	doc_append(parameters, doc);
}

static struct doc *parameters_of(const struct route *route)
{
	static const struct schema_member text = { .type = "string" };
	struct doc *parameters = doc_array();
	const char *words = route->args, *brace = strchr(route->path, '{');
	struct schema_member member;

	if (brace) {
		char name[SCHEMA_NAME_MAX];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(brace + 1, "}"),
			 brace + 1);
		add_parameter(parameters, name, "path", schema_of_type(&text));
	}
	while (schema_next(&words, &member))
		add_parameter(parameters, member.name, "query", schema_of_type(&member));
	if (streq(route->answer, "200:text/event-stream"))
		add_parameter(parameters, "Last-Event-ID", "header",
			      schema_of_type(&text));
	return parameters;
}

/* Adds {TYPE: {"schema": …}} to @content; takes over @schema, NULL for none. */
static void add_content(struct doc *content, const char *type, struct doc *schema)
{
	struct doc *doc = doc_object();

	if (schema)
		doc_set(doc, "schema", schema);
	doc_set(content, type, doc);
}

static struct doc *body_of(const struct route *route)
{
	struct doc *doc = doc_object(), *content = doc_object();

	add_content(content, "application/json",
		    *route->body == '@' ? schema_ref(route->body + 1)
					: schema_of_members(route->body));
	doc_set(doc, "content", content);
	return doc;
}

static struct doc *add_response(struct doc *responses, const char *status,
				const char *description)
{
	struct doc *doc = doc_object(), *content = doc_object();

	doc_set_string(doc, "description", description);
	doc_set(doc, "content", content);
	doc_set(responses, status, doc);
	return content;
}

static struct doc *responses_of(const struct route *route)
{
	struct doc *responses = doc_object(), *content = NULL;
	char status[SCHEMA_NAME_MAX] = "";
	const char *words = route->answer;
	struct schema_member member;

	while (schema_next(&words, &member)) {
		if (!streq(member.name, status))
			content = add_response(responses, member.name, "Done");
		strcpy(status, member.name);
		if (strchr(member.type, '/'))
			add_content(content, member.type, NULL);
		else
			add_content(content, "application/json", schema_ref(member.type));
	}
	content = add_response(responses, "default", "Why it was not done");
	add_content(content, "application/problem+json", schema_ref("Problem"));
	return responses;
}

static struct doc *operation_of(const struct route *route)
{
	static const char *const access[] = {
		[ACCESS_PUBLIC] = "public",
		[ACCESS_READ] = "read",
		[ACCESS_CHANGE] = "change",
		[ACCESS_OWN] = "own",
	};
	struct doc *doc = doc_object();

	set_id(doc, route);
	doc_set_string(doc, "summary", route->what);
	doc_set(doc, "parameters", parameters_of(route));
	if (route->body)
		doc_set(doc, "requestBody", body_of(route));
	doc_set(doc, "responses", responses_of(route));
	doc_set_string(doc, "x-access", access[route->access]);
	return doc;
}

static struct doc *paths(void)
{
	struct doc *doc = doc_object();
	const struct route *routes;
	size_t n = routes_all(&routes);

	for (size_t i = 0; i < n; i++) {
		struct doc *path = doc_find(doc, routes[i].path);

		if (!path) {
			path = doc_object();
			doc_set(doc, routes[i].path, path);
		}
		doc_set(path, method_name(routes[i].method), operation_of(&routes[i]));
	}
	return doc;
}

static struct doc *components(void)
{
	struct doc *doc = doc_object(), *schemas = doc_object(), *schemes = doc_object(),
		   *token = doc_object();

	for (const struct shape *shape = schema_shapes; shape->name; shape++)
		doc_set(schemas, shape->name, schema_of_shape(shape));
	doc_set_string(token, "type", "http");
	doc_set_string(token, "scheme", "bearer");
	doc_set_string(token, "description",
		       "On TCP, unless the listener is read-only; on the Unix socket the "
		       "kernel says who asks");
	doc_set(schemes, "token", token);
	doc_set(doc, "schemas", schemas);
	doc_set(doc, "securitySchemes", schemes);
	return doc;
}

/* The token, or nothing. */
static struct doc *security(void)
{
	struct doc *doc = doc_array(), *token = doc_object();

	doc_set(token, "token", doc_array());
	doc_append(doc, token);
	doc_append(doc, doc_object());
	return doc;
}

int handle_openapi(const struct request *req, struct reply *reply)
{
	struct doc *doc = doc_object(), *info = doc_object();

	(void)req;
	doc_set_string(doc, "openapi", "3.1.0");
	doc_set_string(info, "title", "portwatch");
	doc_set_string(info, "version", PORTWATCH_VERSION);
	doc_set_string(info, "description",
		       "Which service should own which port, and who does.  Changes need "
		       "Content-Type: application/json; bodies end at 1 MiB.");
	doc_set(doc, "info", info);
	doc_set(doc, "security", security());
	doc_set(doc, "paths", paths());
	doc_set(doc, "components", components());
	return reply_doc(reply, 200, doc);
}
