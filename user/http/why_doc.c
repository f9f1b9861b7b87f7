// SPDX-License-Identifier: GPL-2.0-only
#include "http/why_doc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"
#include "http/documents.h"

enum { FAILURES_MAX = 32, CONNECTIONS_MAX = 32, ELSEWHERE_MAX = 32 };

struct making {
	const struct request *req;
	const struct why_question *question;
	const struct why *why;
	const struct viewer *viewer;
	struct doc *array; /* being filled */
	uint64_t wall_ns;
};

static const char *service_name(const struct making *m, const struct socket *sock)
{
	const struct service *svc = engine_service_of(m->req->api->engine, sock);

	return svc ? svc->name : NULL;
}

/* -- Holders --------------------------------------------------------------------------
 */

/* The process and who started it, up to the top. */
static struct doc *chain_doc(const struct making *m, const struct process *p)
{
	struct doc *array = doc_array();

	for (; p; p = p->parent) {
		struct doc *one = codec_encode_process(p, m->viewer);

		doc_put_bool(one, "exited", p->exited);
		doc_append(array, one);
	}
	return array;
}

static struct doc *others_doc(const struct making *m, const struct socket *sock)
{
	struct doc *array = doc_array();

	for (size_t i = 0; i < sock->n_holders; i++)
		if (sock->holders[i] != sock->owner)
			doc_append(array,
				   codec_encode_process(sock->holders[i], m->viewer));
	return array;
}

static struct doc *holder_doc(const struct making *m, const struct socket *sock)
{
	struct doc *doc = codec_encode_socket(sock, service_name(m, sock), m->wall_ns,
					      NULL, m->viewer);

	doc_put(doc, "chain", chain_doc(m, sock->owner));
	doc_put(doc, "others", others_doc(m, sock));
	return doc;
}

static struct doc *holders_doc(const struct making *m)
{
	struct doc *array = doc_array();

	for (size_t i = 0; i < m->why->n_ports; i++) {
		const struct why_port *port = &m->why->ports[i];

		for (size_t k = 0; k < port->n_sitters; k++)
			if (port->sitters[k].row)
				doc_append(array, holder_doc(m, port->sitters[k].row));
	}
	return array;
}

/* The same port in other network namespaces: another port. */
static int add_elsewhere(struct socket *sock, void *arg)
{
	struct making *m = arg;
	const struct why_question *q = m->question;

	if (sock->at.netns == q->netns || doc_count(m->array) == ELSEWHERE_MAX)
		return 0;
	for (size_t i = 0; i < q->n_ports; i++) {
		if (q->ports[i].port != sock->at.port ||
		    q->ports[i].proto != sock->at.proto)
			continue;
		if (sock->owner)
			engine_complete_process(m->req->api->engine, sock->owner);
		doc_append(m->array, codec_encode_socket(sock, service_name(m, sock),
							 m->wall_ns, NULL, m->viewer));
		break;
	}
	return 0;
}

static struct doc *elsewhere_doc(struct making *m)
{
	m->array = doc_array();
	sockets_each(engine_sockets(m->req->api->engine), add_elsewhere, m);
	return m->array;
}

/* -- Connections ----------------------------------------------------------------------
 */

static void put_endpoint(struct doc *doc, const struct endpoint *at)
{
	char address[INET6_ADDRSTRLEN];

	doc_put_string(doc, "proto", proto_name(at->proto));
	doc_put_string(doc, "address", endpoint_format_address(at, address));
	doc_put_int(doc, "port", at->port);
	doc_put_int(doc, "netns", at->netns);
}

static void put_peer(struct doc *doc, const struct why_sitter *s)
{
	char text[ENDPOINT_TEXT];

	doc_put_string(doc, "peer",
		       s && s->peer.family ? endpoint_format(&s->peer, text) : NULL);
}

