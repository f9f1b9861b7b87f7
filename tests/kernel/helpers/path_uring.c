// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket calls through io_uring, by raw system calls: liburing 2.3 knows neither BIND
 * nor LISTEN, and the headers of a distribution may be older than its kernel.
 * One ring of one entry, made when it is first needed; a fork makes its own.
 */
#include "kernel/helpers/path.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* enum io_uring_op, with the kernel that brought it */
enum {
	OP_CONNECT = 16, /* 5.5 */
	OP_CLOSE = 19,
	OP_SOCKET = 45,       /* 5.19 */
	OP_URING_CMD = 46,    /* 5.19 */
	OP_BIND = 56,         /* 6.11 */
	OP_LISTEN = 57,       /* 6.11 */
	URING_GETSOCKOPT = 2, /* 6.7: enum io_uring_socket_op */
	DIRECT_MAX = 64,
};

/* struct io_uring_sqe as 6.7 has it, the members that are used */
struct entry {
	uint8_t opcode;
	uint8_t flags;
	uint16_t ioprio;
	int32_t fd;
	uint64_t off;  /* addr2; URING_CMD: the command in the lower half */
	uint64_t addr; /* SETSOCKOPT: level, then name */
	uint32_t len;
	uint32_t op_flags;
	uint64_t user_data;
	uint16_t buf_index;
	uint16_t personality;
	uint32_t file_index; /* SETSOCKOPT: optlen */
	uint64_t addr3;      /* SETSOCKOPT: optval */
	uint64_t pad;
};

_Static_assert(sizeof(struct entry) == sizeof(struct io_uring_sqe), "one entry");

static struct {
	pid_t owner; /* who made it; 0 none */
	int fd;
	uint32_t *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct entry *entries;
	struct io_uring_cqe *completions;
	uint64_t taken; /* direct descriptors in use, a bit each */
} ring;

static void *map(size_t size, off_t at)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		    ring.fd, at);
}

static int map_ring(const struct io_uring_params *p)
{
	char *sq = map(p->sq_off.array + p->sq_entries * sizeof(uint32_t),
		       IORING_OFF_SQ_RING);
	char *cq = map(p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
		       IORING_OFF_CQ_RING);

	ring.entries = map(p->sq_entries * sizeof(struct entry), IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || ring.entries == MAP_FAILED)
		return -errno;
	ring.sq_tail = (uint32_t *)(sq + p->sq_off.tail);
	ring.sq_mask = (uint32_t *)(sq + p->sq_off.ring_mask);
	ring.sq_array = (uint32_t *)(sq + p->sq_off.array);
	ring.cq_head = (uint32_t *)(cq + p->cq_off.head);
	ring.cq_tail = (uint32_t *)(cq + p->cq_off.tail);
	ring.cq_mask = (uint32_t *)(cq + p->cq_off.ring_mask);
	ring.completions = (struct io_uring_cqe *)(cq + p->cq_off.cqes);
	return 0;
}

static int open_ring(void)
{
	struct io_uring_params params = { 0 };
	int nowhere[DIRECT_MAX];
	int err;

	if (ring.owner == getpid())
		return 0;
	memset(&ring, 0, sizeof(ring));
	ring.fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring.fd < 0)
		return -errno;

	err = map_ring(&params);
	if (err < 0)
		return err;
	memset(nowhere, 0xff, sizeof(nowhere));
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, nowhere,
		    DIRECT_MAX) < 0)
		return -errno;
	ring.owner = getpid();
	return 0;
}

