// SPDX-License-Identifier: GPL-2.0-only
/*
 * Report the end of processes that hold ports, and what they execute.
 *
 * Hooks: sched_process_exit runs for each thread, before its files are closed, so the
 * exit comes before the releases that it causes; the last thread is the one that finds
 * signal->live at 0.  sched_process_exec runs in the new program, argv in place.
 */
#include <vmlinux.h>
#include "task.h"

#include <bpf/bpf_tracing.h>

/* The status that wait(2) would report. */
static __always_inline __s32 exit_status(struct task_struct *task)
{
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(task, signal, group_exit_code);
	return task->exit_code;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct pw_exit_event *ev;

	if (!bpf_map_lookup_elem(&owners, &tgid) ||
	    BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;
	bpf_map_delete_elem(&owners, &tgid);

	ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);
	if (!ev) {
		count_lost(PW_EVENT_EXIT);
		return 0;
	}
	fill_header(&ev->h, PW_EVENT_EXIT);
	ev->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	ev->status = exit_status(task);
	ev->reserved = 0;
	bpf_ringbuf_submit(ev, wake_flag());
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	if (bpf_map_lookup_elem(&owners, &tgid))
		note_process();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
