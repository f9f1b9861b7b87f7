// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/notify.h"

#include <errno.h>
#include <stdlib.h>

#ifdef HAVE_SYSTEMD

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "base/time.h"

struct notify {
	void *library;
	__typeof__(&sd_notify) send;
	uv_timer_t watchdog;
};

static void on_watchdog(uv_timer_t *timer)
{
	struct notify *notify = timer->data;

	notify->send(0, "WATCHDOG=1");
}

static int load(struct notify *notify)
{
	__typeof__(&sd_watchdog_enabled) enabled;
	uint64_t period_us = 0;

	notify->library = dlopen("libsystemd.so.0", RTLD_LAZY | RTLD_LOCAL);
	if (!notify->library)
		return -ENOPKG;
	notify->send = (__typeof__(notify->send))dlsym(notify->library, "sd_notify");
	enabled = (__typeof__(enabled))dlsym(notify->library, "sd_watchdog_enabled");
	if (!notify->send || !enabled)
		return -ENOPKG;
	if (enabled(0, &period_us) > 0) {
		/* Half of it, as sd_watchdog_enabled(3) recommends. */
		uint64_t period_ms = period_us / 2000 ? period_us / 2000 : 1;

		uv_timer_start(&notify->watchdog, on_watchdog, period_ms, period_ms);
	}
	return 0;
}

int notify_new(uv_loop_t *loop, struct notify **ret)
{
	struct notify *notify;
	int err;

	*ret = NULL;
	if (!getenv("NOTIFY_SOCKET"))
		return 0;
	notify = calloc(1, sizeof(*notify));
	if (!notify)
		return -ENOMEM;
	uv_timer_init(loop, &notify->watchdog);
	uv_unref((uv_handle_t *)&notify->watchdog);
	notify->watchdog.data = notify;
	err = load(notify);
	if (err < 0) {
		notify_free(notify);
		return err;
	}

	*ret = notify;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct notify *notify_free(struct notify *notify)
{
	if (!notify)
		return NULL;
	if (notify->library)
		dlclose(notify->library);
	uv_close((uv_handle_t *)&notify->watchdog, closed);
	return NULL;
}

void notify_ready(struct notify *notify, const char *status)
{
	char text[512];

	if (!notify)
		return;
	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", status);
	notify->send(0, text);
}

void notify_reloading(struct notify *notify)
{
	char text[128];

	if (!notify)
		return;
	/* Type=notify-reload wants to know when it began. */
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 now_mono_ns() / 1000);
	notify->send(0, text);
}

void notify_stopping(struct notify *notify)
{
	if (notify)
		notify->send(0, "STOPPING=1");
}

#else /* built without libsystemd: nobody is told */

int notify_new(uv_loop_t *loop, struct notify **ret)
{
	(void)loop;
	*ret = NULL;
	return 0;
}

struct notify *notify_free(struct notify *notify)
{
	(void)notify;
	return NULL;
}

void notify_ready(struct notify *notify, const char *status)
{
	(void)notify;
	(void)status;
}

void notify_reloading(struct notify *notify)
{
	(void)notify;
}

void notify_stopping(struct notify *notify)
{
	(void)notify;
}

#endif
