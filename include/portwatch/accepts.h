/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel side and the probe share to count accepted connections: one mapped
 * value, which is read without a system call.
 */
#ifndef PORTWATCH_ACCEPTS_H
#define PORTWATCH_ACCEPTS_H

#include <linux/types.h>

struct pw_accepts {
	__u32 own_netns; /* inode of the daemon's network namespace */
	__u32 reserved;
	__u8 counted[8192]; /* bitmap of ports, of any namespace */
	__u64 count[65536]; /* by port, of the daemon's namespace */
};

/* Elsewhere: by namespace and port, in a hash map. */
struct pw_accept_key {
	__u32 netns;
	__u32 port; /* host byte order */
};

enum { PW_ACCEPTS_ELSEWHERE_MAX = 65536 };

#endif /* PORTWATCH_ACCEPTS_H */
