// SPDX-License-Identifier: GPL-2.0-only
#include "probe/records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "probe/pending.h"

/* listen(2) takes a microsecond; a phantom LISTEN is gone long before this. */
#define LISTEN_SETTLES_NS (1 * NS_PER_MS)
/* A UDP socket that is about to connect has done so. */
#define CONNECT_SETTLES_NS (1 * NS_PER_MS)
/* A bind that was tried and has not followed: looked at then, given up on at last. */
#define TRY_SETTLES_NS (3 * NS_PER_MS)
#define TRY_GIVES_UP_NS (50 * NS_PER_MS)
#define SETTLES_AT_MOST_NS (2 * NS_PER_MS)
struct records {
	const struct clocks *clocks;
	struct hooks *hooks;
	struct pending *pending;
	records_look_fn look;
	void *looker;
	fact_fn fn; /* during a dispatch */
	void *arg;
	int told;
	uint64_t taken;
	bool wants_look;
};

int records_new(const struct clocks *clocks, records_look_fn look, void *looker,
		struct records **ret)
{
	_cleanup_(records_freep) struct records *records = calloc(1, sizeof(*records));
	int err;

	if (!records)
		return -ENOMEM;
	records->clocks = clocks;
	records->look = look;
	records->looker = looker;
	err = pending_new(&records->pending);
	if (err < 0)
		return err;
	*ret = take(records);
	return 0;
}

struct records *records_free(struct records *records)
{
	if (!records)
		return NULL;
	pending_free(records->pending);
	free(records);
	return NULL;
}

void records_begin(struct records *records, struct hooks *hooks, fact_fn fn, void *arg)
{
	records->hooks = hooks;
	records->fn = fn;
	records->arg = arg;
	records->told = 0;
}

static void tell(struct records *records, const struct fact *fact)
{
	records->told++;
	records->fn(fact, records->arg);
}

static void tell_socket(struct records *records, const struct pw_socket_event *ev,
			enum fact_type type)
{
	struct fact fact;

	translate_socket(records->clocks, ev, type, &fact);
	tell(records, &fact);
}

static void tell_failed_try(struct records *records, const struct pw_socket_event *ev)
{
	struct fact fact;

	translate_socket(records->clocks, ev, FACT_BIND_FAILED, &fact);
	fact.error = 0;
	fact.inferred = true;
	tell(records, &fact);
}

/* One row of a look becomes what the hook could not say. */
struct look {
	struct records *records;
	const struct pw_socket_event *ev;
	bool found;
};

/* By its cookie; one that had none when the record was made, by where it is bound.  One
 * that tried and failed may have been given another port meanwhile, by sending. */
static bool is_meant(const struct pw_socket_event *ev, const struct snapshot_row *row)
{
	if (ev->h.kind == PW_EVENT_BIND_TRIED && row->at.port != ev->at.port)
		return false;
	if (ev->cookie)
		return row->cookie == ev->cookie;
	if (ev->at.port)
		return row->at.port == ev->at.port && row->at.proto == ev->at.proto &&
		       row->at.netns == ev->at.netns;
	return row->evident;
}

static int tell_row(const struct snapshot_row *row, void *arg)
{
	struct look *look = arg;
	struct fact fact;

	if (!is_meant(look->ev, row))
		return 0;
	translate_socket(look->records->clocks, look->ev, FACT_BOUND, &fact);
	fact.cookie = row->cookie;
	fact.at = row->at;
	fact.flags = row->flags;
	fact.uid = row->uid;
	look->found = true;
	if (row->state == SOCKET_CONNECTED) {
		fact.type = FACT_CONNECTED;
		tell(look->records, &fact);
		return 0;
	}
	tell(look->records, &fact);
	if (row->state == SOCKET_LISTENING) {
		fact.type = FACT_LISTENING;
		fact.state = SOCKET_LISTENING;
		tell(look->records, &fact);
	}
	return 0;
}

