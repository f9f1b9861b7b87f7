// SPDX-License-Identifier: GPL-2.0-only
/*
 * Report TCP sockets entering and leaving LISTEN, and what bound sockets become.
 *
 * Hook: the inet_sock_set_state tracepoint, through BTF so that its arguments arrive
 * typed and no tracefs is needed.  The kernel announces LISTEN before it has settled
 * the port: an autobound listener shows port 0, and a listen(2) that fails shows
 * LISTEN and then CLOSE.  Where fexit attaches, inet_csk_listen_start tells instead
 * that listen(2) has succeeded, with the port; else the record is tentative.
 *
 * MPTCP announces twice: the socket of the user (protocol 262) and its first subflow.
 * Only the first is told.
 */
#include <vmlinux.h>
#include "bind.h"

#include <bpf/bpf_tracing.h>

const volatile bool listen_by_fexit; /* on_listening is attached */
const volatile bool close_by_cgroup; /* cgroup/sock_release tells of every close */

/* The port of a socket that has given it up: skc_num is cleared first. */
static __always_inline __u16 last_port(const struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
}

/* A socket stops listening: by close (the release is told elsewhere), or it lives on. */
static __always_inline int on_unlisten(struct sock *sk, __u16 proto)
{
	const struct sock *holder = port_holder(sk, proto);
	__u64 cookie = bpf_get_socket_cookie(sk);

	if (sk->sk_shutdown == SHUTDOWN_MASK) {
		/* The kernel's own sockets reach no release hook. */
		if (close_by_cgroup && !is_kernel_sock(sk))
			return 0;
		return send_brief(PW_EVENT_RELEASED, cookie, 0, last_port(sk));
	}
	/* Unless bind(2) chose the port, it was given up before this tracepoint ran. */
	if (!holder || BPF_CORE_READ(holder, __sk_common.skc_num) == 0) {
		bpf_map_delete_elem(&tracked, &cookie);
		return send_brief(PW_EVENT_RELEASED, cookie, 0, last_port(sk));
	}
	return send_brief(PW_EVENT_UNLISTEN, cookie, 0, 0);
}

static __always_inline bool is_port_watched(const struct sock *sk)
{
	struct pw_control *ctl = get_control();
	__u16 port = sk->__sk_common.skc_num;

	if (!ctl || !(ctl->watched_ports[port >> 3] & (1 << (port & 7))))
		return false;
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) == ctl->own_netns;
}

/*
 * connect(2): a port that is there already was bound; else it is chosen later.  MPTCP
 * connects by its first subflow; further ones are the kernel's own affair.
 */
static __always_inline int on_connecting(struct sock *sk)
{
	struct sock *mptcp = mptcp_of(sk);
	struct sock_copy copy;
	__u32 flags = 0;
	__u64 cookie;

	if (sk->__sk_common.skc_num == 0)
		return 0;
	if (mptcp) {
		if (port_holder(mptcp, IPPROTO_MPTCP) != sk)
			return 0;
		cookie = known_cookie(mptcp);
		flags = PW_MPTCP;
	} else {
		if (is_kernel_sock(sk))
			return 0;
		cookie = bpf_get_socket_cookie(sk);
	}
	if (cookie && !is_port_locked(sk))
		track(cookie, PW_TRACKED_BOUND, mptcp ? 0 : sk->__sk_common.skc_num);
	copy_sock(&copy, sk);
	send_socket(PW_EVENT_CONNECT, &copy, IPPROTO_TCP, cookie, flags);
	return 0;
}

/* Runs in softirq context: the current process is anybody. */
static __always_inline int on_connected(struct sock *sk)
{
	struct pw_socket_event *ev;
	struct sock_copy copy;
	__u64 cookie;

	if (!is_port_watched(sk))
		return 0;
	cookie = bpf_get_socket_cookie(sk);
	if (bpf_map_lookup_elem(&tracked, &cookie) || is_port_locked(sk))
		return 0;
	track(cookie, PW_TRACKED_OUTGOING, 0);

	ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);
	if (!ev) {
		count_lost(PW_EVENT_OUTGOING);
		return 0;
	}
	fill_header(&ev->h, PW_EVENT_OUTGOING);
	ev->h.pid = 0;
	ev->cookie = cookie;
	ev->start_ns = 0;
	copy_sock(&copy, sk);
	read_endpoint(&ev->at, &copy, IPPROTO_TCP);
	ev->error = 0;
	ev->flags = 0;
	ev->uid = BPF_CORE_READ(sk, sk_uid.val);
	ev->tid = 0;
	bpf_ringbuf_submit(ev, wake_flag());
	return 0;
}

