// SPDX-License-Identifier: GPL-2.0-only
/*
 * Report the last close of sockets that hold a port by bind or listen.
 *
 * Hook: cgroup/sock_release at the root of cgroup v2: runs at the last close, before
 * the protocol's own close, so the fields still say what the socket was; with
 * PF_EXITING set where an exit closes it.  It sees the MPTCP socket, never its
 * subflows, and no socket of the kernel's own.  Without cgroup v2: fentry on
 * inet_release, which runs at the same moment.
 *
 * Most sockets on a host are accepted or outgoing connections; they must cost little
 * here and send nothing.
 */
#include <vmlinux.h>
#include "ring.h"
#include "sock.h"

#include <bpf/bpf_tracing.h>

static __always_inline int release(const struct sock *sk, __u64 cookie)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 flags = task->flags & PF_EXITING ? PW_EXITING : 0;
	__u16 proto = sock_protocol(sk);
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	bool holds = BPF_CORE_READ(sk, __sk_common.skc_num) != 0;

	if (proto == IPPROTO_TCP) {
		if (state == TCP_LISTEN || (state == TCP_CLOSE && holds))
			return send_brief(PW_EVENT_RELEASED, cookie, flags);
		if (state == TCP_CLOSE)
			return 0;
	} else if (proto != IPPROTO_UDP && proto != IPPROTO_MPTCP) {
		return 0;
	}
	if (bpf_map_delete_elem(&tracked, &cookie) == 0 || (holds && is_port_locked(sk)))
		return send_brief(PW_EVENT_RELEASED, cookie, flags);
	return 0;
}

SEC("?cgroup/sock_release")
int on_released(struct bpf_sock *ctx)
{
	const struct sock *sk = (void *)ctx;
	__u64 cookie;

	if (!is_inet(ctx->family))
		return 1;
	/* Without a cookie nobody has ever told of it, MPTCP and TCP binds included. */
	cookie = known_cookie(sk);
	if (cookie)
		release(sk, cookie);
	return 1;
}

SEC("?fentry/inet_release")
int BPF_PROG(on_inet_release, struct socket *sock)
{
	struct sock *sk = sock->sk;
	__u64 cookie = sk ? known_cookie(sk) : 0;

	if (cookie && !is_kernel_sock(sk))
		release(sk, cookie);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
