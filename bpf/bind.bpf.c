// SPDX-License-Identifier: GPL-2.0-only
/*
 * Report every bind that succeeded, with the port that it got.
 *
 * Hook: cgroup/post_bind4 and 6 at the root of cgroup v2.  They run for TCP, UDP and
 * MPTCP, for bind by any system call (io_uring and 32-bit ones too), after the port
 * was taken and before bind(2) returns; not for listen without bind, nor for UDP
 * autobind.  SOCK_BINDPORT_LOCK is set only after them.  For MPTCP they see the
 * subflow, so the MPTCP socket is given its cookie when it is created.
 *
 * Without cgroup v2: fexit on __inet_bind and __inet6_bind, else sys_exit_bind
 * (bind_failed.bpf.c has both).
 */
#include <vmlinux.h>
#include "bind.h"

#include <bpf/bpf_tracing.h>

static __always_inline int on_bound(struct bpf_sock *ctx)
{
	__u16 proto = ctx->protocol;
	struct sock *mptcp = NULL;
	struct sock_copy copy;
	__u32 flags = 0;
	__u64 cookie;

	copy_sock(&copy, ctx);
	if (!is_watched(ctx, &copy, proto))
		return 1;
	if (proto == IPPROTO_TCP)
		mptcp = mptcp_of((void *)ctx);
	if (mptcp) {
		cookie = known_cookie(mptcp);
		flags = PW_MPTCP;
	} else {
		cookie = bpf_get_socket_cookie(ctx);
	}
	if (proto == IPPROTO_UDP || mptcp)
		track(cookie, PW_TRACKED_BOUND, mptcp ? 0 : COPIED(&copy, skc_num));
	send_socket(PW_EVENT_BOUND, &copy, proto, cookie, flags);
	return 1;
}

SEC("cgroup/post_bind4")
int on_bound4(struct bpf_sock *ctx)
{
	return on_bound(ctx);
}

SEC("cgroup/post_bind6")
int on_bound6(struct bpf_sock *ctx)
{
	return on_bound(ctx);
}

SEC("cgroup/sock_create")
int on_created(struct bpf_sock *ctx)
{
	if (ctx->protocol == IPPROTO_MPTCP)
		bpf_get_socket_cookie(ctx);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
