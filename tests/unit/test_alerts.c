// SPDX-License-Identifier: GPL-2.0-only
/* What fires, what resolves, what is one and the same, and how all that is walked. */
#include "alerts_stage.h"

TEST(what_is_new_fires_with_id_time_severity_and_latency)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	s.now.event_mono_ns = s.now.mono_ns - 123456;
	CHECK_EQ(update(&s, &v, 1), 0);
	CHECK_EQ(s.told, 1);
	CHECK(s.log[0].firing);
	CHECK_EQ(only(&s)->id, 1);
	CHECK_EQ(only(&s)->since_ns, s.now.wall_ns);
	CHECK_EQ(only(&s)->resolved_ns, 0);
	CHECK_EQ(only(&s)->latency_us, 123);
	CHECK_EQ(only(&s)->severity, SEVERITY_CRITICAL);
	CHECK_EQ(only(&s)->scope.port, 80);
	CHECK_EQ(alerts_fired(s.set, ALERT_OCCUPIED), 1);
}

TEST(an_alert_without_a_kernel_event_has_no_latency)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	CHECK_EQ(update(&s, &v, 1), 0);
	CHECK_EQ(only(&s)->latency_us, 0);
}

TEST(an_event_from_the_future_has_no_latency)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	s.now.event_mono_ns = s.now.mono_ns + 1;
	CHECK_EQ(update(&s, &v, 1), 0);
	CHECK_EQ(only(&s)->latency_us, 0);
}

TEST(what_stands_is_not_told_again)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	for (int i = 0; i < 10; i++) {
		CHECK_EQ(update(&s, &v, 1), 0);
		pass(&s, NS_PER_S);
	}
	CHECK_EQ(s.told, 1);
	CHECK_EQ(only(&s)->repeats, 0);
}

TEST(what_has_gone_resolves_once)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	update(&s, &v, 1);
	pass(&s, NS_PER_S);
	update(&s, NULL, 0);
	update(&s, NULL, 0);
	CHECK_EQ(s.told, 2);
	CHECK(!s.log[1].firing);
	CHECK_EQ(s.log[1].id, 1);
	CHECK_EQ(alerts_count(s.set), 0);
	CHECK_EQ(alerts_find(s.set, 1)->resolved_ns, s.now.wall_ns);
}

TEST(the_address_is_not_part_of_the_identity)
{
	STAGE(s);
	struct verdict v4 = verdict(ALERT_OCCUPIED, "goblin", 80), v6 = v4;

	v6.at.family = AF_INET6;
	v6.at.addr[15] = 1;
	update(&s, &v4, 1);
	update(&s, &v6, 1);
	CHECK_EQ(s.told, 1);
	CHECK_EQ(only(&s)->v.at.family, AF_INET6);
}

TEST(each_part_of_the_identity_tells_alerts_apart)
{
	STAGE(s);
	struct process *a = process(&s, 10, "a"), *b = process(&s, 11, "a");
	struct verdict base = verdict(ALERT_SHARED, "goblin", 80), others[6];

	base.found = a;
	for (size_t i = 0; i < 6; i++)
		others[i] = base;
	others[0].kind = ALERT_SHADOWED;
	strcpy(others[1].service, "wizard");
	others[2].found = b;
	others[3].found = NULL;
	others[4].at.proto = IPPROTO_UDP;
	others[5].at.netns++;
	CHECK_EQ(update(&s, others, 6), 0);
	CHECK_EQ(alerts_count(s.set), 6);
	CHECK_EQ(update(&s, &base, 1), 0);
	CHECK_EQ(only(&s)->id, 7);
	CHECK_EQ(s.told, 6 + 1 + 6);
	processes_unref(s.procs, a);
	processes_unref(s.procs, b);
}

TEST(duplicates_differ_by_what_was_expected)
{
	STAGE(s);
	struct verdict v[2] = { verdict(ALERT_DUPLICATE, "c", 80),
				verdict(ALERT_DUPLICATE, "c", 80) };
	struct alert_scope scope = { .kind = SCOPE_REGISTRY };

	strcpy(v[0].expected, "a");
	strcpy(v[1].expected, "b");
	CHECK_EQ(alerts_update(s.set, &scope, v, 2, &s.now), 0);
	CHECK_EQ(alerts_count(s.set), 2);
}

