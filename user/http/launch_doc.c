// SPDX-License-Identifier: GPL-2.0-only
#include "http/launch_doc.h"

#include "base/strings.h"

static const char *action_name(enum launch_action action)
{
	switch (action) {
	case LAUNCH_ACTION_UP:
		return "up";
	case LAUNCH_ACTION_DOWN:
		return "down";
	case LAUNCH_ACTION_RESTART:
		return "restart";
	}
	return NULL;
}

static struct doc *conflict_doc(const struct launch_conflict *conflict,
				const struct viewer *viewer)
{
	struct doc *doc = doc_object();

	doc_put_int(doc, "port", conflict->at.port);
	doc_put_string(doc, "proto", proto_name(conflict->at.proto));
	doc_put(doc, "holder", codec_encode_process(conflict->holder, viewer));
	return doc;
}

static const char *step_word(const struct launch *launch, const struct launch_step *step)
{
	bool down = launch->action == LAUNCH_ACTION_DOWN;

	if (step->state == STEP_BUSY)
		return down ? "stopping" : "starting";
	if (step->state == STEP_READY)
		return down ? "stopped" : "ready";
	return step_state_name(step->state);
}

static void set_port(struct doc *doc, const struct service *svc)
{
	if (svc && svc->n_claims > 0)
		doc_put_int(doc, "port", svc->claims[0].at.port);
	else
		doc_put_null(doc, "port");
}

struct doc *launch_step_doc(const struct launch *launch, struct launcher *launcher,
			    const struct registry *reg, size_t index,
			    const struct viewer *viewer)
{
	const struct launch_step *step = &launch->plan->steps[index];
	const struct launch_step_state *state = &launch->states[index];
	const struct service *svc = registry_find(reg, step->name);
	struct launch_unit unit = { 0 };
	struct doc *doc = doc_object();

	launcher_look(launcher, step->name, &unit);
	doc_put_string(doc, "service", step->name);
	doc_put_string(doc, "state", step_word(launch, step));
	doc_put_string(doc, "reason", step->reason[0] ? step->reason : NULL);
	set_port(doc, svc);
	if (unit.pid)
		doc_put_int(doc, "pid", unit.pid);
	else
		doc_put_null(doc, "pid");
	doc_put_int(doc, "restarts", unit.restarts);
	doc_put_bool(doc, "wanted", step->is_wanted);
	doc_put_bool(doc, "running", state->is_running);
	doc_put_string(doc, "on_conflict",
		       state->choice != CHOICE_ENTRY ? launch_choice_name(state->choice)
		       : svc                         ? on_conflict_name(svc->on_conflict)
						     : NULL);
	if (state->conflict.at.port)
		doc_put(doc, "conflict", conflict_doc(&state->conflict, viewer));
	else
		doc_put_null(doc, "conflict");
	return doc;
}

struct doc *launch_doc(const struct launch *launch, struct launcher *launcher,
		       const struct registry *reg, const char *service,
		       const struct viewer *viewer)
{
	struct doc *doc = doc_schema("launch"), *steps = doc_array();
	const struct launch_step *own =
		service ? launch_plan_find(launch->plan, service) : NULL;

	doc_put_string(doc, "action", action_name(launch->action));
	if (own) {
		doc_put_string(doc, "service", own->name);
		doc_put_string(doc, "state", step_word(launch, own));
	}
	doc_put_bool(doc, "done", launch->is_over);
	doc_put_string(doc, "outcome",
		       launch->is_over ? launch_outcome_name(launch_outcome(launch))
				       : NULL);
	doc_put_int(doc, "conflicts", (int64_t)launch->n_conflicts);
	for (size_t i = 0; i < launch->plan->n_steps; i++)
		doc_append(steps, launch_step_doc(launch, launcher, reg, i, viewer));
	doc_put(doc, "services", steps);
	return doc;
}
