// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/recorder.h"

#include <errno.h>

#include "base/log.h"
#include "base/time.h"

#define ALL_TYPES ((1u << EVENT_TYPES) - 1)

/* Whoever waits for the event is told first. */
enum { WRITE_AFTER_MS = 20 };

struct recorder {
	uv_timer_t later; /* runs while something is not written */
	struct engine *engine;
	struct engine_subscription *subscription; /* NULL: nothing is written */
	struct history *history;
	uint64_t begun_ns; /* wall clock */
};

static void on_later(uv_timer_t *timer)
{
	const struct recorder *recorder = timer->data;

	history_write(recorder->history);
}

static void record(const struct event *event, void *arg)
{
	struct recorder *recorder = arg;

	history_add(recorder->history, event);
	if (!uv_is_active((uv_handle_t *)&recorder->later))
		uv_timer_start(&recorder->later, on_later, WRITE_AFTER_MS, 0);
}

/* Perhaps in the history's thread. */
static void complain(const char *what, void *arg)
{
	(void)arg;
	log_warning("%s", what);
}

int recorder_new(uv_loop_t *loop, struct engine *engine, const char *state, bool writes,
		 struct recorder **ret)
{
	struct history_options options = {
		.folder = state,
		.writes = writes,
		.complain = complain,
	};
	_cleanup_(recorder_freep) struct recorder *recorder =
		calloc(1, sizeof(*recorder));
	int err;

	if (!recorder)
		return -ENOMEM;
	recorder->engine = engine;
	uv_timer_init(loop, &recorder->later);
	recorder->later.data = recorder;
	err = history_new(&options, &recorder->history);
	if (err == 0 && writes)
		err = engine_subscribe(engine, ALL_TYPES, record, recorder,
				       &recorder->subscription);
	if (err < 0)
		return err;

	*ret = take(recorder);
	return 0;
}

static void free_recorder(uv_handle_t *later)
{
	free(later->data);
}

struct recorder *recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return NULL;
	engine_unsubscribe(recorder->engine, recorder->subscription);
	history_free(recorder->history);
	uv_close((uv_handle_t *)&recorder->later, free_recorder);
	return NULL;
}

/* One that is younger was told. */
static int record_standing(struct socket *sock, void *arg)
{
	struct recorder *recorder = arg;
	const struct service *svc = engine_service_of(recorder->engine, sock);

	if (sock->since_ns || sock->state == SOCKET_CONNECTED)
		return 0;
	if (sock->owner)
		engine_complete_process(recorder->engine, sock->owner);
	history_add_standing(recorder->history, sock, svc ? svc->name : NULL,
			     recorder->begun_ns);
	return 0;
}

void recorder_follow(struct recorder *recorder)
{
	const struct registry *reg = engine_world(recorder->engine)->registry;

	history_set_retain(recorder->history,
			   registry_get_settings(reg)->history_retain_ms);
}

void recorder_begin(struct recorder *recorder)
{
	recorder_follow(recorder);
	recorder->begun_ns = now_wall_ns();
	sockets_each(engine_sockets(recorder->engine), record_standing, recorder);
	history_begin(recorder->history);
}

struct history *recorder_history(struct recorder *recorder)
{
	return recorder->history;
}