TEST(the_same_verdict_twice_in_one_update_is_one_alert)
{
	STAGE(s);
	struct verdict v[2] = { verdict(ALERT_OCCUPIED, "goblin", 80),
				verdict(ALERT_OCCUPIED, "goblin", 80) };

	CHECK_EQ(update(&s, v, 2), 0);
	CHECK_EQ(s.told, 1);
	CHECK_EQ(only(&s)->id, 1);
}

TEST(other_scopes_are_left_alone)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);
	struct alert_scope scopes[] = {
		{ SCOPE_PORT, HOST, IPPROTO_TCP, 81, "" },
		{ SCOPE_PORT, HOST, IPPROTO_UDP, 80, "" },
		{ SCOPE_PORT, HOST + 1, IPPROTO_TCP, 80, "" },
		{ SCOPE_SERVICE, HOST, IPPROTO_TCP, 80, "goblin" },
		{ SCOPE_ALLOCATION, 0, IPPROTO_TCP, 80, "" },
		{ SCOPE_REGISTRY, 0, 0, 0, "" },
	};

	update(&s, &v, 1);
	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++)
		CHECK_EQ(alerts_update(s.set, &scopes[i], NULL, 0, &s.now), 0);
	CHECK_EQ(s.told, 1);
	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++)
		CHECK_EQ(alerts_update(s.set, &scopes[i], &v, 1, &s.now), 0);
	CHECK_EQ(alerts_count(s.set), 7);
}

TEST(a_scope_counts_only_what_its_kind_speaks_of)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_DEAD_OWNER, "goblin", 80);
	struct alert_scope noisy = { SCOPE_SERVICE, 7, 8, 9, "goblin" };
	struct alert_scope plain = service_scope("goblin");

	memset(noisy.service + 7, 'x', 20); /* what lies behind the NUL is nothing */
	alerts_update(s.set, &noisy, &v, 1, &s.now);
	alerts_update(s.set, &plain, &v, 1, &s.now);
	CHECK_EQ(s.told, 1);
	alerts_update(s.set, &plain, NULL, 0, &s.now);
	CHECK_EQ(alerts_count(s.set), 0);
}

TEST(a_service_that_left_the_registry_resolves_with_no_verdicts)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_DEAD_OWNER, "goblin", 80);
	struct alert_scope scope = service_scope("goblin");

	alerts_update(s.set, &scope, &v, 1, &s.now);
	CHECK(alerts_of_service(s.set, ALERT_DEAD_OWNER, "goblin"));
	alerts_update(s.set, &scope, NULL, 0, &s.now);
	CHECK(!alerts_of_service(s.set, ALERT_DEAD_OWNER, "goblin"));
	CHECK(!s.log[1].firing);
}

TEST(what_changes_while_it_stands_is_taken_over_without_a_word)
{
	STAGE(s);
	struct process *a = process(&s, 10, "a");
	struct verdict v = verdict(ALERT_DRIFTED, "vite", 80);

	update(&s, &v, 1);
	v.holder = a;
	strcpy(v.message, "Port 5173 is taken");
	update(&s, &v, 1);
	processes_unref(s.procs, a);
	CHECK_EQ(s.told, 1);
	CHECK_STR(only(&s)->v.message, "Port 5173 is taken");
	CHECK_EQ(only(&s)->v.holder->info.id.pid, 10);
	CHECK_EQ(processes_count(s.procs), 1);
}

TEST(a_process_stays_known_as_long_as_its_alert)
{
	STAGE(s);
	struct process *a = process(&s, 10, "python3");
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);

	v.found = v.holder = a;
	update(&s, &v, 1);
	processes_unref(s.procs, a);
	CHECK_STR(only(&s)->v.found->info.comm, "python3");
	update(&s, NULL, 0);
	CHECK_STR(alerts_find(s.set, 1)->v.found->info.comm, "python3");
}

