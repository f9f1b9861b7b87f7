// SPDX-License-Identifier: GPL-2.0-only
#include "service/launch_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "service/launch_log.h"

enum { EVENTS_AT_ONCE = 64, LOGS_MS = 10000, INSTANCE = 24 };

void launcher_complain(struct launcher *launcher, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (launcher->options.complain)
		launcher->options.complain(text, launcher->options.arg);
}

/* -- Units ----------------------------------------------------------------------------
 */

const struct service *unit_service(const struct unit *unit)
{
	return registry_find(engine_world(unit->launcher->engine)->registry, unit->name);
}

struct unit *launcher_find(const struct launcher *launcher, const char *name)
{
	struct unit *unit = launcher->units;

	while (unit && !streq(unit->name, name))
		unit = unit->next;
	return unit;
}

struct unit *launcher_unit(struct launcher *launcher, const char *name)
{
	struct unit *unit = launcher_find(launcher, name);

	if (unit)
		return unit;
	unit = calloc(1, sizeof(*unit));
	if (!unit)
		return NULL;
	memccpy(unit->name, name, 0, sizeof(unit->name) - 1);
	unit->launcher = launcher;
	unit->pidfd = -EBADF;
	unit->next = launcher->units;
	launcher->units = unit;
	return unit;
}

static struct unit *find_spawned(struct launcher *launcher, const struct spawn_news *news)
{
	struct unit *unit = launcher->units;

	while (unit && unit->spawn_id != news->id)
		unit = unit->next;
	return unit;
}

bool launcher_has_running(const struct launcher *launcher)
{
	for (const struct unit *u = launcher->units; u; u = u->next)
		if (unit_has_process(u) || unit_is_busy(u))
			return true;
	return false;
}

bool launcher_look(const struct launcher *launcher, const char *name,
		   struct launch_unit *ret)
{
	const struct unit *unit = launcher_find(launcher, name);

	if (!unit)
		return false;
	*ret = (struct launch_unit){
		.state = unit_phase_name(unit->phase),
		.reason = unit->reason,
		.pid = unit->process.pid,
		.restarts = unit->restarts,
	};
	return true;
}

char *launcher_log_path(const struct launcher *launcher, const char *name)
{
	return launch_log_path(launcher->log, name);
}

/* -- Time and events ------------------------------------------------------------------
 */

static void set_timer(struct launcher *launcher, uint64_t due_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(due_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(due_ns % NS_PER_S),
	};

	if (due_ns == launcher->due_ns)
		return;
	/* It can only fail for a descriptor that is none. */
	(void)timerfd_settime(launcher->timer, TFD_TIMER_ABSTIME, &when, NULL);
	launcher->due_ns = due_ns;
}

void launcher_wake(struct launcher *launcher)
{
	set_timer(launcher, 1);
}

static bool is_for(const struct unit *unit, const struct event *event)
{
	switch (event->type) {
	case EVENT_SOCKET_BOUND:
	case EVENT_SOCKET_LISTENING:
		return unit->phase == UNIT_STARTING;
	case EVENT_SOCKET_RELEASED:
		return unit->phase == UNIT_BLOCKED &&
		       event->socket->at.port == unit->wanted.port;
	default: /* their health */
		return unit->phase == UNIT_UP && streq(event->service, unit->name);
	}
}

/* The engine is in the midst of something: come back at once, by way of the loop. */
static void on_event(const struct event *event, void *arg)
{
	struct launcher *launcher = arg;

	for (const struct unit *u = launcher->units; u; u = u->next)
		if (is_for(u, event)) {
			launcher_wake(launcher);
			return;
		}
}

/* Only what somebody waits for: events that nobody wants cost nothing. */
static uint32_t wants(const struct launcher *launcher)
{
	uint32_t wanted = 0;

	for (const struct unit *u = launcher->units; u; u = u->next) {
		if (u->phase == UNIT_STARTING)
			wanted |= 1u << EVENT_SOCKET_BOUND | 1u << EVENT_SOCKET_LISTENING;
		else if (u->phase == UNIT_BLOCKED)
			wanted |= 1u << EVENT_SOCKET_RELEASED;
	}
	if (launcher->launches)
		wanted |= 1u << EVENT_SERVICE_HEALTHY | 1u << EVENT_SERVICE_UNHEALTHY;
	return wanted;
}

