// SPDX-License-Identifier: GPL-2.0-only
/* Processes, alerts, allocations and events; what somebody else's command line was is
 * kept from who may not know it. */
#include "json/encode.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "base/time.h"

static const struct viewer nobody = { .uid = (uid_t)-1 };

void encode_words(struct doc *object, const char *key, char *const *words)
{
	struct doc *array;

	if (!words) {
		doc_put_null(object, key);
		return;
	}
	array = doc_array();
	for (; *words; words++)
		doc_append_string(array, *words);
	doc_put(object, key, array);
}

static void set_positive(struct doc *object, const char *key, uint64_t value)
{
	if (value)
		doc_put_int(object, key, (int64_t)value);
	else
		doc_put_null(object, key);
}

static void set_uid(struct doc *object, const char *key, uid_t uid)
{
	if (uid != (uid_t)-1)
		doc_put_int(object, key, uid);
	else
		doc_put_null(object, key);
}

/* "" is unknown, too. */
static void set_text(struct doc *object, const char *key, const char *text)
{
	doc_put_string(object, key, text && *text ? text : NULL);
}

struct doc *codec_encode_process(const struct process *p, const struct viewer *viewer)
{
	struct doc *doc = doc_object();

	if (!p) {
		doc_free(doc);
		return doc_string_new(NULL);
	}
	if (!viewer)
		viewer = &nobody;
	set_positive(doc, "pid", (uint64_t)p->info.id.pid);
	set_positive(doc, "ppid", (uint64_t)p->info.ppid);
	doc_put_time(doc, "start_time", p->info.start_ns);
	set_text(doc, "comm", p->info.comm);
	doc_put_string(doc, "exe", p->info.exe);
	encode_words(doc, "cmdline",
		     viewer_sees(viewer, p->info.uid) ? p->info.cmdline : NULL);
	set_uid(doc, "uid", p->info.uid);
	doc_put_string(doc, "user", p->info.user);
	doc_put_string(doc, "cwd", p->info.cwd);
	doc_put_string(doc, "cgroup", p->info.cgroup);
	doc_put_string(doc, "unit", p->info.unit);
	doc_put_string(doc, "container", p->info.container);
	return doc;
}

void encode_endpoint(struct doc *object, const struct endpoint *at)
{
	char address[INET6_ADDRSTRLEN];

	doc_put_string(object, "proto", at->proto ? proto_name(at->proto) : NULL);
	doc_put_string(object, "address",
		       at->family ? endpoint_format_address(at, address) : NULL);
	set_positive(object, "port", at->port);
	set_positive(object, "netns", at->netns);
}

static void set_message(struct doc *object, const struct verdict *v,
			const struct viewer *viewer)
{
	const struct process *const named[] = { v->found, v->holder };
	char message[sizeof(v->message)];

	snprintf(message, sizeof(message), "%s", v->message);
	for (size_t i = 0; i < 2; i++)
		if (named[i] && !viewer_sees(viewer, named[i]->info.uid))
			message_hide_words(message,
					   (const char *const *)named[i]->info.cmdline);
	doc_put_string(object, "message", message);
}

struct doc *codec_encode_alert(const struct alert *alert, const struct viewer *viewer)
{
	const struct verdict *v = alert ? &alert->v : NULL;
	struct doc *doc;
	char address[INET6_ADDRSTRLEN];

	if (!alert)
		return doc_string_new(NULL);
	if (!viewer)
		viewer = &nobody;
	doc = doc_object();
	doc_put_int(doc, "id", (int64_t)alert->id);
	doc_put_string(doc, "kind", alert_kind_name(v->kind));
	doc_put_string(doc, "severity", severity_name(alert->severity));
	doc_put_string(doc, "state", alert->firing ? "firing" : "resolved");
	set_text(doc, "service", v->service);
	set_positive(doc, "port", v->at.port);
	doc_put_string(doc, "proto", v->at.proto ? proto_name(v->at.proto) : NULL);
	doc_put_string(doc, "address",
		       v->at.family ? endpoint_format_address(&v->at, address) : NULL);
	set_positive(doc, "netns", v->at.netns);
	doc_put_time(doc, "since", alert->since_ns);
	doc_put_time(doc, "resolved_at", alert->firing ? 0 : alert->resolved_ns);
	doc_put_int(doc, "latency_us", (int64_t)alert->latency_us);
	set_text(doc, "expected", v->expected);
	doc_put(doc, "found", codec_encode_process(v->found, viewer));
	doc_put(doc, "holder", codec_encode_process(v->holder, viewer));
	set_message(doc, v, viewer);
	set_text(doc, "fix", v->fix);
	doc_put_int(doc, "repeats", (int64_t)alert->repeats);
	return doc;
}

struct doc *codec_encode_allocation(const struct allocation *alloc)
{
	struct doc *doc;

	if (!alloc)
		return doc_string_new(NULL);
	doc = doc_object();
	doc_put_int(doc, "port", alloc->port);
	doc_put_string(doc, "service_name", alloc->service_name);
	doc_put_string(doc, "started_by", alloc->started_by);
	doc_put_string(doc, "purpose", alloc->purpose);
	set_positive(doc, "pid", (uint64_t)alloc->process.pid);
	doc_put_time(doc, "allocated_at", alloc->allocated_ns);
	doc_put_string(doc, "health_status", alloc->health_status);
	if (alloc->proto == IPPROTO_UDP)
		doc_put_null(doc, "request_count");
	else
		doc_put_int(doc, "request_count", (int64_t)alloc->request_count);
	doc_put_int(doc, "error_count", (int64_t)alloc->error_count);
	doc_put_string(doc, "proto", proto_name(alloc->proto));
	doc_put_time(doc, "claimed_at", alloc->claimed_ns);
	doc_put_time(doc, "expires_at", alloc->expires_ns);
	set_positive(doc, "start_ticks", alloc->process.start_ticks);
	return doc;
}

