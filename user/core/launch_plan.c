// SPDX-License-Identifier: GPL-2.0-only
#include "core/launch_plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

/* While a plan is made: which services are in it, and as which step. */
struct making {
	const struct registry *reg;
	bool *wanted, *included; /* by service index */
	size_t *step_of;
	char *reterr;
};

static void making_done(struct making *m)
{
	free(m->wanted);
	free(m->included);
	free(m->step_of);
}

static int refuse(const struct making *m, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(const struct making *m, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(m->reterr, LAUNCH_REASON, fmt, args);
	va_end(args);
	return err;
}

static bool can_start(const struct service *svc)
{
	return svc->enabled && svc->startup_argv;
}

/* -- What is in it --------------------------------------------------------------------
 */

static int want_name(struct making *m, const struct launch_wish *wish, const char *name)
{
	const struct service *svc = registry_find(m->reg, name);

	if (!svc)
		return refuse(m, -ENOENT, "No service is called %s", name);
	if (wish->kind == LAUNCH_UP && !svc->enabled)
		return refuse(m, -EINVAL,
			      "%s is disabled; 'portwatch enable %s' changes that", name,
			      name);
	if (wish->kind == LAUNCH_UP && !svc->startup_argv)
		return refuse(m, -EINVAL, "%s cannot be started: it has no startup_cmd",
			      name);
	m->wanted[svc->index] = m->included[svc->index] = true;
	return 0;
}

static int want(struct making *m, const struct launch_wish *wish)
{
	int err = 0;

	for (char *const *name = wish->names; name && *name && err == 0; name++)
		err = want_name(m, wish, *name);
	if (err < 0 || (wish->names && wish->names[0]))
		return err;
	for (size_t i = 0; i < registry_count(m->reg); i++)
		m->wanted[i] = m->included[i] = wish->kind == LAUNCH_DOWN ||
						can_start(registry_service(m->reg, i));
	return 0;
}

/* Whatever is included wants what it depends on; once more until nothing is added. */
static int include_needed(struct making *m)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < registry_count(m->reg); i++) {
			const struct service *svc = registry_service(m->reg, i);

			for (size_t d = 0; m->included[i] && d < svc->n_depends_on; d++) {
				const struct service *on =
					registry_find(m->reg, svc->depends_on[d].name);

				if (!on || m->included[on->index])
					continue;
				if (!on->enabled)
					return refuse(
						m, -EINVAL,
						"%s depends on %s, which is disabled",
						svc->name, on->name);
				m->included[on->index] = again = true;
			}
		}
	}
	return 0;
}

static bool depends_on_included(const struct making *m, const struct service *svc)
{
	for (size_t d = 0; d < svc->n_depends_on; d++) {
		const struct service *on = registry_find(m->reg, svc->depends_on[d].name);

		if (on && m->included[on->index])
			return true;
	}
	return false;
}

static void include_dependents(struct making *m)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < registry_count(m->reg); i++) {
			if (m->included[i] ||
			    !depends_on_included(m, registry_service(m->reg, i)))
				continue;
			m->included[i] = again = true;
		}
	}
}

/* -- Its steps ------------------------------------------------------------------------
 */

static bool has_step(const struct making *m, const struct service *svc,
		     const struct launch_plan *plan)
{
	return m->step_of[svc->index] < plan->n_steps;
}

/* All that it depends on has a step already. */
static bool is_next(const struct making *m, const struct service *svc,
		    const struct launch_plan *plan)
{
	for (size_t d = 0; d < svc->n_depends_on; d++) {
		const struct service *on = registry_find(m->reg, svc->depends_on[d].name);

		if (on && m->included[on->index] && !has_step(m, on, plan))
			return false;
	}
	return true;
}

static void add_step(struct making *m, struct launch_plan *plan,
		     const struct service *svc)
{
	struct launch_step *step = &plan->steps[plan->n_steps];

	memccpy(step->name, svc->name, 0, sizeof(step->name) - 1);
	step->is_wanted = m->wanted[svc->index];
	step->is_external = !svc->startup_argv;
	m->step_of[svc->index] = plan->n_steps++;
}

