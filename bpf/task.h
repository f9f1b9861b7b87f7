/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who acts: the current process, told once before its first socket record and again
 * after an exec, so that it can be named after it has died.
 *
 * Pointers are followed by probe reads: for a plain access the verifier searches all
 * types of the kernel by name, 1 ms each.
 */
#ifndef PORTWATCH_BPF_TASK_H
#define PORTWATCH_BPF_TASK_H

#include "ring.h"

#include <bpf/bpf_core_read.h>

#define PATH_DEPTH 32
#define NAME_MAX_READ 127 /* a power of two less one: the verifier's bound */

/* Room behind the path for the verifier, which bounds offset and length apart. */
struct path_buffer {
	char bytes[PW_PATH_LEN + NAME_MAX_READ + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_buffer);
} path_buffers __weak SEC(".maps");

static const char zeros[PW_ARGS_LEN];

static __always_inline struct mount *mount_of(const struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

struct walk {
	struct path_buffer *buf;
	struct dentry *dentry;
	struct vfsmount *mnt;
	__u32 at; /* where the path begins in the buffer so far */
};

/* One component, or one mount point, towards the root: 1 ends the walk. */
static long step(__u32 index, struct walk *w)
{
	struct dentry *dentry = w->dentry, *parent = BPF_CORE_READ(dentry, d_parent);
	struct vfsmount *mnt = w->mnt;
	const unsigned char *name;
	__u32 at = w->at, len;

	if (!dentry || !mnt)
		return 1;
	if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
		struct mount *m = mount_of(mnt);
		struct mount *up = BPF_CORE_READ(m, mnt_parent);

		if (up == m || !up)
			return 1;
		w->dentry = BPF_CORE_READ(m, mnt_mountpoint);
		w->mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	if (dentry == parent)
		return 1;
	len = BPF_CORE_READ(dentry, d_name.len);
	name = BPF_CORE_READ(dentry, d_name.name);
	if (len > NAME_MAX_READ)
		len = NAME_MAX_READ;
	if (at < len + 1)
		return 1;
	at -= len + 1;
	barrier_var(at); /* else the compiler proves the masks away */
	at &= PW_PATH_LEN - 1;
	barrier_var(len);
	w->buf->bytes[at] = '/';
	bpf_probe_read_kernel(&w->buf->bytes[at + 1], len & NAME_MAX_READ, name);
	w->at = at;
	w->dentry = parent;
	return 0;
}

/*
 * Write the path from its end towards the front of this CPU's buffer; answers its
 * length, 0 where there is none.  A name longer than NAME_MAX_READ is cut.  @address is
 * a struct path.  Global functions are verified once, however many places call them,
 * and take numbers; a read at address 0 fails and yields 0, so that none is checked.
 */
__weak __noinline int read_path(__u64 address)
{
	const struct path *from = (void *)address;
	__u32 zero = 0;
	struct walk w = { .at = PW_PATH_LEN };

	w.buf = bpf_map_lookup_elem(&path_buffers, &zero);
	if (!w.buf)
		return 0;
	bpf_probe_read_kernel(w.buf->bytes, PW_PATH_LEN, zeros);
	w.dentry = BPF_CORE_READ(from, dentry);
	w.mnt = BPF_CORE_READ(from, mnt);
	/* bpf_loop(): its body is verified once, not once for each turn. */
	bpf_loop(PATH_DEPTH, step, &w, 0);
	return PW_PATH_LEN - (w.at & (2 * PW_PATH_LEN - 1));
}

static __always_inline __u16 copy_path(char *to, __u64 from)
{
	__u32 zero = 0;
	int len = read_path(from);
	struct path_buffer *buf = bpf_map_lookup_elem(&path_buffers, &zero);

	bpf_probe_read_kernel(to, PW_PATH_LEN, buf ? buf->bytes : zeros);
	return len;
}

static __always_inline void copy_args(struct pw_process_event *ev, struct mm_struct *mm)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	__u64 len = BPF_CORE_READ(mm, arg_end) - start;

	bpf_probe_read_kernel(ev->args, PW_ARGS_LEN, zeros);
	if (len > PW_ARGS_LEN - 1)
		len = PW_ARGS_LEN - 1;
	barrier_var(len);
	len &= PW_ARGS_LEN - 1;
	ev->args_len = len;
	if (bpf_probe_read_user(ev->args, len, (void *)start) < 0)
		ev->args_len = 0;
}

__weak __noinline int tell_process(__u64 start_ns, __u64 exec_id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pw_process_event *ev;
	struct mm_struct *mm;
	__u64 exe, fs;

	ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);
	if (!ev) {
		count_lost(PW_EVENT_PROCESS);
		return 1;
	}
	fill_header(&ev->h, PW_EVENT_PROCESS);
	ev->start_ns = start_ns;
	ev->exec_id = exec_id;
	ev->cgroup_id = bpf_get_current_cgroup_id();
	ev->ppid = BPF_CORE_READ(task, real_parent, tgid);
	ev->uid = (__u32)bpf_get_current_uid_gid();
	BPF_CORE_READ_STR_INTO(&ev->comm, task, group_leader, comm);
	mm = BPF_CORE_READ(task, mm);
	copy_args(ev, mm);
	exe = (__u64)BPF_CORE_READ(mm, exe_file);
	fs = (__u64)BPF_CORE_READ(task, fs);
	ev->exe_len =
		copy_path(ev->exe, exe + bpf_core_field_offset(struct file, f_path));
	ev->cwd_len =
		copy_path(ev->cwd, fs + bpf_core_field_offset(struct fs_struct, pwd));
	bpf_ringbuf_submit(ev, wake_flag());
	return 0;
}

/*
 * Make sure that the current process has been told; answers its start time.  An owner is
 * forgotten when it exits, so that one that was told is not another with its PID.
 */
static __always_inline __u64 note_process(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 exec_id = task->self_exec_id + 1;
	__u32 tgid = task->tgid;
	struct pw_owner *owner = bpf_map_lookup_elem(&owners, &tgid);
	struct pw_owner fresh = { .exec_id = exec_id };

	if (owner && owner->exec_id == exec_id)
		return owner->start_ns;
	fresh.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	if (tell_process(fresh.start_ns, exec_id) == 0)
		bpf_map_update_elem(&owners, &tgid, &fresh, BPF_ANY);
	return fresh.start_ns;
}

#endif /* PORTWATCH_BPF_TASK_H */
