// SPDX-License-Identifier: GPL-2.0-only
#include "store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"

enum { FILE_MODE = 0640, FOLDER_MODE = 0755 };

struct audit {
	char *folder;
	struct buffer lines;
	char *path;          /* last written to; NULL none */
	off_t before, after; /* its size before that, and since */
};

const char *audit_action_name(enum audit_action action)
{
	static const char *const names[] = {
		[AUDIT_ALLOCATE] = "allocate",
		[AUDIT_REGISTER_PID] = "register_pid",
		[AUDIT_RELEASE] = "release",
		[AUDIT_CLEANUP] = "cleanup",
	};

	return names[action];
}

int audit_new(const char *folder, struct audit **ret)
{
	_cleanup_(audit_freep) struct audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return -ENOMEM;
	audit->folder = strdup(folder);
	if (!audit->folder)
		return -ENOMEM;

	*ret = take(audit);
	return 0;
}

struct audit *audit_free(struct audit *audit)
{
	if (!audit)
		return NULL;
	buffer_done(&audit->lines);
	free(audit->folder);
	free(audit->path);
	free(audit);
	return NULL;
}

static void set_end(struct doc *doc, const struct allocation *alloc, const char *reason,
		    uint64_t wall_ns)
{
	uint64_t lasted_ns =
		wall_ns > alloc->allocated_ns ? wall_ns - alloc->allocated_ns : 0;

	doc_put_double(doc, "duration_s", (double)(lasted_ns / NS_PER_MS) / 1000);
	doc_put_string(doc, "health_status", alloc->health_status);
	if (alloc->proto == IPPROTO_UDP)
		doc_put_null(doc, "request_count");
	else
		doc_put_int(doc, "request_count", (int64_t)alloc->request_count);
	doc_put_int(doc, "error_count", (int64_t)alloc->error_count);
	doc_put_string(doc, "reason", reason);
}

int audit_add(struct audit *audit, enum audit_action action,
	      const struct allocation *alloc, const char *reason, uint64_t wall_ns)
{
	_cleanup_(doc_freep) struct doc *doc = doc_object();
	_cleanup_(freep) char *text = NULL;
	size_t size;

	doc_put_time(doc, "timestamp", wall_ns);
	doc_put_string(doc, "action", audit_action_name(action));
	doc_put_int(doc, "port", alloc->port);
	doc_put_string(doc, "proto", proto_name(alloc->proto));
	doc_put_string(doc, "service_name", alloc->service_name);
	doc_put_string(doc, "started_by", alloc->started_by);
	doc_put_string(doc, "purpose", alloc->purpose);
	if (alloc->process.pid)
		doc_put_int(doc, "pid", alloc->process.pid);
	else
		doc_put_null(doc, "pid");
	if (action == AUDIT_RELEASE || action == AUDIT_CLEANUP)
		set_end(doc, alloc, reason, wall_ns);
	text = doc ? doc_print(doc, false, &size) : NULL;
	if (!text)
		return -ENOMEM;
	buffer_add(&audit->lines, text, size);
	buffer_puts(&audit->lines, "\n");
	return audit->lines.failed ? -ENOMEM : 0;
}

void audit_forget(struct audit *audit)
{
	buffer_done(&audit->lines);
	audit->lines = (struct buffer){ 0 };
}

static char *path_of_day(const struct audit *audit, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm day;
	char *path;

	gmtime_r(&seconds, &day);
	if (asprintf(&path, "%s/allocations_%04d%02d%02d.jsonl", audit->folder,
		     day.tm_year + 1900, day.tm_mon + 1, day.tm_mday) < 0)
		return NULL;
	return path;
}

/* The size of the file up to and with its last whole line. */
static int whole_lines(int fd, off_t *ret)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char chunk[512];

	while (size > 0) {
		size_t n = size < (off_t)sizeof(chunk) ? (size_t)size : sizeof(chunk);

		if (pread(fd, chunk, n, size - (off_t)n) != (ssize_t)n)
			return -EIO;
		while (n > 0 && chunk[n - 1] != '\n') {
			n--;
			size--;
		}
		if (n > 0)
			break;
	}
	*ret = size;
	return size < 0 ? -errno : 0;
}

static int append(int fd, const struct buffer *lines, off_t at)
{
	for (size_t done = 0; done < lines->size;) {
		ssize_t n = pwrite(fd, lines->data + done, lines->size - done,
				   at + (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Locked: several daemons may write to one folder. */
static int open_log(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR) {
			int err = -errno;

			close_fd(fd);
			return err;
		}
	}
	return fd;
}

static int write_lines(struct audit *audit, const char *path)
{
	_cleanup_(close_fdp) int fd = -EBADF;
	struct stat st;
	off_t before;
	int err = make_directories(audit->folder, FOLDER_MODE);

	if (err < 0)
		return err;
	fd = open_log(path);
	if (fd < 0)
		return fd;
	err = whole_lines(fd, &before);
	if (err < 0)
		return err;
	if (fstat(fd, &st) < 0 || (st.st_size != before && ftruncate(fd, before) < 0))
		return -errno;
	err = append(fd, &audit->lines, before);
	if (err == 0 && before == 0) /* it may be new */
		err = file_sync_folder(path);
	if (err < 0) {
		/* What cannot be taken back is a torn line for the next to remove. */
		(void)!ftruncate(fd, before);
		return err;
	}
	audit->before = before;
	audit->after = before + (off_t)audit->lines.size;
	return 0;
}

int audit_write(struct audit *audit, uint64_t wall_ns)
{
	_cleanup_(freep) char *path = path_of_day(audit, wall_ns);
	int err = !path || audit->lines.failed ? -ENOMEM : write_lines(audit, path);

	audit_forget(audit);
	free(take(audit->path));
	if (err < 0)
		return err;
	audit->path = take(path);
	return 0;
}

void audit_undo(struct audit *audit)
{
	_cleanup_(freep) char *path = take(audit->path);
	_cleanup_(close_fdp) int fd = path ? open_log(path) : -EBADF;
	struct stat st;

	/* Behind the lines of another daemon they have to stay. */
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size == audit->after)
		(void)!ftruncate(fd, audit->before);
}