/* Registry order wherever dependencies allow it. */
static void add_steps(struct making *m, struct launch_plan *plan)
{
	size_t before;

	do {
		before = plan->n_steps;
		for (size_t i = 0; i < registry_count(m->reg); i++) {
			const struct service *svc = registry_service(m->reg, i);

			if (m->included[i] && !has_step(m, svc, plan) &&
			    is_next(m, svc, plan))
				add_step(m, plan, svc);
		}
	} while (plan->n_steps > before);
}

static int add_need(struct launch_step *step, size_t on,
		    enum dependency_condition condition)
{
	struct step_need *needs =
		reallocarray(step->needs, step->n_needs + 1, sizeof(*needs));

	if (!needs)
		return -ENOMEM;
	needs[step->n_needs++] = (struct step_need){ on, condition };
	step->needs = needs;
	return 0;
}

static int link_needs(const struct making *m, struct launch_plan *plan,
		      const struct service *svc)
{
	size_t own = m->step_of[svc->index];
	int err = 0;

	for (size_t d = 0; d < svc->n_depends_on && err == 0; d++) {
		const struct dependency *dep = &svc->depends_on[d];
		const struct service *on = registry_find(m->reg, dep->name);

		if (!on || !m->included[on->index])
			continue;
		if (plan->kind == LAUNCH_UP)
			err = add_need(&plan->steps[own], m->step_of[on->index],
				       dep->condition);
		else
			err = add_need(&plan->steps[m->step_of[on->index]], own,
				       DEPENDS_STARTED);
	}
	return err;
}

static void reverse(struct launch_plan *plan)
{
	size_t last = plan->n_steps ? plan->n_steps - 1 : 0;

	for (size_t i = 0; i < plan->n_steps / 2; i++) {
		struct launch_step step = plan->steps[i];

		plan->steps[i] = plan->steps[last - i];
		plan->steps[last - i] = step;
	}
	for (size_t i = 0; i < plan->n_steps; i++)
		for (size_t n = 0; n < plan->steps[i].n_needs; n++)
			plan->steps[i].needs[n].step =
				last - plan->steps[i].needs[n].step;
}

static int fill(struct making *m, const struct launch_wish *wish,
		struct launch_plan *plan)
{
	int err = want(m, wish);

	if (err == 0 && !wish->no_deps && wish->kind == LAUNCH_UP)
		err = include_needed(m);
	if (err < 0)
		return err;
	if (!wish->no_deps && wish->kind == LAUNCH_DOWN)
		include_dependents(m);
	for (size_t i = 0; i < registry_count(m->reg); i++)
		m->step_of[i] = SIZE_MAX;
	add_steps(m, plan);
	for (size_t i = 0; i < registry_count(m->reg) && err == 0; i++)
		if (m->included[i])
			err = link_needs(m, plan, registry_service(m->reg, i));
	if (plan->kind == LAUNCH_DOWN)
		reverse(plan);
	return err;
}

int launch_plan_new(const struct registry *reg, const struct launch_wish *wish,
		    struct launch_plan **ret, char *reterr)
{
	_cleanup_(launch_plan_freep) struct launch_plan *plan = calloc(1, sizeof(*plan));
	size_t n = registry_count(reg) + 1;
	_cleanup_(making_done) struct making m = {
		.reg = reg,
		.wanted = calloc(n, sizeof(bool)),
		.included = calloc(n, sizeof(bool)),
		.step_of = calloc(n, sizeof(size_t)),
		.reterr = reterr,
	};
	int err;

	reterr[0] = '\0';
	if (!plan || !m.wanted || !m.included || !m.step_of)
		return -ENOMEM;
	plan->kind = wish->kind;
	plan->steps = calloc(n, sizeof(*plan->steps));
	if (!plan->steps)
		return -ENOMEM;
	err = fill(&m, wish, plan);
	if (err < 0)
		return err;

	*ret = take(plan);
	return 0;
}

