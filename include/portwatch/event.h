/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records that cross from the kernel to the daemon, through one ring.
 *
 * Included by both sides: fixed-width types only, no implicit padding, nothing
 * included beyond <linux/types.h>.  Every record begins with struct pw_header;
 * its kind says which of the structs below follows.
 */
#ifndef PORTWATCH_EVENT_H
#define PORTWATCH_EVENT_H

#include <linux/types.h>

#define PW_COMM_LEN 16
#define PW_ARGS_LEN 1024 /* argv as it lies in memory, cut here */
#define PW_PATH_LEN 512

enum pw_event_kind {
	PW_EVENT_BOUND = 1,    /* socket: a bind succeeded; the port is the real one */
	PW_EVENT_LISTEN,       /* socket: entered LISTEN; tentative unless PW_CONFIRMED */
	PW_EVENT_UNLISTEN,     /* brief: left LISTEN and keeps its port (shutdown) */
	PW_EVENT_CONNECT,      /* socket: a bound socket set out to connect */
	PW_EVENT_RELEASED,     /* brief: gave its port up; PW_EXITING where by exit */
	PW_EVENT_BIND_FAILED,  /* socket: errno and the address that was asked for */
	PW_EVENT_BIND_TRIED,   /* socket: about to bind; failed if no BOUND follows */
	PW_EVENT_CLOSED,       /* brief: a descriptor was closed; go and look */
	PW_EVENT_OUTGOING,     /* socket: an outgoing connection sits on a watched port */
	PW_EVENT_OUTGOING_END, /* brief */
	PW_EVENT_PROCESS,      /* process: who acts in the records that follow */
	PW_EVENT_EXIT,         /* exit: the last thread of a watched process went */
	PW_EVENT_KINDS,
};

/* pw_socket_event.flags and pw_brief_event.flags */
#define PW_REUSEPORT 0x01
#define PW_REUSEADDR 0x02
#define PW_V6ONLY 0x04
#define PW_MPTCP 0x08    /* the cookie is that of the MPTCP socket, as the user sees it */
#define PW_AUTOPORT 0x10 /* the kernel chose the port */
#define PW_CONFIRMED 0x20 /* listen(2) is known to have succeeded */
#define PW_EXITING 0x40   /* the caller was exiting */
#define PW_LOOK 0x80      /* the record is incomplete (no port, no cookie): go and look */

struct pw_header {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 kind;    /* enum pw_event_kind */
	__u32 pid;     /* thread group id of the caller; 0 where there is none */
};

struct pw_endpoint {
	__u32 netns;    /* inode number of the network namespace */
	__u16 family;   /* AF_INET or AF_INET6 */
	__u16 proto;    /* IPPROTO_TCP (MPTCP too) or IPPROTO_UDP */
	__u16 port;     /* host byte order */
	__u16 reserved; /* zero */
	__u32 ifindex;  /* SO_BINDTODEVICE, else 0 */
	__u8 addr[16];  /* network byte order; IPv4 in the first four bytes */
};

struct pw_socket_event {
	struct pw_header h;
	__u64 cookie;   /* SO_COOKIE: the socket's identity; endpoints are shared */
	__u64 start_ns; /* the caller's start, CLOCK_BOOTTIME */
	struct pw_endpoint at;
	__s32 error; /* negative errno of PW_EVENT_BIND_FAILED, else 0 */
	__u32 flags;
	__u32 uid; /* real uid of the caller */
	__u32 tid; /* the calling thread */
};

struct pw_brief_event {
	struct pw_header h;
	__u64 cookie;
	__u32 flags;
	__u32 port; /* that was given up, host byte order; 0 where it is not known */
};

/*
 * Sent before the first socket record of a process, and again after an exec.
 * Paths are read from the end upwards and may be cut at the front; argv words
 * end in NUL.  Empty where unknown.
 */
struct pw_process_event {
	struct pw_header h;
	__u64 start_ns;  /* CLOCK_BOOTTIME */
	__u64 cgroup_id; /* cgroup v2 */
	__u64 exec_id;   /* changes with every exec */
	__u32 ppid;
	__u32 uid;
	__u32 args_len; /* bytes used in args */
	__u16 exe_len;  /* bytes used at the end of exe */
	__u16 cwd_len;  /* bytes used at the end of cwd */
	char comm[PW_COMM_LEN];
	char args[PW_ARGS_LEN];
	char exe[PW_PATH_LEN];
	char cwd[PW_PATH_LEN];
};

struct pw_exit_event {
	struct pw_header h;
	__u64 start_ns;
	__s32 status; /* as wait(2) reports it */
	__u32 reserved;
};

_Static_assert(sizeof(struct pw_header) == 16, "pw_header has padding");
_Static_assert(sizeof(struct pw_endpoint) == 32, "pw_endpoint has padding");
_Static_assert(sizeof(struct pw_socket_event) == 80, "pw_socket_event has padding");
_Static_assert(sizeof(struct pw_brief_event) == 32, "pw_brief_event has padding");
_Static_assert(sizeof(struct pw_exit_event) == 32, "pw_exit_event has padding");
_Static_assert(sizeof(struct pw_process_event) ==
		       16 + 24 + 12 + 4 + PW_COMM_LEN + PW_ARGS_LEN + 2 * PW_PATH_LEN,
	       "pw_process_event has padding");

#endif /* PORTWATCH_EVENT_H */