/* The hook saw a socket but not its port or its cookie: ask who holds it, else all. */
static void look_for(struct records *records, const struct pw_socket_event *ev)
{
	struct look look = { .records = records, .ev = ev };
	struct snapshot_query query = { .pid = (pid_t)ev->h.pid };

	if (records->look(records->looker, &query, tell_row, &look) < 0 || !look.found)
		records->wants_look = true;
}

static void on_listen(struct records *records, const struct pw_socket_event *ev)
{
	if (ev->flags & PW_CONFIRMED && !(ev->flags & PW_LOOK)) {
		tell_socket(records, ev, FACT_LISTENING);
		return;
	}
	if (pending_add(records->pending, ev, ev->h.time_ns + LISTEN_SETTLES_NS) < 0)
		tell_socket(records, ev, FACT_LISTENING);
}

static void on_connect(struct records *records, const struct pw_socket_event *ev)
{
	if (!(ev->flags & PW_LOOK))
		tell_socket(records, ev, FACT_CONNECTED);
	else if (pending_add(records->pending, ev, ev->h.time_ns + CONNECT_SETTLES_NS) <
		 0)
		records->wants_look = true;
}

static void on_bound(struct records *records, const struct pw_socket_event *ev)
{
	struct pw_socket_event tried;

	pending_take(records->pending, PW_EVENT_BIND_TRIED, ev->cookie, &tried);
	if (ev->flags & PW_LOOK)
		look_for(records, ev);
	else
		tell_socket(records, ev, FACT_BOUND);
}

static void on_failed(struct records *records, const struct pw_socket_event *ev)
{
	struct pw_socket_event tried;

	pending_take(records->pending, PW_EVENT_BIND_TRIED, ev->cookie, &tried);
	tell_socket(records, ev, FACT_BIND_FAILED);
}

static void on_tried(struct records *records, const struct pw_socket_event *ev)
{
	struct pw_socket_event tried;

	if (pending_take(records->pending, PW_EVENT_BIND_TRIED, ev->cookie, &tried))
		tell_failed_try(records, &tried);
	if (pending_add(records->pending, ev, ev->h.time_ns + TRY_SETTLES_NS) < 0)
		records->wants_look = true;
}

/*
 * A release while LISTEN is tentative: a phantom would have left LISTEN first, so it did
 * listen; the release knows the port where LISTEN did not.
 */
static void tell_short_listener(struct records *records, struct pw_socket_event *was,
				uint32_t port)
{
	if (was->flags & PW_LOOK) {
		if (port == 0)
			return;
		was->at.port = (__u16)port;
		tell_socket(records, was, FACT_BOUND);
	}
	tell_socket(records, was, FACT_LISTENING);
}

/* A release, or the end of LISTEN alone: what was pending for the socket is decided. */
static void on_brief(struct records *records, const struct pw_brief_event *ev,
		     enum fact_type type)
{
	struct pw_socket_event was;
	struct fact fact;

	if (pending_take(records->pending, PW_EVENT_LISTEN, ev->cookie, &was)) {
		if (type == FACT_UNLISTENED)
			return; /* a listen(2) that failed: a phantom */
		if (type == FACT_RELEASED)
			tell_short_listener(records, &was, ev->port);
	}
	if (type == FACT_RELEASED) {
		if (pending_take(records->pending, PW_EVENT_BIND_TRIED, ev->cookie, &was))
			tell_failed_try(records, &was);
		pending_take(records->pending, PW_EVENT_CONNECT, ev->cookie, &was);
	}
	translate_brief(records->clocks, ev, type, &fact);
	tell(records, &fact);
}

static void on_process(struct records *records, const struct pw_process_event *ev)
{
	struct process_info info;
	struct fact fact;

	if (translate_process(records->clocks, records->hooks, ev, &info, &fact) < 0)
		return;
	tell(records, &fact);
	process_info_done(&info);
}

static void on_exit_event(struct records *records, const struct pw_exit_event *ev)
{
	struct fact fact;

	translate_exit(records->clocks, ev, &fact);
	tell(records, &fact);
}