static void set_flags(struct doc *object, const struct socket *sock)
{
	doc_put_bool(object, "reuseport", sock->flags & SOCKET_REUSEPORT);
	doc_put_bool(object, "reuseaddr", sock->flags & SOCKET_REUSEADDR);
	doc_put_bool(object, "v6only", sock->flags & SOCKET_V6ONLY);
}

static void set_cookie(struct doc *object, uint64_t cookie)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ju", (uintmax_t)cookie);
	doc_put_string(object, "cookie", cookie ? digits : NULL);
}

/* Who stands in the way: a process, and the socket by which it does. */
static struct doc *encode_holder(const struct socket *sock, const struct viewer *viewer)
{
	static const struct process unknown = { .info.uid = (uid_t)-1 };
	struct doc *doc, *at = doc_object();

	doc = codec_encode_process(sock->owner ? sock->owner : &unknown, viewer);
	set_cookie(at, sock->cookie);
	encode_endpoint(at, &sock->at);
	doc_put_string(at, "state", socket_state_name(sock->state));
	doc_put(doc, "socket", at);
	return doc;
}

static void set_failure(struct doc *doc, const struct event *event,
			const struct viewer *viewer)
{
	struct doc *holders = doc_array();

	doc_put_string(doc, "errno",
		       event->error ? strerrorname_np(-event->error) : NULL);
	if (event->inferred)
		doc_put_bool(doc, "inferred", true);
	for (size_t i = 0; i < event->n_holders; i++)
		doc_append(holders, encode_holder(event->holders[i], viewer));
	doc_put(doc, "holders", holders);
}

static void set_socket_event(struct doc *doc, const struct event *event,
			     const struct viewer *viewer)
{
	const struct socket *sock = event->socket;

	if (!sock)
		return;
	set_cookie(doc, sock->cookie);
	encode_endpoint(doc, &sock->at);
	doc_put(doc, "process", codec_encode_process(sock->owner, viewer));
	doc_put_string(doc, "service", event->service);
	set_flags(doc, sock);
	if (event->type == EVENT_SOCKET_BIND_FAILED)
		set_failure(doc, event, viewer);
	if (event->type != EVENT_SOCKET_RELEASED)
		return;
	doc_put_string(doc, "cause", event->cause == RELEASE_EXIT ? "exit" : "close");
	if (event->lifetime_ns)
		doc_put_double(doc, "lifetime_s",
			       (double)(event->lifetime_ns / NS_PER_MS) / 1000);
	else
		doc_put_null(doc, "lifetime_s");
}

void codec_put_exit(struct doc *doc, int status)
{
	const char *name;

	if (status < 0) {
		doc_put_null(doc, "exit_code");
	} else if (WIFSIGNALED(status)) {
		char text[24];

		name = sigabbrev_np(WTERMSIG(status));
		if (name)
			snprintf(text, sizeof(text), "SIG%s", name);
		else
			snprintf(text, sizeof(text), "SIG%d", WTERMSIG(status));
		doc_put_string(doc, "signal", text);
	} else {
		doc_put_int(doc, "exit_code", WEXITSTATUS(status));
	}
}

static void set_particulars(struct doc *doc, const struct event *event,
			    const struct viewer *viewer)
{
	switch (event->type) {
	case EVENT_SOCKET_BOUND:
	case EVENT_SOCKET_LISTENING:
	case EVENT_SOCKET_RELEASED:
	case EVENT_SOCKET_BIND_FAILED:
		set_socket_event(doc, event, viewer);
		break;
	case EVENT_PROCESS_EXITED:
		doc_put(doc, "process", codec_encode_process(event->process, viewer));
		codec_put_exit(doc, event->process && event->process->exited
					    ? event->process->status
					    : -1);
		break;
	case EVENT_ALERT_FIRING:
	case EVENT_ALERT_RESOLVED:
		doc_put(doc, "alert", codec_encode_alert(event->alert, viewer));
		break;
	case EVENT_ALLOCATION_CREATED:
	case EVENT_ALLOCATION_CLAIMED:
	case EVENT_ALLOCATION_RELEASED:
		doc_put(doc, "allocation", codec_encode_allocation(event->allocation));
		break;
	case EVENT_REGISTRY_RELOADED:
	case EVENT_REGISTRY_REJECTED:
	case EVENT_KERNEL_LOST:
	case EVENT_KERNEL_RESYNCED:
		doc_put_int(doc, "count", (int64_t)event->count);
		doc_put_string(doc, "reason", event->reason);
		break;
	default: /* service.* */
		doc_put_string(doc, "service", event->service);
		doc_put(doc, "process", codec_encode_process(event->process, viewer));
		doc_put_string(doc, "reason", event->reason);
		break;
	}
}

struct doc *codec_encode_event(const struct event *event, const struct viewer *viewer)
{
	struct doc *doc;

	if (!event)
		return doc_string_new(NULL);
	doc = doc_schema("event");
	doc_put_int(doc, "seq", (int64_t)event->seq);
	doc_put_time(doc, "time", event->wall_ns);
	doc_put_string(doc, "type", event_type_name(event->type));
	doc_put_string(doc, "source", source_name(event->source));
	set_particulars(doc, event, viewer);
	return doc;
}
