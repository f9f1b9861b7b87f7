// SPDX-License-Identifier: GPL-2.0-only
#include "sinks/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, TEXT_MAX = 1024 * 1024, DIGITS = 20 };

struct spool_job {
	uv_work_t work;
	struct spool *spool;
	struct spool_job *next;
	struct spool_result result;
};

struct spool {
	uv_loop_t *loop;
	char *folder;
	spool_fn fn;
	void *arg;
	struct spool_job *first, **last; /* the first is under way */
	size_t bytes;
};

int spool_new(uv_loop_t *loop, const char *folder, spool_fn fn, void *arg,
	      struct spool **ret)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		return -ENOMEM;
	spool->loop = loop;
	spool->fn = fn;
	spool->arg = arg;
	spool->last = &spool->first;
	spool->folder = strdup(folder);
	if (!spool->folder) {
		free(spool);
		return -ENOMEM;
	}

	*ret = spool;
	return 0;
}

struct spool *spool_free(struct spool *spool)
{
	if (!spool)
		return NULL;
	free(spool->folder);
	free(spool);
	return NULL;
}

size_t spool_bytes(const struct spool *spool)
{
	return spool->bytes;
}

/* -- What is there --------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
	const struct spool_entry *left = a, *right = b;

	return left->number < right->number ? -1 : left->number > right->number;
}

static bool parse_name(const char *name, uint64_t *ret)
{
	return strlen(name) == DIGITS && parse_u64(name, INT64_MAX, ret) == 0;
}

static int add_entry(DIR *folder, const char *name, struct spool_entry **entries,
		     size_t *n)
{
	struct spool_entry *more, entry;
	struct stat st;

	/* The writing of a file that a crash came into: ".NUMBER.XXXXXX". */
	if (name[0] == '.' && strspn(name + 1, "0123456789") == DIGITS)
		unlinkat(dirfd(folder), name, 0);
	if (!parse_name(name, &entry.number) ||
	    fstatat(dirfd(folder), name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	entry.size = (size_t)st.st_size;
	entry.wall_ns = (uint64_t)st.st_mtim.tv_sec * NS_PER_S;
	more = reallocarray(*entries, *n + 1, sizeof(entry));
	if (!more)
		return -ENOMEM;
	*entries = more;
	more[(*n)++] = entry;
	return 0;
}

ssize_t spool_list(const char *folder, struct spool_entry **ret)
{
	_cleanup_(freep) struct spool_entry *entries = NULL;
	DIR *open = opendir(folder);
	struct dirent *file;
	size_t n = 0;
	int err = 0;

	if (!open) {
		*ret = NULL;
		return errno == ENOENT ? 0 : -errno;
	}
	while (err == 0 && (file = readdir(open)))
		err = add_entry(open, file->d_name, &entries, &n);
	closedir(open);
	if (err < 0)
		return err;
	if (n > 1)
		qsort(entries, n, sizeof(*entries), compare);

	*ret = take(entries);
	return (ssize_t)n;
}

/* -- In the thread --------------------------------------------------------------------
 */

static int act(const char *folder, struct spool_result *result)
{
	_cleanup_(freep) char *path = NULL;
	int err;

	if (asprintf(&path, "%s/%0*" PRIu64, folder, DIGITS, result->number) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	switch (result->action) {
	case SPOOL_WRITE:
		err = make_directories(folder, FOLDER_MODE);
		return err < 0 ? err
			       : file_write_atomic(path, result->text, result->size,
						   FILE_MODE);
	case SPOOL_READ:
		return file_read(path, TEXT_MAX, &result->text, &result->size);
	case SPOOL_REMOVE:
		return unlink(path) < 0 ? -errno : 0;
	}
	return -EINVAL;
}

static void run(uv_work_t *work)
{
	struct spool_job *job = work->data;

	job->result.error = act(job->spool->folder, &job->result);
}

/* -- In the loop ----------------------------------------------------------------------
 */

static void on_done(uv_work_t *work, int status);

static void begin(struct spool_job *job)
{
	job->work.data = job;
	uv_queue_work(job->spool->loop, &job->work, run, on_done);
}

static void on_done(uv_work_t *work, int status)
{
	struct spool_job *job = work->data;
	struct spool *spool = job->spool;
	struct spool_result result = job->result;

	if (status < 0)
		result.error = status;
	if (result.action == SPOOL_WRITE) {
		spool->bytes -= result.size;
		if (result.error == 0)
			freep(&result.text);
	}
	spool->first = job->next;
	if (spool->first)
		begin(spool->first);
	else
		spool->last = &spool->first;
	free(job);
	/* The spool may be gone after this. */
	spool->fn(&result, spool->arg);
}

static int submit(struct spool *spool, const struct spool_result *order)
{
	struct spool_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->spool = spool;
	job->result = *order;
	*spool->last = job;
	spool->last = &job->next;
	if (spool->first == job)
		begin(job);
	return 0;
}

int spool_write(struct spool *spool, uint64_t number, char *text, size_t size)
{
	const struct spool_result order = {
		.action = SPOOL_WRITE, .number = number, .text = text, .size = size
	};
	int err = submit(spool, &order);

	if (err == 0)
		spool->bytes += size;
	return err;
}

int spool_read(struct spool *spool, uint64_t number)
{
	return submit(spool,
		      &(struct spool_result){ .action = SPOOL_READ, .number = number });
}

int spool_remove(struct spool *spool, uint64_t number)
{
	return submit(spool,
		      &(struct spool_result){ .action = SPOOL_REMOVE, .number = number });
}
