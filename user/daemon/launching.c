// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/launching.h"

#include <errno.h>

struct launching {
	uv_poll_t poll;
	bool polled;
	struct launcher *launcher;
	void (*after)(void *arg);
	void *arg;
	struct launch *ending; /* NULL: not asked for */
	void (*ended)(void *arg);
	void *ended_arg;
};

static void on_news(uv_poll_t *poll, int status, int events)
{
	struct launching *launching = poll->data;

	(void)status;
	(void)events;
	launcher_dispatch(launching->launcher);
	launching->after(launching->arg);
}

static void free_launching(uv_handle_t *handle)
{
	free(handle->data);
}

int launching_new(uv_loop_t *loop, const struct launcher_options *options,
		  void (*after)(void *arg), void *arg, struct launching **ret)
{
	_cleanup_(launching_freep) struct launching *launching =
		calloc(1, sizeof(*launching));
	int err;

	if (!launching)
		return -ENOMEM;
	launching->after = after;
	launching->arg = arg;
	err = launcher_new(options, &launching->launcher);
	if (err < 0)
		return err;
	err = uv_poll_init(loop, &launching->poll, launcher_fd(launching->launcher));
	if (err < 0)
		return err;
	launching->polled = true;
	launching->poll.data = launching;
	err = uv_poll_start(&launching->poll, UV_READABLE, on_news);
	if (err < 0)
		return err;

	*ret = take(launching);
	return 0;
}

struct launching *launching_free(struct launching *launching)
{
	if (!launching)
		return NULL;
	launch_free(launching->ending);
	if (launching->polled)
		uv_poll_stop(&launching->poll);
	launching->launcher = launcher_free(launching->launcher);
	if (launching->polled)
		uv_close((uv_handle_t *)&launching->poll, free_launching);
	else
		free(launching);
	return NULL;
}

struct launcher *launching_launcher(struct launching *launching)
{
	return launching->launcher;
}

static void on_ending(void *arg)
{
	struct launching *launching = arg;

	if (launching->ending->is_over)
		launching->ended(launching->ended_arg);
}

void launching_end(struct launching *launching, void (*done)(void *arg), void *arg)
{
	struct launch_order order = { .action = LAUNCH_ACTION_DOWN };
	char why[LAUNCH_REASON];

	if (launching->ending)
		return;
	if (!launcher_has_running(launching->launcher) ||
	    launch_new(launching->launcher, &order, &launching->ending, why) < 0) {
		done(arg);
		return;
	}
	launching->ended = done;
	launching->ended_arg = arg;
	launch_begin(launching->ending, on_ending, launching);
}