TEST(firing_alerts_are_walked_in_order_of_id)
{
	STAGE(s);
	struct verdict v = verdict(ALERT_OCCUPIED, "goblin", 80);
	const struct alert *alert;
	uint64_t cursor = 0, last = 0;

	update(&s, &v, 1);
	update(&s, NULL, 0);
	for (uint16_t port = 90; port < 100; port++) {
		struct alert_scope scope = port_scope(port);

		v = verdict(ALERT_OCCUPIED, "goblin", port);
		alerts_update(s.set, &scope, &v, 1, &s.now);
	}
	v = verdict(ALERT_OCCUPIED, "goblin", 80);
	update(&s, &v, 1); /* back, with its old id */
	while ((alert = alerts_next(s.set, &cursor))) {
		CHECK(alert->id > last);
		last = alert->id;
	}
	CHECK_EQ(last, 11);
}

TEST(a_walk_survives_the_end_of_the_alert_it_stands_on)
{
	STAGE(s);
	struct verdict v[3] = { verdict(ALERT_OCCUPIED, "a", 80),
				verdict(ALERT_OCCUPIED, "b", 80),
				verdict(ALERT_OCCUPIED, "c", 80) };
	uint64_t cursor = 0;

	update(&s, v, 3);
	alerts_next(s.set, &cursor);
	CHECK_EQ(alerts_next(s.set, &cursor)->id, 2);
	v[1] = v[2];
	update(&s, v, 2);
	CHECK_EQ(alerts_next(s.set, &cursor)->id, 3);
	CHECK(!alerts_next(s.set, &cursor));
}

TEST(resolved_alerts_are_kept_newest_first_within_a_bound)
{
	STAGE(s);
	const struct alert *alert;
	size_t cursor = 0;
	uint64_t expected = ALERTS_RESOLVED_KEPT + 50;

	for (uint16_t i = 1; i <= ALERTS_RESOLVED_KEPT + 50; i++) {
		struct verdict v = verdict(ALERT_OCCUPIED, "goblin", i);
		struct alert_scope scope = port_scope(i);

		alerts_update(s.set, &scope, &v, 1, &s.now);
		alerts_update(s.set, &scope, NULL, 0, &s.now);
	}
	while ((alert = alerts_next_resolved(s.set, &cursor)))
		CHECK_EQ(alert->id, expected--);
	CHECK_EQ(expected, 50);
	CHECK(!alerts_find(s.set, 50));
	CHECK(alerts_find(s.set, 51));
}

TEST(alerts_are_counted_by_kind_now_and_ever)
{
	STAGE(s);
	struct verdict v[] = { verdict(ALERT_OCCUPIED, "goblin", 80),
			       verdict(ALERT_SHARED, "goblin", 80) };

	update(&s, v, 2);
	CHECK_EQ(alerts_count_kind(s.set, ALERT_OCCUPIED), 1);
	CHECK_EQ(alerts_count_kind(s.set, ALERT_SHARED), 1);
	CHECK_EQ(alerts_count_kind(s.set, ALERT_BLOCKED), 0);
	update(&s, v, 1);
	update(&s, v, 2);
	update(&s, NULL, 0);
	pass(&s, FLAP_WINDOW_NS + 1);
	alerts_tick(s.set, &s.now);
	for (unsigned kind = 0; kind < ALERT_KINDS; kind++)
		CHECK_EQ(alerts_count_kind(s.set, (enum alert_kind)kind), 0);
	CHECK_EQ(alerts_fired(s.set, ALERT_SHARED), 1);
	CHECK_EQ(alerts_count_kind(s.set, ALERT_KINDS), 0);
}

TEST(the_limit_is_refused_and_the_rest_still_treated)
{
	STAGE(s);
	struct alert_scope scope = { .kind = SCOPE_REGISTRY };
	struct verdict *v = calloc(ALERTS_MAX + 2, sizeof(*v));

	CHECK(v);
	for (size_t i = 0; i < ALERTS_MAX + 2; i++) {
		v[i] = verdict(ALERT_EPHEMERAL, "", i % 65536);
		v[i].at.netns += i / 65536;
	}
	CHECK_EQ(alerts_update(s.set, &scope, v, ALERTS_MAX + 2, &s.now), -ENOSPC);
	CHECK_EQ(alerts_count(s.set), ALERTS_MAX);
	CHECK_EQ(alerts_update(s.set, &scope, v, 1, &s.now), 0);
	CHECK_EQ(alerts_count(s.set), 1);
	free(v);
}

