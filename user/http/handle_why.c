// SPDX-License-Identifier: GPL-2.0-only
/* GET /why/{target}: which ports it is about, and the answer as a document. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "http/documents.h"
#include "http/routes.h"
#include "http/target.h"
#include "http/why_doc.h"
#include "service/inuse.h"

struct choice {
	const struct request *req;
	struct engine *engine;
	const struct world *world;
	struct target target;
	struct why_question question;
	bool has_more;
};

/* -- The ports ------------------------------------------------------------------------
 */

static const struct service *claimant(const struct world *world, uint16_t proto,
				      uint16_t port)
{
	const struct claim *const *claims;

	return registry_claims_at(world->registry, proto, port, &claims) > 0 &&
			       !claims[0]->service->netns
		       ? claims[0]->service
		       : NULL;
}

static void add_port(struct choice *choice, uint16_t proto, uint16_t port)
{
	struct why_question *q = &choice->question;

	for (size_t i = 0; i < q->n_ports; i++)
		if (q->ports[i].proto == proto && q->ports[i].port == port)
			return;
	if (q->n_ports == WHY_PORTS_MAX) {
		choice->has_more = true;
		return;
	}
	q->ports[q->n_ports].proto = proto;
	q->ports[q->n_ports].port = port;
	q->ports[q->n_ports].service =
		q->service ? q->service : claimant(choice->world, proto, port);
	q->n_ports++;
}

/* Somebody holds it, or should. */
static bool is_of_interest(const struct choice *choice, uint16_t proto, uint16_t port,
			   const uint8_t *used)
{
	return port_is_set(used, port) ||
	       sockets_at(choice->world->sockets, choice->question.netns, proto, port) ||
	       claimant(choice->world, proto, port);
}

/* One port always, with UDP where that is in use; of a range those of interest. */
static void add_range(struct choice *choice)
{
	static const uint16_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	const struct target *t = &choice->target;

	for (size_t i = 0; i < 2; i++) {
		uint8_t used[PORT_BITMAP] = { 0 };

		if (t->proto && t->proto != protos[i])
			continue;
		if (t->low != t->high || protos[i] == IPPROTO_UDP)
			(void)inuse_find(t->low, t->high, protos[i], used);
		for (unsigned port = t->low; port <= t->high; port++)
			if ((t->low == t->high &&
			     (t->proto || protos[i] == IPPROTO_TCP)) ||
			    is_of_interest(choice, protos[i], (uint16_t)port, used))
				add_port(choice, protos[i], (uint16_t)port);
	}
}

static void add_held(const struct socket *sock, void *arg)
{
	struct choice *choice = arg;

	if (sock->at.netns == choice->question.netns)
		add_port(choice, sock->at.proto, sock->at.port);
}

static void add_claims(struct choice *choice, const struct service *svc)
{
	const struct process *p = choice->world->services
					  ? choice->world->services[svc->index].recorded
					  : NULL;

	for (size_t i = 0; i < svc->n_claims; i++)
		add_port(choice, svc->claims[i].at.proto, svc->claims[i].at.port);
	if (svc->n_claims == 0 && p && !p->exited)
		(void)why_each_held(choice->engine, p->info.id.pid, add_held, choice);
}

/* -- The target -----------------------------------------------------------------------
 */

static int choose_service(struct choice *choice, struct reply *reply)
{
	const struct service *svc =
		registry_find(choice->world->registry, choice->target.service);

	if (!svc)
		return reply_no_such_service(choice->req, reply);
	choice->question.service = svc;
	if (svc->netns)
		choice->question.netns = svc->netns_inode;
	add_claims(choice, svc);
	return 0;
}

static int choose_process(struct choice *choice, struct reply *reply)
{
	struct process_id id;

	if (engine_identify(choice->engine, choice->target.pid, &id) < 0)
		return reply_problem(reply, 404, "There is no process %d",
				     choice->target.pid);
	return why_each_held(choice->engine, choice->target.pid, add_held, choice);
}

/* *reply is filled in where there is nothing to explain. */
static int choose(struct choice *choice, struct reply *reply)
{
	switch (choice->target.kind) {
	case TARGET_SERVICE:
		return choose_service(choice, reply);
	case TARGET_PROCESS:
		return choose_process(choice, reply);
	case TARGET_PORTS:
		add_range(choice);
		return 0;
	}
	return -EINVAL;
}

int handle_why(const struct request *req, struct reply *reply)
{
	struct choice choice = {
		.req = req,
		.engine = req->api->engine,
		.world = engine_world(req->api->engine),
	};
	_cleanup_(freep) struct why *why = calloc(1, sizeof(*why));
	struct doc *doc;
	int err;

	if (!why)
		return -ENOMEM;
	if (target_parse(req->parameter, &choice.target) < 0)
		return reply_problem(reply, 400,
				     "%.80s is no target: NAME, :PORT, :LOW-HIGH, "
				     ":PORT/udp or pid:N",
				     req->parameter);
	choice.question.netns = choice.world->own_netns;
	choice.question.uid = req->peer->viewer.uid;
	err = choose(&choice, reply);
	if (err < 0 || reply->status)
		return err;
	err = why_ask(choice.engine, &choice.question, why);
	if (err < 0)
		return err;
	doc = why_doc(req, &choice.question, why, choice.has_more);
	why_done(why);
	return reply_doc(reply, 200, doc);
}
