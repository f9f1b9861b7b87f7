// SPDX-License-Identifier: GPL-2.0-only
#include "probe/probe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "probe/accepts.h"
#include "probe/capability.h"
#include "probe/diag.h"
#include "probe/examine.h"
#include "probe/hooks.h"
#include "probe/pending.h"
#include "probe/procfs.h"
#include "probe/ring.h"
#include "probe/snapshot.h"
#include "probe/translate.h"

enum { RING_BYTES = 2 * 1024 * 1024, NAMES_MAX = 16 };

/* listen(2) takes a microsecond; a phantom LISTEN is gone long before this. */
#define LISTEN_SETTLES_NS (1 * NS_PER_MS)
/* A UDP socket that is about to connect has done so. */
#define CONNECT_SETTLES_NS (1 * NS_PER_MS)
/* A bind that was tried and has not followed: looked at then, given up on at last. */
#define TRY_SETTLES_NS (3 * NS_PER_MS)
#define TRY_GIVES_UP_NS (50 * NS_PER_MS)
#define SETTLES_AT_MOST_NS (2 * NS_PER_MS)
/* Where some closes go unseen, how often to look at all. */
#define LOOK_EVERY_NS (1 * NS_PER_S)

struct probe {
	struct probe_options options;
	char *without;
	struct hooks *hooks;
	struct accepts *accepts; /* NULL until there is something to count */
	struct ring *ring;
	struct pending *pending;
	struct snapshot *snapshot;
	bool snapshot_shares; /* made with the event programs' maps */
	bool no_bpf_here;     /* tried and refused: procfs answers */
	const char *missing;
	struct clocks clocks;
	uint64_t clocks_ns;
	fact_fn fn; /* during a dispatch */
	void *arg;
	int told;
	uint64_t lost_told;
	bool wants_look;
	uint64_t next_look_ns;
	struct probe_counters counters;
	const char *names[NAMES_MAX];
	struct examination *examination;
};

int probe_new(const struct probe_options *options, struct probe **ret)
{
	_cleanup_(probe_freep) struct probe *probe = calloc(1, sizeof(*probe));
	int err;

	if (!probe)
		return -ENOMEM;
	probe->options = *options;
	if (options->without && !(probe->without = strdup(options->without)))
		return -ENOMEM;
	probe->options.without = probe->without;
	probe->no_bpf_here =
		options->no_bpf || (probe->without && strstr(probe->without, "bpf"));
	err = pending_new(&probe->pending);
	if (err < 0)
		return err;
	clocks_sample(&probe->clocks);
	*ret = take(probe);
	return 0;
}

struct probe *probe_free(struct probe *probe)
{
	if (!probe)
		return NULL;
	examination_free(probe->examination);
	snapshot_free(probe->snapshot);
	ring_free(probe->ring);
	accepts_free(probe->accepts);
	hooks_free(probe->hooks);
	pending_free(probe->pending);
	free(probe->without);
	free(probe);
	return NULL;
}

static void tell(struct probe *probe, const struct fact *fact)
{
	probe->told++;
	probe->fn(fact, probe->arg);
}

static void tell_socket(struct probe *probe, const struct pw_socket_event *ev,
			enum fact_type type)
{
	struct fact fact;

	translate_socket(&probe->clocks, ev, type, &fact);
	tell(probe, &fact);
}

static void tell_failed_try(struct probe *probe, const struct pw_socket_event *ev)
{
	struct fact fact;

	translate_socket(&probe->clocks, ev, FACT_BIND_FAILED, &fact);
	fact.error = 0;
	fact.inferred = true;
	tell(probe, &fact);
}

/* One row of a look becomes what the hook could not say. */
struct look {
	struct probe *probe;
	const struct pw_socket_event *ev;
	bool found;
};

