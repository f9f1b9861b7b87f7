// SPDX-License-Identifier: GPL-2.0-only
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"

int close_fd(int fd)
{
	int saved = errno;

	/* Never again after EINTR: Linux has let go of the descriptor by then. */
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -EBADF;
}

void close_fdp(int *fd)
{
	*fd = close_fd(*fd);
}

static int read_all(int fd, size_t max, struct buffer *buf)
{
	char chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((size_t)n > max - buf->size)
			return -EFBIG;
		buffer_add(buf, chunk, n);
		if (buf->failed)
			return -ENOMEM;
		if (n == 0)
			return 0;
	}
}

int file_read_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_(close_fdp) int fd =
		openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(buffer_done) struct buffer buf = { 0 };
	struct stat st;
	int err;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max)
		return -EFBIG;
	err = read_all(fd, max, &buf);
	if (err < 0)
		return err;
	if (ret_size)
		*ret_size = buf.size;
	*ret = take(buf.data);
	return 0;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_size)
{
	return file_read_at(AT_FDCWD, path, max, ret, ret_size);
}

/* The length of @path up to and with its last slash. */
static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* The file that @path leads to through symlinks, which need not exist. */
static int follow_links(const char *path, struct buffer *ret)
{
	_cleanup_(buffer_done) struct buffer at = { 0 };
	char target[PATH_MAX];

	buffer_puts(&at, path);
	for (int hops = 0; !at.failed && hops < 40; hops++) {
		ssize_t n = readlink(at.data, target, sizeof(target));

		if (n < 0 && errno != EINVAL && errno != ENOENT)
			return -errno;
		if (n < 0) {
			*ret = at;
			at = (struct buffer){ 0 };
			return 0;
		}
		at.size = target[0] == '/' ? 0 : folder_length(at.data);
		buffer_add(&at, target, n);
	}
	return at.failed ? -ENOMEM : -ELOOP;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= n;
	}
	return 0;
}

/* Owner and mode of the file that stands at @path, else @mode. */
static int copy_access(int fd, const char *path, mode_t mode)
{
	struct stat old, new;

	if (stat(path, &old) < 0) {
		if (errno != ENOENT || fchmod(fd, mode) < 0)
			return -errno;
		return 0;
	}
	if (!S_ISREG(old.st_mode))
		return S_ISDIR(old.st_mode) ? -EISDIR : -EINVAL;
	if (fstat(fd, &new) < 0)
		return -errno;
	if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) &&
	    fchown(fd, old.st_uid, old.st_gid) < 0)
		return -errno;
	/* After the owner: a chown clears set-id bits. */
	return fchmod(fd, old.st_mode & 07777) < 0 ? -errno : 0;
}

static int fill(int fd, const char *path, const char *data, size_t size, mode_t mode)
{
	int err = copy_access(fd, path, mode);

	if (err == 0)
		err = write_all(fd, data, size);
	if (err == 0 && fsync(fd) < 0)
		err = -errno;
	return err;
}

int file_sync_folder(const char *path)
{
	size_t n = folder_length(path);
	_cleanup_(freep) char *folder = n ? strndup(path, n) : strdup(".");
	_cleanup_(close_fdp) int fd = -EBADF;

	if (!folder)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_write_atomic(const char *path, const char *data, size_t size, mode_t mode)
{
	_cleanup_(buffer_done) struct buffer file = { 0 }, temporary = { 0 };
	_cleanup_(close_fdp) int fd = -EBADF;
	size_t folder;
	int err;

	err = follow_links(path, &file);
	if (err < 0)
		return err;
	folder = folder_length(file.data);
	buffer_add(&temporary, file.data, folder);
	buffer_printf(&temporary, ".%s.XXXXXX", file.data + folder);
	if (temporary.failed)
		return -ENOMEM;
	fd = mkostemp(temporary.data, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fill(fd, file.data, data, size, mode);
	if (err == 0 && rename(temporary.data, file.data) < 0)
		err = -errno;
	if (err < 0) {
		unlink(temporary.data);
		return err;
	}
	return file_sync_folder(file.data);
}

/* flock(2) cannot wait for a while only, hence the look every few milliseconds. */
static int lock_until(int fd, uint64_t deadline_ns)
{
	const struct timespec pause = { .tv_nsec = 5 * NS_PER_MS };

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EINTR && errno != EWOULDBLOCK)
			return -errno;
		if (now_mono_ns() >= deadline_ns)
			return -EWOULDBLOCK;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int file_lock(const char *path, unsigned timeout_ms)
{
	uint64_t deadline_ns = now_mono_ns() + timeout_ms * NS_PER_MS;
	_cleanup_(buffer_done) struct buffer name = { 0 };
	int fd, err;

	err = follow_links(path, &name);
	if (err < 0)
		return err;
	buffer_puts(&name, ".lock");
	if (name.failed)
		return -ENOMEM;
	fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = lock_until(fd, deadline_ns);
	if (err < 0) {
		close_fd(fd);
		return err;
	}
	return fd;
}

static int make_directory(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0) {
		int err = file_sync_folder(path);

		/* A parent that may be written and not read cannot be told to. */
		return err == -EACCES ? 0 : err;
	}
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int make_directories(const char *path, mode_t mode)
{
	_cleanup_(freep) char *partial = strdup(path);
	int err;

	if (!partial)
		return -ENOMEM;
	for (char *p = partial; *p; p++) {
		if (*p != '/' || p == partial)
			continue;
		*p = '\0';
		err = make_directory(partial, mode);
		if (err < 0)
			return err;
		*p = '/';
	}
	return make_directory(partial, mode);
}
