// SPDX-License-Identifier: GPL-2.0-only
/* Several services together: a plan that is carried out as units report. */
#include "service/launch_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"
#include "service/launch_command.h"

static const char *const choices[] = {
	[CHOICE_ENTRY] = NULL,  [CHOICE_FAIL] = "fail", [CHOICE_NEXT_FREE] = "next_free",
	[CHOICE_KILL] = "kill", [CHOICE_SKIP] = "skip",
};

const char *launch_choice_name(enum launch_choice choice)
{
	return choices[choice];
}

/* -- What would be done ---------------------------------------------------------------
 */

static struct launch_step_state *state_of(const struct launch *launch,
					  const struct launch_step *step)
{
	return &launch->states[step - launch->plan->steps];
}

static const struct service *service_of(const struct launch *launch,
					const struct launch_step *step)
{
	return registry_find(engine_world(launch->launcher->engine)->registry,
			     step->name);
}

static bool runs(const struct launch *launch, const struct service *svc)
{
	const struct unit *unit = launcher_find(launch->launcher, svc->name);
	const struct world *world = engine_world(launch->launcher->engine);
	enum service_status status;

	if (unit && (unit_has_process(unit) || unit->phase == UNIT_SPAWNING))
		return unit->phase != UNIT_STOPPING;
	status = matcher_status(world, svc, engine_alerts(launch->launcher->engine));
	return status == STATUS_RUNNING || status == STATUS_UNHEALTHY;
}

static enum launch_choice choice_of(const struct launch_order *order, const char *name)
{
	for (const struct launch_choices *c = order->choices; c && c->service; c++)
		if (streq(c->service, name))
			return c->choice;
	return CHOICE_ENTRY;
}

static bool starts(const struct launch *launch, const struct launch_step *step)
{
	if (launch->action == LAUNCH_ACTION_DOWN || step->is_external)
		return false;
	return launch->action == LAUNCH_ACTION_RESTART ||
	       !state_of(launch, step)->is_running;
}

static int look_at_step(struct launch *launch, const struct launch_order *order,
			const struct launch_step *step, char *reterr)
{
	_cleanup_(launch_command_done) struct launch_command command = { 0 };
	struct launch_step_state *state = state_of(launch, step);
	const struct service *svc = service_of(launch, step);

	state->choice = choice_of(order, step->name);
	state->is_running = runs(launch, svc);
	if (!starts(launch, step))
		return 0;
	if (launch_find_conflict(launch->launcher, svc, &state->conflict))
		launch->n_conflicts++;
	return launch_command_make(svc, "", &command, reterr);
}

int launch_new(struct launcher *launcher, const struct launch_order *order,
	       struct launch **ret, char *reterr)
{
	struct launch_wish wish = {
		.kind = order->action == LAUNCH_ACTION_DOWN ? LAUNCH_DOWN : LAUNCH_UP,
		.names = order->names,
		.no_deps = order->no_deps || order->action == LAUNCH_ACTION_RESTART,
	};
	_cleanup_(launch_freep) struct launch *launch = NULL;
	int err;

	reterr[0] = '\0';
	if (launcher->n_launches >= LAUNCHES_MAX)
		return -EAGAIN;
	launcher_find_cgroups(launcher);
	launch = calloc(1, sizeof(*launch));
	if (!launch)
		return -ENOMEM;
	launch->launcher = launcher;
	launch->action = order->action;
	launch->is_all = !order->names || !order->names[0];
	launch->next = launcher->launches;
	launcher->launches = launch;
	launcher->n_launches++;
	err = launch_plan_new(engine_world(launcher->engine)->registry, &wish,
			      &launch->plan, reterr);
	if (err < 0)
		return err;
	launch->states = calloc(launch->plan->n_steps + 1, sizeof(*launch->states));
	if (!launch->states)
		return -ENOMEM;
	for (size_t i = 0; i < launch->plan->n_steps && err == 0; i++)
		err = look_at_step(launch, order, &launch->plan->steps[i], reterr);
	if (err < 0)
		return err;

	*ret = take(launch);
	return 0;
}

struct launch *launch_free(struct launch *launch)
{
	struct launch **at;

	if (!launch)
		return NULL;
	launch->changed = NULL;
	if (launch->begun && !launch->is_over && !launch->is_detached) {
		launch->is_detached = true;
		return NULL;
	}
	for (at = &launch->launcher->launches; *at != launch;)
		at = &(*at)->next;
	*at = launch->next;
	launch->launcher->n_launches--;
	for (size_t i = 0; launch->states && i < launch->plan->n_steps; i++)
		launch_conflict_done(launch->launcher, &launch->states[i].conflict);
	launch_plan_free(launch->plan);
	free(launch->states);
	free(launch);
	return NULL;
}

