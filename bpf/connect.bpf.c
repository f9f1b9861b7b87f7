// SPDX-License-Identifier: GPL-2.0-only
/*
 * Report bound UDP sockets that connect and disconnect: a connected one has another
 * local address, and one whose port the kernel chose gives it up with the connection.
 *
 * Hooks: fexit on __ip4_datagram_connect and __ip6_datagram_connect, when the address is
 * known, and on __udp_disconnect.  Where fexit is refused, cgroup/connect4 and 6, which
 * run before the connection is made: the record says PW_LOOK.  Nothing there tells of a
 * disconnect.
 *
 * Most UDP sockets that connect are autobound by that and are nobody's business.
 */
#include <vmlinux.h>
#include "bind.h"

#include <bpf/bpf_tracing.h>

static __always_inline bool is_told(const struct sock *sk, __u64 cookie)
{
	struct pw_tracked *known;

	if (is_port_locked(sk))
		return true;
	known = bpf_map_lookup_elem(&tracked, &cookie);
	return known && known->what != PW_TRACKED_OUTGOING;
}

static __always_inline int on_udp_connected(struct sock *sk, int ret)
{
	struct sock_copy copy;
	__u64 cookie;

	if (ret != 0 || sk->sk_protocol != IPPROTO_UDP || is_kernel_sock(sk))
		return 0;
	cookie = known_cookie(sk);
	if (!cookie || !is_told(sk, cookie))
		return 0;
	copy_sock(&copy, sk);
	send_socket(PW_EVENT_CONNECT, &copy, IPPROTO_UDP, cookie, 0);
	return 0;
}

SEC("?fexit/__ip4_datagram_connect")
int BPF_PROG(on_udp4_connected, struct sock *sk, struct sockaddr *uaddr, int addr_len,
	     int ret)
{
	return on_udp_connected(sk, ret);
}

SEC("?fexit/__ip6_datagram_connect")
int BPF_PROG(on_udp6_connected, struct sock *sk, struct sockaddr *uaddr, int addr_len,
	     int ret)
{
	return on_udp_connected(sk, ret);
}

SEC("?fexit/__udp_disconnect")
int BPF_PROG(on_udp_disconnected, struct sock *sk, int flags, int ret)
{
	struct sock_copy copy;
	__u64 cookie;

	if (sk->sk_protocol != IPPROTO_UDP || is_kernel_sock(sk))
		return 0;
	cookie = known_cookie(sk);
	if (!cookie || !is_told(sk, cookie))
		return 0;
	copy_sock(&copy, sk);
	if (COPIED(&copy, skc_num)) {
		send_socket(PW_EVENT_BOUND, &copy, IPPROTO_UDP, cookie, 0);
		return 0;
	}
	bpf_map_delete_elem(&tracked, &cookie);
	return send_brief(PW_EVENT_RELEASED, cookie, 0, 0);
}

static __always_inline int on_udp_connecting(struct bpf_sock_addr *ctx)
{
	struct sock_copy copy;
	struct sock *sk;
	__u64 cookie;

	if (ctx->protocol != IPPROTO_UDP)
		return 1;
	sk = BPF_CORE_READ((struct bpf_sock_addr_kern *)ctx, sk);
	copy_sock(&copy, sk);
	cookie = COPIED(&copy, skc_cookie.counter);
	if (COPIED(&copy, skc_num) == 0 || !cookie || !is_told(sk, cookie))
		return 1;
	send_socket(PW_EVENT_CONNECT, &copy, IPPROTO_UDP, cookie, PW_LOOK);
	return 1;
}

SEC("?cgroup/connect4")
int on_connecting4(struct bpf_sock_addr *ctx)
{
	return on_udp_connecting(ctx);
}

SEC("?cgroup/connect6")
int on_connecting6(struct bpf_sock_addr *ctx)
{
	return on_udp_connecting(ctx);
}

char LICENSE[] SEC("license") = "GPL";
