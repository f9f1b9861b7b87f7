/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every event program shares: the ring, the control page, who is known.
 *
 * Each skeleton declares these maps; the probe makes them once and hands the same
 * ones to all.  The wake-up is the cost of an event: control.awake says whether the
 * consumer is looking already.  A record that cannot be reserved is counted by kind.
 */
#ifndef PORTWATCH_BPF_RING_H
#define PORTWATCH_BPF_RING_H

#include <bpf/bpf_helpers.h>
#include <portwatch/control.h>
#include <portwatch/event.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pw_control);
} control __weak SEC(".maps");

/* Processes that have been told, and whose exit will be. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PW_OWNERS_MAX);
	__type(key, __u32); /* thread group id */
	__type(value, struct pw_owner);
} owners __weak SEC(".maps");

/* Sockets whose release cannot be told from their own fields. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PW_TRACKED_MAX);
	__type(key, __u64); /* cookie, or inode_as_cookie() */
	__type(value, struct pw_tracked);
} tracked __weak SEC(".maps");

static __always_inline struct pw_control *get_control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline void count_lost(__u32 kind)
{
	struct pw_control *ctl = get_control();

	/* One register for both, or 6.1 forgets the bound of a value on the stack. */
	barrier_var(kind);
	if (ctl && kind < PW_EVENT_KINDS)
		__sync_fetch_and_add(&ctl->lost[kind], 1);
}

/*
 * The flag is read after the record was reserved, with a full barrier between: the
 * consumer clears the flag and then looks for reserved records, so one of the two
 * sees the other.  An atomic on the stack is that barrier, and never contended.
 */
static __always_inline __u64 wake_flag(void)
{
	struct pw_control *ctl = get_control();
	__u64 barrier = 0;

	if (__sync_fetch_and_add(&barrier, 1) == 0 && ctl &&
	    *(volatile __u32 *)&ctl->awake)
		return BPF_RB_NO_WAKEUP;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void fill_header(struct pw_header *h, __u32 kind)
{
	h->time_ns = bpf_ktime_get_ns();
	h->kind = kind;
	h->pid = bpf_get_current_pid_tgid() >> 32;
}

static __always_inline int send_brief(__u32 kind, __u64 cookie, __u32 flags, __u16 port)
{
	struct pw_brief_event *ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);

	if (!ev) {
		count_lost(kind);
		return 0;
	}
	fill_header(&ev->h, kind);
	ev->cookie = cookie;
	ev->flags = flags;
	ev->port = port;
	bpf_ringbuf_submit(ev, wake_flag());
	return 0;
}

#endif /* PORTWATCH_BPF_RING_H */