/* -- Doing it -------------------------------------------------------------------------
 */

static void note(struct launch *launch, struct launch_step *step, enum step_state state,
		 const char *reason)
{
	if (step->state != state)
		launch_plan_note(launch->plan, step, state, reason);
}

/* It runs, or is about to, as portwatch started it. */
static bool is_of_unit(const struct unit *unit)
{
	return unit && unit->phase != UNIT_STOPPING &&
	       (unit_has_process(unit) || unit_is_busy(unit));
}

static void begin_up(struct launch *launch, struct launch_step *step)
{
	struct launch_step_state *state = state_of(launch, step);
	const struct service *svc = service_of(launch, step);
	struct unit *unit;

	if (!svc) {
		note(launch, step, STEP_FAILED, "it is not in the registry any more");
		return;
	}
	unit = launcher_find(launch->launcher, step->name);
	if (!starts(launch, step) && !is_of_unit(unit)) {
		note(launch, step, state->is_running ? STEP_READY : STEP_FAILED,
		     state->is_running ? "it runs already, not started by portwatch"
				       : "it does not run and has no startup_cmd");
		return;
	}
	if (state->choice == CHOICE_SKIP && state->conflict.at.port) {
		step->is_conflict = true;
		note(launch, step, STEP_SKIPPED, "its port is somebody else's");
		return;
	}
	unit = launcher_unit(launch->launcher, step->name);
	if (!unit) {
		note(launch, step, STEP_FAILED, "out of memory");
		return;
	}
	state->due_ns = now_mono_ns() + NS_PER_MS * (svc->health.start_period_ms
							     ? svc->health.start_period_ms
							     : LAUNCH_READY_MS);
	if (launch->action == LAUNCH_ACTION_RESTART)
		unit_restart(unit, state->choice);
	else if (!is_of_unit(unit))
		unit_start(unit, state->choice);
}

static void begin_down(struct launch *launch, struct launch_step *step)
{
	struct unit *unit = launcher_find(launch->launcher, step->name);

	if (unit &&
	    (unit_has_process(unit) || unit_is_busy(unit) || unit->phase == UNIT_BLOCKED))
		unit_stop(unit);
	else
		note(launch, step, STEP_READY,
		     state_of(launch, step)->is_running
			     ? "not started by portwatch: left alone"
			     : "");
}

static void follow_health(struct launch *launch, struct launch_step *step,
			  const struct unit *unit, const struct service *svc)
{
	const struct world *world = engine_world(launch->launcher->engine);
	const struct service_state *state = &world->services[svc->index];

	if (!health_has_check(&svc->health) || state->health == HEALTH_HEALTHY)
		note(launch, step, STEP_READY, NULL);
	else if (state->health == HEALTH_UNHEALTHY)
		note(launch, step, STEP_FAILED, "its health checks fail");
	else if (now_mono_ns() >= unit->health_due_ns)
		note(launch, step, STEP_FAILED, "it did not become healthy in time");
	else
		note(launch, step, STEP_STARTED, NULL);
}

static void follow_late(struct launch *launch, struct launch_step *step,
			const struct unit *unit)
{
	char reason[LAUNCH_REASON];

	if (now_mono_ns() < state_of(launch, step)->due_ns)
		return;
	if (unit->phase == UNIT_STARTING)
		snprintf(reason, sizeof(reason),
			 "it does not listen on its port in time");
	else
		snprintf(reason, sizeof(reason), "it did not start in time%s%.*s",
			 unit->reason[0] ? ": " : "", LAUNCH_REASON - 64, unit->reason);
	note(launch, step, STEP_FAILED, reason);
}

static void follow_up(struct launch *launch, struct launch_step *step,
		      const struct unit *unit)
{
	const struct service *svc = service_of(launch, step);

	switch (unit->phase) {
	case UNIT_UP:
		if (svc)
			follow_health(launch, step, unit, svc);
		break;
	case UNIT_COMPLETED:
		note(launch, step, STEP_COMPLETED, NULL);
		break;
	case UNIT_FAILED:
	case UNIT_BLOCKED:
		step->is_conflict = unit->is_conflict;
		note(launch, step, STEP_FAILED, unit->reason);
		break;
	case UNIT_DOWN:
		note(launch, step, STEP_FAILED, "it was stopped");
		break;
	default:
		follow_late(launch, step, unit);
	}
}

