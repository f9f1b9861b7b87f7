// SPDX-License-Identifier: GPL-2.0-only
#include "service/kill_private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"

enum { EVENTS_AT_ONCE = 64 };

/* -- Victims --------------------------------------------------------------------------
 */

struct kill_victim *kill_find_victim(const struct kill *kill, struct process_id id)
{
	struct kill_victim *v = kill->victims;

	while (v && (v->process->info.id.pid != id.pid ||
		     v->process->info.id.start_ticks != id.start_ticks))
		v = v->next;
	return v;
}

/* A master before its workers: it is the one that would replace them. */
static void link_in(struct kill *kill, struct kill_victim *victim)
{
	uint64_t start_ticks = victim->process->info.id.start_ticks;
	struct kill_victim **at = &kill->victims;

	while (*at && (*at)->process->info.id.start_ticks <= start_ticks)
		at = &(*at)->next;
	victim->next = *at;
	*at = victim;
	kill->n_victims++;
}

struct kill_victim *kill_victim_of(struct kill *kill, const struct snapshot_row *row)
{
	struct kill_victim *victim = kill_find_victim(kill, row->holder);

	if (victim)
		return victim;
	victim = calloc(1, sizeof(*victim));
	if (!victim)
		return NULL;
	victim->process = engine_process_of(kill->engine, row);
	if (!victim->process) {
		free(victim);
		return NULL;
	}
	victim->kill = kill;
	victim->pidfd = -EBADF;
	link_in(kill, victim);
	return victim;
}

int kill_examine(struct kill *kill, struct kill_victim *victim)
{
	struct process_id id = victim->process->info.id;
	int err = 0;

	if (victim->pidfd < 0) {
		err = kill_process_open(id.pid);
		if (err >= 0)
			victim->pidfd = err;
	}
	if (err >= 0)
		err = kill_process_signal(victim->pidfd, id, &kill->order.caller, 0,
					  &victim->rule);
	switch (err) {
	case 0:
		return 0;
	case -ESRCH:
		victim->fate = FATE_ENDED;
		break;
	case -EPERM:
		victim->fate = FATE_REFUSED;
		break;
	default:
		return err;
	}
	victim->pidfd = close_fd(victim->pidfd);
	return 0;
}

int kill_await(struct kill *kill, struct kill_victim *victim)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = victim };

	if (epoll_ctl(kill->kills->epoll, EPOLL_CTL_ADD, victim->pidfd, &event) < 0 &&
	    errno != EEXIST)
		return -errno;
	return 0;
}

/* -- The time -------------------------------------------------------------------------
 */

static void sooner(uint64_t *due_ns, uint64_t at_ns)
{
	if (at_ns != 0 && (*due_ns == 0 || at_ns < *due_ns))
		*due_ns = at_ns;
}

static void set_timer(struct kills *kills, uint64_t due_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(due_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(due_ns % NS_PER_S),
	};

	if (due_ns == kills->due_ns)
		return;
	/* It can only fail for a descriptor that is none. */
	(void)timerfd_settime(kills->timer, TFD_TIMER_ABSTIME, &when, NULL);
	kills->due_ns = due_ns;
}

void kills_update(struct kills *kills)
{
	uint64_t due_ns = 0;

	for (const struct kill *k = kills->all; k; k = k->next) {
		if (k->outcome != KILL_WAITING)
			continue;
		sooner(&due_ns, k->due_ns);
		sooner(&due_ns, k->settle_ns);
		sooner(&due_ns, k->beat_ns);
	}
	set_timer(kills, due_ns);
}

/* The engine is in the midst of something: come back at once, by way of the loop. */
static void on_released(const struct event *event, void *arg)
{
	struct kills *kills = arg;

	for (struct kill *k = kills->all; k; k = k->next) {
		for (size_t i = 0; k->settle_ns != 0 && i < k->n_holds; i++) {
			if (k->holds[i].cookie != event->socket->cookie)
				continue;
			k->released = true;
			set_timer(kills, 1);
		}
	}
}

/* -- All of them ----------------------------------------------------------------------
 */

int kills_new(struct engine *engine, struct kills **ret)
{
	_cleanup_(kills_freep) struct kills *kills = calloc(1, sizeof(*kills));
	struct epoll_event event = { .events = EPOLLIN };

	if (!kills)
		return -ENOMEM;
	kills->engine = engine;
	kills->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	kills->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (kills->timer < 0 || kills->epoll < 0 ||
	    epoll_ctl(kills->epoll, EPOLL_CTL_ADD, kills->timer, &event) < 0)
		return -errno;

	*ret = take(kills);
	return 0;
}

