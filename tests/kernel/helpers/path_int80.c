// SPDX-License-Identifier: GPL-2.0-only
/*
 * 32-bit system calls from a 64-bit program: int 0x80 takes the i386 table, whose
 * calls no syscalls: tracepoint reports.  Arguments have to lie below 4 GiB.
 */
#include "kernel/helpers/path.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

/* arch/x86/entry/syscalls/syscall_32.tbl */
enum {
	I386_CLOSE = 6,
	I386_GETPID = 20,
	I386_SOCKET = 359,
	I386_BIND = 361,
	I386_CONNECT = 362,
	I386_LISTEN = 363,
};

static int int80(int nr, long a, long b, long c)
{
	int result;

	/* Kernels before 4.17 zeroed r8 to r11 on the way out. */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "r8", "r9", "r10", "r11", "memory");
	return result;
}

/* A kernel without CONFIG_IA32_EMULATION answers with SIGSEGV: ask in a child. */
static int probe_int80(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(int80(I386_GETPID, 0, 0, 0) == getpid() ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOSYS;
}

static int with_address(int nr, int fd, const struct sockaddr *addr, socklen_t len)
{
	void *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int result;

	if (low == MAP_FAILED)
		return -errno;
	memcpy(low, addr, len);
	result = int80(nr, fd, (long)low, len);
	munmap(low, 4096);
	return result;
}

static int socket_int80(int family, int type, int proto)
{
	return int80(I386_SOCKET, family, type | SOCK_CLOEXEC, proto);
}

static int bind_int80(int fd, const struct sockaddr *addr, socklen_t len)
{
	return with_address(I386_BIND, fd, addr, len);
}

static int listen_int80(int fd, int backlog)
{
	return int80(I386_LISTEN, fd, backlog, 0);
}

static int connect_int80(int fd, const struct sockaddr *addr, socklen_t len)
{
	return with_address(I386_CONNECT, fd, addr, len);
}

static int close_int80(int fd)
{
	return int80(I386_CLOSE, fd, 0, 0);
}

#else

static int probe_int80(void)
{
	return -ENOSYS;
}

static int socket_int80(int family, int type, int proto)
{
	(void)family, (void)type, (void)proto;
	return -ENOSYS;
}

static int bind_int80(int fd, const struct sockaddr *addr, socklen_t len)
{
	(void)fd, (void)addr, (void)len;
	return -ENOSYS;
}

static int listen_int80(int fd, int backlog)
{
	(void)fd, (void)backlog;
	return -ENOSYS;
}

static int connect_int80(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind_int80(fd, addr, len);
}

static int close_int80(int fd)
{
	(void)fd;
	return -ENOSYS;
}

#endif

static uint64_t cookie_int80(int fd)
{
	return path_sys.cookie(fd);
}

const struct path path_int80 = {
	.name = "int80",
	.probe = probe_int80,
	.socket = socket_int80,
	.bind = bind_int80,
	.listen = listen_int80,
	.connect = connect_int80,
	.close = close_int80,
	.cookie = cookie_int80,
};