TEST(the_cost_of_an_update_does_not_grow_with_what_stands)
{
	STAGE(s);
	struct alert_scope scope = { .kind = SCOPE_REGISTRY };
	enum { MANY = 50000, ROUNDS = 20000 };
	struct verdict *v = calloc(MANY, sizeof(*v)), one;
	uint64_t empty_ns, full_ns, start = now_mono_ns();

	CHECK(v);
	for (size_t i = 0; i < MANY; i++)
		v[i] = verdict(ALERT_EPHEMERAL, "many", i);
	one = verdict(ALERT_OCCUPIED, "goblin", 80);
	for (int i = 0; i < ROUNDS; i++)
		update(&s, &one, 1);
	empty_ns = now_mono_ns() - start;
	CHECK_EQ(alerts_update(s.set, &scope, v, MANY, &s.now), 0);
	start = now_mono_ns();
	for (int i = 0; i < ROUNDS; i++)
		update(&s, &one, 1);
	full_ns = now_mono_ns() - start;
	CHECK(full_ns < 10 * empty_ns + 10 * NS_PER_MS); /* a shared machine */
	free(v);
}

TEST(alerts_of_a_service_are_found_by_its_name)
{
	STAGE(s);
	struct verdict v[3] = { verdict(ALERT_OCCUPIED, "goblin", 80),
				verdict(ALERT_SHADOWED, "goblin", 80),
				verdict(ALERT_SHADOWED, "goblins", 80) };
	const struct alert *alert = NULL;
	size_t n = 0;

	update(&s, v, 3);
	CHECK_EQ(alerts_of_service(s.set, ALERT_SHADOWED, "goblin")->id, 2);
	CHECK_EQ(alerts_of_service(s.set, ALERT_SHADOWED, "goblins")->id, 3);
	CHECK(!alerts_of_service(s.set, ALERT_OCCUPIED, "goblins"));
	CHECK(!alerts_of_service(s.set, ALERT_OCCUPIED, "gob"));
	while ((alert = alerts_next_of_service(s.set, "goblin", alert)))
		n++;
	CHECK_EQ(n, 2);
	update(&s, NULL, 0);
	CHECK(!alerts_next_of_service(s.set, "goblin", NULL));
}

TEST(a_service_name_of_full_length_is_told_from_its_neighbour)
{
	STAGE(s);
	char a[65], b[65];
	struct verdict v[2];

	memset(a, 'a', 64);
	a[64] = '\0';
	strcpy(b, a);
	b[63] = 'b';
	v[0] = verdict(ALERT_OCCUPIED, a, 80);
	v[1] = verdict(ALERT_OCCUPIED, b, 80);
	update(&s, v, 2);
	CHECK_EQ(alerts_count(s.set), 2);
	CHECK_EQ(alerts_of_service(s.set, ALERT_OCCUPIED, b)->id, 2);
}

TEST(every_kind_has_its_name_severity_and_place_among_conflicts)
{
	static const struct {
		const char *name, *severity;
		bool conflict;
	} table[ALERT_KINDS] = {
		{ "occupied", "critical", true },  { "blocked", "critical", true },
		{ "shared", "critical", true },    { "shadowed", "warning", true },
		{ "drifted", "warning", true },    { "dead_owner", "critical", false },
		{ "orphaned", "critical", true },  { "not_listening", "critical", false },
		{ "unhealthy", "warning", false }, { "ephemeral", "warning", false },
		{ "duplicate", "warning", true },  { "unregistered", "info", false },
	};

	for (unsigned i = 0; i < ALERT_KINDS; i++) {
		enum alert_kind kind = ALERT_KINDS;

		CHECK_STR(alert_kind_name(i), table[i].name);
		CHECK_STR(severity_name(alert_kind_severity(i)), table[i].severity);
		CHECK_EQ(alert_kind_is_conflict(i), table[i].conflict);
		CHECK_EQ(alert_kind_parse(table[i].name, &kind), 0);
		CHECK_EQ(kind, i);
	}
}

TEST(an_unknown_kind_is_refused)
{
	static const char *const bad[] = { "", "Occupied", "occupied ", "occupie", "x" };
	enum alert_kind kind = ALERT_KINDS;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_EQ(alert_kind_parse(bad[i], &kind), -EINVAL);
	CHECK_EQ(kind, ALERT_KINDS);
}
