// SPDX-License-Identifier: GPL-2.0-only
/* In which order services start, and what fails with what. */
#include "core/launch_plan.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"

static struct registry *reg;
static bool is_sealed;
static struct launch_plan *plan;
static char why[LAUNCH_REASON];

/* "db", "api db web:healthy once:completed": a name and what it depends on. */
static struct service *add(const char *line)
{
	_cleanup_(strv_freep) char **words = NULL;
	struct service *svc = service_new();

	if (!reg)
		CHECK_EQ(registry_new(1, &reg), 0);
	CHECK(svc && shell_split(line, &words) == 0);
	svc->name = strdup(words[0]);
	svc->startup_cmd = strdup("true");
	CHECK_EQ(strv_append(&svc->startup_argv, "true"), 0);
	svc->n_depends_on = strv_length(words) - 1;
	svc->depends_on = calloc(svc->n_depends_on + 1, sizeof(*svc->depends_on));
	for (size_t i = 0; i < svc->n_depends_on; i++) {
		char *colon = strchr(words[i + 1], ':');
		struct dependency *dep = &svc->depends_on[i];

		if (colon && colon[1] == 'h')
			dep->condition = DEPENDS_HEALTHY;
		else if (colon)
			dep->condition = DEPENDS_COMPLETED;
		if (colon)
			*colon = '\0';
		dep->name = strdup(words[i + 1]);
	}
	CHECK_EQ(registry_add(reg, svc), 0);
	return svc;
}

static int try_plan(enum launch_kind kind, const char *names, bool no_deps)
{
	_cleanup_(strv_freep) char **words = NULL;
	struct launch_wish wish = { .kind = kind, .no_deps = no_deps };
	char *reterr = NULL;

	if (!is_sealed)
		CHECK_EQ(registry_seal(reg, &reterr), 0);
	is_sealed = true;
	CHECK_EQ(shell_split(names, &words), 0);
	wish.names = words;
	return launch_plan_new(reg, &wish, &plan, why);
}

static void make(enum launch_kind kind, const char *names)
{
	CHECK_EQ(try_plan(kind, names, false), 0);
}

/* What may begin now, in order. */
static const char *begin(void)
{
	static char text[256];
	const struct launch_step *step;

	text[0] = '\0';
	while ((step = launch_plan_next(plan))) {
		strcat(text, text[0] ? " " : "");
		strcat(text, step->name);
	}
	return text;
}

static void note(const char *name, enum step_state state, const char *reason)
{
	struct launch_step *step = launch_plan_find(plan, name);

	CHECK(step);
	launch_plan_note(plan, step, state, reason);
}

static const struct launch_step *at(const char *name)
{
	const struct launch_step *step = launch_plan_find(plan, name);

	CHECK(step);
	return step;
}

TEST(a_diamond_comes_up_side_by_side_where_it_can)
{
	add("top left right");
	add("left bottom");
	add("right bottom");
	add("bottom");
	make(LAUNCH_UP, "");

	CHECK_STR(begin(), "bottom");
	CHECK_STR(begin(), "");
	note("bottom", STEP_READY, NULL);
	CHECK_STR(begin(), "left right");
	note("left", STEP_READY, NULL);
	CHECK_STR(begin(), "");
	note("right", STEP_READY, NULL);
	CHECK_STR(begin(), "top");
	CHECK(!launch_plan_is_over(plan));
	note("top", STEP_READY, NULL);
	CHECK(launch_plan_is_over(plan));
}

TEST(going_down_is_the_other_way_round)
{
	add("top left right");
	add("left bottom");
	add("right bottom");
	add("bottom");
	make(LAUNCH_DOWN, "");

	CHECK_STR(begin(), "top");
	note("top", STEP_READY, NULL);
	CHECK_STR(begin(), "right left");
	note("left", STEP_FAILED, "will not go");
	note("right", STEP_READY, NULL);
	CHECK_STR(begin(), "bottom");
}

TEST(a_name_brings_what_it_depends_on_and_nothing_else)
{
	add("other");
	add("web api");
	add("api db");
	add("db");
	make(LAUNCH_UP, "api");

	CHECK_EQ(plan->n_steps, 2);
	CHECK_STR(plan->steps[0].name, "db");
	CHECK_STR(plan->steps[1].name, "api");
	CHECK(!plan->steps[0].is_wanted);
	CHECK(plan->steps[1].is_wanted);
}

