// SPDX-License-Identifier: GPL-2.0-only
/*
 * Count the connections that the kernel accepted on the ports that somebody asked about.
 *
 * Hook: the inet_sock_set_state tracepoint, through BTF.  The socket of an incoming
 * connection is made in SYN_RECV and becomes ESTABLISHED when the handshake is done,
 * whether or not accept(2) is called for it ever; a connection that is refused, or whose
 * handshake does not end, makes no such step.  It runs in softirq context, about five
 * times in the life of each connection, so the step is compared before anything is read.
 *
 * An MPTCP connection is counted by the subflow that began it, not by those that joined.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <portwatch/accepts.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pw_accepts);
} accepts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PW_ACCEPTS_ELSEWHERE_MAX);
	__type(key, struct pw_accept_key);
	__type(value, __u64);
} accepts_elsewhere SEC(".maps");

static __always_inline bool has_joined(const struct sock *sk)
{
	const struct mptcp_subflow_context *ctx;

	if (!bpf_core_field_exists(struct tcp_sock, is_mptcp) ||
	    !BPF_CORE_READ((const struct tcp_sock *)sk, is_mptcp))
		return false;
	ctx = BPF_CORE_READ((const struct inet_connection_sock *)sk, icsk_ulp_data);
	return ctx && BPF_CORE_READ_BITFIELD_PROBED(ctx, mp_join);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_accepted, struct sock *sk, int oldstate, int newstate)
{
	struct pw_accept_key elsewhere;
	struct pw_accepts *all;
	__u32 zero = 0, netns;
	__u64 *count;
	__u16 port;

	if (newstate != TCP_ESTABLISHED || oldstate != TCP_SYN_RECV)
		return 0;
	all = bpf_map_lookup_elem(&accepts, &zero);
	port = sk->__sk_common.skc_num;
	if (!all || !(all->counted[port >> 3] & (1 << (port & 7))))
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP || has_joined(sk))
		return 0;
	netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (netns == all->own_netns) {
		__sync_fetch_and_add(&all->count[port], 1);
		return 0;
	}
	elsewhere.netns = netns;
	elsewhere.port = port;
	count = bpf_map_lookup_elem(&accepts_elsewhere, &elsewhere);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