static void subscribe(struct launcher *launcher)
{
	uint32_t wanted = wants(launcher);

	if (wanted == launcher->wants)
		return;
	launcher->events = engine_unsubscribe(launcher->engine, launcher->events);
	launcher->wants = wanted;
	if (wanted && engine_subscribe(launcher->engine, wanted, on_event, launcher,
				       &launcher->events) < 0)
		launcher->wants = 0;
}

static void sooner(uint64_t *due_ns, uint64_t at_ns)
{
	if (at_ns != 0 && (*due_ns == 0 || at_ns < *due_ns))
		*due_ns = at_ns;
}

static int watch(struct launcher *launcher, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(launcher->epoll, EPOLL_CTL_ADD, fd, &event) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* Services write their logs themselves.  The first byte after a look at how large those
 * are is told, and the next look is a while after that: who is silent wakes nobody. */
void launcher_watch_log(const struct unit *unit)
{
	struct launcher *launcher = unit->launcher;
	_cleanup_(freep) char *path = launcher_log_path(launcher, unit->name);

	if (launcher->inotify < 0) {
		launcher->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (launcher->inotify >= 0)
			watch(launcher, launcher->inotify);
	}
	if (path && launcher->inotify >= 0)
		inotify_add_watch(launcher->inotify, path, IN_MODIFY | IN_ONESHOT);
}

static void look_at_log(const struct unit *unit)
{
	_cleanup_(freep) char *path = launcher_log_path(unit->launcher, unit->name);

	if (path && launch_log_is_large(path))
		launch_log_rotate(path);
	if (unit_has_process(unit))
		launcher_watch_log(unit);
}

static void look_at_logs(struct launcher *launcher, uint64_t now_ns)
{
	char events[4096];
	bool any = false;

	while (launcher->inotify >= 0 &&
	       read(launcher->inotify, events, sizeof(events)) > 0)
		any = true;
	if (any && launcher->logs_due_ns == 0)
		launcher->logs_due_ns = now_ns + LOGS_MS * NS_PER_MS;
	if (launcher->logs_due_ns == 0 || now_ns < launcher->logs_due_ns)
		return;
	launcher->logs_due_ns = 0;
	for (const struct unit *u = launcher->units; u; u = u->next)
		look_at_log(u);
}

static void take_news(struct launcher *launcher)
{
	struct spawn_news news;
	struct unit *unit;
	int err = 0;

	while (launcher->spawner && (err = spawner_next(launcher->spawner, &news)) > 0) {
		unit = find_spawned(launcher, &news);
		if (!unit)
			close_fd(news.pidfd);
		else if (news.kind == SPAWN_STARTED)
			unit_note_started(unit, &news);
		else if (news.kind == SPAWN_FAILED)
			unit_note_failed(unit, &news);
		else if (unit->process.pid == news.process.pid && !unit->is_adopted)
			unit_note_exit(unit, news.status);
	}
	if (err >= 0 || !launcher->spawner)
		return;
	launcher->spawner = spawner_free(launcher->spawner);
	launcher_complain(launcher, "What starts services has gone; those that run are "
				    "kept, and no other can be started");
	for (struct unit *u = launcher->units; u; u = u->next) {
		u->is_adopted = unit_has_process(u);
		if (u->is_adopted)
			launcher_watch_pidfd(u);
	}
}

/* What the kernel's own event said of it, where it did. */
static int status_of(const struct unit *unit)
{
	const struct process *p =
		processes_find(engine_processes(unit->launcher->engine), unit->process);

	return p && p->exited ? p->status : -1;
}

static bool has_ended(const struct unit *unit)
{
	return syscall(SYS_pidfd_send_signal, unit->pidfd, 0, NULL, 0) < 0 &&
	       errno == ESRCH;
}

static void look_at_adopted(struct launcher *launcher)
{
	for (struct unit *u = launcher->units; u; u = u->next)
		if (u->is_adopted && unit_has_process(u) && has_ended(u))
			unit_note_exit(u, status_of(u));
}

static void advance(struct launcher *launcher)
{
	uint64_t now_ns = now_mono_ns(), due_ns = 0;

	for (struct unit *u = launcher->units; u; u = u->next)
		unit_advance(u, now_ns);
	launches_advance(launcher);
	look_at_logs(launcher, now_ns);
	subscribe(launcher);
	if (launcher->due_ns == 1) /* something was set meanwhile */
		return;
	for (const struct unit *u = launcher->units; u; u = u->next)
		sooner(&due_ns, u->due_ns);
	sooner(&due_ns, launches_deadline(launcher));
	sooner(&due_ns, launcher->logs_due_ns);
	set_timer(launcher, due_ns);
}

void launcher_dispatch(struct launcher *launcher)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t expirations;

	/* Those of pidfds are seen by looking; the timer's is taken away here. */
	(void)epoll_wait(launcher->epoll, events, EVENTS_AT_ONCE, 0);
	if (read(launcher->timer, &expirations, sizeof(expirations)) > 0)
		launcher->due_ns = 0;
	take_news(launcher);
	look_at_adopted(launcher);
	advance(launcher);
}