static void follow_down(struct launch *launch, struct launch_step *step,
			const struct unit *unit)
{
	if (unit->phase == UNIT_FAILED && unit_has_process(unit))
		note(launch, step, STEP_FAILED, unit->reason);
	else if (unit->phase != UNIT_STOPPING)
		note(launch, step, STEP_READY, NULL);
}

/* A step that is ready may end yet, while others wait for it to. */
static void follow(struct launch *launch, struct launch_step *step)
{
	const struct unit *unit = launcher_find(launch->launcher, step->name);
	bool is_open = step->state == STEP_BUSY || step->state == STEP_STARTED;

	if (!unit || (!is_open && step->state != STEP_READY))
		return;
	if (launch->plan->kind == LAUNCH_DOWN && is_open)
		follow_down(launch, step, unit);
	else if (launch->plan->kind == LAUNCH_UP &&
		 (is_open || unit->phase == UNIT_COMPLETED || unit->phase == UNIT_FAILED))
		follow_up(launch, step, unit);
}

/* Once; what was begun may be there already. */
static bool get_on(struct launch *launch)
{
	struct launch_step *step;
	bool any = false;

	for (size_t i = 0; i < launch->plan->n_steps; i++) {
		enum step_state before = launch->plan->steps[i].state;

		follow(launch, &launch->plan->steps[i]);
		any |= launch->plan->steps[i].state != before;
	}
	while ((step = launch_plan_next(launch->plan))) {
		any = true;
		if (launch->plan->kind == LAUNCH_UP)
			begin_up(launch, step);
		else
			begin_down(launch, step);
	}
	return any;
}

static bool advance(struct launch *launch)
{
	bool any = false;

	while (get_on(launch))
		any = true;
	if (launch_plan_is_over(launch->plan))
		any = launch->is_over = true;
	return any;
}

void launches_advance(struct launcher *launcher)
{
	struct launch *next;

	for (struct launch *l = launcher->launches; l; l = next) {
		next = l->next;
		if (!l->begun || l->is_over)
			continue;
		if (advance(l) && l->changed)
			l->changed(l->arg);
		if (l->is_over && l->is_detached)
			launch_free(l);
	}
}

uint64_t launches_deadline(const struct launcher *launcher)
{
	uint64_t due_ns = 0;

	for (const struct launch *l = launcher->launches; l; l = l->next) {
		for (size_t i = 0; l->begun && !l->is_over && i < l->plan->n_steps; i++) {
			const struct launch_step *step = &l->plan->steps[i];
			const struct unit *unit = launcher_find(launcher, step->name);
			uint64_t at = l->states[i].due_ns;

			if (step->state == STEP_STARTED && unit)
				at = unit->health_due_ns;
			else if (step->state != STEP_BUSY)
				at = 0;
			if (at && (!due_ns || at < due_ns))
				due_ns = at;
		}
	}
	return due_ns;
}

/* They have left the registry while they ran, and so are in no plan. */
static void stop_strangers(struct launcher *launcher)
{
	for (struct unit *u = launcher->units; u; u = u->next)
		if (!unit_service(u) && (unit_has_process(u) || unit_is_busy(u)))
			unit_stop(u);
}

void launch_begin(struct launch *launch, void (*changed)(void *arg), void *arg)
{
	if (launch->action == LAUNCH_ACTION_DOWN && launch->is_all)
		stop_strangers(launch->launcher);
	launch->begun = true;
	launch->changed = changed;
	launch->arg = arg;
	launcher_wake(launch->launcher);
}

enum launch_outcome launch_outcome(const struct launch *launch)
{
	size_t good = 0, bad = 0, conflicts = 0;

	for (size_t i = 0; i < launch->plan->n_steps; i++) {
		const struct launch_step *step = &launch->plan->steps[i];

		good += step->state == STEP_READY || step->state == STEP_COMPLETED;
		bad += step->state == STEP_FAILED || step->state == STEP_SKIPPED;
		conflicts += step->is_conflict;
	}
	if (bad == 0)
		return LAUNCH_DONE;
	if (good == 0 && conflicts > 0)
		return LAUNCH_CONFLICT;
	return good == 0 && bad == 1 ? LAUNCH_FAILED : LAUNCH_PARTLY;
}

const char *launch_outcome_name(enum launch_outcome outcome)
{
	static const char *const names[] = {
		[LAUNCH_DONE] = "done",
		[LAUNCH_PARTLY] = "partly",
		[LAUNCH_CONFLICT] = "conflict",
		[LAUNCH_FAILED] = "failed",
	};

	return names[outcome];
}
