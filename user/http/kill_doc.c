// SPDX-License-Identifier: GPL-2.0-only
#include "http/kill_doc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

enum { NAMED_MAX = 4 /* in a sentence */, PROCESS_TEXT = 64 };

const char *signal_text(int signal, char *buf)
{
	const char *name = sigabbrev_np(signal);

	if (name)
		snprintf(buf, SIGNAL_TEXT, "SIG%s", name);
	else
		snprintf(buf, SIGNAL_TEXT, "signal %d", signal);
	return buf;
}

static const char *describe(const struct process *p, char *buf)
{
	return p ? process_describe(p, buf, PROCESS_TEXT) : "the kernel";
}

size_t kill_connections(const struct kill *kill, uint16_t low, uint16_t high,
			uint16_t proto)
{
	struct destroy_order order = {
		.low = low,
		.high = high,
		.proto = proto,
		.caller.all = true,
		.dry_run = true,
	};
	_cleanup_(destroyed_done) struct destroyed_list list = { 0 };

	(void)kill;
	return destroy_sockets(&order, &list) < 0 ? 0 : list.count;
}

/* -- In words -------------------------------------------------------------------------
 */

static size_t count(const struct kill *kill, enum kill_fate fate)
{
	size_t n = 0;

	for (const struct kill_victim *v = kill->victims; v; v = v->next)
		n += v->fate == fate;
	return n;
}

/* "a (pid 1), b (pid 2) and 6 more" */
static void add_names(const struct kill *kill, enum kill_fate fate, struct buffer *text)
{
	size_t n = count(kill, fate), told = 0;
	char buf[PROCESS_TEXT];

	for (const struct kill_victim *v = kill->victims; v && told < NAMED_MAX;
	     v = v->next) {
		if (v->fate != fate)
			continue;
		if (told > 0)
			buffer_puts(text, told + 1 == n ? " and " : ", ");
		buffer_puts(text, describe(v->process, buf));
		told++;
	}
	if (n > told)
		buffer_printf(text, " and %zu more", n - told);
}

static void add_ended(const struct kill *kill, struct buffer *text)
{
	char buf[SIGNAL_TEXT];

	if (count(kill, FATE_ENDED) == 0)
		return;
	buffer_puts(text, "Ended ");
	add_names(kill, FATE_ENDED, text);
	buffer_printf(text, " with %s", signal_text(kill->order.signal, buf));
	if (kill->forced)
		buffer_puts(text, " and, where that did not do, SIGKILL");
	buffer_puts(text, "; ");
}

static void add_alive(const struct kill *kill, struct buffer *text)
{
	const struct kill_victim *v = kill->victims;
	uint64_t waited_ns = kill->ended_mono_ns - kill->started_mono_ns;
	char buf[SIGNAL_TEXT], age[32];
	size_t n = count(kill, FATE_SIGNALLED);

	if (n == 0)
		return;
	while (v->fate != FATE_SIGNALLED)
		v = v->next;
	add_names(kill, FATE_SIGNALLED, text);
	buffer_printf(text, " %s still there %s after %s", n == 1 ? "is" : "are",
		      duration_format(waited_ns, age, sizeof(age)),
		      signal_text(kill->order.signal, buf));
	if (!kill->forced &&
	    kill_process_ignores(v->process->info.id.pid, kill->order.signal))
		buffer_printf(text, ", which %s ignore%s", n == 1 ? "it" : "they",
			      n == 1 ? "s" : "");
	buffer_puts(text, kill->forced ? ", and SIGKILL; "
				       : "; with --force SIGKILL would follow; ");
}

static void add_refused(const struct kill *kill, struct buffer *text)
{
	char buf[PROCESS_TEXT];

	for (const struct kill_victim *v = kill->victims; v; v = v->next) {
		if (v->fate != FATE_REFUSED || v->rule == RULE_COMPANY)
			continue;
		buffer_printf(text, "%s was left alone: %s; ", describe(v->process, buf),
			      kill_rule_text(v->rule));
		return;
	}
}