struct kills *kills_free(struct kills *kills)
{
	if (!kills)
		return NULL;
	close_fd(kills->timer);
	close_fd(kills->epoll);
	free(kills);
	return NULL;
}

int kills_fd(const struct kills *kills)
{
	return kills->epoll;
}

static void note_event(struct kills *kills, const struct epoll_event *event)
{
	struct kill_victim *victim = event->data.ptr;
	uint64_t expirations;

	if (victim) {
		victim->fate = FATE_ENDED;
		victim->pidfd = close_fd(victim->pidfd);
	} else if (read(kills->timer, &expirations, sizeof(expirations)) > 0) {
		kills->due_ns = 0;
	}
}

void kills_dispatch(struct kills *kills)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t now_ns;
	int n;

	do {
		n = epoll_wait(kills->epoll, events, EVENTS_AT_ONCE, 0);
		for (int i = 0; i < n; i++)
			note_event(kills, &events[i]);
	} while (n == EVENTS_AT_ONCE);

	now_ns = now_mono_ns();
	for (struct kill *k = kills->all; k; k = k->next)
		kill_advance(k, now_ns);
	kills_update(kills);
}

/* -- One of them ----------------------------------------------------------------------
 */

static int subscribe(struct kills *kills)
{
	if (kills->releases)
		return 0;
	return engine_subscribe(kills->engine, 1u << EVENT_SOCKET_RELEASED, on_released,
				kills, &kills->releases);
}

int kill_plan(struct kills *kills, const struct kill_order *order, struct kill **ret)
{
	_cleanup_(kill_freep) struct kill *kill = NULL;
	int err;

	if (kills->n_all >= KILLS_MAX)
		return -EAGAIN;
	kill = calloc(1, sizeof(*kill));
	if (!kill)
		return -ENOMEM;
	kill->kills = kills;
	kill->engine = kills->engine;
	kill->order = *order;
	kill->order.service = NULL;
	if (order->scope == KILL_SERVICE)
		strcpy(kill->service, order->service->name);
	kill->next = kills->all;
	kills->all = kill;
	kills->n_all++;
	kill->started_mono_ns = now_mono_ns();
	err = subscribe(kills);
	if (err == 0)
		err = kill_look_first(kill, order->service);
	if (err < 0)
		return err;

	*ret = take(kill);
	return 0;
}

static void unlink_from(struct kills *kills, struct kill *kill)
{
	struct kill **at = &kills->all;

	while (*at != kill)
		at = &(*at)->next;
	*at = kill->next;
	if (--kills->n_all == 0)
		kills->releases = engine_unsubscribe(kills->engine, kills->releases);
}

struct kill *kill_free(struct kill *kill)
{
	struct engine *engine;
	struct processes *procs;

	if (!kill)
		return NULL;
	engine = kill->engine;
	procs = engine_processes(engine);
	while (kill->victims) {
		struct kill_victim *v = kill->victims;

		kill->victims = v->next;
		if (kill->outcome == KILL_WAITING)
			engine_spared(engine, v->process);
		close_fd(v->pidfd);
		processes_unref(procs, v->process);
		free(v);
	}
	while (kill->ports) {
		struct kill_port *port = kill->ports;

		kill->ports = port->next;
		processes_unref(procs, port->holder);
		free(port);
	}
	unlink_from(kill->kills, kill);
	kills_update(kill->kills);
	free(kill->holds);
	free(kill);
	return NULL;
}

const char *kill_outcome_name(enum kill_outcome outcome)
{
	static const char *const names[] = {
		[KILL_PLANNED] = "planned", [KILL_WAITING] = "waiting",
		[KILL_DONE] = "done",       [KILL_TIMED_OUT] = "timed_out",
		[KILL_TAKEN] = "taken",     [KILL_PARTLY] = "partly",
		[KILL_NOTHING] = "nothing", [KILL_STRANGER] = "stranger",
		[KILL_REFUSED] = "refused",
	};

	return names[outcome];
}

const char *kill_fate_name(enum kill_fate fate)
{
	static const char *const names[] = {
		[FATE_MEANT] = "meant",
		[FATE_SIGNALLED] = "alive",
		[FATE_ENDED] = "ended",
		[FATE_REFUSED] = "refused",
	};

	return names[fate];
}
