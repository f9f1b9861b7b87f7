// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/recorder.h"

#include <errno.h>

#include "base/log.h"
#include "base/time.h"

#define ALL_TYPES ((1u << EVENT_TYPES) - 1)

/* Whoever waits for the event is told first. */
enum { WRITE_AFTER_MS = 20 };
/* Of what stood already, in one turn of the loop. */
#define STANDING_NS (4 * NS_PER_MS)

struct recorder {
	uv_timer_t later; /* runs while something is not written */
	struct engine *engine;
	struct engine_subscription *subscription; /* NULL: nothing is written */
	struct history *history;
	uint64_t begun_ns; /* wall clock */
	/* Cookies of what stood then; the last @n_standing are not recorded yet. */
	uint64_t *standing;
	size_t n_standing;
};

/* One that is younger was told. */
static bool stood_already(const struct socket *sock)
{
	return !sock->since_ns && sock->state != SOCKET_CONNECTED;
}

static void record_standing(struct recorder *recorder, uint64_t cookie)
{
	const struct socket *sock =
		sockets_find(engine_sockets(recorder->engine), cookie);
	const struct service *svc;

	if (!sock || !stood_already(sock))
		return; /* its end was told */
	svc = engine_service_of(recorder->engine, sock);
	if (sock->owner)
		engine_complete_process(recorder->engine, sock->owner);
	history_add_standing(recorder->history, sock, svc ? svc->name : NULL,
			     recorder->begun_ns);
}

/* There may be more of them than the queue holds. */
static void record_some(struct recorder *recorder)
{
	uint64_t start_ns = now_mono_ns();

	while (recorder->n_standing > 0 && history_has_room(recorder->history) &&
	       now_mono_ns() - start_ns < STANDING_NS)
		record_standing(recorder, recorder->standing[--recorder->n_standing]);
	if (recorder->n_standing == 0)
		free(take(recorder->standing));
}

static void write_later(struct recorder *recorder);

static void on_later(uv_timer_t *timer)
{
	struct recorder *recorder = timer->data;

	record_some(recorder);
	history_write(recorder->history);
	if (recorder->standing)
		write_later(recorder);
}

static void write_later(struct recorder *recorder)
{
	if (!uv_is_active((uv_handle_t *)&recorder->later))
		uv_timer_start(&recorder->later, on_later, WRITE_AFTER_MS, 0);
}

static void record(const struct event *event, void *arg)
{
	struct recorder *recorder = arg;

	history_add(recorder->history, event);
	write_later(recorder);
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
	struct recorder *recorder = later->data;

	free(recorder->standing);
	free(recorder);
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

static int note_standing(struct socket *sock, void *arg)
{
	struct recorder *recorder = arg;

	if (stood_already(sock))
		recorder->standing[recorder->n_standing++] = sock->cookie;
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
	struct sockets *sockets = engine_sockets(recorder->engine);

	recorder_follow(recorder);
	recorder->begun_ns = now_wall_ns();
	recorder->standing = calloc(sockets_count(sockets) + 1, sizeof(uint64_t));
	if (recorder->standing)
		sockets_each(sockets, note_standing, recorder);
	history_begin(recorder->history);
	write_later(recorder);
}

struct history *recorder_history(struct recorder *recorder)
{
	return recorder->history;
}
