// SPDX-License-Identifier: GPL-2.0-only
/* GET /env and GET /report: what is to be read as it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/time.h"
#include "http/documents.h"
#include "http/report.h"
#include "http/routes.h"
#include "json/env.h"

enum { ROWS_MAX = 1000 };

/* Takes over @text. */
static int reply_owned_text(struct reply *reply, char *text, const char *type)
{
	if (!text)
		return -ENOMEM;
	*reply = (struct reply){
		.status = 200,
		.type = type,
		.body = text,
		.size = strlen(text),
	};
	return 0;
}

/* The index of the argument among @names, 0 where it is not given; -EINVAL with *reply.
 */
static int read_choice(const struct request *req, const char *key,
		       const char *const *names, struct reply *reply)
{
	const char *value = request_arg(req, key, 0);
	_cleanup_(freep) char *all = NULL;
	int i = 0;

	if (!value)
		return 0;
	for (; names[i]; i++)
		if (streq(names[i], value))
			return i;
	all = strv_join((char *const *)names, ", ");
	reply_problem(reply, 400, "%s is one of %s, not %.80s", key, all ? all : "",
		      value);
	return -EINVAL;
}

int handle_env(const struct request *req, struct reply *reply)
{
	const struct registry *reg = engine_world(req->api->engine)->registry;
	int format;

	format = read_choice(req, "format", env_format_names, reply);
	if (format < 0)
		return 0;
	return reply_owned_text(reply, env_render(reg, (enum env_format)format),
				format == ENV_JSON ? "application/json"
						   : "text/plain; charset=utf-8");
}

struct listing {
	struct engine *engine;
	struct socket **items;
	size_t count, capacity;
	uint32_t netns; /* only these */
	size_t elsewhere;
};

/* What the tables of services and allocations do not tell of. */
static bool is_of_nobody(const struct listing *listing, const struct socket *sock)
{
	const struct registry *reg = engine_world(listing->engine)->registry;

	return !registry_allocation_at(reg, sock->at.proto, sock->at.port) &&
	       !engine_service_of(listing->engine, sock);
}

/* A socket with a peer takes no connections, and there may be many of them. */
static int add_socket(struct socket *sock, void *arg)
{
	struct listing *listing = arg;

	if (sock->state == SOCKET_CONNECTED)
		return 0;
	if (sock->at.netns != listing->netns)
		listing->elsewhere++;
	else if (listing->count < listing->capacity && is_of_nobody(listing, sock))
		listing->items[listing->count++] = sock;
	return 0;
}

static int compare_sockets(const void *a, const void *b)
{
	const struct socket *x = *(struct socket *const *)a,
			    *y = *(struct socket *const *)b;

	if (x->at.port != y->at.port)
		return x->at.port < y->at.port ? -1 : 1;
	if (x->at.proto != y->at.proto)
		return x->at.proto < y->at.proto ? -1 : 1;
	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

static struct doc *socket_doc(const struct request *req, const struct socket *sock,
			      uint64_t wall_ns)
{
	static const char *const fields[] = { "proto", "address", "port", "pid",
					      "comm",  "user",    NULL };

	if (sock->owner)
		engine_complete_process(req->api->engine, sock->owner);
	return codec_encode_socket(sock, NULL, wall_ns, fields, &req->peer->viewer);
}

static int set_sockets(const struct request *req, uint64_t wall_ns, struct report *report,
		       struct doc **ret)
{
	struct sockets *table = engine_sockets(req->api->engine);
	struct listing listing = {
		.engine = req->api->engine,
		.capacity = sockets_count(table),
		.netns = engine_world(req->api->engine)->own_netns,
	};
	_cleanup_(freep) struct socket **items =
		calloc(listing.capacity + 1, sizeof(*items));
	struct doc *array = doc_array();
	size_t n;

	if (!items) {
		doc_free(array);
		return -ENOMEM;
	}
	listing.items = items;
	sockets_each(table, add_socket, &listing);
	qsort(items, listing.count, sizeof(*items), compare_sockets);
	n = listing.count < ROWS_MAX ? listing.count : ROWS_MAX;
	for (size_t i = 0; i < n; i++)
		doc_append(array, socket_doc(req, items[i], wall_ns));

	report->sockets = array;
	report->left_out = listing.count - n;
	report->elsewhere = listing.elsewhere;
	*ret = array;
	return 0;
}

static int reply_report(struct reply *reply, const struct report *report, bool as_json)
{
	_cleanup_(freep) char *text = report_render(report), *summary = NULL;
	struct doc *doc;

	if (!as_json)
		return reply_owned_text(reply, take(text), "text/plain; charset=utf-8");
	summary = report_summary(report);
	if (!text || !summary)
		return -ENOMEM;
	doc = doc_schema("report");
	doc_set(doc, "timestamp", doc_copy(doc_get(report->status, "timestamp")));
	doc_set_bool(doc, "well", report_is_well(report));
	doc_set_string(doc, "summary", summary);
	doc_set_string(doc, "text", text);
	return reply_doc(reply, 200, doc);
}

int handle_report(const struct request *req, struct reply *reply)
{
	static const char *const formats[] = { "text", "json", NULL };
	_cleanup_(doc_freep) struct doc *status = NULL, *sockets = NULL, *resolved = NULL,
					*findings = NULL;
	uint64_t wall_ns = now_wall_ns();
	struct report report = { 0 };
	struct utsname host = { 0 };
	int format, err;

	format = read_choice(req, "format", formats, reply);
	if (format < 0)
		return 0;
	status = status_doc(req, wall_ns);
	if (!status)
		return -ENOMEM;
	err = set_sockets(req, wall_ns, &report, &sockets);
	if (err < 0)
		return err;
	resolved = resolved_alerts_doc(req);
	findings = findings_doc(engine_probe(req->api->engine));
	uname(&host);
	report.resolved = resolved;
	report.findings = findings;
	report.host = host.nodename;
	report.kernel = host.release;
	report.status = status;
	return reply_report(reply, &report, format == 1);
}
