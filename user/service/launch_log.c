// SPDX-License-Identifier: GPL-2.0-only
#include "service/launch_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

enum { FOLDER_MODE = 0750, FILE_MODE = 0640 };

char *launch_log_path(const char *log, const char *name)
{
	char *path;

	return asprintf(&path, "%s/services/%s.log", log, name) < 0 ? NULL : path;
}

int launch_log_open(const char *path)
{
	_cleanup_(freep) char *folder = strdup(path);
	int err, fd;

	if (!folder)
		return -ENOMEM;
	*strrchr(folder, '/') = '\0';
	err = make_directories(folder, FOLDER_MODE);
	if (err < 0)
		return err;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		  FILE_MODE);
	return fd < 0 ? -errno : fd;
}

bool launch_log_is_large(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > LAUNCH_LOG_BYTES;
}

/* NAME.log.4 becomes .5, …, .1 becomes .2. */
static void shift(const char *path)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (int i = LAUNCH_LOGS_KEPT - 1; i > 0; i--) {
		snprintf(from, sizeof(from), "%s.%d", path, i);
		snprintf(to, sizeof(to), "%s.%d", path, i + 1);
		rename(from, to);
	}
}

/* The bytes from @at to @end. */
static int copy(int from, int to, off_t at, off_t end)
{
	while (at < end) {
		ssize_t n = sendfile(to, from, &at, (size_t)(end - at));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
	}
	return 0;
}

/* Whole blocks are cut off the front, and the rest stays; else all goes. */
static int move(int from, int to, const struct stat *st)
{
	off_t blocks = (st->st_size - 1) / st->st_blksize * st->st_blksize;
	int err = copy(from, to, 0, blocks);

	if (err < 0 || fallocate(from, FALLOC_FL_COLLAPSE_RANGE, 0, blocks) == 0)
		return err;
	err = copy(from, to, blocks, INT64_MAX);
	return err == 0 && ftruncate(from, 0) < 0 ? -errno : err;
}

int launch_log_rotate(const char *path)
{
	_cleanup_(close_fdp) int from = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(close_fdp) int to = -EBADF;
	char first[PATH_MAX];
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return 0;
	shift(path);
	snprintf(first, sizeof(first), "%s.1", path);
	to = open(first, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  FILE_MODE);
	return to < 0 ? -errno : move(from, to, &st);
}
