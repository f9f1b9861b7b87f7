// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/disk.h"

#include <errno.h>

struct desk { /* a worker in the loop */
	struct disk *disk;
	struct worker *worker;
	uv_poll_t poll;
};

struct disk {
	void (*after)(void *arg);
	void *arg;
	struct desk desks[DISK_FILES];
	unsigned open; /* handles that are not closed yet */
};

static void handle_closed(uv_handle_t *handle)
{
	struct disk *disk = ((struct desk *)handle->data)->disk;

	if (--disk->open == 0)
		free(disk);
}

struct disk *disk_free(struct disk *disk)
{
	if (!disk)
		return NULL;
	disk_finish(disk);
	if (disk->open == 0) {
		free(disk);
		return NULL;
	}
	for (unsigned i = disk->open; i-- > 0;) {
		struct desk *desk = &disk->desks[i];

		uv_close((uv_handle_t *)&desk->poll, handle_closed);
		desk->worker = worker_free(desk->worker);
	}
	return NULL;
}

static void on_done(uv_poll_t *poll, int status, int events)
{
	struct desk *desk = poll->data;

	(void)status;
	(void)events;
	worker_dispatch(desk->worker);
	desk->disk->after(desk->disk->arg);
}

static int open_desk(struct disk *disk, uv_loop_t *loop, struct desk *desk)
{
	int err = worker_new(&desk->worker);

	if (err < 0)
		return err;
	err = uv_poll_init(loop, &desk->poll, worker_fd(desk->worker));
	if (err < 0) {
		desk->worker = worker_free(desk->worker);
		return err;
	}
	desk->disk = disk;
	desk->poll.data = desk;
	disk->open++;
	return uv_poll_start(&desk->poll, UV_READABLE, on_done);
}

int disk_new(uv_loop_t *loop, void (*after)(void *arg), void *arg, struct disk **ret)
{
	_cleanup_(disk_freep) struct disk *disk = calloc(1, sizeof(*disk));
	int err = disk ? 0 : -ENOMEM;

	for (int i = 0; err == 0 && i < DISK_FILES; i++)
		err = open_desk(disk, loop, &disk->desks[i]);
	if (err < 0)
		return err;
	disk->after = after;
	disk->arg = arg;

	*ret = take(disk);
	return 0;
}

struct worker *disk_worker(struct disk *disk, enum disk_file file)
{
	return disk->desks[file].worker;
}

void disk_finish(struct disk *disk)
{
	for (unsigned i = 0; disk && i < disk->open; i++)
		worker_finish(disk->desks[i].worker);
}
