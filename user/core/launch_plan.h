/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launch_plan - in which order services start or stop, and what fails with what.
 *
 * Pure: made from the registry, then told how each step went.  Steps whose conditions
 * hold may go side by side; what can never go fails at once, naming what it waited for.
 * It keeps names, not services: the registry may change meanwhile.
 */
#ifndef PORTWATCH_CORE_LAUNCH_PLAN_H
#define PORTWATCH_CORE_LAUNCH_PLAN_H

#include "core/registry.h"

enum { LAUNCH_REASON = 384 };

enum step_state {
	STEP_WAITING, /* for others */
	STEP_BUSY,    /* begun */
	STEP_STARTED, /* it listens; its health is not known yet */
	/* The end: */
	STEP_READY, /* it runs, and is healthy where that is checked; or it has stopped */
	STEP_COMPLETED, /* it ended with exit code 0 */
	STEP_FAILED,
	STEP_SKIPPED,
};

struct step_need {
	size_t step;
	enum dependency_condition condition;
};

struct launch_step {
	char name[SERVICE_NAME_MAX + 1];
	enum step_state state;
	char reason[LAUNCH_REASON]; /* why it failed or was skipped; "" */
	bool is_external;           /* it has no startup_cmd: it runs, or it does not */
	bool is_conflict;           /* it failed because its port is somebody else's */
	/* Its name was given, or it is here because all are. */
	bool is_wanted;
	struct step_need *needs;
	size_t n_needs;
};

enum launch_kind { LAUNCH_UP, LAUNCH_DOWN };

struct launch_plan {
	enum launch_kind kind;
	struct launch_step *steps; /* in an order in which they could go one by one */
	size_t n_steps;
};

struct launch_wish {
	enum launch_kind kind;
	char *const *names; /* NULL-terminated; NULL or empty: all that could */
	bool no_deps;       /* only those */
};

/*
 * UP: what is named and all that it depends on; without names every enabled service with
 * a startup_cmd.  DOWN: what is named and all that depends on it.  -ENOENT: no service is
 * called so; -EINVAL: one that is named cannot be started, or depends on one that cannot;
 * both with a sentence in @reterr of LAUNCH_REASON bytes.  -ENOMEM.
 */
int launch_plan_new(const struct registry *reg, const struct launch_wish *wish,
		    struct launch_plan **ret, char *reterr);
struct launch_plan *launch_plan_free(struct launch_plan *plan);
DEFINE_CLEANUP(struct launch_plan, launch_plan_free)

/* The next step that may begin, which is busy then; NULL: none now. */
struct launch_step *launch_plan_next(struct launch_plan *plan);
/* How @step went; @reason may be NULL.  Those that can never go now fail with it. */
void launch_plan_note(struct launch_plan *plan, struct launch_step *step,
		      enum step_state state, const char *reason);
struct launch_step *launch_plan_find(struct launch_plan *plan, const char *name);
bool step_is_over(const struct launch_step *step);
bool launch_plan_is_over(const struct launch_plan *plan);

const char *step_state_name(enum step_state state); /* "waiting", "ready", … */

#endif /* PORTWATCH_CORE_LAUNCH_PLAN_H */
