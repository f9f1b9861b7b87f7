// SPDX-License-Identifier: GPL-2.0-only
/* Alerts that come back, and failed binds, which are acts and end by themselves. */
#include "alerts_stage.h"

TEST(what_comes_back_within_the_window_is_the_same_alert)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);
	uint64_t since = s.now.wall_ns;

	update(&s, &v, 1);
	update(&s, NULL, 0);
	pass(&s, FLAP_WINDOW_NS);
	update(&s, &v, 1);
	CHECK_EQ(only(&s)->id, 1);
	CHECK_EQ(only(&s)->repeats, 1);
	CHECK_EQ(only(&s)->since_ns, since);
	CHECK_EQ(only(&s)->resolved_ns, 0);
	CHECK_EQ(s.told, 3);
	CHECK(s.log[2].firing);
	CHECK_EQ(alerts_fired(s.set, ALERT_OCCUPIED), 1);
}

TEST(what_comes_back_later_is_another_alert)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	update(&s, &v, 1);
	update(&s, NULL, 0);
	pass(&s, FLAP_WINDOW_NS + 1);
	update(&s, &v, 1);
	CHECK_EQ(only(&s)->id, 2);
	CHECK_EQ(only(&s)->repeats, 0);
	CHECK_EQ(alerts_find(s.set, 1)->firing, false);
	CHECK_EQ(alerts_fired(s.set, ALERT_OCCUPIED), 2);
}

TEST(a_hundred_flaps_are_counted_not_told)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	update(&s, &v, 1);
	for (int i = 0; i < 100; i++) {
		update(&s, NULL, 0);
		pass(&s, NS_PER_S);
		update(&s, &v, 1);
		alerts_tick(s.set, &s.now);
	}
	CHECK_EQ(only(&s)->id, 1);
	CHECK_EQ(only(&s)->repeats, 100);
	CHECK_EQ(s.told, 3); /* fired, resolved, and is back to stay */
}

TEST(a_flapping_alert_resolves_when_it_has_been_quiet)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	update(&s, &v, 1);
	update(&s, NULL, 0);
	update(&s, &v, 1);
	update(&s, NULL, 0);
	CHECK_EQ(alerts_count(s.set), 1);
	CHECK_EQ(alerts_deadline(s.set), s.now.mono_ns + FLAP_WINDOW_NS);
	pass(&s, FLAP_WINDOW_NS - 1);
	alerts_tick(s.set, &s.now);
	CHECK_EQ(alerts_count(s.set), 1);
	pass(&s, 1);
	alerts_tick(s.set, &s.now);
	CHECK_EQ(alerts_count(s.set), 0);
	CHECK_EQ(s.told, 4);
	CHECK(!s.log[3].firing);
	CHECK_EQ(alerts_deadline(s.set), 0);
}

TEST(quiet_begins_with_the_first_evaluation_that_misses_it)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);
	uint64_t deadline;

	update(&s, &v, 1);
	update(&s, NULL, 0);
	update(&s, &v, 1);
	update(&s, NULL, 0);
	deadline = alerts_deadline(s.set);
	pass(&s, NS_PER_S);
	update(&s, NULL, 0);
	CHECK_EQ(alerts_deadline(s.set), deadline);
}

static int fail_to_bind(struct stage *s, struct process *p)
{
	struct verdict v = verdict(ALERT_BLOCKED, "goblin", 80);

	v.found = p;
	return alerts_blocked(s->set, &v, &s->now);
}

static void unblock(struct stage *s)
{
	struct endpoint at = verdict(ALERT_BLOCKED, "", 80).at;

	alerts_unblock(s->set, &at, NULL, NULL, &s->now);
}

TEST(a_restart_loop_is_one_blocked_alert)
{
	STAGE(s);

	for (pid_t pid = 100; pid < 120; pid++) {
		struct process *p = process(&s, pid, "python3");

		CHECK_EQ(fail_to_bind(&s, p), 0);
		processes_unref(s.procs, p);
		pass(&s, 30 * NS_PER_S);
	}
	CHECK_EQ(s.told, 1);
	CHECK_EQ(only(&s)->repeats, 19);
	CHECK_EQ(only(&s)->v.found->info.id.pid, 119);
	CHECK_EQ(processes_count(s.procs), 1);
}

TEST(two_programs_that_fail_are_two_blocked_alerts)
{
	STAGE(s);
	struct process *a = process(&s, 100, "python3"), *b = process(&s, 101, "node");

	fail_to_bind(&s, a);
	fail_to_bind(&s, b);
	fail_to_bind(&s, NULL);
	CHECK_EQ(alerts_count(s.set), 3);
	processes_unref(s.procs, a);
	processes_unref(s.procs, b);
}