static size_t record_size(uint32_t kind)
{
	switch (kind) {
	case PW_EVENT_UNLISTEN:
	case PW_EVENT_RELEASED:
	case PW_EVENT_CLOSED:
	case PW_EVENT_OUTGOING_END:
		return sizeof(struct pw_brief_event);
	case PW_EVENT_PROCESS:
		return sizeof(struct pw_process_event);
	case PW_EVENT_EXIT:
		return sizeof(struct pw_exit_event);
	default:
		return sizeof(struct pw_socket_event);
	}
}

void records_take(const struct pw_header *record, size_t size, void *arg)
{
	const struct pw_socket_event *sock = (const void *)record;
	const struct pw_brief_event *brief = (const void *)record;
	struct records *records = arg;

	if (size < record_size(record->kind))
		return;
	records->taken++;
	switch ((enum pw_event_kind)record->kind) {
	case PW_EVENT_BOUND:
		on_bound(records, sock);
		break;
	case PW_EVENT_LISTEN:
		on_listen(records, sock);
		break;
	case PW_EVENT_UNLISTEN:
		on_brief(records, brief, FACT_UNLISTENED);
		break;
	case PW_EVENT_CONNECT:
		on_connect(records, sock);
		break;
	case PW_EVENT_RELEASED:
		on_brief(records, brief, FACT_RELEASED);
		break;
	case PW_EVENT_BIND_FAILED:
		on_failed(records, sock);
		break;
	case PW_EVENT_BIND_TRIED:
		on_tried(records, sock);
		break;
	case PW_EVENT_CLOSED:
		records->wants_look = true;
		break;
	case PW_EVENT_OUTGOING:
		tell_socket(records, sock, FACT_OUTGOING);
		break;
	case PW_EVENT_OUTGOING_END:
		on_brief(records, brief, FACT_OUTGOING_END);
		break;
	case PW_EVENT_PROCESS:
		on_process(records, (const void *)record);
		break;
	case PW_EVENT_EXIT:
		on_exit_event(records, (const void *)record);
		break;
	case PW_EVENT_KINDS:
		break;
	}
}

/* "running" or the number of the system call that the thread is in. */
static bool may_be_binding(const struct pw_socket_event *ev)
{
	_cleanup_(freep) char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/syscall", ev->h.pid, ev->tid);
	return file_read(path, 256, &text, NULL) == 0 && starts_with(text, "running");
}

static void settle_try(struct records *records, const struct pw_socket_event *ev,
		       uint64_t now)
{
	struct look look = { .records = records, .ev = ev };
	struct snapshot_query query = { .pid = (pid_t)ev->h.pid };

	if (now - ev->h.time_ns < TRY_GIVES_UP_NS && may_be_binding(ev) &&
	    pending_add(records->pending, ev, now + TRY_SETTLES_NS) == 0)
		return;
	if (ev->cookie)
		records->look(records->looker, &query, tell_row, &look);
	if (!look.found)
		tell_failed_try(records, ev);
}

/* What has stood long enough, once everything that was sent before has been read.  Each
 * may cost a look at a process, and the ring fills meanwhile: what is left over is due
 * at once. */
void records_settle(struct records *records)
{
	uint64_t now = pending_deadline(records->pending) ? now_mono_ns() : 0;
	uint64_t until = now + SETTLES_AT_MOST_NS;
	struct pw_socket_event ev;

	while (now < until && pending_take_due(records->pending, now, &ev)) {
		if (ev.h.kind == PW_EVENT_BIND_TRIED)
			settle_try(records, &ev, now);
		else if (ev.flags & PW_LOOK)
			look_for(records, &ev);
		else
			tell_socket(records, &ev, FACT_LISTENING);
		now = now_mono_ns();
	}
}

int records_told(const struct records *records)
{
	return records->told;
}

uint64_t records_taken(const struct records *records)
{
	return records->taken;
}

uint64_t records_deadline(const struct records *records)
{
	return pending_deadline(records->pending);
}

bool records_want_look(struct records *records)
{
	bool wants = records->wants_look;

	records->wants_look = false;
	return wants;
}
