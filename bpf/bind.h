/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket record, as the hooks of bind(2) and listen(2) send it. */
#ifndef PORTWATCH_BPF_BIND_H
#define PORTWATCH_BPF_BIND_H

#include "ring.h"
#include "sock.h"
#include "task.h"

/*
 * @sk as the user sees it: an MPTCP subflow stands for the socket that it belongs to.
 * Its cookie is 0 where nobody has asked for one yet; the record then says PW_LOOK.
 */
static __always_inline int send_socket(__u32 kind, struct sock *sk, __u64 cookie,
				       __u32 flags, __s32 error,
				       const struct pw_endpoint *asked)
{
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
	ev->error = error;
	ev->flags = flags | sock_flags(sk) | (cookie ? 0 : PW_LOOK);
	ev->uid = (__u32)bpf_get_current_uid_gid();
	ev->tid = (__u32)bpf_get_current_pid_tgid();
	bpf_ringbuf_submit(ev, wake_flag());
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