/* By its cookie; one that had none when the record was made, by where it is bound. */
static bool is_meant(const struct pw_socket_event *ev, const struct snapshot_row *row)
{
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
	translate_socket(&look->probe->clocks, look->ev, FACT_BOUND, &fact);
	fact.cookie = row->cookie;
	fact.at = row->at;
	fact.flags = row->flags;
	fact.uid = row->uid;
	look->found = true;
	if (row->state == SOCKET_CONNECTED) {
		fact.type = FACT_CONNECTED;
		tell(look->probe, &fact);
		return 0;
	}
	tell(look->probe, &fact);
	if (row->state == SOCKET_LISTENING) {
		fact.type = FACT_LISTENING;
		fact.state = SOCKET_LISTENING;
		tell(look->probe, &fact);
	}
	return 0;
}

/* The hook saw a socket but not its port or its cookie: ask who holds it, else all. */
static void look_for(struct probe *probe, const struct pw_socket_event *ev)
{
	struct look look = { .probe = probe, .ev = ev };
	struct snapshot_query query = { .pid = (pid_t)ev->h.pid };

	if (probe_snapshot(probe, &query, tell_row, &look) < 0 || !look.found)
		probe->wants_look = true;
}

static void on_listen(struct probe *probe, const struct pw_socket_event *ev)
{
	if (ev->flags & PW_CONFIRMED && !(ev->flags & PW_LOOK)) {
		tell_socket(probe, ev, FACT_LISTENING);
		return;
	}
	if (pending_add(probe->pending, ev, ev->h.time_ns + LISTEN_SETTLES_NS) < 0)
		tell_socket(probe, ev, FACT_LISTENING);
}

static void on_connect(struct probe *probe, const struct pw_socket_event *ev)
{
	if (!(ev->flags & PW_LOOK))
		tell_socket(probe, ev, FACT_CONNECTED);
	else if (pending_add(probe->pending, ev, ev->h.time_ns + CONNECT_SETTLES_NS) < 0)
		probe->wants_look = true;
}

static void on_bound(struct probe *probe, const struct pw_socket_event *ev)
{
	struct pw_socket_event tried;

	pending_take(probe->pending, PW_EVENT_BIND_TRIED, ev->cookie, &tried);
	if (ev->flags & PW_LOOK)
		look_for(probe, ev);
	else
		tell_socket(probe, ev, FACT_BOUND);
}

static void on_failed(struct probe *probe, const struct pw_socket_event *ev)
{
	struct pw_socket_event tried;

	pending_take(probe->pending, PW_EVENT_BIND_TRIED, ev->cookie, &tried);
	tell_socket(probe, ev, FACT_BIND_FAILED);
}

static void on_tried(struct probe *probe, const struct pw_socket_event *ev)
{
	struct pw_socket_event tried;

	if (pending_take(probe->pending, PW_EVENT_BIND_TRIED, ev->cookie, &tried))
		tell_failed_try(probe, &tried);
	if (pending_add(probe->pending, ev, ev->h.time_ns + TRY_SETTLES_NS) < 0)
		probe->wants_look = true;
}

/*
 * A release while LISTEN is tentative: a phantom would have left LISTEN first, so it did
 * listen; the release knows the port where LISTEN did not.
 */
static void tell_short_listener(struct probe *probe, struct pw_socket_event *was,
				uint32_t port)
{
	if (was->flags & PW_LOOK) {
		if (port == 0)
			return;
		was->at.port = (__u16)port;
		tell_socket(probe, was, FACT_BOUND);
	}
	tell_socket(probe, was, FACT_LISTENING);
}

/* A release, or the end of LISTEN alone: what was pending for the socket is decided. */
static void on_brief(struct probe *probe, const struct pw_brief_event *ev,
		     enum fact_type type)
{
	struct pw_socket_event was;
	struct fact fact;

	if (pending_take(probe->pending, PW_EVENT_LISTEN, ev->cookie, &was)) {
		if (type == FACT_UNLISTENED)
			return; /* a listen(2) that failed: a phantom */
		if (type == FACT_RELEASED)
			tell_short_listener(probe, &was, ev->port);
	}
	if (type == FACT_RELEASED) {
		if (pending_take(probe->pending, PW_EVENT_BIND_TRIED, ev->cookie, &was))
			tell_failed_try(probe, &was);
		pending_take(probe->pending, PW_EVENT_CONNECT, ev->cookie, &was);
	}
	translate_brief(&probe->clocks, ev, type, &fact);
	tell(probe, &fact);
}

