// SPDX-License-Identifier: GPL-2.0-only
/*
 * POST …/kill - end whoever holds a port.
 *
 * Whether anything is done at all is answered at once; how it went, when that is known.
 * Until then a newline now and then, which JSON allows, shows that the answer is still
 * coming.  Who hangs up meanwhile has nobody signalled any more.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/kill_doc.h"
#include "http/kill_wish.h"
#include "http/routes.h"

/* -- What is not done -----------------------------------------------------------------
 */

static int refuse_nothing(const struct kill *kill, const struct kill_wish *wish,
			  struct reply *reply)
{
	const struct kill_order *order = &wish->order;
	size_t n = kill->n_connections;
	struct doc *doc;
	char detail[256];

	if (order->scope == KILL_PORTS)
		n = kill_connections(kill, order->low, order->high, order->proto);
	snprintf(detail, sizeof(detail),
		 "Nothing is bound at %s, so that nothing is to be "
		 "ended",
		 wish->target);
	if (order->scope == KILL_SERVICE)
		snprintf(detail, sizeof(detail), "%s is not running: it holds no port",
			 kill->service);
	else if (order->scope == KILL_PROCESS)
		snprintf(detail, sizeof(detail), "Process %d holds no port", order->pid);
	else if (n > 0)
		snprintf(detail, sizeof(detail),
			 "No process listens on %s; %zu connection%s on it", wish->target,
			 n, n == 1 ? " sits" : "s sit");
	doc = problem_doc(404, detail);
	if (doc && n > 0 && order->scope == KILL_PORTS)
		doc_set_string(doc, "remedy", "--sockets ends them and spares processes");
	return reply_problem_doc(reply, 404, doc);
}

static int refuse_stranger(const struct kill *kill, const struct viewer *viewer,
			   struct reply *reply)
{
	const struct kill_port *port = kill->ports;
	char who[64], detail[256], remedy[64];
	struct doc *doc;

	while (!port->holder)
		port = port->next;
	snprintf(detail, sizeof(detail), "Port %u of %s is held by %s, which is not %s",
		 port->at.port, kill->service,
		 process_describe(port->holder, who, sizeof(who)), kill->service);
	snprintf(remedy, sizeof(remedy), "to end that, kill :%u", port->at.port);
	doc = problem_doc(409, detail);
	if (!doc)
		return -ENOMEM;
	doc_set_string(doc, "remedy", remedy);
	doc_set(doc, "holder", codec_encode_process(port->holder, viewer));
	return reply_problem_doc(reply, 409, doc);
}

/* A port that no process is seen to hold. */
static int refuse_unheld(const struct kill *kill, struct reply *reply)
{
	const struct kill_port *port = kill->ports;
	bool hidden = geteuid() != 0 || engine_world(kill->engine)->owners_hidden;
	char detail[256];
	struct doc *doc;

	while (port && !port->is_unheld)
		port = port->next;
	snprintf(
		detail, sizeof(detail),
		hidden ? "No process that may be looked at holds %s port %u: it is the "
			 "kernel's or another user's"
		       : "The kernel itself holds %s port %u: there is no process to end",
		port ? proto_name(port->at.proto) : "the", port ? port->at.port : 0);
	doc = problem_doc(403, detail);
	if (!doc)
		return -ENOMEM;
	if (hidden)
		doc_set_string(doc, "capability", "CAP_SYS_PTRACE");
	doc_set_string(doc, "rule", "kernel");
	return reply_problem_doc(reply, 403, doc);
}

static int refuse_all(const struct kill *kill, const struct viewer *viewer,
		      struct reply *reply)
{
	const struct kill_victim *v = kill->victims;
	char who[64], detail[256];
	struct doc *doc;

	while (v && (v->rule == RULE_NONE || v->rule == RULE_COMPANY))
		v = v->next;
	if (!v)
		return refuse_unheld(kill, reply);
	snprintf(detail, sizeof(detail), "%s is not ended: %s",
		 process_describe(v->process, who, sizeof(who)), kill_rule_text(v->rule));
	doc = problem_doc(403, detail);
	if (!doc)
		return -ENOMEM;
	if (v->rule == RULE_CAPABILITY)
		doc_set_string(doc, "capability", "CAP_KILL");
	doc_set_string(doc, "rule", kill_rule_name(v->rule));
	doc_set(doc, "holder", codec_encode_process(v->process, viewer));
	return reply_problem_doc(reply, 403, doc);
}

static bool is_among(const struct doc *only, pid_t pid)
{
	int64_t number;

	for (const struct doc *d = doc_first(only); d; d = doc_next(d))
		if (doc_int(d, &number) && number == pid)
			return true;
	return false;
}

/* NULL where all that would be ended was agreed to. */
static const struct process *not_agreed(const struct kill *kill, const struct doc *only)
{
	for (const struct kill_victim *v = kill->victims; only && v; v = v->next)
		if (v->fate == FATE_MEANT && !is_among(only, v->process->info.id.pid))
			return v->process;
	return NULL;
}