static void put_uid(struct doc *doc, uid_t uid)
{
	if (uid == (uid_t)-1)
		doc_put_null(doc, "uid");
	else
		doc_put_int(doc, "uid", uid);
}

static struct doc *connection_doc(const struct making *m, const struct why_sitter *s)
{
	struct doc *doc = doc_object();
	bool waits = s->sock.use == PORT_WAITING;

	put_endpoint(doc, &s->sock.at);
	put_peer(doc, s);
	doc_put_string(doc, "kind",
		       waits         ? "time_wait"
		       : s->accepted ? "accepted"
				     : "outgoing");
	doc_put(doc, "process", codec_encode_process(s->process, m->viewer));
	put_uid(doc, waits ? (uid_t)-1 : s->sock.uid);
	doc_put_time(doc, "until", s->until_ns);
	return doc;
}

/* Those that stand in somebody's way; of what a listener accepted the number alone. */
static struct doc *connections_doc(const struct making *m)
{
	struct doc *array = doc_array();

	for (size_t i = 0; i < m->why->n_ports; i++) {
		const struct why_port *port = &m->why->ports[i];

		for (size_t k = 0; k < port->n_sitters; k++)
			if (!port->sitters[k].row && !port->sitters[k].accepted &&
			    doc_count(array) < CONNECTIONS_MAX)
				doc_append(array, connection_doc(m, &port->sitters[k]));
	}
	return array;
}

/* -- Binds ----------------------------------------------------------------------------
 */

static struct doc *options_doc(const struct bind_wish *wish)
{
	struct doc *array = doc_array();

	if (wish->reuseaddr)
		doc_append_string(array, "SO_REUSEADDR");
	if (wish->reuseport)
		doc_append_string(array, "SO_REUSEPORT");
	if (wish->v6only)
		doc_append_string(array, "IPV6_V6ONLY");
	return array;
}

static struct doc *bind_doc(const struct making *m, const struct why_bind *bind)
{
	const struct endpoint *at = &bind->wish.at;
	const struct bind_answer *answer = &bind->answer;
	char address[INET6_ADDRSTRLEN];
	struct doc *doc = doc_object();

	doc_put_string(doc, "proto", proto_name(at->proto));
	doc_put_string(doc, "family", at->family == AF_INET6 ? "ipv6" : "ipv4");
	doc_put_string(doc, "address", endpoint_format_address(at, address));
	doc_put_int(doc, "port", at->port);
	doc_put_string(doc, "as", bind->as);
	doc_put(doc, "options", options_doc(&bind->wish));
	doc_put_string(doc, "result",
		       !answer->error      ? "ok"
		       : answer->uncertain ? "depends"
					   : "error");
	doc_put_string(doc, "errno",
		       answer->error ? strerrorname_np(-answer->error) : NULL);
	doc_put_string(doc, "reason", why_reason_name(bind->reason));
	doc_put_string(doc, "text", bind->text);
	doc_put_time(doc, "until", bind->until_ns);
	put_peer(doc, bind->culprit);
	doc_put(doc, "culprit",
		codec_encode_process(bind->culprit ? bind->culprit->process : NULL,
				     m->viewer));
	return doc;
}

static struct doc *binds_doc(const struct making *m)
{
	struct doc *array = doc_array();

	for (size_t i = 0; i < m->why->n_ports; i++)
		for (size_t k = 0; k < m->why->ports[i].n_binds; k++)
			doc_append(array, bind_doc(m, &m->why->ports[i].binds[k]));
	return array;
}

/* -- What was tried and what is known -------------------------------------------------
 */

static struct doc *failure_doc(const struct making *m, const struct failed_bind *bind)
{
	struct doc *doc = doc_object();

