// SPDX-License-Identifier: GPL-2.0-only
/* One service that portwatch starts, keeps up and stops. */
#include "service/launch_private.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "service/launch_command.h"
#include "service/launch_log.h"

enum {
	SETTLE_MS = 150, /* a service without a port has started when it lives so long */
	KILL_LOOK_MS = 20, /* after SIGKILL */
	KILL_GIVE_UP_MS = 5000,
	HEALTH_SPARE_MS = 5000,
};

static const struct stop default_stop = { .signal = SIGTERM, .grace_ms = 10000 };

static const struct stop *stop_of(const struct unit *unit)
{
	const struct service *svc = unit_service(unit);

	return svc ? &svc->stop : &default_stop;
}

static void due_in(struct unit *unit, uint64_t ms)
{
	unit->due_ns = now_mono_ns() + ms * NS_PER_MS;
}

void unit_set(struct unit *unit, enum unit_phase phase, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(unit->reason, sizeof(unit->reason), fmt, args);
	va_end(args);
	unit->phase = phase;
	unit->is_conflict = false;
	unit->due_ns = 0;
	launcher_save(unit->launcher);
	launcher_wake(unit->launcher);
}

bool unit_has_process(const struct unit *unit)
{
	return unit->process.pid != 0;
}

bool unit_is_busy(const struct unit *unit)
{
	return unit->phase == UNIT_CLEARING || unit->phase == UNIT_SPAWNING ||
	       unit->phase == UNIT_STARTING || unit->phase == UNIT_BACKOFF ||
	       (unit->phase == UNIT_STOPPING && unit->starts_again);
}

static void tell(const struct unit *unit, enum event_type type, const char *reason)
{
	engine_tell_service(unit->launcher->engine, unit->name, type, reason);
}

/* -- Starting -------------------------------------------------------------------------
 */