/* 1 where it is to be carried out; else 0 with *reply filled in, or -ENOMEM. */
static int judge(const struct kill *kill, const struct request *req,
		 const struct kill_wish *wish, struct reply *reply)
{
	const struct viewer *viewer = &req->peer->viewer;
	const struct process *other = not_agreed(kill, wish->only);
	char who[64];

	switch (kill->outcome) {
	case KILL_NOTHING:
		return refuse_nothing(kill, wish, reply);
	case KILL_STRANGER:
		return refuse_stranger(kill, viewer, reply);
	case KILL_REFUSED:
		return refuse_all(kill, viewer, reply);
	default:
		break;
	}
	if (other)
		return reply_problem(reply, 409,
				     "%s holds it by now, which nobody agreed to end",
				     process_describe(other, who, sizeof(who)));
	if (wish->dry_run)
		return reply_doc(reply, 200, kill_doc(kill, wish->target, viewer));
	return 1;
}

/* -- The answer -----------------------------------------------------------------------
 */

struct answer {
	struct producer producer;
	struct kill *kill;
	struct viewer viewer;
	char target[KILL_TARGET_TEXT];
	bool news;
	char *text; /* NULL: not made yet */
	size_t size, offset;
};

static struct answer *of(struct producer *producer)
{
	return (struct answer *)producer; /* its first member */
}

static void close_answer(struct producer *producer)
{
	struct answer *answer = of(producer);

	kill_free(answer->kill);
	free(answer->text);
	free(answer);
}

static void on_changed(void *arg)
{
	struct answer *answer = arg;

	answer->news = true;
	if (answer->producer.wake)
		answer->producer.wake(answer->producer.wake_arg);
}

static int make_text(struct answer *answer)
{
	_cleanup_(doc_freep) struct doc *doc =
		kill_doc(answer->kill, answer->target, &answer->viewer);

	answer->text = doc ? doc_print(doc, false, &answer->size) : NULL;
	return answer->text ? 0 : -ENOMEM;
}

static ssize_t read_answer(struct producer *producer, char *buf, size_t size)
{
	struct answer *answer = of(producer);
	size_t n;

	if (answer->kill->outcome == KILL_WAITING) {
		if (!answer->news)
			return 0;
		answer->news = false;
		buf[0] = '\n';
		return 1;
	}
	if (!answer->text && make_text(answer) < 0)
		return -ENOMEM;
	n = answer->size - answer->offset;
	if (n == 0)
		return -ENODATA;
	if (n > size)
		n = size;
	memcpy(buf, answer->text + answer->offset, n);
	answer->offset += n;
	return (ssize_t)n;
}

/* Takes over @kill on success. */
static int carry_out(const struct request *req, const struct kill_wish *wish,
		     struct kill *kill, struct reply *reply)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		return -ENOMEM;
	answer->producer.read = read_answer;
	answer->producer.close = close_answer;
	answer->kill = kill;
	answer->viewer = req->peer->viewer;
	strcpy(answer->target, wish->target);
	kill_start(kill, on_changed, answer);
	*reply = (struct reply){
		.status = 200,
		.type = "application/json",
		.producer = &answer->producer,
	};
	return 0;
}

static int end_holders(const struct request *req, const struct kill_wish *wish,
		       struct reply *reply)
{
	_cleanup_(kill_freep) struct kill *kill = NULL;
	int err = kill_plan(req->api->options.kills, &wish->order, &kill);

	if (err == -EAGAIN)
		return reply_problem(reply, 503, "Too much is being ended already");
	if (err == -E2BIG)
		return reply_problem(reply, 422, "%s is more than %d sockets",
				     wish->target, KILL_VICTIMS_MAX);
	if (err < 0)
		return err;
	err = judge(kill, req, wish, reply);
	if (err <= 0)
		return err;
	err = carry_out(req, wish, kill, reply);
	if (err == 0)
		take(kill);
	return err;
}

/* -- Sockets --------------------------------------------------------------------------
 */

static int add_destroyed(const struct request *req, const struct kill_wish *wish,
			 uint16_t low, uint16_t high, uint16_t proto,
			 struct destroyed_list *all)
{
	struct destroy_order order = {
		.low = low,
		.high = high,
		.proto = proto,
		.netns = engine_world(req->api->engine)->own_netns,
		.caller = wish->order.caller,
		.dry_run = wish->dry_run,
	};
	struct destroyed_list list = { 0 };
	struct destroyed *grown;
	int err = destroy_sockets(&order, &list);

	if (err < 0)
		return err;
	grown = reallocarray(all->items, all->count + list.count + 1, sizeof(*grown));
	if (!grown) {
		destroyed_done(&list);
		return -ENOMEM;
	}
	memcpy(grown + all->count, list.items, list.count * sizeof(*grown));
	all->items = grown;
	all->count += list.count;
	destroyed_done(&list);
	return 0;
}

