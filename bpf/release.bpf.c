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

static __always_inline bool is_locked(const struct sock *sk, __u16 proto)
{
	const struct sock *holder = port_holder(sk, proto);

	return holder && is_port_locked(holder);
}

/*
 * Forgets it, too.  An accepted MPTCP socket is a copy of its listener, cookie and all;
 * only the port's lock is not copied.  The end of an outgoing connection is told by its
 * change of state.
 */
static __always_inline bool is_tracked(const struct sock *sk, __u64 cookie, __u8 state,
				       __u16 proto)
{
	struct pw_tracked *known = bpf_map_lookup_elem(&tracked, &cookie);

	if (!known || known->what == PW_TRACKED_OUTGOING)
		return false;
	if (known->what == PW_TRACKED_LISTENER && state != TCP_LISTEN &&
	    !is_locked(sk, proto))
		return false;
	bpf_map_delete_elem(&tracked, &cookie);
	return true;
}

static __always_inline int release(const struct sock *sk, const struct sock_copy *copy,
				   __u16 proto)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 flags = task->flags & PF_EXITING ? PW_EXITING : 0;
	__u64 cookie = COPIED(copy, skc_cookie.counter);
	__u8 state = COPIED(copy, skc_state);
	__u16 port = COPIED(copy, skc_num);

	if (!cookie) /* nothing was ever told of it */
		return 0;
	if (proto == IPPROTO_TCP) {
		if (state == TCP_LISTEN || (state == TCP_CLOSE && port))
			return send_brief(PW_EVENT_RELEASED, cookie, flags, port);
		if (state == TCP_CLOSE)
			return 0;
	} else if (proto != IPPROTO_UDP && proto != IPPROTO_MPTCP) {
		return 0;
	}
	if (is_tracked(sk, cookie, state, proto) || (port && is_locked(sk, proto)))
		return send_brief(PW_EVENT_RELEASED, cookie, flags, port);
	return 0;
}

SEC("?cgroup/sock_release")
int on_released(struct bpf_sock *ctx)
{
	struct sock_copy copy;

	if (!is_inet(ctx->family))
		return 1;
	copy_sock(&copy, ctx);
	release((void *)ctx, &copy, ctx->protocol);
	return 1;
}

SEC("?fentry/inet_release")
int BPF_PROG(on_inet_release, struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct sock_copy copy;

	if (!sk || is_kernel_sock(sk))
		return 0;
	copy_sock(&copy, sk);
	return release(sk, &copy, sk->sk_protocol);
}

char LICENSE[] SEC("license") = "GPL";