/* -- Beginning and end ----------------------------------------------------------------
 */

int launcher_watch_pidfd(struct unit *unit)
{
	return watch(unit->launcher, unit->pidfd);
}

int launcher_watch_spawner(struct launcher *launcher)
{
	return watch(launcher, spawner_fd(launcher->spawner));
}

/* Daemons of different folders have cgroups of their own. */
static void name_instance(const struct launcher *launcher, const char *state, char *buf)
{
	uint64_t hash = 14695981039346656037u;

	if (launcher->options.embedded) {
		snprintf(buf, INSTANCE, "pid-%d", (int)getpid());
		return;
	}
	for (; *state; state++)
		hash = (hash ^ (unsigned char)*state) * 1099511628211u;
	snprintf(buf, INSTANCE, "%08x", (unsigned)(hash ^ hash >> 32));
}

void launcher_find_cgroups(struct launcher *launcher)
{
	char instance[INSTANCE];

	if (launcher->cgroups)
		return;
	name_instance(launcher, launcher->state_path, instance);
	if (launch_cgroups_find(instance, &launcher->cgroups) < 0)
		launcher->cgroups = NULL;
}

int launcher_new(const struct launcher_options *options, struct launcher **ret)
{
	_cleanup_(launcher_freep) struct launcher *launcher =
		calloc(1, sizeof(*launcher));

	if (!launcher)
		return -ENOMEM;
	launcher->options = *options;
	launcher->options.state = launcher->options.log = NULL;
	launcher->spawner = options->spawner;
	launcher->options.spawner = NULL;
	launcher->engine = options->engine;
	launcher->inotify = -EBADF;
	launcher->log = strdup(options->log);
	launcher->state_path = launch_state_path(options->state);
	launcher->job = (struct job){ .run = launch_save, .done = launch_saved };
	launcher->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	launcher->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!launcher->log || !launcher->state_path)
		return -ENOMEM;
	if (launcher->timer < 0 || launcher->epoll < 0 ||
	    watch(launcher, launcher->timer) < 0 ||
	    (launcher->spawner && launcher_watch_spawner(launcher) < 0))
		return -errno;

	*ret = take(launcher);
	return 0;
}

struct launcher *launcher_free(struct launcher *launcher)
{
	if (!launcher)
		return NULL;
	while (launcher->launches) {
		launcher->launches->is_detached = false;
		launch_free(launcher->launches);
	}
	engine_unsubscribe(launcher->engine, launcher->events);
	while (launcher->units) {
		struct unit *unit = launcher->units;

		launcher->units = unit->next;
		unit_free(unit);
	}
	spawner_free(launcher->spawner);
	launch_records_done(&launcher->records);
	close_fd(launcher->inotify);
	close_fd(launcher->epoll);
	close_fd(launcher->timer);
	free(launcher->cgroups);
	free(launcher->state_path);
	free(launcher->log);
	free(launcher);
	return NULL;
}

int launcher_fd(const struct launcher *launcher)
{
	return launcher->epoll;
}