static int destroy_all(const struct request *req, const struct kill_wish *wish,
		       struct destroyed_list *list)
{
	const struct kill_order *order = &wish->order;
	const struct service *svc = order->service;
	int err = 0;

	if (order->scope == KILL_PORTS)
		return add_destroyed(req, wish, order->low, order->high, order->proto,
				     list);
	for (size_t i = 0; err == 0 && i < svc->n_claims; i++) {
		const struct endpoint *at = &svc->claims[i].at;

		err = add_destroyed(req, wish, at->port, at->port, at->proto, list);
	}
	return err;
}

/* The reason where all were refused for one that concerns all; else 0. */
static int common_error(const struct destroyed_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].error != list->items[0].error)
			return 0;
	return list->items[0].error;
}

static int refuse_destroy(int err, struct reply *reply)
{
	struct doc *doc;

	switch (err) {
	case -EOPNOTSUPP:
		return reply_problem(reply, 501,
				     "This kernel was built without "
				     "CONFIG_INET_DIAG_DESTROY: it cannot end a "
				     "connection and spare the process");
	case -EACCES:
		return reply_problem(reply, 403,
				     "They belong to another user: only root and members "
				     "of group portwatch may destroy them");
	default:
		doc = problem_doc(403, "Ending connections needs a capability that is "
				       "missing");
		if (doc)
			doc_set_string(doc, "capability", "CAP_NET_ADMIN");
		return reply_problem_doc(reply, 403, doc);
	}
}

static int end_sockets(const struct request *req, const struct kill_wish *wish,
		       struct reply *reply)
{
	_cleanup_(destroyed_done) struct destroyed_list list = { 0 };
	int err;

	if (wish->order.scope == KILL_PROCESS)
		return reply_problem(reply, 400,
				     "sockets are those of a port or a service, not of a "
				     "process");
	err = destroy_all(req, wish, &list);
	if (err == -E2BIG)
		return reply_problem(reply, 422, "%s is more than %d connections",
				     wish->target, DESTROY_MAX);
	if (err < 0)
		return err;
	if (list.count == 0)
		return reply_problem(reply, 404,
				     "No TIME_WAIT and no outgoing connection sits on %s",
				     wish->target);
	err = common_error(&list);
	if (err == -EOPNOTSUPP || err == -EPERM || err == -EACCES)
		return refuse_destroy(err, reply);
	return reply_doc(reply, 200, destroyed_doc(&list, wish->target, wish->dry_run));
}

/* -- The routes -----------------------------------------------------------------------
 */

static int handle(const struct request *req, struct kill_wish *wish, struct reply *reply)
{
	_cleanup_(doc_freep) struct doc *body = NULL;
	const struct peer *peer = req->peer;

	wish->order.caller = (struct kill_caller){
		.pid = peer->pid,
		.uid = peer->viewer.uid,
		.all = peer->may_change,
	};
	if (kill_wish_parse(req, &body, wish, reply) < 0)
		return 0;
	return wish->sockets ? end_sockets(req, wish, reply)
			     : end_holders(req, wish, reply);
}

int handle_kill_service(const struct request *req, struct reply *reply)
{
	const struct registry *reg = engine_world(req->api->engine)->registry;
	struct kill_wish wish = kill_wish_default(KILL_SERVICE);

	wish.order.service = registry_find(reg, req->parameter);
	if (!wish.order.service)
		return reply_problem(reply, 404, "No service is called %s",
				     req->parameter);
	wish.order.signal = wish.order.service->stop.signal;
	wish.order.grace_ms = wish.order.service->stop.grace_ms;
	snprintf(wish.target, sizeof(wish.target), "%s", wish.order.service->name);
	return handle(req, &wish, reply);
}

int handle_kill_port(const struct request *req, struct reply *reply)
{
	struct kill_wish wish = kill_wish_default(KILL_PORTS);
	const char *dash = strchr(req->parameter, '-');
	char low[16];

	snprintf(low, sizeof(low), "%.*s", dash ? (int)(dash - req->parameter) : 15,
		 req->parameter);
	if (port_parse(low, &wish.order.low) < 0 ||
	    port_parse(dash ? dash + 1 : low, &wish.order.high) < 0 ||
	    wish.order.low > wish.order.high)
		return reply_problem(reply, 400, "%s is no port and no range of ports",
				     req->parameter);
	snprintf(wish.target, sizeof(wish.target), ":%.15s", req->parameter);
	return handle(req, &wish, reply);
}

int handle_kill_process(const struct request *req, struct reply *reply)
{
	struct kill_wish wish = kill_wish_default(KILL_PROCESS);
	uint64_t pid;

	if (parse_u64(req->parameter, INT_MAX, &pid) < 0 || pid == 0)
		return reply_problem(reply, 400, "%s is no process id", req->parameter);
	wish.order.pid = (pid_t)pid;
	snprintf(wish.target, sizeof(wish.target), "pid:%d", wish.order.pid);
	return handle(req, &wish, reply);
}
