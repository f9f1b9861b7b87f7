// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "base/time.h"
#include "http/documents.h"
#include "http/routes.h"

void complete_service(struct engine *engine, const struct service *svc)
{
	const struct world *world = engine_world(engine);
	struct process *p = world->services ? world->services[svc->index].recorded : NULL;

	if (p)
		engine_complete_process(engine, p);
}

struct doc *service_doc(const struct request *req, const struct service *svc)
{
	struct doc *doc = codec_encode_service(svc);

	if (doc && !req->peer->may_change)
		codec_hide_secrets(doc);
	return doc;
}

int handle_services(const struct request *req, struct reply *reply)
{
	const struct world *world = engine_world(req->api->engine);
	const struct alerts *alerts = engine_alerts(req->api->engine);
	struct doc *doc, *array;

	doc = doc_schema("services");
	array = doc_array();
	for (size_t i = 0; i < registry_count(world->registry); i++) {
		const struct service *svc = registry_service(world->registry, i);
		struct doc *entry = service_doc(req, svc);

		if (!entry) {
			doc_free(array);
			doc_free(doc);
			return -ENOMEM;
		}
		doc_set_string(entry, "status",
			       service_status_name(matcher_status(world, svc, alerts)));
		doc_append(array, entry);
	}
	doc_set(doc, "services", array);
	return reply_doc(reply, 200, doc);
}

struct gathering {
	const struct request *req;
	const struct service *service;
	struct doc *array;
};

static bool belongs(const struct gathering *g, const struct socket *sock)
{
	const struct world *world = engine_world(g->req->api->engine);
	const struct service *svc = g->service;

	for (size_t i = 0; i < svc->n_claims; i++)
		if (claim_covers(&svc->claims[i], &sock->at, sock->flags & SOCKET_V6ONLY,
				 world->own_netns))
			return true;
	/* A process like it in another namespace is another matter. */
	return sock->at.netns == (svc->netns ? svc->netns_inode : world->own_netns) &&
	       engine_service_of(g->req->api->engine, sock) == svc;
}

/* Sockets on the service's ports, whoever holds them, and its own elsewhere. */
static int gather(struct socket *sock, void *arg)
{
	struct gathering *g = arg;
	struct engine *engine = g->req->api->engine;
	const struct service *svc;

	if (!belongs(g, sock))
		return 0;
	if (sock->owner)
		engine_complete_process(engine, sock->owner);
	svc = engine_service_of(engine, sock);
	doc_append(g->array,
		   codec_encode_socket(sock, svc ? svc->name : NULL, now_wall_ns(), NULL,
				       &g->req->peer->viewer));
	return 0;
}

int reply_no_such_service(const struct request *req, struct reply *reply)
{
	const struct registry *reg = engine_world(req->api->engine)->registry;
	const char **names = calloc(registry_count(reg) + 1, sizeof(*names));
	const char *near;
	int err;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < registry_count(reg); i++)
		names[i] = registry_service(reg, i)->name;
	near = nearest_name(req->parameter, names);
	err = near ? reply_problem(reply, 404,
				   "No service is called %s; did you mean %s?",
				   req->parameter, near)
		   : reply_problem(reply, 404, "No service is called %s", req->parameter);
	free(names);
	return err;
}

int handle_service(const struct request *req, struct reply *reply)
{
	struct engine *engine = req->api->engine;
	const struct world *world = engine_world(engine);
	const struct service *svc = registry_find(world->registry, req->parameter);
	struct gathering sockets = { .req = req, .service = svc };
	struct doc *doc, *status;

	if (!svc)
		return reply_no_such_service(req, reply);
	complete_service(engine, svc);
	engine_read_counts(engine);
	sockets.array = doc_array();
	sockets_each(engine_sockets(engine), gather, &sockets);

	doc = doc_schema("service");
	doc_set(doc, "service", service_doc(req, svc));
	status = codec_encode_service_status(world, svc, engine_alerts(engine),
					     now_wall_ns(), &req->peer->viewer);
	if (status && !req->peer->may_change)
		codec_hide_secrets(status);
	doc_set(doc, "status", status);
	doc_set(doc, "alerts", alerts_doc(req, alert_is_of_service, svc->name));
	doc_set(doc, "sockets", sockets.array);
	return reply_doc(reply, 200, doc);
}