/*
 * A connection failed or ended.  Where the socket has its user still, it keeps a port
 * that bind(2) asked for, and the address may become what it was before: that is for a
 * look to find out.
 */
static __always_inline int on_disconnected(struct sock *sk, __u16 proto)
{
	__u64 cookie = known_cookie(sk);
	struct pw_tracked *known;
	const struct sock *holder;
	__u16 was;

	if (!cookie)
		return 0;
	known = bpf_map_lookup_elem(&tracked, &cookie);
	was = known ? known->what : 0;
	if (was == PW_TRACKED_OUTGOING) {
		bpf_map_delete_elem(&tracked, &cookie);
		return send_brief(PW_EVENT_OUTGOING_END, cookie, 0, 0);
	}
	if (proto == IPPROTO_TCP && mptcp_of(sk))
		return 0;
	holder = port_holder(sk, proto);
	if (holder && BPF_CORE_READ(holder, __sk_common.skc_num) &&
	    is_port_locked(holder)) {
		if (!sk->sk_socket)
			return 0;
		send_brief(PW_EVENT_UNLISTEN, cookie, 0, 0);
		if (!is_address_locked(holder))
			send_brief(PW_EVENT_CLOSED, cookie, 0, 0);
		return 0;
	}
	if (was != PW_TRACKED_BOUND)
		return 0;
	bpf_map_delete_elem(&tracked, &cookie);
	return send_brief(PW_EVENT_RELEASED, cookie, 0, 0);
}

static __always_inline int on_listen(struct sock *sk, __u16 proto)
{
	/* An MPTCP socket may still show the port that it had before. */
	const struct sock *holder = port_holder(sk, proto);
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct sock_copy copy;
	__u32 flags = 0;

	if (proto == IPPROTO_MPTCP) {
		track(cookie, PW_TRACKED_LISTENER, 0);
		flags |= PW_MPTCP;
	}
	if (listen_by_fexit || !holder)
		return 0;
	copy_sock(&copy, holder);
	if (COPIED(&copy, skc_num) == 0)
		flags |= PW_LOOK;
	if (!is_port_locked(holder))
		flags |= PW_AUTOPORT;
	send_socket(PW_EVENT_LISTEN, &copy, proto, cookie, flags);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_sock_state, struct sock *sk, int oldstate, int newstate)
{
	__u16 proto = sk->sk_protocol;

	/* Since 6.8 mptcp_listen() announces LISTEN again when it has succeeded. */
	if (oldstate == newstate || (proto != IPPROTO_TCP && proto != IPPROTO_MPTCP))
		return 0;
	if (newstate != TCP_LISTEN && oldstate != TCP_LISTEN) {
		if (newstate == TCP_CLOSE)
			return on_disconnected(sk, proto);
		if (proto == IPPROTO_MPTCP)
			return 0;
		if (newstate == TCP_SYN_SENT)
			return on_connecting(sk);
		if (newstate == TCP_ESTABLISHED && oldstate == TCP_SYN_SENT)
			return on_connected(sk);
		return 0;
	}
	if (proto == IPPROTO_TCP && mptcp_of(sk))
		return 0;
	if (newstate == TCP_LISTEN)
		return on_listen(sk, proto);
	/* An accepted MPTCP socket leaves the LISTEN that it was copied with. */
	return newstate == TCP_CLOSE ? on_unlisten(sk, proto) : 0;
}

SEC("?fexit/inet_csk_listen_start")
int BPF_PROG(on_listening, struct sock *sk, int ret)
{
	struct sock_copy copy;
	struct sock *mptcp;
	__u64 cookie;
	__u32 flags = PW_CONFIRMED;

	if (ret != 0)
		return 0;
	mptcp = mptcp_of(sk);
	cookie = mptcp ? known_cookie(mptcp) : bpf_get_socket_cookie(sk);
	if (mptcp) {
		flags |= PW_MPTCP;
		if (cookie)
			track(cookie, PW_TRACKED_LISTENER, 0);
	}
	if (!is_port_locked(sk))
		flags |= PW_AUTOPORT;
	copy_sock(&copy, sk);
	send_socket(PW_EVENT_LISTEN, &copy, IPPROTO_TCP, cookie, flags);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
