/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a struct sock, whatever the program type gave it as.
 *
 * A cgroup/sock context *is* the struct sock at run time, so one set of readers
 * serves cgroup, tracing and iterator programs; bpf_probe_read_kernel() takes any
 * pointer.
 */
#ifndef PORTWATCH_BPF_SOCK_H
#define PORTWATCH_BPF_SOCK_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <portwatch/event.h>

static __always_inline __u16 sock_family(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_family);
}

static __always_inline __u16 sock_protocol(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_protocol);
}

static __always_inline bool is_inet(__u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

static __always_inline bool is_port_locked(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;
}

static __always_inline bool is_address_locked(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDADDR_LOCK;
}

static __always_inline bool is_kernel_sock(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
}

/*
 * The front of a struct sock, copied at one go: a read costs 30 ns whether it is of 8
 * bytes or of these, and its fields are then plain loads.
 */
struct sock_copy {
	char bytes[136]; /* up to skc_cookie and skc_v6_rcv_saddr on 6.1 to 6.18 */
};

static __always_inline void copy_sock(struct sock_copy *copy, const void *sk)
{
	bpf_probe_read_kernel(copy, sizeof(*copy), sk);
}

#define COPIED(copy, field) (((const struct sock *)(copy))->__sk_common.field)

static __always_inline __u32 sock_flags(const struct sock_copy *copy)
{
	const struct sock *sk = (const struct sock *)copy;
	__u32 flags = 0;

	if (BPF_CORE_READ_BITFIELD(sk, __sk_common.skc_reuseport))
		flags |= PW_REUSEPORT;
	if (BPF_CORE_READ_BITFIELD(sk, __sk_common.skc_reuse))
		flags |= PW_REUSEADDR;
	if (BPF_CORE_READ_BITFIELD(sk, __sk_common.skc_ipv6only))
		flags |= PW_V6ONLY;
	return flags;
}

static __always_inline void read_endpoint(struct pw_endpoint *ep,
					  const struct sock_copy *copy, __u16 proto)
{
	ep->netns = BPF_CORE_READ(COPIED(copy, skc_net.net), ns.inum);
	ep->family = COPIED(copy, skc_family);
	ep->proto = proto == IPPROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	ep->port = COPIED(copy, skc_num);
	ep->reserved = 0;
	ep->ifindex = COPIED(copy, skc_bound_dev_if);
	if (ep->family == AF_INET6) {
		__builtin_memcpy(ep->addr, &COPIED(copy, skc_v6_rcv_saddr), 16);
	} else {
		__builtin_memset(ep->addr, 0, sizeof(ep->addr));
		*(__be32 *)ep->addr = COPIED(copy, skc_rcv_saddr);
	}
}

/* The MPTCP socket that a TCP subflow belongs to, or NULL for plain TCP. */
static __always_inline struct sock *mptcp_of(const struct sock *sk)
{
	const struct mptcp_subflow_context *ctx;

	if (!bpf_core_field_exists(struct tcp_sock, is_mptcp))
		return NULL;
	if (!BPF_CORE_READ((const struct tcp_sock *)sk, is_mptcp))
		return NULL;
	ctx = BPF_CORE_READ((const struct inet_connection_sock *)sk, icsk_ulp_data);
	return ctx ? BPF_CORE_READ(ctx, conn) : NULL;
}

/*
 * Where the port of a socket is kept and whether bind(2) asked for it: for MPTCP the
 * first subflow.  May be NULL for that.
 */
static __always_inline const struct sock *port_holder(const struct sock *sk, __u16 proto)
{
	if (proto != IPPROTO_MPTCP)
		return sk;
	return BPF_CORE_READ((const struct mptcp_sock *)sk, first);
}

/* A cookie that somebody has asked for already; 0 otherwise. */
static __always_inline __u64 known_cookie(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

/*
 * What stands for the cookie of a socket that has none, where none can be made: the
 * inode of its file, which unlike its address is nobody else's once it is closed.
 * Cookies count from 1 and never come here.  0: it has no file.
 */
static __always_inline __u64 inode_as_cookie(const struct sock *sk)
{
	__u64 inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);

	return inode ? inode | 1ull << 63 : 0;
}

#endif /* PORTWATCH_BPF_SOCK_H */
