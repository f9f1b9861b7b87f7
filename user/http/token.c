// SPDX-License-Identifier: GPL-2.0-only
#include "http/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

/* What RFC 6750 lets a token have. */
static const char letters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";

static int make(const char *path)
{
	unsigned char bytes[TOKEN_BYTES];
	char text[2 * TOKEN_BYTES + 2];
	int err;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	strcat(text, "\n");
	err = file_write_atomic(path, text, strlen(text), 0600);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text, sizeof(text));
	return err;
}

/* O_NONBLOCK: it may be a FIFO that nobody writes to. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	err = make(path);
	if (err < 0)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return -EOWNERDEAD;
	return st.st_mode & 077 ? -EACCES : 0;
}

int token_load(const char *path, char **ret)
{
	_cleanup_(close_fdp) int fd = open_file(path);
	char text[TOKEN_MAX + 2];
	ssize_t n;
	size_t size;
	int err = fd < 0 ? fd : check_file(fd);

	if (err < 0)
		return err;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	size = strspn(text, letters);
	if (size < TOKEN_MIN || size > TOKEN_MAX ||
	    text[size + strspn(text + size, " \t\r\n")] != '\0')
		err = -EINVAL;
	text[size] = '\0';
	if (err == 0) {
		*ret = strdup(text);
		err = *ret ? 0 : -ENOMEM;
	}
	explicit_bzero(text, sizeof(text));
	return err;
}
