// SPDX-License-Identifier: GPL-2.0-only
/*
 * List the sockets that hold a port by bind or listen, as rows of struct
 * pw_snapshot_row.
 *
 * Iterators: task_file sees every descriptor of every process in every namespace, so
 * each holder of a socket gives a row; a file is pinned while its row is made.  tcp and
 * udp see, in the namespace of whoever reads, sockets that no descriptor holds (in
 * flight, direct descriptors of io_uring, the kernel's own), but no TCP socket that is
 * only bound.
 *
 * Built twice: with the programs that follow events, and alone (PW_ALONE) for whoever
 * only looks, once.
 */
#include <vmlinux.h>
#ifdef PW_ALONE
#include <bpf/bpf_helpers.h>
#include <portwatch/control.h>
#else
#include "ring.h"
#endif
#include "sock.h"

#include <bpf/bpf_tracing.h>

#ifdef PW_ALONE
/* No other program runs: nothing is tracked, and there is no map to be made. */
static __always_inline struct pw_tracked tracked_by(struct sock *sk)
{
	return (struct pw_tracked){};
}

static __always_inline void follow(const struct pw_snapshot_row *row)
{
}
#else
const volatile bool events_run; /* the event programs run: mark what they must follow */
const volatile bool bound_by_inode; /* sys_exit_bind tells: see inode_as_cookie() */

/* All 0: it is not. */
static __always_inline struct pw_tracked tracked_as(__u64 cookie)
{
	struct pw_tracked *known = cookie ? bpf_map_lookup_elem(&tracked, &cookie) : NULL;

	return known ? *known : (struct pw_tracked){};
}

/*
 * As tracked_as(); one that was bound without a cookie is known by its inode so far, and
 * one that a walk met before that was tracked is a MAYBE by its cookie.
 */
static __always_inline struct pw_tracked tracked_by(struct sock *sk)
{
	__u64 inode, cookie = known_cookie(sk);
	struct pw_tracked known = tracked_as(cookie), bound;

	if (!bound_by_inode || (known.what && known.what != PW_TRACKED_MAYBE))
		return known;
	inode = inode_as_cookie(sk);
	bound = tracked_as(inode);
	if (!bound.what)
		return known;
	cookie = bpf_get_socket_cookie(sk);
	bpf_map_update_elem(&tracked, &cookie, &bound, BPF_ANY);
	bpf_map_delete_elem(&tracked, &inode);
	return bound;
}

/* From here on the release of this socket will be told. */
static __always_inline void follow(const struct pw_snapshot_row *row)
{
	struct pw_tracked value = {
		.what = row->evident ? PW_TRACKED_BOUND : PW_TRACKED_MAYBE,
	};

	if (!events_run)
		return;
	if (row->flags & PW_MPTCP) {
		if (row->state == PW_STATE_LISTENING)
			value.what = PW_TRACKED_LISTENER;
	} else if (row->at.proto != IPPROTO_UDP || !(row->flags & PW_AUTOPORT)) {
		return;
	}
	bpf_map_update_elem(&tracked, &row->cookie, &value, BPF_NOEXIST);
}
#endif

/*
 * Bound by bind(2), on a port that the kernel chose, and still?  Where nothing tells of
 * a disconnect, it may have given that one up and been autobound to another since.
 */
static __always_inline bool is_still_bound(const struct pw_tracked *known,
					   const struct sock *sk)
{
	return known->what == PW_TRACKED_BOUND &&
	       (!known->port || known->port == sk->__sk_common.skc_num);
}

/* What the row says of the socket; false for one that was accepted or autobound. */
static __always_inline bool classify(struct sock *sk, struct pw_snapshot_row *row,
				     __u16 proto)
{
	const struct sock *holder = port_holder(sk, proto);
	bool locked = holder && is_port_locked(holder);
	struct pw_tracked known = tracked_by(sk);
	bool bound = locked || is_still_bound(&known, sk);
	__u8 state = sk->__sk_common.skc_state;

	row->evident = 1;
	if (!locked)
		row->flags |= PW_AUTOPORT;
	if (proto == IPPROTO_UDP) {
		row->state =
			state == TCP_ESTABLISHED ? PW_STATE_CONNECTED : PW_STATE_BOUND;
		if (bound)
			return true;
		/* bind(0) or a packet sent: the fields are the same. */
		row->evident = 0;
		return state != TCP_ESTABLISHED;
	}
	if (state == TCP_LISTEN) {
		row->state = PW_STATE_LISTENING;
		return true;
	}
	/* Accepted: the cookie is that of the listener. */
	if (known.what == PW_TRACKED_LISTENER && !locked)
		return false;
	if (state == TCP_CLOSE) {
		row->state = PW_STATE_BOUND;
		return true;
	}
	row->state = PW_STATE_CONNECTED;
	return bound;
}