static void on_process(struct probe *probe, const struct pw_process_event *ev)
{
	struct process_info info;
	struct fact fact;

	if (translate_process(&probe->clocks, probe->hooks, ev, &info, &fact) < 0)
		return;
	tell(probe, &fact);
	process_info_done(&info);
}

static void on_exit_event(struct probe *probe, const struct pw_exit_event *ev)
{
	struct fact fact;

	translate_exit(&probe->clocks, ev, &fact);
	tell(probe, &fact);
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

static void on_record(const struct pw_header *record, size_t size, void *arg)
{
	const struct pw_socket_event *sock = (const void *)record;
	const struct pw_brief_event *brief = (const void *)record;
	struct probe *probe = arg;

	if (size < record_size(record->kind))
		return;
	probe->counters.events++;
	switch ((enum pw_event_kind)record->kind) {
	case PW_EVENT_BOUND:
		on_bound(probe, sock);
		break;
	case PW_EVENT_LISTEN:
		on_listen(probe, sock);
		break;
	case PW_EVENT_UNLISTEN:
		on_brief(probe, brief, FACT_UNLISTENED);
		break;
	case PW_EVENT_CONNECT:
		on_connect(probe, sock);
		break;
	case PW_EVENT_RELEASED:
		on_brief(probe, brief, FACT_RELEASED);
		break;
	case PW_EVENT_BIND_FAILED:
		on_failed(probe, sock);
		break;
	case PW_EVENT_BIND_TRIED:
		on_tried(probe, sock);
		break;
	case PW_EVENT_CLOSED:
		probe->wants_look = true;
		break;
	case PW_EVENT_OUTGOING:
		tell_socket(probe, sock, FACT_OUTGOING);
		break;
	case PW_EVENT_OUTGOING_END:
		on_brief(probe, brief, FACT_OUTGOING_END);
		break;
	case PW_EVENT_PROCESS:
		on_process(probe, (const void *)record);
		break;
	case PW_EVENT_EXIT:
		on_exit_event(probe, (const void *)record);
		break;
	case PW_EVENT_KINDS:
		break;
	}
}

static struct hooks_options hooks_options(const struct probe *probe)
{
	return (struct hooks_options){
		.lean = probe->options.lean,
		.without = probe->without,
		.ring_bytes = probe->options.ring_bytes ? probe->options.ring_bytes
							: RING_BYTES,
	};
}

static int start_bpf(struct probe *probe)
{
	struct hooks_options options = hooks_options(probe);
	int err = hooks_new(&options, &probe->hooks);

	if (err == 0)
		err = hooks_attach(probe->hooks);
	if (err == 0)
		err = ring_new(hooks_ring_fd(probe->hooks), hooks_control(probe->hooks),
			       on_record, probe, &probe->ring);
	if (err < 0) {
		probe->hooks = hooks_free(probe->hooks);
		return err;
	}
	hooks_control(probe->hooks)->own_netns = procfs_own_netns();
	return 0;
}

int probe_start(struct probe *probe)
{
	int err;

	if (probe->ring)
		return 0;
	if (probe->no_bpf_here)
		return -EOPNOTSUPP;
	probe->missing = capability_missing();
	if (probe->missing)
		return -EPERM;
	err = start_bpf(probe);
	if (err < 0) {
		probe->no_bpf_here = true;
		return -EOPNOTSUPP;
	}
	/* One that was made alone does not know what the events follow. */
	probe->snapshot = snapshot_free(probe->snapshot);
	/* libbpf has read the kernel's types and let go of them: 3 MB in small pieces. */
	malloc_trim(0);
	if (hooks_must_look(probe->hooks))
		probe->next_look_ns = now_mono_ns() + LOOK_EVERY_NS;
	return 0;
}

bool probe_has_events(const struct probe *probe)
{
	return probe->ring != NULL;
}

bool probe_tells_releases(const struct probe *probe)
{
	return probe->ring && !hooks_must_look(probe->hooks);
}

int probe_fd(const struct probe *probe)
{
	return probe->ring ? ring_fd(probe->ring) : -EBADF;
}

uint64_t probe_written(const struct probe *probe)
{
	return probe->ring ? ring_written(probe->ring) : 0;
}

uint64_t probe_taken(const struct probe *probe)
{
	return probe->ring ? ring_taken(probe->ring) : 0;
}

/* "running" or the number of the system call that the thread is in. */
static bool may_be_binding(const struct pw_socket_event *ev)
{
	_cleanup_(freep) char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/syscall", ev->h.pid, ev->tid);
	return file_read(path, 256, &text, NULL) == 0 && starts_with(text, "running");
}

static void settle_try(struct probe *probe, const struct pw_socket_event *ev,
		       uint64_t now)
{
	struct look look = { .probe = probe, .ev = ev };
	struct snapshot_query query = { .pid = (pid_t)ev->h.pid };

	if (now - ev->h.time_ns < TRY_GIVES_UP_NS && may_be_binding(ev) &&
	    pending_add(probe->pending, ev, now + TRY_SETTLES_NS) == 0)
		return;
	if (ev->cookie)
		probe_snapshot(probe, &query, tell_row, &look);
	if (!look.found)
		tell_failed_try(probe, ev);
}

/* What has stood long enough, once everything that was sent before has been read.  Each
 * may cost a look at a process, and the ring fills meanwhile: what is left over is due
 * at once. */
static void settle(struct probe *probe)
{
	uint64_t now = pending_deadline(probe->pending) ? now_mono_ns() : 0;
	uint64_t until = now + SETTLES_AT_MOST_NS;
	struct pw_socket_event ev;

	while (now < until && pending_take_due(probe->pending, now, &ev)) {
		if (ev.h.kind == PW_EVENT_BIND_TRIED)
			settle_try(probe, &ev, now);
		else if (ev.flags & PW_LOOK)
			look_for(probe, &ev);
		else
			tell_socket(probe, &ev, FACT_LISTENING);
		now = now_mono_ns();
	}
}

int probe_dispatch(struct probe *probe, int budget, fact_fn fn, void *arg)
{
	uint64_t now = now_mono_ns();
	bool more = false;

	if (!probe->ring)
		return 0;
	if (now - probe->clocks_ns > NS_PER_S) {
		clocks_sample(&probe->clocks);
		probe->clocks_ns = now;
	}
	probe->fn = fn;
	probe->arg = arg;
	probe->told = 0;
	ring_drain(probe->ring, budget, &more);
	if (!more)
		settle(probe);
	if (probe->next_look_ns && now >= probe->next_look_ns) {
		probe->wants_look = true;
		probe->next_look_ns = now + LOOK_EVERY_NS;
	}
	if (more && probe->told < budget)
		return budget;
	return probe->told;
}

uint64_t probe_deadline(const struct probe *probe)
{
	uint64_t due = pending_deadline(probe->pending);

	if (probe->next_look_ns && (!due || probe->next_look_ns < due))
		return probe->next_look_ns;
	return due;
}

static uint64_t count_lost(const struct probe *probe)
{
	uint64_t lost = 0;

	if (probe->hooks)
		for (int i = 0; i < PW_EVENT_KINDS; i++)
			lost += __atomic_load_n(&hooks_control(probe->hooks)->lost[i],
						__ATOMIC_RELAXED);
	return lost;
}

bool probe_lost(struct probe *probe, uint64_t *ret_lost)
{
	uint64_t lost = count_lost(probe);
	bool changed = lost != probe->lost_told;

	probe->lost_told = lost;
	*ret_lost = lost;
	return changed;
}

bool probe_wants_look(struct probe *probe)
{
	bool wants = probe->wants_look;

	probe->wants_look = false;
	return wants;
}

static int ensure_snapshot(struct probe *probe)
{
	int err;

	if (probe->snapshot)
		return 0;
	if (probe->no_bpf_here || capability_missing())
		return -EOPNOTSUPP;
	err = snapshot_new(probe->hooks, &probe->snapshot);
	if (probe->hooks)
		malloc_trim(0);
	if (err < 0 && !probe->hooks)
		probe->no_bpf_here = true;
	return err;
}

int probe_snapshot(struct probe *probe, const struct snapshot_query *query,
		   snapshot_fn fn, void *arg)
{
	if (ensure_snapshot(probe) == 0) {
		clocks_sample(&probe->clocks);
		return snapshot_walk(probe->snapshot, &probe->clocks, query, fn, arg);
	}
	return diag_snapshot(query, fn, arg);
}

int probe_watch_process(struct probe *probe, struct process_id id)
{
	struct pw_owner owner = { .start_ns =
					  id.start_ticks * probe->clocks.ns_per_tick };
	__u32 tgid = (__u32)id.pid;

	if (!probe->hooks)
		return -EOPNOTSUPP;
	/* One that the kernel side knows already stays as it is. */
	if (bpf_map_update_elem(hooks_owners_fd(probe->hooks), &tgid, &owner,
				BPF_NOEXIST) < 0 &&
	    errno != EEXIST)
		return -errno;
	return procfs_is_alive(id) ? 0 : -ESRCH;
}

int probe_watch_ports(struct probe *probe, const uint16_t *ports, size_t n)
{
	struct pw_control *control;

	if (!probe->hooks)
		return -EOPNOTSUPP;
	control = hooks_control(probe->hooks);
	memset(control->watched_ports, 0, sizeof(control->watched_ports));
	for (size_t i = 0; i < n; i++)
		control->watched_ports[ports[i] >> 3] |= (__u8)(1 << (ports[i] & 7));
	return 0;
}

/* Nothing is loaded before there is something to count. */
static int start_accepts(struct probe *probe)
{
	int err = accepts_new(procfs_own_netns(), &probe->accepts);

	hooks_note_accepts(probe->hooks, err);
	return err;
}

int probe_count_accepts(struct probe *probe, const struct counted_port *ports, size_t n)
{
	int err = 0;

	if (!probe->hooks)
		return -EOPNOTSUPP;
	if (n > 0 && !probe->accepts)
		err = start_accepts(probe);
	if (err < 0)
		return err;
	return probe->accepts ? accepts_choose(probe->accepts, ports, n) : 0;
}

int probe_accepted(const struct probe *probe, const struct counted_port *port,
		   uint64_t *ret)
{
	return probe->accepts ? accepts_read(probe->accepts, port, ret) : -EOPNOTSUPP;
}

void probe_counters(const struct probe *probe, struct probe_counters *ret)
{
	*ret = probe->counters;
	ret->lost = count_lost(probe);
}

const char *probe_backend(const struct probe *probe)
{
	return probe->hooks || probe->snapshot ? "bpf"
	       : probe->no_bpf_here            ? "procfs"
					       : "none";
}

const char *probe_bind_failures(const struct probe *probe)
{
	static const char *const names[] = {
		[FAILURES_NONE] = "none",
		[FAILURES_FEXIT] = "fexit",
		[FAILURES_TRACEPOINT] = "tracepoint",
		[FAILURES_LEAN] = "lean",
	};

	return names[probe->hooks ? hooks_bind_failures(probe->hooks) : FAILURES_NONE];
}

const char *probe_missing_capability(const struct probe *probe)
{
	return probe->missing;
}

size_t probe_hooks(const struct probe *probe, const char *const **ret)
{
	struct probe *writable = (struct probe *)probe;
	const struct hook_state *states = NULL;
	size_t n = probe->hooks ? hooks_states(probe->hooks, &states) : 0;
	size_t used = 0;

	for (size_t i = 0; i < n && used < NAMES_MAX; i++)
		if (states[i].attached)
			writable->names[used++] = states[i].name;
	*ret = probe->names;
	return used;
}

size_t probe_examine(struct probe *probe, const struct probe_finding **ret)
{
	struct hooks_options options = hooks_options(probe);

	probe->examination = examination_free(probe->examination);
	*ret = NULL;
	if (examine(probe->hooks, &options, probe->no_bpf_here && probe->options.no_bpf,
		    &probe->examination) < 0)
		return 0;
	return examination_findings(probe->examination, ret);
}