/* Ports of one kind in one phrase, the last two with what makes them so. */
static void add_ports(const struct kill *kill, struct buffer *text)
{
	size_t n_free = 0;
	char buf[PROCESS_TEXT];

	for (const struct kill_port *p = kill->ports; p; p = p->next) {
		n_free += p->free;
		if (p->free)
			continue;
		buffer_printf(text, "%s port %u is %s %s; ", proto_name(p->at.proto),
			      p->at.port, p->is_taken ? "taken already by" : "held by",
			      describe(p->holder, buf));
	}
	for (const struct kill_port *p = kill->ports; p && n_free <= NAMED_MAX;
	     p = p->next)
		if (p->free)
			buffer_printf(text, "%s port %u is free; ",
				      proto_name(p->at.proto), p->at.port);
	if (n_free > NAMED_MAX)
		buffer_printf(text, "%zu ports are free; ", n_free);
}

static void add_plan(const struct kill *kill, struct buffer *text)
{
	char buf[SIGNAL_TEXT];

	buffer_puts(text, "Would end ");
	add_names(kill, FATE_MEANT, text);
	buffer_printf(text, " with %s; ", signal_text(kill->order.signal, buf));
}

static void set_message(struct doc *doc, const struct kill *kill)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };

	if (kill->outcome == KILL_PLANNED) {
		add_plan(kill, &text);
	} else {
		add_ended(kill, &text);
		add_alive(kill, &text);
	}
	add_refused(kill, &text);
	if (kill->outcome != KILL_PLANNED)
		add_ports(kill, &text);
	/* Each part ends in "; ". */
	if (text.data && text.size > 2)
		text.data[text.size - 2] = '\0';
	doc_set_string(doc, "message", text.failed ? NULL : text.data);
}

/* -- As a document --------------------------------------------------------------------
 */

static struct doc *ports_of(const struct kill *kill, const struct kill_victim *victim)
{
	struct doc *ports = doc_array();
	const struct kill_port *last = NULL;
	char text[16];

	for (size_t i = 0; i < kill->n_holds; i++) {
		const struct kill_hold *hold = &kill->holds[i];
		bool told = hold->port == last;

		if (hold->victim != victim)
			continue;
		for (size_t k = 0; k < i && !told; k++)
			told = kill->holds[k].victim == victim &&
			       kill->holds[k].port == hold->port;
		if (told)
			continue;
		last = hold->port;
		snprintf(text, sizeof(text), "%u/%s", last->at.port,
			 proto_name(last->at.proto));
		doc_append_string(ports, text);
	}
	return ports;
}

static const char *result_of(const struct kill_victim *victim)
{
	return victim->fate == FATE_MEANT ? "would_end" : kill_fate_name(victim->fate);
}

static struct doc *victim_doc(const struct kill *kill, const struct kill_victim *victim,
			      const struct viewer *viewer)
{
	const struct process *p = victim->process;
	struct doc *doc = doc_object();
	char buf[SIGNAL_TEXT], status[64];

	doc_set_int(doc, "pid", p->info.id.pid);
	doc_set_string(doc, "comm", p->info.comm[0] ? p->info.comm : NULL);
	doc_set_string(doc, "user", p->info.user);
	doc_set(doc, "ports", ports_of(kill, victim));
	doc_set_string(doc, "result", result_of(victim));
	doc_set_string(doc, "signal",
		       victim->signal ? signal_text(victim->signal, buf) : NULL);
	doc_set_string(doc, "end",
		       p->exited && p->status >= 0
			       ? process_describe_exit(p, status, sizeof(status))
			       : NULL);
	doc_set_string(doc, "rule", kill_rule_name(victim->rule));
	doc_set_string(doc, "reason", victim->rule ? kill_rule_text(victim->rule) : NULL);
	doc_set(doc, "process", codec_encode_process(p, viewer));
	return doc;
}

static struct doc *port_doc(const struct kill *kill, const struct kill_port *port,
			    const struct viewer *viewer)
{
	struct doc *doc = doc_object();
	bool is_own = port->at.netns == engine_world(kill->engine)->own_netns;

	doc_set_string(doc, "proto", proto_name(port->at.proto));
	doc_set_int(doc, "port", port->at.port);
	doc_set_int(doc, "netns", port->at.netns);
	if (kill->outcome == KILL_PLANNED) {
		doc_set_null(doc, "free");
		return doc;
	}
	doc_set_bool(doc, "free", port->free);
	doc_set_bool(doc, "taken", port->is_taken);
	doc_set(doc, "holder", codec_encode_process(port->holder, viewer));
	if (is_own)
		doc_set_int(doc, "connections",
			    (int64_t)kill_connections(kill, port->at.port, port->at.port,
						      port->at.proto));
	else
		doc_set_null(doc, "connections");
	return doc;
}

