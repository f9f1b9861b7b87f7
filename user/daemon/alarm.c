// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/alarm.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/files.h"
#include "base/time.h"

struct alarm {
	uv_poll_t poll;
	void (*ring)(void *arg);
	void *arg;
	uint64_t due_ns; /* that it is set to */
	int fd;
};

static void on_timer(uv_poll_t *poll, int status, int events)
{
	struct alarm *alarm = poll->data;
	uint64_t expirations;

	(void)status;
	(void)events;
	if (read(alarm->fd, &expirations, sizeof(expirations)) < 0)
		return;
	alarm->due_ns = 0;
	alarm->ring(alarm->arg);
}

static void free_alarm(uv_handle_t *handle)
{
	free(handle->data);
}

int alarm_new(uv_loop_t *loop, void (*ring)(void *arg), void *arg, struct alarm **ret)
{
	struct alarm *alarm = calloc(1, sizeof(*alarm));
	int err;

	if (!alarm)
		return -ENOMEM;
	*alarm = (struct alarm){ .ring = ring, .arg = arg };
	alarm->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	err = alarm->fd < 0 ? -errno : uv_poll_init(loop, &alarm->poll, alarm->fd);
	if (err < 0) {
		close_fd(alarm->fd);
		free(alarm);
		return err;
	}
	alarm->poll.data = alarm;
	err = uv_poll_start(&alarm->poll, UV_READABLE, on_timer);
	if (err < 0) {
		alarm_free(alarm);
		return err;
	}

	*ret = alarm;
	return 0;
}

struct alarm *alarm_free(struct alarm *alarm)
{
	if (!alarm)
		return NULL;
	uv_close((uv_handle_t *)&alarm->poll, free_alarm);
	alarm->fd = close_fd(alarm->fd);
	return NULL;
}

void alarm_set(struct alarm *alarm, uint64_t wall_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(wall_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(wall_ns % NS_PER_S),
	};

	if (wall_ns == alarm->due_ns)
		return;
	/* It can only fail for a descriptor that is none. */
	(void)timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &when, NULL);
	alarm->due_ns = wall_ns;
}
