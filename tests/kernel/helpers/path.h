/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * path - a way for a socket call to reach the kernel.
 *
 * Each function answers what the system call does, errors as negative errno.
 */
#ifndef PORTWATCH_KERNEL_HELPERS_PATH_H
#define PORTWATCH_KERNEL_HELPERS_PATH_H

#include <stdint.h>
#include <sys/socket.h>

struct path {
	const char *name;
	/* 0 where this kernel has the whole path, else negative errno. */
	int (*probe)(void);
	int (*socket)(int family, int type, int proto);
	int (*bind)(int fd, const struct sockaddr *addr, socklen_t len);
	int (*listen)(int fd, int backlog);
	int (*connect)(int fd, const struct sockaddr *addr, socklen_t len);
	int (*close)(int fd);
	/* SO_COOKIE; 0 where it cannot be had. */
	uint64_t (*cookie)(int fd);
};

/* System calls of this program's own word size. */
extern const struct path path_sys;
/* 32-bit system calls, through int 0x80: x86 only. */
extern const struct path path_int80;
/* io_uring, on ordinary descriptors. */
extern const struct path path_uring;
/* io_uring, on its direct descriptors: no file descriptor is ever made, and what is
 * called fd is an index. */
extern const struct path path_direct;

/* By name; NULL if there is none. */
const struct path *path_find(const char *name);

#endif /* PORTWATCH_KERNEL_HELPERS_PATH_H */