static void make_mark(struct unit *unit)
{
	uint64_t chance[1] = { now_mono_ns() };

	if (getrandom(chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance[0] ^= (uint64_t)getpid() << 32;
	snprintf(unit->group.mark, sizeof(unit->group.mark), "%016jx",
		 (uintmax_t)chance[0]);
}

static int open_log(const struct unit *unit)
{
	_cleanup_(freep) char *path = launcher_log_path(unit->launcher, unit->name);

	if (!path)
		return -ENOMEM;
	if (launch_log_is_large(path))
		launch_log_rotate(path);
	return launch_log_open(path);
}

static int find_spawner(struct launcher *launcher)
{
	struct spawner_options options = {
		.descriptors = launcher->options.descriptors,
		.ends_all = launcher->options.embedded,
	};
	int err;

	if (launcher->spawner)
		return 0;
	if (!launcher->options.embedded)
		return -EPIPE;
	err = spawner_start(&options, &launcher->spawner);
	return err < 0 ? err : launcher_watch_spawner(launcher);
}

static int order(struct unit *unit, const struct service *svc)
{
	_cleanup_(launch_command_done) struct launch_command command = { 0 };
	_cleanup_(close_fdp) int log = -EBADF;
	char why[COMMAND_ERROR];
	struct spawn_order spawn;
	int err = find_spawner(unit->launcher);

	if (err < 0) {
		unit_set(unit, UNIT_FAILED,
			 "what starts services has gone; restart portwatchd");
		return err;
	}
	make_mark(unit);
	launch_group_name(&unit->group, unit->launcher->cgroups, unit->name);
	/* A daemon that comes back before the word of its start is to find it. */
	launcher_save(unit->launcher);
	err = launch_command_make(svc, unit->group.mark, &command, why);
	if (err < 0) {
		unit_set(unit, UNIT_FAILED, "%s", why[0] ? why : strerror(-err));
		return err;
	}
	log = open_log(unit);
	if (log < 0) {
		unit_set(unit, UNIT_FAILED, "its log cannot be written: %s",
			 strerror(-log));
		return log;
	}
	unit->spawn_id = ++unit->launcher->spawn_ids;
	spawn = (struct spawn_order){
		.id = unit->spawn_id,
		.argv = command.argv,
		.env = command.env,
		.dir = command.dir,
		.user = svc->user,
		.cgroup = unit->group.cgroup,
		.netns = command.netns,
		.log = log,
	};
	err = spawner_submit(unit->launcher->spawner, &spawn);
	if (err < 0)
		unit_set(unit, UNIT_FAILED, "it cannot be started: %s", strerror(-err));
	return err;
}

void unit_spawn(struct unit *unit)
{
	const struct service *svc = unit_service(unit);

	if (!svc) {
		unit_set(unit, UNIT_FAILED, "it is not in the registry any more");
		return;
	}
	unit_set(unit, UNIT_SPAWNING, "%s", "");
	if (order(unit, svc) < 0)
		launch_group_remove(&unit->group);
}

/* Whatever is in the way of its port first. */
static void begin(struct unit *unit)
{
	const struct service *svc = unit_service(unit);
	struct launch_conflict conflict = { 0 };

	unit->was_ready = unit->killed = unit->starts_again = false;
	if (svc && launch_find_conflict(unit->launcher, svc, &conflict)) {
		unit_clear(unit, svc, &conflict);
		launch_conflict_done(unit->launcher, &conflict);
		return;
	}
	unit_spawn(unit);
}

void unit_start(struct unit *unit, enum launch_choice choice)
{
	unit->choice = choice;
	if (unit->phase == UNIT_STOPPING)
		unit->starts_again = true;
	if (unit->phase == UNIT_STOPPING || unit->phase == UNIT_SPAWNING ||
	    unit->phase == UNIT_CLEARING || unit_has_process(unit))
		return;
	unit->memory = (struct restart_memory){ 0 };
	begin(unit);
}

void unit_note_started(struct unit *unit, const struct spawn_news *news)
{
	const struct service *svc = unit_service(unit);
	bool is_unwanted = unit->phase == UNIT_STOPPING;

	unit->process = news->process;
	unit->pidfd = close_fd(unit->pidfd);
	unit->pidfd = news->pidfd;
	unit->is_adopted = false;
	unit->group.session = news->process.pid;
	if (!news->in_cgroup)
		launch_group_remove(&unit->group);
	unit->started_ns = now_mono_ns();
	unit->started_wall_ns = now_wall_ns();
	launcher_watch_log(unit);
	engine_launched(unit->launcher->engine, unit->name, unit->process);
	engine_set_restarts(unit->launcher->engine, unit->name, unit->restarts);
	unit_set(unit, UNIT_STARTING, "%s", "");
	tell(unit, EVENT_SERVICE_STARTING, unit->restarts ? "started again" : "started");
	if (is_unwanted || !svc)
		unit_stop(unit);
	else if (svc->n_claims == 0)
		due_in(unit, SETTLE_MS);
}

void unit_note_failed(struct unit *unit, const struct spawn_news *news)
{
	launch_group_remove(&unit->group);
	unit_set(unit, UNIT_FAILED, "%s: %s", news->what, strerror(-news->error));
	tell(unit, EVENT_SERVICE_STOPPED, unit->reason);
}

static void be_up(struct unit *unit, const struct service *svc)
{
	const struct health *health = &svc->health;

	unit->was_ready = true;
	unit_set(unit, UNIT_UP, "%s", "");
	unit->health_due_ns =
		now_mono_ns() +
		NS_PER_MS * (health->start_period_ms + HEALTH_SPARE_MS +
			     health->failure_threshold *
				     (health->interval_ms + health->timeout_ms));
	if (svc->n_claims == 0)
		tell(unit, EVENT_SERVICE_RUNNING, "its process runs");
}

/* -- Ending ---------------------------------------------------------------------------
 */

static struct process *process_of(const struct unit *unit)
{
	return processes_find(engine_processes(unit->launcher->engine), unit->process);
}

static void forget_process(struct unit *unit)
{
	unit->process = (struct process_id){ 0 };
	unit->pidfd = close_fd(unit->pidfd);
}

static void have_stopped(struct unit *unit)
{
	unit_set(unit, UNIT_DOWN, "%s", "");
	if (!unit->was_ready || !unit_service(unit) || !unit_service(unit)->n_claims)
		tell(unit, EVENT_SERVICE_STOPPED, "as asked");
	if (unit->starts_again)
		begin(unit);
}

/* Whatever is left of a service whose main process has gone goes with it. */
static void kill_rest(struct unit *unit)
{
	if (!launch_group_is_empty(&unit->group))
		launch_group_kill(&unit->group);
}

static void end(struct unit *unit)
{
	struct process *p = process_of(unit);

	if (p)
		engine_ending(unit->launcher->engine, p);
	syscall(SYS_pidfd_send_signal, unit->pidfd, stop_of(unit)->signal, NULL, 0);
	syscall(SYS_pidfd_send_signal, unit->pidfd, SIGCONT, NULL, 0);
}

void unit_stop(struct unit *unit)
{
	unit->starts_again = false;
	if (unit->phase == UNIT_STOPPING)
		return;
	unit_drop_clearing(unit);
	if (unit->phase == UNIT_SPAWNING) {
		unit_set(unit, UNIT_STOPPING, "%s", "");
		return;
	}
	if (!unit_has_process(unit)) {
		launch_group_remove(&unit->group);
		unit_set(unit, UNIT_DOWN, "%s", "");
		return;
	}
	unit_set(unit, UNIT_STOPPING, "%s", "");
	unit->killed = false;
	end(unit);
	due_in(unit, stop_of(unit)->grace_ms);
}

void unit_restart(struct unit *unit, enum launch_choice choice)
{
	unit->choice = choice;
	if (!unit_has_process(unit) && unit->phase != UNIT_SPAWNING) {
		unit_drop_clearing(unit);
		unit_start(unit, choice);
		return;
	}
	unit->memory = (struct restart_memory){ 0 };
	unit_stop(unit);
	unit->starts_again = true;
}

/* Nor is the cgroup, unless something else sits in it for good. */
static bool is_gone(struct unit *unit, bool is_late)
{
	return !unit_has_process(unit) && launch_group_is_empty(&unit->group) &&
	       (launch_group_remove(&unit->group) != -EBUSY || is_late);
}

/* The grace is over, or SIGKILL was sent and is to have worked. */
static void press(struct unit *unit, uint64_t now_ns)
{
	bool is_late = now_ns - unit->started_ns > KILL_GIVE_UP_MS * NS_PER_MS;

	if (!unit->killed) {
		unit->killed = true;
		unit->started_ns = now_ns; /* of the killing, from here */
		launch_group_kill(&unit->group);
		if (unit->pidfd >= 0)
			syscall(SYS_pidfd_send_signal, unit->pidfd, SIGKILL, NULL, 0);
	} else if (is_gone(unit, is_late)) {
		have_stopped(unit);
		return;
	} else if (is_late) {
		unit_set(unit, UNIT_FAILED, "SIGKILL does not end it");
		return;
	}
	due_in(unit, KILL_LOOK_MS);
}

static const char *describe(int status, char *buf, size_t size)
{
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

	if (status == -1)
		snprintf(buf, size, "it ended");
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "it was ended by SIG%s", name ? name : "?");
	else
		snprintf(buf, size, "it ended with exit code %d", WEXITSTATUS(status));
	return buf;
}

/* What forked and ended with 0 leaves the service to its child. */
static bool bequeath(struct unit *unit, int status)
{
	struct process_id heir;
	int pidfd;

	if (status != 0 || !unit->group.cgroup)
		return false;
	heir = launch_group_oldest(&unit->group, unit->process.pid);
	if (!heir.pid)
		return false;
	pidfd = kill_process_open(heir.pid);
	if (pidfd < 0)
		return false;
	close_fd(unit->pidfd);
	unit->pidfd = pidfd;
	unit->process = heir;
	unit->is_adopted = true;
	launcher_watch_pidfd(unit);
	engine_launched(unit->launcher->engine, unit->name, heir);
	launcher_save(unit->launcher);
	return true;
}

/* It comes back when the port is let go of, or at once by what the entry says. */
static void wait_for_port(struct unit *unit, const struct service *svc,
			  const struct launch_conflict *conflict)
{
	char text[LAUNCH_REASON / 2];

	if (svc->on_conflict != ON_CONFLICT_FAIL) {
		unit_clear(unit, svc, conflict);
		return;
	}
	launch_describe_conflict(conflict, text, sizeof(text));
	unit_set(unit, UNIT_BLOCKED, "%s; it is started again when that lets go of it",
		 text);
	unit->wanted = conflict->at;
	unit->is_conflict = true;
	tell(unit, EVENT_SERVICE_RESTARTING, unit->reason);
}

/* False where nobody else has a port of it. */
static bool is_blocked(struct unit *unit, const struct service *svc)
{
	struct launch_conflict conflict = { 0 };

	if (!svc || !launch_find_conflict(unit->launcher, svc, &conflict))
		return false;
	unit->choice = CHOICE_ENTRY;
	wait_for_port(unit, svc, &conflict);
	launch_conflict_done(unit->launcher, &conflict);
	return true;
}

static void come_back(struct unit *unit, const struct service *svc, uint64_t delay_ms,
		      const char *how)
{
	unit->restarts++;
	engine_set_restarts(unit->launcher->engine, unit->name, unit->restarts);
	if (is_blocked(unit, svc))
		return;
	unit_set(unit, UNIT_BACKOFF, "%s; it is started again in %ju ms", how,
		 (uintmax_t)delay_ms);
	tell(unit, EVENT_SERVICE_RESTARTING, unit->reason);
	due_in(unit, delay_ms);
}

/* Without coming back.  Who holds its port is why, where somebody does. */
static void stay_down(struct unit *unit, const struct service *svc, int status,
		      const char *how)
{
	bool well = svc && restart_ended_well(status, svc->stop.signal);
	struct launch_conflict conflict = { 0 };
	char text[LAUNCH_REASON / 2];

	unit_set(unit, well ? UNIT_COMPLETED : UNIT_FAILED, "%s", how);
	if (!well && svc && launch_find_conflict(unit->launcher, svc, &conflict)) {
		launch_describe_conflict(&conflict, text, sizeof(text));
		unit_set(unit, UNIT_FAILED, "%s: %s", how, text);
		unit->is_conflict = true;
		launch_conflict_done(unit->launcher, &conflict);
	}
	if (!svc || !svc->n_claims || !unit->was_ready)
		tell(unit, EVENT_SERVICE_STOPPED, unit->reason);
}

void unit_note_exit(struct unit *unit, int status)
{
	const struct service *svc = unit_service(unit);
	enum restart_answer answer = RESTART_STAYS_DOWN;
	uint64_t now_ns = now_mono_ns(), delay_ms = 0;
	char how[LAUNCH_REASON / 2];

	if (unit->phase != UNIT_STOPPING && bequeath(unit, status))
		return;
	forget_process(unit);
	kill_rest(unit);
	if (unit->phase == UNIT_STOPPING) {
		unit->killed = true;
		unit->started_ns = now_ns;
		press(unit, now_ns);
		return;
	}
	launch_group_remove(&unit->group);
	describe(status, how, sizeof(how));
	if (svc)
		answer =
			restart_policy_judge(&svc->restart, &unit->memory,
					     restart_ended_well(status, svc->stop.signal),
					     unit->started_ns, now_ns, &delay_ms);
	if (answer == RESTART_COMES_BACK) {
		come_back(unit, svc, delay_ms, how);
		return;
	}
	if (answer == RESTART_GIVES_UP)
		snprintf(how + strlen(how), sizeof(how) - strlen(how),
			 ", %u times within %ju s: it is not started again",
			 svc->restart.limit_count,
			 (uintmax_t)(svc->restart.limit_interval_ms / 1000));
	stay_down(unit, svc, status, how);
}

/* -- Time -----------------------------------------------------------------------------
 */

static void advance_starting(struct unit *unit, uint64_t now_ns)
{
	const struct service *svc = unit_service(unit);
	bool is_portless = svc && svc->n_claims == 0;

	if (!svc)
		return;
	if (is_portless ? unit->due_ns && now_ns >= unit->due_ns
			: unit_is_listening(unit, svc))
		be_up(unit, svc);
}

static void advance_blocked(struct unit *unit)
{
	const struct service *svc = unit_service(unit);
	struct launch_conflict conflict = { 0 };

	if (svc && launch_find_conflict(unit->launcher, svc, &conflict)) {
		unit->wanted = conflict.at;
		launch_conflict_done(unit->launcher, &conflict);
		return;
	}
	begin(unit);
}

void unit_advance(struct unit *unit, uint64_t now_ns)
{
	bool is_due = unit->due_ns && now_ns >= unit->due_ns;

	switch (unit->phase) {
	case UNIT_CLEARING:
		unit_advance_clearing(unit);
		break;
	case UNIT_STARTING:
		advance_starting(unit, now_ns);
		break;
	case UNIT_STOPPING:
		if (is_due)
			press(unit, now_ns);
		break;
	case UNIT_BACKOFF:
		/* Who took its port meanwhile may be known only now. */
		if (is_due && !is_blocked(unit, unit_service(unit)))
			begin(unit);
		break;
	case UNIT_BLOCKED:
		advance_blocked(unit);
		break;
	default:
		break;
	}
}

void unit_free(struct unit *unit)
{
	unit_drop_clearing(unit);
	close_fd(unit->pidfd);
	launch_group_done(&unit->group);
	free(unit);
}
