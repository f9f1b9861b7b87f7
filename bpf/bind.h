/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket record, as the hooks of bind(2) and listen(2) send it. */
#ifndef PORTWATCH_BPF_BIND_H
#define PORTWATCH_BPF_BIND_H

#include "ring.h"
#include "sock.h"
#include "task.h"

/*
 * One socket record.  @asked replaces the address where a bind was tried.  A cookie of
 * 0, that nobody has asked for yet, says PW_LOOK.  @proto_flags: the protocol above the
 * flags.
 */
__weak __noinline int emit_socket(__u64 kind_error, const struct sock_copy *copy,
				  __u64 cookie, __u64 proto_flags,
				  const struct pw_endpoint *asked)
{
	__u32 kind = (__u32)kind_error;
	struct pw_socket_event *ev;
	__u64 start_ns, caller;

	if (!copy)
		return 0;
	start_ns = note_process();
	ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);
	if (!ev) {
		count_lost(kind);
		return 0;
	}
	caller = bpf_get_current_pid_tgid();
	ev->h.time_ns = bpf_ktime_get_ns();
	ev->h.kind = kind;
	ev->h.pid = caller >> 32;
	ev->cookie = cookie;
	ev->start_ns = start_ns;
	read_endpoint(&ev->at, copy, proto_flags >> 32);
	if (asked) {
		ev->at.family = asked->family;
		ev->at.port = asked->port;
		__builtin_memcpy(ev->at.addr, asked->addr, sizeof(ev->at.addr));
	}
	ev->error = (__s32)(kind_error >> 32);
	ev->flags = (__u32)proto_flags | sock_flags(copy) | (cookie ? 0 : PW_LOOK);
	ev->uid = (__u32)bpf_get_current_uid_gid();
	ev->tid = (__u32)caller;
	bpf_ringbuf_submit(ev, wake_flag());
	return 0;
}

static __always_inline void send_socket(__u32 kind, const struct sock_copy *copy,
					__u16 proto, __u64 cookie, __u32 flags)
{
	emit_socket(kind, copy, cookie, flags | (__u64)proto << 32, NULL);
}

static __always_inline void send_try(__u32 kind, const struct sock_copy *copy,
				     __u16 proto, __u64 cookie, __u32 flags, __s32 error,
				     const struct pw_endpoint *asked)
{
	emit_socket(kind | (__u64)(__u32)error << 32, copy, cookie,
		    flags | (__u64)proto << 32, asked);
}

/* TCP, UDP and MPTCP subflows; not ICMP, RAW, nor UDP that the kernel opened for itself:
 * such a socket reaches no release hook. */
static __always_inline bool is_watched(const void *sk, const struct sock_copy *copy,
				       __u16 proto)
{
	if (!is_inet(COPIED(copy, skc_family)))
		return false;
	if (proto == IPPROTO_UDP)
		return !is_kernel_sock(sk);
	return proto == IPPROTO_TCP || proto == IPPROTO_MPTCP;
}

static __always_inline void track(__u64 cookie, __u16 what, __u16 port)
{
	struct pw_tracked value = { .what = what, .port = port };

	/* Without room its release would go untold: that is a loss, and is healed. */
	if (bpf_map_update_elem(&tracked, &cookie, &value, BPF_ANY) < 0)
		count_lost(PW_EVENT_RELEASED);
}

#endif /* PORTWATCH_BPF_BIND_H */
