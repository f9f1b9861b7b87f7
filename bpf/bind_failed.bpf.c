// SPDX-License-Identifier: GPL-2.0-only
/*
 * Report binds that failed, with errno and the address that was asked for; each
 * program is one way to learn of it, and the probe loads what the kernel lets it.
 *
 * - fexit/__inet_bind and __inet6_bind return the errno for TCP, UDP, MPTCP, io_uring
 *   and 32-bit callers alike.
 * - sys_exit_bind has the errno but no port: descriptor and address are read again from
 *   the caller's registers and memory.  It does not run for io_uring or 32-bit callers.
 * - cgroup/bind4 and bind6 run before the bind: a socket that tried and was not bound
 *   has failed.  Beside sys_exit_bind they tell only of callers that it cannot see.
 *
 * Without cgroup v2 the first two tell of successful binds, too.
 */
#include <vmlinux.h>
#include "bind.h"

#include <bpf/bpf_tracing.h>

const volatile bool tell_bound;     /* no cgroup v2: a success is told here */
const volatile bool tell_every_try; /* --lean: bind4 and bind6 are all there is */

struct asked_in {
	__u16 family;
	__be16 port_be;
	__u8 addr4[4];
	__u8 addr6[16];
};

static __always_inline void parse_address(struct pw_endpoint *ep,
					  const struct asked_in *in)
{
	__builtin_memset(ep, 0, sizeof(*ep));
	ep->family = in->family;
	ep->port = bpf_ntohs(in->port_be);
	if (in->family == AF_INET6)
		__builtin_memcpy(ep->addr, in->addr6, sizeof(in->addr6));
	else
		__builtin_memcpy(ep->addr, in->addr4, sizeof(in->addr4));
}

static __always_inline int on_inet_bind(struct sock *sk, const void *uaddr, __u16 family,
					int ret)
{
	struct sock *mptcp = NULL;
	struct pw_endpoint asked;
	struct asked_in in = {};
	struct sock_copy copy;
	__u16 proto = sk->sk_protocol;
	__u32 flags = 0;
	__u64 cookie;

	if (ret >= 0 && !tell_bound)
		return 0;
	copy_sock(&copy, sk);
	if (!is_watched(sk, &copy, proto))
		return 0;
	if (proto == IPPROTO_TCP)
		mptcp = mptcp_of(sk);
	if (mptcp)
		flags = PW_MPTCP;
	cookie = mptcp ? known_cookie(mptcp) : bpf_get_socket_cookie(sk);
	if (ret >= 0) {
		if (COPIED(&copy, skc_num) == 0)
			return 0; /* IP_BIND_ADDRESS_NO_PORT */
		if (cookie && (proto == IPPROTO_UDP || mptcp))
			track(cookie, PW_TRACKED_BOUND,
			      mptcp ? 0 : COPIED(&copy, skc_num));
		flags |= is_port_locked(sk) ? 0 : PW_AUTOPORT;
		send_socket(PW_EVENT_BOUND, &copy, proto, cookie, flags);
		return 0;
	}
	bpf_probe_read_kernel(&in, family == AF_INET6 ? 24 : 8, uaddr);
	in.family = family; /* AF_UNSPEC is let through for 0.0.0.0 */
	parse_address(&asked, &in);
	send_try(PW_EVENT_BIND_FAILED, &copy, proto, cookie, flags, ret, &asked);
	return 0;
}

SEC("?fexit/__inet_bind")
int BPF_PROG(on_inet4_bind, struct sock *sk, struct sockaddr *uaddr, int addr_len,
	     __u32 flags, int ret)
{
	return on_inet_bind(sk, uaddr, AF_INET, ret);
}

SEC("?fexit/__inet6_bind")
int BPF_PROG(on_inet6_bind, struct sock *sk, struct sockaddr *uaddr, int addr_len,
	     __u32 flags, int ret)
{
	return on_inet_bind(sk, uaddr, AF_INET6, ret);
}

static __always_inline struct sock *sock_of_fd(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **slots, *file = NULL;
	struct socket *sock;

	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	slots = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	sock = BPF_CORE_READ(file, private_data);
	return sock ? BPF_CORE_READ(sock, sk) : NULL;
}

