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
#include "probe/procfs.h"
#include "probe/records.h"
#include "probe/ring.h"
#include "probe/snapshot.h"
#include "probe/translate.h"

enum { RING_BYTES = 2 * 1024 * 1024, NAMES_MAX = 16 };

/* Where some closes go unseen, how often to look at all. */
#define LOOK_EVERY_NS (1 * NS_PER_S)

struct probe {
	struct probe_options options;
	char *without;
	struct hooks *hooks;
	struct accepts *accepts; /* NULL until there is something to count */
	struct ring *ring;
	int yield_fd;
	struct records *records;
	struct snapshot *snapshot;
	bool no_bpf_here; /* tried and refused: procfs answers */
	const char *missing;
	struct clocks clocks;
	uint64_t clocks_ns;
	uint64_t lost_told;
	bool wants_look;
	uint64_t next_look_ns;
	const char *names[NAMES_MAX];
	struct examination *examination;
};

static int look(void *looker, const struct snapshot_query *query, snapshot_fn fn,
		void *arg)
{
	return probe_snapshot(looker, query, fn, arg);
}

int probe_new(const struct probe_options *options, struct probe **ret)
{
	_cleanup_(probe_freep) struct probe *probe = calloc(1, sizeof(*probe));
	int err;

	if (!probe)
		return -ENOMEM;
	probe->options = *options;
	probe->yield_fd = -EBADF;
	if (options->without && !(probe->without = strdup(options->without)))
		return -ENOMEM;
	probe->options.without = probe->without;
	probe->no_bpf_here =
		options->no_bpf || (probe->without && strstr(probe->without, "bpf"));
	err = records_new(&probe->clocks, look, probe, &probe->records);
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
	records_free(probe->records);
	free(probe->without);
	free(probe);
	return NULL;
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
			       records_take, probe->records, &probe->ring);
	if (err < 0) {
		probe->hooks = hooks_free(probe->hooks);
		return err;
	}
	ring_yield_to(probe->ring, probe->yield_fd);
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

void probe_yield_to(struct probe *probe, int fd)
{
	probe->yield_fd = fd;
	if (probe->ring)
		ring_yield_to(probe->ring, fd);
}

int probe_dispatch(struct probe *probe, int budget, fact_fn fn, void *arg)
{
	uint64_t now = now_mono_ns();
	bool more = false;
	int told;

	if (!probe->ring)
		return 0;
	if (now - probe->clocks_ns > NS_PER_S) {
		clocks_sample(&probe->clocks);
		probe->clocks_ns = now;
	}
	records_begin(probe->records, probe->hooks, fn, arg);
	ring_drain(probe->ring, budget, &more);
	if (!more)
		records_settle(probe->records);
	if (probe->next_look_ns && now >= probe->next_look_ns) {
		probe->wants_look = true;
		probe->next_look_ns = now + LOOK_EVERY_NS;
	}
	told = records_told(probe->records);
	return more && told < budget ? budget : told;
}

uint64_t probe_deadline(const struct probe *probe)
{
	uint64_t due = records_deadline(probe->records);

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
	bool wants = records_want_look(probe->records) || probe->wants_look;

	probe->wants_look = false;
	return wants;
}

void probe_forget(struct probe *probe, uint64_t cookie)
{
	if (probe->hooks && hooks_must_look(probe->hooks))
		bpf_map_delete_elem(hooks_map_fd(probe->hooks, "tracked"), &cookie);
}

static int ensure_snapshot(struct probe *probe)
{
	int err;

	if (probe->snapshot)
		return 0;
	if (probe->no_bpf_here || capability_missing())
		return -EOPNOTSUPP;
	err = snapshot_new(probe->hooks, probe->without, &probe->snapshot);
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
	return query->port ? -EOPNOTSUPP : diag_snapshot(query, fn, arg);
}

int probe_find_holders(struct probe *probe, const struct snapshot_socket *sockets,
		       size_t n, snapshot_fn fn, void *arg)
{
	(void)probe; /* what BPF does not list */
	return diag_find_holders(sockets, n, fn, arg);
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
	int err = accepts_new(probe->hooks, procfs_own_netns(), &probe->accepts);

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
	*ret = (struct probe_counters){
		.events = records_taken(probe->records),
		.lost = count_lost(probe),
	};
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
