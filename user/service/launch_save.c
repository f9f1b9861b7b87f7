// SPDX-License-Identifier: GPL-2.0-only
/* What outlives the daemon: which process is which service's, and how that stands. */
#include "service/launch_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"

static const char *const phases[] = {
	[UNIT_DOWN] = "stopped",        [UNIT_CLEARING] = "clearing",
	[UNIT_SPAWNING] = "spawning",   [UNIT_STARTING] = "starting",
	[UNIT_UP] = "running",          [UNIT_STOPPING] = "stopping",
	[UNIT_BACKOFF] = "restarting",  [UNIT_BLOCKED] = "blocked",
	[UNIT_COMPLETED] = "completed", [UNIT_FAILED] = "failed",
};

const char *unit_phase_name(enum unit_phase phase)
{
	return phases[phase];
}

static enum unit_phase parse_phase(const char *name)
{
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (streq(phases[i], name))
			return (enum unit_phase)i;
	return UNIT_DOWN;
}

/* -- Saving ---------------------------------------------------------------------------
 */

static int add_record(struct launch_records *records, const struct unit *unit)
{
	struct launch_record *record = &records->items[records->n];

	strcpy(record->service, unit->name);
	snprintf(record->phase, sizeof(record->phase), "%s", phases[unit->phase]);
	memcpy(record->mark, unit->group.mark, sizeof(record->mark));
	record->process = unit->process;
	record->restarts = unit->restarts;
	record->started_ns = unit->started_wall_ns;
	record->is_ready = unit->was_ready;
	records->n++;
	if (!unit->group.cgroup)
		return 0;
	record->cgroup = strdup(unit->group.cgroup);
	return record->cgroup ? 0 : -ENOMEM;
}

static int gather(const struct launcher *launcher, struct launch_records *ret)
{
	_cleanup_(launch_records_done) struct launch_records records = { 0 };
	size_t n = 1;
	int err = 0;

	for (const struct unit *u = launcher->units; u; u = u->next)
		n++;
	records.items = calloc(n, sizeof(*records.items));
	if (!records.items)
		return -ENOMEM;
	for (const struct unit *u = launcher->units; u && err == 0; u = u->next)
		err = add_record(&records, u);
	if (err < 0)
		return err;
	*ret = records;
	records = (struct launch_records){ 0 };
	return 0;
}

void launcher_save(struct launcher *launcher)
{
	launcher->is_dirty = true;
	if (launcher->options.embedded || launcher->is_saving)
		return;
	launch_records_done(&launcher->records);
	if (gather(launcher, &launcher->records) < 0)
		return;
	launcher->is_dirty = false;
	launcher->is_saving = true;
	worker_submit(launcher->options.worker, &launcher->job);
}

static struct launcher *of(struct job *job)
{
	return (struct launcher *)((char *)job - offsetof(struct launcher, job));
}

/* In the worker's thread. */
void launch_save(struct job *job)
{
	struct launcher *launcher = of(job);

	launcher->save_error =
		launch_state_save(launcher->state_path, &launcher->records);
}

void launch_saved(struct job *job)
{
	struct launcher *launcher = of(job);

	launcher->is_saving = false;
	if (launcher->save_error < 0 && !launcher->save_failed)
		launcher_complain(launcher,
				  "Cannot write %s: %s; a daemon that comes back will "
				  "not find its services",
				  launcher->state_path, strerror(-launcher->save_error));
	launcher->save_failed = launcher->save_error < 0;
	if (launcher->is_dirty)
		launcher_save(launcher);
}

/* -- Finding again --------------------------------------------------------------------
 */

static bool take_process(struct unit *unit, struct process_id id)
{
	struct process_id now;
	int pidfd;

	if (id.pid <= 0)
		return false;
	pidfd = kill_process_open(id.pid);
	if (pidfd < 0)
		return false;
	if (engine_identify(unit->launcher->engine, id.pid, &now) < 0 ||
	    now.start_ticks != id.start_ticks) {
		close(pidfd);
		return false;
	}
	unit->pidfd = pidfd;
	unit->process = id;
	unit->is_adopted = true;
	unit->group.session = id.pid;
	return true;
}

/* It runs as it did. */
static void resume(struct unit *unit, enum unit_phase phase, bool was_ready)
{
	launcher_watch_pidfd(unit);
	launcher_watch_log(unit);
	engine_launched(unit->launcher->engine, unit->name, unit->process);
	unit_set(unit, was_ready ? UNIT_UP : UNIT_STARTING, "%s", "");
	unit->was_ready = was_ready;
	if (phase == UNIT_STOPPING)
		unit_stop(unit);
}

/* It was to run, and does not: it has ended while nobody looked. */
static void resume_without(struct unit *unit, enum unit_phase phase)
{
	switch (phase) {
	case UNIT_STARTING:
	case UNIT_UP:
		unit->started_ns = now_mono_ns();
		unit_note_exit(unit, -1);
		break;
	case UNIT_SPAWNING:
	case UNIT_CLEARING:
		launch_group_kill(&unit->group);
		unit_start(unit, CHOICE_ENTRY);
		break;
	case UNIT_BACKOFF:
	case UNIT_BLOCKED:
		unit_set(unit, UNIT_BACKOFF, "%s", "");
		unit->due_ns = now_mono_ns();
		break;
	case UNIT_STOPPING:
		launch_group_kill(&unit->group);
		launch_group_remove(&unit->group);
		unit_set(unit, UNIT_DOWN, "%s", "");
		break;
	default:
		unit_set(unit, phase, "%s", "");
	}
}

static int adopt(struct launcher *launcher, struct launch_record *record)
{
	struct unit *unit = launcher_unit(launcher, record->service);
	enum unit_phase phase = parse_phase(record->phase);

	if (!unit)
		return -ENOMEM;
	unit->restarts = record->restarts;
	unit->was_ready = record->is_ready;
	unit->started_ns = now_mono_ns();
	unit->started_wall_ns = record->started_ns;
	unit->group.cgroup = take(record->cgroup);
	memcpy(unit->group.mark, record->mark, sizeof(unit->group.mark));
	engine_set_restarts(launcher->engine, unit->name, unit->restarts);
	if (take_process(unit, record->process))
		resume(unit, phase, record->is_ready);
	else
		resume_without(unit, phase);
	return unit_has_process(unit);
}

void launcher_adopt(struct launcher *launcher)
{
	_cleanup_(launch_records_done) struct launch_records records = { 0 };
	size_t found = 0;
	int err;

	launcher_find_cgroups(launcher);
	err = launch_state_load(launcher->state_path, &records);
	if (err < 0)
		launcher_complain(launcher,
				  "Cannot read %s: %s; services that it names are not "
				  "found again",
				  launcher->state_path, strerror(-err));
	for (size_t i = 0; i < records.n; i++)
		found += adopt(launcher, &records.items[i]) > 0;
	if (found > 0)
		launcher_complain(launcher,
				  "Found %zu service%s again that an earlier "
				  "daemon started",
				  found, found == 1 ? "" : "s");
}