SEC("?tracepoint/syscalls/sys_exit_bind")
int on_bind_exit(struct syscall_trace_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct pw_endpoint asked;
	struct asked_in in = {};
	__u32 fd = SYSCALL_ARG1(regs);
	const struct sock *holder;
	struct sock_copy copy;
	struct sock *sk;
	__u16 proto, family;
	__u32 flags = 0;
	__u64 cookie;

	if (ctx->ret >= 0 && !tell_bound)
		return 0;
	sk = sock_of_fd(fd);
	if (!sk)
		return 0;
	proto = sock_protocol(sk);
	copy_sock(&copy, sk);
	if (!is_watched(sk, &copy, proto))
		return 0;
	if (proto == IPPROTO_MPTCP)
		flags = PW_MPTCP;
	if (ctx->ret >= 0) {
		if (COPIED(&copy, skc_num) == 0)
			return 0;
		holder = port_holder(sk, proto);
		if (!holder || !is_port_locked(holder))
			flags |= PW_AUTOPORT;
		cookie = known_cookie(sk);
		/* None can be made here: a snapshot gives it one. */
		if (proto == IPPROTO_UDP || proto == IPPROTO_MPTCP)
			track(cookie ? cookie : inode_as_cookie(sk), PW_TRACKED_BOUND,
			      proto == IPPROTO_UDP ? COPIED(&copy, skc_num) : 0);
		send_socket(PW_EVENT_BOUND, &copy, proto, cookie, flags | PW_LOOK);
		return 0;
	}
	family = COPIED(&copy, skc_family);
	bpf_probe_read_user(&in, family == AF_INET6 ? 24 : 8, (void *)SYSCALL_ARG2(regs));
	in.family = family;
	parse_address(&asked, &in);
	send_try(PW_EVENT_BIND_FAILED, &copy, proto, known_cookie(sk), flags, ctx->ret,
		 &asked);
	return 0;
}

/* Could this bind have come by a way that sys_exit_bind does not see? */
static __always_inline bool is_foreign_call(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (task->io_uring || task->flags & PF_IO_WORKER)
		return true;
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & TS_COMPAT;
#else
	return false;
#endif
}

static __always_inline int on_trying(struct bpf_sock_addr *ctx, struct pw_endpoint *asked)
{
	__u16 proto = ctx->protocol;
	struct sock *mptcp = NULL;
	struct sock_copy copy;
	struct sock *sk;
	/* Asked for in any case: sys_exit_bind can read a cookie but make none. */
	__u64 cookie = bpf_get_socket_cookie(ctx);

	if (asked->port == 0 || (!tell_every_try && !is_foreign_call()))
		return 1;
	/* The verifier lets ctx->sk be read by no other means; the context is this. */
	sk = BPF_CORE_READ((struct bpf_sock_addr_kern *)ctx, sk);
	copy_sock(&copy, sk);
	if (!is_watched(sk, &copy, proto))
		return 1;
	if (proto == IPPROTO_TCP)
		mptcp = mptcp_of(sk);
	if (mptcp)
		cookie = known_cookie(mptcp);
	send_try(PW_EVENT_BIND_TRIED, &copy, proto, cookie, mptcp ? PW_MPTCP : 0, 0,
		 asked);
	return 1;
}

SEC("?cgroup/bind4")
int on_trying4(struct bpf_sock_addr *ctx)
{
	struct pw_endpoint asked = { .family = AF_INET };
	__u32 addr = ctx->user_ip4;

	asked.port = bpf_ntohs(ctx->user_port);
	__builtin_memcpy(asked.addr, &addr, sizeof(addr));
	return on_trying(ctx, &asked);
}

SEC("?cgroup/bind6")
int on_trying6(struct bpf_sock_addr *ctx)
{
	struct pw_endpoint asked = { .family = AF_INET6 };
	__u32 addr[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
			  ctx->user_ip6[3] };

	asked.port = bpf_ntohs(ctx->user_port);
	__builtin_memcpy(asked.addr, addr, sizeof(addr));
	return on_trying(ctx, &asked);
}

/* No cgroup v2 and no fentry: a close is a hint to go and look. */
SEC("?tracepoint/syscalls/sys_enter_close")
int on_closing(struct syscall_trace_enter *ctx)
{
	struct sock *sk = sock_of_fd(ctx->args[0]);
	__u64 inode;

	if (!sk || !is_inet(sock_family(sk)))
		return 0;
	inode = inode_as_cookie(sk);
	bpf_map_delete_elem(&tracked, &inode);
	if (BPF_CORE_READ(sk, __sk_common.skc_num) == 0)
		return 0;
	/* An established connection without a port of its own was accepted or autobound.
	 */
	if (sock_protocol(sk) != IPPROTO_UDP &&
	    BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_ESTABLISHED &&
	    !is_port_locked(sk))
		return 0;
	return send_brief(PW_EVENT_CLOSED, known_cookie(sk), 0, 0);
}

char LICENSE[] SEC("license") = "GPL";
