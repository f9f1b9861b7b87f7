// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

/* Writers are left time to finish several changes; a reader of half a file never starts
 * earlier than its writer closed it. */
enum { SETTLE_MS = 50 };

#define FOLDER_EVENTS                                                           \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* One folder, and the one name in it that matters; "" every name. */
struct place {
	int id; /* of inotify; negative: none */
	char *name;
};

struct watch {
	char *path;
	void (*changed)(void *arg);
	void *arg;
	int fd;
	uv_poll_t poll;
	uv_timer_t settle;
	unsigned handles;          /* not closed yet */
	struct place file, target; /* of a symlink */
};

static void place_forget(struct watch *watch, struct place *place)
{
	if (place->id >= 0)
		inotify_rm_watch(watch->fd, place->id);
	place->id = -1;
	free(take(place->name));
}

/* Watch the folder of @path for its last name, or the nearest folder above that exists
 * for the one below it. */
static int place_set(struct watch *watch, struct place *place, const char *path)
{
	_cleanup_(freep) char *folder = strdup(path);
	int id = -1;

	if (!folder)
		return -ENOMEM;
	while (id < 0) {
		char *slash = strrchr(folder, '/');
		const char *parent = slash == folder ? "/" : folder;
		_cleanup_(freep) char *name = strdup(slash ? slash + 1 : folder);

		if (!name)
			return -ENOMEM;
		if (slash)
			*slash = '\0';
		id = inotify_add_watch(watch->fd, slash ? parent : ".", FOLDER_EVENTS);
		if (id < 0 && (!slash || slash == folder ||
			       (errno != ENOENT && errno != ENOTDIR && errno != EACCES)))
			return -errno;
		if (id >= 0) {
			place->id = id;
			place->name = take(name);
		}
	}
	return 0;
}

/* Where everything is may have changed: look for it anew. */
static int set_places(struct watch *watch)
{
	_cleanup_(freep) char *target = NULL;
	int err;

	/* Both may be one folder, whose watch they then share. */
	if (watch->target.id == watch->file.id)
		watch->target.id = -1;
	place_forget(watch, &watch->target);
	place_forget(watch, &watch->file);
	err = place_set(watch, &watch->file, watch->path);
	target = realpath(watch->path, NULL);
	if (err == 0 && target && !streq(target, watch->path))
		err = place_set(watch, &watch->target, target);
	return err;
}

static void on_settled(uv_timer_t *timer)
{
	struct watch *watch = timer->data;

	/* What cannot be watched now is looked at on SIGHUP. */
	(void)set_places(watch);
	watch->changed(watch->arg);
}

/* A new file is told once more when its writer closes it; links and folders are not. */
static bool is_unfinished(const struct watch *watch, const struct inotify_event *event)
{
	struct stat st;

	return event->mask & IN_CREATE && !(event->mask & IN_ISDIR) &&
	       lstat(watch->path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static bool matters(const struct watch *watch, const struct inotify_event *event)
{
	const struct place *places[] = { &watch->file, &watch->target };

	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_Q_OVERFLOW))
		return true;
	/* "..data" is how Kubernetes swaps all files of a mounted map at once. */
	if (event->len && streq(event->name, "..data"))
		return true;
	for (size_t i = 0; i < 2; i++)
		if (event->wd == places[i]->id && event->len &&
		    streq(event->name, places[i]->name))
			return !is_unfinished(watch, event);
	return false;
}

static void on_inotify(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	char buf[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	bool changed = false;
	ssize_t n;

	(void)status;
	(void)events;
	while ((n = read(watch->fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n; p += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)p;
			changed |= matters(watch, event);
		}
	}
	if (changed && !uv_is_active((uv_handle_t *)&watch->settle))
		uv_timer_start(&watch->settle, on_settled, SETTLE_MS, 0);
}

static void free_watch(struct watch *watch)
{
	free(watch->file.name);
	free(watch->target.name);
	free(watch->path);
	free(watch);
}

static void handle_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;

	if (--watch->handles == 0)
		free_watch(watch);
}

int watch_new(uv_loop_t *loop, const char *path, void (*changed)(void *arg), void *arg,
	      struct watch **ret)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int err = -ENOMEM;

	if (!watch)
		return err;
	watch->file.id = watch->target.id = -1;
	watch->changed = changed;
	watch->arg = arg;
	watch->path = strdup(path);
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->path)
		err = watch->fd < 0 ? -errno
				    : uv_poll_init(loop, &watch->poll, watch->fd);
	if (err < 0) {
		close_fd(watch->fd);
		free_watch(watch);
		return err;
	}
	uv_timer_init(loop, &watch->settle);
	watch->settle.data = watch->poll.data = watch;
	watch->handles = 2;
	err = set_places(watch);
	if (err == 0)
		err = uv_poll_start(&watch->poll, UV_READABLE, on_inotify);
	if (err < 0) {
		watch_free(watch);
		return err;
	}

	*ret = watch;
	return 0;
}

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;
	uv_close((uv_handle_t *)&watch->poll, handle_closed);
	uv_close((uv_handle_t *)&watch->settle, handle_closed);
	watch->fd = close_fd(watch->fd);
	return NULL;
}