static int submit(const struct entry *entry)
{
	uint32_t tail, head;
	int err, result;

	err = open_ring();
	if (err < 0)
		return err;

	tail = *ring.sq_tail;
	ring.entries[tail & *ring.sq_mask] = *entry;
	ring.sq_array[tail & *ring.sq_mask] = tail & *ring.sq_mask;
	__atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
	do
		err = (int)syscall(SYS_io_uring_enter, ring.fd, 1, 1,
				   IORING_ENTER_GETEVENTS, NULL, 0);
	while (err < 0 && errno == EINTR);
	if (err < 0)
		return -errno;

	head = *ring.cq_head;
	if (head == __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE))
		return -EIO;
	result = ring.completions[head & *ring.cq_mask].res;
	__atomic_store_n(ring.cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

/* Listening on a descriptor that is none: EBADF says that the kernel knows how. */
static int probe_uring(void)
{
	int err = submit(&(struct entry){ .opcode = OP_LISTEN, .fd = -1 });

	return err == -EBADF ? 0 : err == -EINVAL ? -EOPNOTSUPP : err;
}

static int make_socket(int family, int type, int proto, uint32_t file_index)
{
	return submit(&(struct entry){ .opcode = OP_SOCKET,
				       .fd = family,
				       .off = (uint64_t)type,
				       .len = (uint32_t)proto,
				       .file_index = file_index });
}

static int bind_at(int fd, const struct sockaddr *addr, socklen_t len, uint8_t flags)
{
	return submit(&(struct entry){ .opcode = OP_BIND,
				       .flags = flags,
				       .fd = fd,
				       .off = len,
				       .addr = (uintptr_t)addr });
}

static int listen_at(int fd, int backlog, uint8_t flags)
{
	return submit(&(struct entry){ .opcode = OP_LISTEN,
				       .flags = flags,
				       .fd = fd,
				       .len = (uint32_t)backlog });
}

static int connect_at(int fd, const struct sockaddr *addr, socklen_t len, uint8_t flags)
{
	return submit(&(struct entry){ .opcode = OP_CONNECT,
				       .flags = flags,
				       .fd = fd,
				       .off = len,
				       .addr = (uintptr_t)addr });
}

static int socket_uring(int family, int type, int proto)
{
	return make_socket(family, type | SOCK_CLOEXEC, proto, 0);
}

static int bind_uring(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind_at(fd, addr, len, 0);
}

static int listen_uring(int fd, int backlog)
{
	return listen_at(fd, backlog, 0);
}

static int connect_uring(int fd, const struct sockaddr *addr, socklen_t len)
{
	return connect_at(fd, addr, len, 0);
}

static int close_uring(int fd)
{
	return submit(&(struct entry){ .opcode = OP_CLOSE, .fd = fd });
}

static uint64_t cookie_uring(int fd)
{
	return path_sys.cookie(fd);
}

const struct path path_uring = {
	.name = "uring",
	.probe = probe_uring,
	.socket = socket_uring,
	.bind = bind_uring,
	.listen = listen_uring,
	.connect = connect_uring,
	.close = close_uring,
	.cookie = cookie_uring,
};

static int socket_direct(int family, int type, int proto)
{
	int err, index = 0;

	err = open_ring();
	if (err < 0)
		return err;
	while (index < DIRECT_MAX && ring.taken >> index & 1)
		index++;
	if (index == DIRECT_MAX)
		return -ENFILE;

	err = make_socket(family, type, proto, (uint32_t)index + 1);
	if (err < 0)
		return err;
	ring.taken |= 1ull << index;
	return index;
}

static int bind_direct(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind_at(fd, addr, len, IOSQE_FIXED_FILE);
}

static int listen_direct(int fd, int backlog)
{
	return listen_at(fd, backlog, IOSQE_FIXED_FILE);
}

static int connect_direct(int fd, const struct sockaddr *addr, socklen_t len)
{
	return connect_at(fd, addr, len, IOSQE_FIXED_FILE);
}

static int close_direct(int fd)
{
	int err = submit(
		&(struct entry){ .opcode = OP_CLOSE, .file_index = (uint32_t)fd + 1 });

	if (err == 0)
		ring.taken &= ~(1ull << fd);
	return err;
}

static uint64_t cookie_direct(int fd)
{
	uint64_t cookie = 0;
	struct entry entry = {
		.opcode = OP_URING_CMD,
		.flags = IOSQE_FIXED_FILE,
		.fd = fd,
		.off = URING_GETSOCKOPT,
		.addr = SOL_SOCKET | (uint64_t)SO_COOKIE << 32,
		.file_index = sizeof(cookie),
		.addr3 = (uintptr_t)&cookie,
	};

	return submit(&entry) < 0 ? 0 : cookie;
}

const struct path path_direct = {
	.name = "direct",
	.probe = probe_uring,
	.socket = socket_direct,
	.bind = bind_direct,
	.listen = listen_direct,
	.connect = connect_direct,
	.close = close_direct,
	.cookie = cookie_direct,
};
