/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel side and the probe share beside the ring: one mapped value, and the
 * values of the other maps.
 */
#ifndef PORTWATCH_CONTROL_H
#define PORTWATCH_CONTROL_H

#include <linux/types.h>
#include <portwatch/event.h>

enum {
	/* The kernel clears a bucket for each when it makes the maps. */
	PW_OWNERS_MAX = 65536,
	PW_TRACKED_MAX = 262144,
};

struct pw_control {
	__u32 awake;       /* the consumer is looking: do not wake it */
	__u32 own_netns;   /* inode of the daemon's network namespace */
	__u32 wanted_port; /* list_port: host byte order */
	__u32 reserved;    /* zero */
	__u64 lost[PW_EVENT_KINDS];
	__u8 watched_ports[8192]; /* bitmap: outgoing connections here are told */
};

struct pw_owner {
	__u64 start_ns; /* CLOCK_BOOTTIME */
	__u64 exec_id;  /* changes with every exec; 0: to be told again */
};

/* Why the release of a socket is told that its own fields do not speak of. */
enum pw_tracked_as {
	PW_TRACKED_BOUND = 1,    /* by bind, on a port that the kernel chose */
	PW_TRACKED_OUTGOING = 2, /* an outgoing connection on a watched port */
	PW_TRACKED_MAYBE = 3, /* UDP that a snapshot found: bind(0) or its own packet */
	PW_TRACKED_LISTENER = 4, /* MPTCP: accepted sockets have this cookie, too */
};

struct pw_tracked {
	__u16 what; /* enum pw_tracked_as */
	__u16 port; /* that it was bound to; 0 unknown: where it has another, it gave that
		       up */
};

/* One row of the snapshot iterators. */
struct pw_snapshot_row {
	__u64 cookie;
	__u64 start_ns; /* of the holder, CLOCK_BOOTTIME; 0 no holder */
	struct pw_endpoint at;
	__u32 flags; /* PW_* */
	__u32 state; /* enum pw_snapshot_state */
	__u32 pid, ppid;
	__u32 uid, socket_uid;
	__u32 fd;
	__u32 evident; /* 1: bound by bind or listen for certain */
	__u32 inode;   /* of the socket's file; 0 no descriptor */
	__u32 refs;    /* list_port: descriptors of the file, whoever's; 0 unknown */
	char comm[PW_COMM_LEN];
};

enum pw_snapshot_state {
	PW_STATE_BOUND,
	PW_STATE_LISTENING,
	PW_STATE_CONNECTED,
};

_Static_assert(sizeof(struct pw_snapshot_row) == 104, "pw_snapshot_row has padding");

#endif /* PORTWATCH_CONTROL_H */