TEST(taking_one_down_takes_down_what_depends_on_it)
{
	add("other");
	add("web api");
	add("api db");
	add("db");
	make(LAUNCH_DOWN, "api");

	CHECK_EQ(plan->n_steps, 2);
	CHECK_STR(begin(), "web");
}

TEST(without_dependencies_only_what_is_named_starts)
{
	add("api db");
	add("db");
	CHECK_EQ(try_plan(LAUNCH_UP, "api", true), 0);
	CHECK_EQ(plan->n_steps, 1);
	CHECK_STR(begin(), "api");
}

TEST(started_is_enough_where_health_is_not_asked_for)
{
	add("loose db");
	add("strict db:healthy");
	add("db");
	make(LAUNCH_UP, "");

	CHECK_STR(begin(), "db");
	note("db", STEP_STARTED, NULL);
	CHECK_STR(begin(), "loose");
	note("db", STEP_READY, NULL);
	CHECK_STR(begin(), "strict");
}

TEST(a_job_is_waited_for_until_it_has_ended_well)
{
	add("api migrate:completed");
	add("migrate");
	make(LAUNCH_UP, "");

	CHECK_STR(begin(), "migrate");
	note("migrate", STEP_STARTED, NULL);
	CHECK_STR(begin(), "");
	note("migrate", STEP_COMPLETED, NULL);
	CHECK_STR(begin(), "api");
}

TEST(what_can_never_be_ready_fails_its_dependents_by_name)
{
	add("web api:healthy");
	add("api db:healthy");
	add("db");
	add("other");
	make(LAUNCH_UP, "");

	CHECK_STR(begin(), "db other");
	note("other", STEP_READY, NULL);
	note("db", STEP_FAILED, "its health checks fail");
	CHECK(launch_plan_is_over(plan));
	CHECK_EQ(at("api")->state, STEP_FAILED);
	CHECK_STR(at("api")->reason,
		  "depends on db, which failed: its health checks fail");
	CHECK_STR(at("web")->reason, at("api")->reason);
	CHECK_EQ(at("other")->state, STEP_READY);
}

TEST(what_ends_instead_of_being_healthy_fails_its_dependents)
{
	add("api db:healthy");
	add("db");
	make(LAUNCH_UP, "");

	begin();
	note("db", STEP_COMPLETED, NULL);
	CHECK_EQ(at("api")->state, STEP_FAILED);
	CHECK_STR(at("api")->reason, "depends on db, which has ended");
}

TEST(what_depends_on_a_skipped_one_is_skipped)
{
	add("api db");
	add("db");
	make(LAUNCH_UP, "");

	begin();
	note("db", STEP_SKIPPED, "as you said");
	CHECK_EQ(at("api")->state, STEP_SKIPPED);
	CHECK(launch_plan_is_over(plan));
}

TEST(names_that_cannot_be_started_are_refused)
{
	static const struct {
		const char *names;
		int err;
		const char *why;
	} table[] = {
		{ "nobody", -ENOENT, "No service is called nobody" },
		{ "off", -EINVAL,
		  "off is disabled; 'portwatch enable off' changes that" },
		{ "idle", -EINVAL, "idle cannot be started: it has no startup_cmd" },
		{ "needy", -EINVAL, "needy depends on off, which is disabled" },
	};
	struct service *svc;

	add("off")->enabled = false;
	svc = add("idle");
	svc->startup_argv = strv_free(svc->startup_argv);
	add("needy off");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CHECK_EQ(try_plan(LAUNCH_UP, table[i].names, false), table[i].err);
		CHECK_STR(why, table[i].why);
	}
}

TEST(what_somebody_else_starts_is_a_step_only_where_it_is_depended_on)
{
	struct service *svc = add("db");

	svc->startup_argv = strv_free(svc->startup_argv);
	svc = add("idle");
	svc->startup_argv = strv_free(svc->startup_argv);
	add("api db");
	make(LAUNCH_UP, "");
	CHECK_EQ(plan->n_steps, 2);
	CHECK(at("db")->is_external);
	CHECK(!launch_plan_find(plan, "idle"));
}