/* A call, not inlined: else the verifier follows each of its ways through all that comes
 * after, 37,000 instructions instead of 2,300. */
static __noinline bool fill_row(struct pw_snapshot_row *row, struct sock *sk)
{
	__u16 proto = sk->sk_protocol;
	struct sock_copy copy;

	if (!is_inet(sk->__sk_common.skc_family) || sk->__sk_common.skc_num == 0)
		return false;
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_MPTCP)
		return false;
	copy_sock(&copy, sk);
	row->flags = sock_flags(&copy) | (proto == IPPROTO_MPTCP ? PW_MPTCP : 0);
	if (!classify(sk, row, proto))
		return false;
	/* An MPTCP socket may show the address and the port that it had before. */
	if (proto == IPPROTO_MPTCP && row->state != PW_STATE_CONNECTED) {
		copy_sock(&copy, port_holder(sk, proto));
		if (COPIED(&copy, skc_num) == 0)
			return false;
	}
	read_endpoint(&row->at, &copy, proto);
	row->socket_uid = BPF_CORE_READ(sk, sk_uid.val);
	return true;
}

static __always_inline void fill_holder(struct pw_snapshot_row *row,
					struct task_struct *task, const struct file *file,
					__u32 fd)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	row->start_ns = BPF_CORE_READ(leader, start_boottime);
	row->pid = task->tgid;
	row->ppid = BPF_CORE_READ(task, real_parent, tgid);
	row->uid = BPF_CORE_READ(task, cred, uid.val);
	row->fd = fd;
	row->inode = (__u32)BPF_CORE_READ(file, f_inode, i_ino);
	BPF_CORE_READ_STR_INTO(&row->comm, leader, comm);
}

static __always_inline struct sock *sock_in(struct file *file)
{
	struct socket *sock = bpf_sock_from_file(file);

	return sock ? sock->sk : NULL;
}

#ifndef PW_ALONE
/* References to the file but the one of the walk; 0 where they are counted otherwise. */
static __always_inline __u32 count_references(const struct file *file)
{
	if (!bpf_core_field_exists(file->f_ref))
		return 0;
	return (__u32)BPF_CORE_READ(file, f_ref.refcnt.counter);
}

/*
 * Every descriptor of a socket on one local port, whatever the state of the socket: who
 * holds it, and by how many references.
 */
SEC("iter/task_file")
int list_port(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct pw_snapshot_row row = {};
	struct pw_control *ctl;
	const struct sock *holder;
	struct sock *sk;
	__u32 zero = 0;

	if (!task || !file)
		return 0;
	sk = sock_in(file);
	ctl = bpf_map_lookup_elem(&control, &zero);
	if (!sk || !ctl || !is_inet(sk->__sk_common.skc_family))
		return 0;
	holder = port_holder(sk, sk->sk_protocol);
	if (!holder ||
	    BPF_CORE_READ(holder, __sk_common.skc_num) != (__u16)ctl->wanted_port)
		return 0;
	row.cookie = bpf_get_socket_cookie(sk);
	row.refs = count_references(file);
	fill_holder(&row, task, file, ctx->fd);
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}
#endif

SEC("iter/task_file")
int list_descriptors(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct pw_snapshot_row row = {};
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = sock_in(file);
	if (!sk || !fill_row(&row, sk))
		return 0;
	row.cookie = bpf_get_socket_cookie(sk);
	follow(&row);
	fill_holder(&row, task, file, ctx->fd);
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}

static __always_inline int list_unheld(struct seq_file *seq, struct sock *sk)
{
	struct pw_snapshot_row row = {};

	if (!fill_row(&row, sk))
		return 0;
	if (row.at.proto == IPPROTO_TCP && mptcp_of(sk))
		return 0;
	row.cookie = bpf_get_socket_cookie(sk);
	follow(&row);
	bpf_seq_write(seq, &row, sizeof(row));
	return 0;
}

SEC("iter/tcp")
int list_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct sock *sk;

	if (!common || (common->skc_state != TCP_LISTEN && common->skc_state > TCP_CLOSE))
		return 0;
	if (common->skc_state == 6 || common->skc_state == 3)
		return 0; /* TIME_WAIT and SYN_RECV are no full sockets */
	sk = (struct sock *)bpf_skc_to_tcp_sock(common);
	return sk ? list_unheld(ctx->meta->seq, sk) : 0;
}

SEC("iter/udp")
int list_udp(struct bpf_iter__udp *ctx)
{
	/* A struct sock is the first of it; one type less for the kernel to look up. */
	struct sock *sk = (struct sock *)ctx->udp_sk;

	return sk ? list_unheld(ctx->meta->seq, sk) : 0;
}

char LICENSE[] SEC("license") = "GPL";