static struct doc *envelope(const char *target, bool dry_run, const char *outcome)
{
	struct doc *doc = doc_schema("kill");

	doc_set_string(doc, "target", target);
	doc_set_bool(doc, "dry_run", dry_run);
	doc_set_string(doc, "outcome", outcome);
	return doc;
}

struct doc *kill_doc(const struct kill *kill, const char *target,
		     const struct viewer *viewer)
{
	bool dry_run = kill->outcome == KILL_PLANNED;
	struct doc *doc = envelope(target, dry_run, kill_outcome_name(kill->outcome));
	struct doc *processes = doc_array(), *ports = doc_array();
	char buf[SIGNAL_TEXT];

	set_message(doc, kill);
	doc_set_string(doc, "service", kill->service[0] ? kill->service : NULL);
	doc_set_string(doc, "signal", signal_text(kill->order.signal, buf));
	doc_set_double(doc, "grace_s", (double)kill->order.grace_ms / 1000);
	doc_set_bool(doc, "forced", kill->forced);
	if (!dry_run)
		doc_set_double(
			doc, "duration_s",
			(double)((kill->ended_mono_ns - kill->started_mono_ns) / 1000) /
				1e6);
	for (const struct kill_victim *v = kill->victims; v; v = v->next)
		doc_append(processes, victim_doc(kill, v, viewer));
	for (const struct kill_port *p = kill->ports; p; p = p->next)
		doc_append(ports, port_doc(kill, p, viewer));
	doc_set(doc, "processes", processes);
	doc_set(doc, "ports", ports);
	doc_set(doc, "sockets", doc_array());
	return doc;
}

/* -- Sockets --------------------------------------------------------------------------
 */

static const char *destroy_reason(int error)
{
	switch (error) {
	case 0:
		return NULL;
	case -EOPNOTSUPP:
		return "this kernel was built without CONFIG_INET_DIAG_DESTROY";
	case -EPERM:
		return "CAP_NET_ADMIN is missing";
	case -EACCES:
		return "it belongs to another user, and only root and members of group "
		       "portwatch may destroy that";
	default:
		return strerror(-error);
	}
}

static struct doc *destroyed_row(const struct destroyed *sock, bool dry_run)
{
	struct doc *doc = doc_object();
	char text[ENDPOINT_TEXT], cookie[24];

	snprintf(cookie, sizeof(cookie), "%ju", (uintmax_t)sock->cookie);
	doc_set_string(doc, "cookie", cookie);
	doc_set_string(doc, "proto", proto_name(sock->at.proto));
	doc_set_int(doc, "port", sock->at.port);
	doc_set_string(doc, "local", endpoint_format(&sock->at, text));
	doc_set_string(doc, "remote", endpoint_format(&sock->peer, text));
	doc_set_string(doc, "state", destroyed_state_name(sock->state));
	doc_set_int(doc, "uid", sock->uid);
	doc_set_string(doc, "result",
		       sock->error ? "refused"
		       : dry_run   ? "would_end"
				   : "ended");
	doc_set_string(doc, "reason", destroy_reason(sock->error));
	return doc;
}

struct doc *destroyed_doc(const struct destroyed_list *list, const char *target,
			  bool dry_run)
{
	struct doc *sockets = doc_array(), *doc;
	size_t n = 0;
	char message[128];

	for (size_t i = 0; i < list->count; i++) {
		n += list->items[i].error == 0;
		doc_append(sockets, destroyed_row(&list->items[i], dry_run));
	}
	doc = envelope(target, dry_run,
		       dry_run            ? "planned"
		       : n == list->count ? "done"
					  : "partly");
	snprintf(message, sizeof(message), "%s %zu of %zu connections",
		 dry_run ? "Would end" : "Ended", n, list->count);
	doc_set_string(doc, "message", message);
	doc_set(doc, "processes", doc_array());
	doc_set(doc, "ports", doc_array());
	doc_set(doc, "sockets", sockets);
	return doc;
}
