// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/pump.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/files.h"
#include "base/time.h"

/* A descriptor that starts the pump. */
struct inlet {
	uv_poll_t poll;
	bool open;
	int fd;
};

struct pump {
	uv_loop_t *loop;
	struct engine *engine;
	void (*after)(void *arg);
	void *arg;
	struct inlet ring;
	/* Not a timer of the loop, which counts in milliseconds. */
	struct inlet clock;
	uint64_t deadline_ns; /* that the clock is set to; 0 none */
	uv_idle_t
		again; /* keeps the loop from sleeping while the engine has more to do */
	unsigned handles; /* not closed yet */
	bool freed;
};

static void handle_closed(uv_handle_t *handle)
{
	struct pump *pump = handle->data;

	if (--pump->handles == 0 && pump->freed)
		free(pump);
}

static void run(struct pump *pump)
{
	bool more = engine_dispatch(pump->engine);

	pump->after(pump->arg);
	pump_update(pump);
	if (!more)
		uv_idle_stop(&pump->again);
}

static void on_again(uv_idle_t *idle)
{
	run(idle->data);
}

static void start(struct pump *pump)
{
	uv_idle_start(&pump->again, on_again);
	run(pump);
}

static void on_ring(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	start(poll->data);
}

static void on_clock(uv_poll_t *poll, int status, int events)
{
	struct pump *pump = poll->data;
	uint64_t expirations;

	(void)status;
	(void)events;
	if (read(pump->clock.fd, &expirations, sizeof(expirations)) > 0)
		pump->deadline_ns = 0;
	start(pump);
}

static int inlet_open(struct pump *pump, struct inlet *inlet, int fd, uv_poll_cb fn)
{
	int err = uv_poll_init(pump->loop, &inlet->poll, fd);

	if (err < 0)
		return err;
	inlet->poll.data = pump;
	inlet->fd = fd;
	inlet->open = true;
	pump->handles++;
	return uv_poll_start(&inlet->poll, UV_READABLE, fn);
}

struct pump *pump_free(struct pump *pump)
{
	if (!pump)
		return NULL;
	pump->freed = true;
	if (pump->ring.open)
		uv_close((uv_handle_t *)&pump->ring.poll, handle_closed);
	if (pump->clock.open)
		uv_close((uv_handle_t *)&pump->clock.poll, handle_closed);
	pump->clock.fd = close_fd(pump->clock.fd);
	uv_close((uv_handle_t *)&pump->again, handle_closed);
	return NULL;
}

int pump_new(uv_loop_t *loop, struct engine *engine, void (*after)(void *arg), void *arg,
	     struct pump **ret)
{
	struct pump *pump = calloc(1, sizeof(*pump));
	int fd, err;

	if (!pump)
		return -ENOMEM;
	pump->loop = loop;
	pump->engine = engine;
	pump->after = after;
	pump->arg = arg;
	pump->clock.fd = -EBADF;
	uv_idle_init(loop, &pump->again);
	pump->again.data = pump;
	pump->handles = 1;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = fd < 0 ? -errno : inlet_open(pump, &pump->clock, fd, on_clock);
	if (err < 0) {
		pump_free(pump);
		return err;
	}

	*ret = pump;
	return 0;
}

static void set_clock(struct pump *pump, uint64_t deadline_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(deadline_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(deadline_ns % NS_PER_S),
	};

	if (deadline_ns == pump->deadline_ns)
		return;
	/* It can only fail for a descriptor that is none. */
	(void)timerfd_settime(pump->clock.fd, TFD_TIMER_ABSTIME, &when, NULL);
	pump->deadline_ns = deadline_ns;
}

int pump_update(struct pump *pump)
{
	int fd = engine_fd(pump->engine);

	set_clock(pump, engine_deadline(pump->engine));
	return fd >= 0 && !pump->ring.open ? inlet_open(pump, &pump->ring, fd, on_ring)
					   : 0;
}