TEST(blocked_is_not_ended_by_an_evaluation_of_its_port)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	fail_to_bind(&s, NULL);
	update(&s, &v, 1);
	update(&s, NULL, 0);
	CHECK_EQ(only(&s)->v.kind, ALERT_BLOCKED);
}

TEST(blocked_ends_after_a_minute_without_another_failure)
{
	STAGE(s);

	fail_to_bind(&s, NULL);
	pass(&s, 50 * NS_PER_S);
	fail_to_bind(&s, NULL);
	CHECK_EQ(alerts_deadline(s.set), s.now.mono_ns + BLOCKED_QUIET_NS);
	pass(&s, 50 * NS_PER_S);
	alerts_tick(s.set, &s.now);
	CHECK_EQ(alerts_count(s.set), 1);
	pass(&s, 10 * NS_PER_S);
	alerts_tick(s.set, &s.now);
	CHECK_EQ(alerts_count(s.set), 0);
	CHECK_EQ(s.told, 2);
}

TEST(blocked_ends_when_the_port_is_released)
{
	STAGE(s);
	struct endpoint elsewhere = verdict(ALERT_BLOCKED, "", 81).at;

	fail_to_bind(&s, NULL);
	alerts_unblock(s.set, &elsewhere, NULL, NULL, &s.now);
	CHECK_EQ(alerts_count(s.set), 1);
	unblock(&s);
	CHECK_EQ(alerts_count(s.set), 0);
	CHECK_EQ(alerts_deadline(s.set), 0);
}

TEST(a_release_leaves_what_is_not_blocked_alone)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	update(&s, &v, 1);
	unblock(&s);
	CHECK_EQ(only(&s)->v.kind, ALERT_OCCUPIED);
}

static bool is_named_node(const struct alert *alert, void *arg)
{
	++*(int *)arg;
	return !strcmp(alert->v.found->info.comm, "node");
}

TEST(a_release_ends_only_what_it_is_asked_to)
{
	STAGE(s);
	struct process *a = process(&s, 100, "python3"), *b = process(&s, 101, "node");
	struct endpoint at = verdict(ALERT_BLOCKED, "", 80).at;
	int asked = 0;

	fail_to_bind(&s, a);
	fail_to_bind(&s, b);
	alerts_unblock(s.set, &at, is_named_node, &asked, &s.now);
	CHECK_EQ(asked, 2);
	CHECK_STR(only(&s)->v.found->info.comm, "python3");
	processes_unref(s.procs, a);
	processes_unref(s.procs, b);
}

TEST(blocked_that_keeps_coming_back_waits_for_quiet)
{
	STAGE(s);

	fail_to_bind(&s, NULL);
	unblock(&s);
	fail_to_bind(&s, NULL);
	CHECK_EQ(only(&s)->repeats, 1);
	unblock(&s);
	CHECK_EQ(alerts_count(s.set), 1);
	CHECK_EQ(alerts_deadline(s.set), s.now.mono_ns + FLAP_WINDOW_NS);
	fail_to_bind(&s, NULL);
	CHECK_EQ(only(&s)->repeats, 2);
	CHECK_EQ(alerts_deadline(s.set), s.now.mono_ns + BLOCKED_QUIET_NS);
	pass(&s, BLOCKED_QUIET_NS);
	alerts_tick(s.set, &s.now);
	CHECK_EQ(alerts_count(s.set), 0);
	CHECK_EQ(s.told, 4);
}

TEST(the_minute_of_blocked_is_not_stretched_by_flapping)
{
	STAGE(s);
	uint64_t deadline;

	fail_to_bind(&s, NULL);
	unblock(&s);
	fail_to_bind(&s, NULL);
	deadline = alerts_deadline(s.set);
	pass(&s, 55 * NS_PER_S);
	unblock(&s);
	CHECK_EQ(alerts_deadline(s.set), deadline);
}

TEST(the_earliest_deadline_of_both_kinds_counts)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	fail_to_bind(&s, NULL);
	update(&s, &v, 1);
	update(&s, NULL, 0);
	update(&s, &v, 1);
	update(&s, NULL, 0);
	CHECK_EQ(alerts_deadline(s.set), s.now.mono_ns + FLAP_WINDOW_NS);
	pass(&s, BLOCKED_QUIET_NS);
	alerts_tick(s.set, &s.now);
	CHECK_EQ(alerts_count(s.set), 0);
}