struct launch_plan *launch_plan_free(struct launch_plan *plan)
{
	if (!plan)
		return NULL;
	for (size_t i = 0; plan->steps && i < plan->n_steps; i++)
		free(plan->steps[i].needs);
	free(plan->steps);
	free(plan);
	return NULL;
}

/* -- How it goes ----------------------------------------------------------------------
 */

bool step_is_over(const struct launch_step *step)
{
	return step->state >= STEP_READY;
}

/* 1 it holds, 0 not yet, -1 it never will. */
static int judge(const struct launch_plan *plan, const struct step_need *need)
{
	const struct launch_step *on = &plan->steps[need->step];

	if (plan->kind == LAUNCH_DOWN)
		return step_is_over(on);
	if (on->state == STEP_FAILED || on->state == STEP_SKIPPED)
		return -1;
	switch (need->condition) {
	case DEPENDS_STARTED:
		return on->state >= STEP_STARTED;
	case DEPENDS_HEALTHY:
		return on->state == STEP_COMPLETED ? -1 : on->state == STEP_READY;
	case DEPENDS_COMPLETED:
		return on->state == STEP_COMPLETED;
	}
	return -1;
}

static bool may_begin(const struct launch_plan *plan, const struct launch_step *step)
{
	for (size_t i = 0; i < step->n_needs; i++)
		if (judge(plan, &step->needs[i]) != 1)
			return false;
	return true;
}

struct launch_step *launch_plan_next(struct launch_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct launch_step *step = &plan->steps[i];

		if (step->state == STEP_WAITING && may_begin(plan, step)) {
			step->state = STEP_BUSY;
			return step;
		}
	}
	return NULL;
}

static void give_up(struct launch_step *step, const struct launch_step *on)
{
	struct launch_step because = *on; /* the compiler cannot see that they are two */
	const char *verb = "is not ready";

	if (on->state == STEP_FAILED)
		verb = "failed";
	else if (on->state == STEP_SKIPPED)
		verb = "was skipped";
	else if (on->state == STEP_COMPLETED)
		verb = "has ended";
	step->state = on->state == STEP_SKIPPED ? STEP_SKIPPED : STEP_FAILED;
	/* Down a chain the first cause is what helps, not the links. */
	if (starts_with(because.reason, "depends on "))
		snprintf(step->reason, sizeof(step->reason), "%s", because.reason);
	else
		snprintf(step->reason, sizeof(step->reason),
			 "depends on %s, which %s%s%.*s", because.name, verb,
			 because.reason[0] ? ": " : "",
			 (int)(sizeof(step->reason) - SERVICE_NAME_MAX - 48),
			 because.reason);
}

static bool give_up_one(struct launch_plan *plan, struct launch_step *step)
{
	for (size_t i = 0; i < step->n_needs; i++) {
		if (judge(plan, &step->needs[i]) >= 0)
			continue;
		give_up(step, &plan->steps[step->needs[i].step]);
		return true;
	}
	return false;
}

void launch_plan_note(struct launch_plan *plan, struct launch_step *step,
		      enum step_state state, const char *reason)
{
	bool again = true;

	step->state = state;
	snprintf(step->reason, sizeof(step->reason), "%s", reason ? reason : "");
	while (again) {
		again = false;
		for (size_t i = 0; i < plan->n_steps; i++)
			if (plan->steps[i].state == STEP_WAITING)
				again |= give_up_one(plan, &plan->steps[i]);
	}
}

struct launch_step *launch_plan_find(struct launch_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (streq(plan->steps[i].name, name))
			return &plan->steps[i];
	return NULL;
}

bool launch_plan_is_over(const struct launch_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (!step_is_over(&plan->steps[i]))
			return false;
	return true;
}

const char *step_state_name(enum step_state state)
{
	static const char *const names[] = {
		[STEP_WAITING] = "waiting",     [STEP_BUSY] = "busy",
		[STEP_STARTED] = "started",     [STEP_READY] = "ready",
		[STEP_COMPLETED] = "completed", [STEP_FAILED] = "failed",
		[STEP_SKIPPED] = "skipped",
	};

	return names[state];
}
