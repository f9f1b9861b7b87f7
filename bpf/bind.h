/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket record, as the hooks of bind(2) and listen(2) send it. */
#ifndef PORTWATCH_BPF_BIND_H
#define PORTWATCH_BPF_BIND_H

#include "ring.h"
#include "sock.h"
#include "task.h"

/*
 * One socket record.  @address is the struct sock, a number so that the verifier takes
 * it from any program type; @asked replaces its address where a bind was tried.  A
 * cookie of 0, that nobody has asked for yet, says PW_LOOK.
 */
__noinline int emit_socket(__u32 kind, __u64 address, __u64 cookie, __u64 flags_error,
			   const struct pw_endpoint *asked)
{
	const struct sock *sk = (void *)address;
	__u64 start_ns = note_process();
	__u16 proto = sock_protocol(sk);
	struct pw_socket_event *ev;

	ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);
	if (!ev) {
		count_lost(kind);
		return 0;
	}
	fill_header(&ev->h, kind);
	ev->cookie = cookie;
	ev->start_ns = start_ns;
	read_endpoint(&ev->at, sk, proto == IPPROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP);
	if (asked) {
		ev->at.family = asked->family;
		ev->at.port = asked->port;
		__builtin_memcpy(ev->at.addr, asked->addr, sizeof(ev->at.addr));
	}
	ev->error = (__s32)(flags_error >> 32);
	ev->flags = (__u32)flags_error | sock_flags(sk) | (cookie ? 0 : PW_LOOK);
	ev->uid = (__u32)bpf_get_current_uid_gid();
	ev->tid = (__u32)bpf_get_current_pid_tgid();
	bpf_ringbuf_submit(ev, wake_flag());
	return 0;
}

static __always_inline int send_socket(__u32 kind, const struct sock *sk, __u64 cookie,
				       __u32 flags, __s32 error,
				       const struct pw_endpoint *asked)
{
	__u64 typed = (__u64)sk, address = 0;

	/* A global function takes no pointer of these types: read it as a number. */
	bpf_probe_read_kernel(&address, sizeof(address), &typed);
	emit_socket(kind, address, cookie, flags | (__u64)(__u32)error << 32, asked);
	return 0;
}

/* TCP, UDP and MPTCP subflows; not ICMP, RAW, nor what the kernel opened for itself. */
static __always_inline bool is_watched(const struct sock *sk, __u16 proto)
{
	if (!is_inet(sock_family(sk)))
		return false;
	if (proto == IPPROTO_UDP)
		return !is_kernel_sock(sk);
	return proto == IPPROTO_TCP || proto == IPPROTO_MPTCP;
}

static __always_inline void track(__u64 cookie, __u32 what)
{
	bpf_map_update_elem(&tracked, &cookie, &what, BPF_ANY);
}

#endif /* PORTWATCH_BPF_BIND_H */