	if (bind->caller)
		engine_complete_process(m->req->api->engine, bind->caller);
	put_endpoint(doc, &bind->at);
	doc_put_string(doc, "errno", bind->error ? strerrorname_np(-bind->error) : NULL);
	doc_put_bool(doc, "inferred", bind->inferred);
	doc_put_time(doc, "first", bind->first_ns);
	doc_put_time(doc, "last", bind->last_ns);
	doc_put_int(doc, "count", (int64_t)bind->count);
	put_uid(doc, bind->uid);
	doc_put(doc, "process", codec_encode_process(bind->caller, m->viewer));
	doc_put(doc, "holder", codec_encode_process(bind->holder, m->viewer));
	return doc;
}

static struct doc *failures_doc(const struct making *m)
{
	const struct failed_binds *list = engine_failed_binds(m->req->api->engine);
	struct doc *array = doc_array();

	for (size_t i = 0; i < m->question->n_ports; i++) {
		const struct failed_bind *bind;
		size_t cursor = 0;

		while (doc_count(array) < FAILURES_MAX &&
		       (bind = failed_binds_next(list, m->question->netns,
						 m->question->ports[i].proto,
						 m->question->ports[i].port, &cursor)))
			doc_append(array, failure_doc(m, bind));
	}
	return array;
}

static bool concerns(const struct alert *alert, const void *arg)
{
	const struct why_question *q = arg;

	if (q->service && streq(alert->v.service, q->service->name))
		return true;
	for (size_t i = 0; i < q->n_ports; i++)
		if (alert->v.at.port == q->ports[i].port &&
		    alert->v.at.proto == q->ports[i].proto)
			return true;
	return false;
}

static struct doc *advice_doc(const struct why *why)
{
	struct doc *doc = doc_object();

	doc_put_string(doc, "text", why->advice);
	doc_put_string(doc, "command", why->command[0] ? why->command : NULL);
	return doc;
}

static void put_counts(struct doc *doc, const struct why *why, bool has_more)
{
	size_t accepted = 0, waiting = 0;

	for (size_t i = 0; i < why->n_ports; i++) {
		accepted += why->ports[i].n_accepted;
		waiting += why->ports[i].n_waiting;
		has_more |= why->ports[i].has_more;
	}
	doc_put_int(doc, "accepted", (int64_t)accepted);
	doc_put_int(doc, "time_wait", (int64_t)waiting);
	doc_put_bool(doc, "more", has_more);
}

/* The one that is asked about, or that claims or holds the one port. */
static const char *service_of(const struct making *m)
{
	if (m->question->service)
		return m->question->service->name;
	if (m->why->n_ports == 1 && m->why->ports[0].service)
		return m->why->ports[0].service->name;
	return NULL;
}

static bool is_one_port(const struct why *why)
{
	for (size_t i = 1; i < why->n_ports; i++)
		if (why->ports[i].port != why->ports[0].port)
			return false;
	return why->n_ports > 0;
}

struct doc *why_doc(const struct request *req, const struct why_question *question,
		    const struct why *why, bool has_more)
{
	struct making m = { .req = req,
			    .question = question,
			    .why = why,
			    .viewer = &req->peer->viewer,
			    .wall_ns = why->wall_ns };
	struct doc *doc = doc_schema("why");

	doc_put_string(doc, "target", req->parameter);
	doc_put_time(doc, "timestamp", why->wall_ns);
	if (is_one_port(why))
		doc_put_int(doc, "port", why->ports[0].port);
	else
		doc_put_null(doc, "port");
	doc_put_string(doc, "service", service_of(&m));
	doc_put_string(doc, "summary", why->summary);
	doc_put(doc, "holders", holders_doc(&m));
	doc_put(doc, "connections", connections_doc(&m));
	put_counts(doc, why, has_more);
	doc_put(doc, "binds", binds_doc(&m));
	doc_put(doc, "failures", failures_doc(&m));
	doc_put(doc, "alerts", alerts_doc(req, concerns, question));
	doc_put(doc, "elsewhere", elsewhere_doc(&m));
	doc_put(doc, "advice", advice_doc(why));
	return doc;
}
