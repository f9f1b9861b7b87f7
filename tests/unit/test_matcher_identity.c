// SPDX-License-Identifier: GPL-2.0-only
/* Who is which service, who is one owner, how a service is, and how all that is said. */
#include "matcher_stage.h"

static const char *service_of(struct stage *s, pid_t pid, const char *at)
{
	struct endpoint there = at ? place(at) : (struct endpoint){ 0 };
	const struct service *svc =
		matcher_service_of(&s->world, who(s, pid), at ? &there : NULL, false);

	return svc ? svc->name : "";
}

TEST(a_process_is_the_service_that_it_matches)
{
	STAGE(s);

	CHECK_STR(service_of(&s, GOBLIN, NULL), "goblin");
	CHECK_STR(service_of(&s, GOBLIN_WORKER, NULL), "goblin");
	CHECK_STR(service_of(&s, GOBLIN_CHILD, NULL), "goblin");
	CHECK_STR(service_of(&s, WIZARD, NULL), "wizard");
	CHECK_STR(service_of(&s, SQUATTER, NULL), "");
	CHECK_STR(service_of(&s, BASH, NULL), "");
	CHECK_STR(service_of(&s, NOBODY, NULL), "");
}

TEST(an_entry_that_accepts_anybody_does_so_on_its_port_alone)
{
	STAGE(s);

	CHECK_STR(service_of(&s, NODE, NULL), "");
	CHECK_STR(service_of(&s, NODE, "0.0.0.0:9000"), "anybody");
	CHECK_STR(service_of(&s, NODE, "0.0.0.0:9001"), "");
	CHECK_STR(service_of(&s, GOBLIN, "0.0.0.0:9000"), "goblin");
}

TEST(a_service_that_claims_the_port_comes_before_any_other)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "first", "1000", "-m");
	add_service(&s, "second", "2000", "goblin.server");
	seal(&s);
	CHECK_STR(service_of(&s, GOBLIN, NULL), "first");
	CHECK_STR(service_of(&s, GOBLIN, "0.0.0.0:1000"), "first");
	CHECK_STR(service_of(&s, GOBLIN, "0.0.0.0:2000"), "second");
	CHECK_STR(service_of(&s, GOBLIN, "0.0.0.0:3000"), "first");
}

TEST(what_portwatch_started_comes_before_a_match_and_the_nearest_before_the_others)
{
	STAGE(s);

	service_state_record(s.procs, state(&s, "vite"), who(&s, INIT), 1);
	state(&s, "vite")->launched = true;
	CHECK_STR(service_of(&s, GOBLIN, NULL), "vite");
	service_state_record(s.procs, state(&s, "wizard"), who(&s, GOBLIN), 1);
	state(&s, "wizard")->launched = true;
	CHECK_STR(service_of(&s, GOBLIN_CHILD, NULL), "wizard");
	CHECK_STR(service_of(&s, GOBLIN_CHILD, "0.0.0.0:8767"), "wizard");
	CHECK(!matcher_is_service(&s.world, registry_find(s.registry, "goblin"),
				  who(&s, GOBLIN)));
}

TEST(what_is_merely_recorded_is_what_it_matches)
{
	STAGE(s);

	service_state_record(s.procs, state(&s, "wizard"), who(&s, GOBLIN), 1);
	CHECK_STR(service_of(&s, GOBLIN, NULL), "goblin");
}

TEST(the_pid_of_an_allocation_comes_before_a_match)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "goblin", "8767", "-m goblin.server");
	add_service(&s, "wizard", "8765", "-m wizard.server");
	add_allocation(&s, 8000, "wizard", GOBLIN);
	seal(&s);
	CHECK_STR(service_of(&s, GOBLIN, NULL), "wizard");
	CHECK_STR(service_of(&s, GOBLIN_WORKER, NULL), "wizard");
	CHECK_STR(service_of(&s, GOBLIN_TWO, NULL), "goblin");
}

TEST(an_allocation_under_a_name_of_its_own_leaves_the_match)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "goblin", "8767", "-m goblin.server");
	add_allocation(&s, 8000, "metrics", GOBLIN);
	seal(&s);
	CHECK_STR(service_of(&s, GOBLIN, NULL), "goblin");
	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	binds(&s, GOBLIN, "0.0.0.0:8000", LISTENS);
	CHECK_EQ(at_port(&s, "8767", HOST)->count, 0);
	CHECK_EQ(at_port(&s, "8000", HOST)->count, 0);
}

TEST(an_allocation_whose_process_is_not_verified_goes_by_the_pid)
{
	_cleanup_(teardown) struct stage s;
	struct allocation *alloc;

	begin(&s);
	alloc = add_allocation(&s, 8000, "grace", GRACE);
	alloc->process.start_ticks = 0;
	seal(&s);
	service_state_record(s.procs, &s.allocation_states[0], NULL, 1);
	binds(&s, GRACE_CHILD, "0.0.0.0:8000", LISTENS);
	CHECK_EQ(at_port(&s, "8000", HOST)->count, 0);
	alloc->process.start_ticks = 7; /* another process had that pid */
	service_state_record(s.procs, &s.allocation_states[0], NULL, 1);
	CHECK_EQ(count_kind(at_port(&s, "8000", HOST), ALERT_OCCUPIED), 1);
}

TEST(a_match_is_asked_for_again_under_another_registry)
{
	STAGE(s);
	struct registry *other = NULL;
	struct service *svc = service_new();
	char *error = NULL;

	CHECK_STR(service_of(&s, GOBLIN, NULL), "goblin");
	CHECK_EQ(registry_new(2, &other), 0);
	svc->name = strdup("renamed");
	svc->match.derived = false;
	CHECK_EQ(strv_append(&svc->match.cmdline, "goblin.server"), 0);
	CHECK_EQ(registry_add(other, svc), 0);
	CHECK_EQ(registry_seal(other, &error), 0);
	s.world.registry = other;
	CHECK_STR(service_of(&s, GOBLIN, NULL), "renamed");
	s.world.registry = s.registry;
	CHECK_STR(service_of(&s, GOBLIN, NULL), "goblin");
	registry_free(other);
}

TEST(one_owner_is_one_service_one_line_or_one_master)
{
	static const struct {
		enum who a, b;
		bool one;
	} table[] = {
		{ GOBLIN, GOBLIN, true },
		{ GOBLIN, GOBLIN_TWO, true },       /* one service */
		{ GOBLIN_CHILD, GOBLIN_TWO, true }, /* the same, by an ancestor */
		{ GRACE, GRACE_CHILD, true },       /* a line */
		{ BASH, NODE, true },
		{ MASTER, WORKER_ONE, true },
		{ WORKER_ONE, WORKER_TWO, true }, /* one master */
		{ NODE, CURL, false },            /* one shell */
		{ GOBLIN, WIZARD, false },        /* both by PID 1 */
		{ NODE, VITE, false },            /* one program, one shell */
		{ INIT, NODE, false },            /* everybody descends from PID 1 */
		{ INIT, GOBLIN, false },
		{ SQUATTER, GOBLIN, false },
		{ NOBODY, NODE, false },
		{ NOBODY, NOBODY, false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		STAGE(s);
		struct process *a = who(&s, table[i].a), *b = who(&s, table[i].b);

		if (matcher_one_owner(&s.world, a, b) != table[i].one ||
		    matcher_one_owner(&s.world, b, a) != table[i].one)
			test_fail(__FILE__, __LINE__, "%d and %d", table[i].a,
				  table[i].b);
	}
}

TEST(processes_of_one_allocation_name_are_one_owner)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_allocation(&s, 8000, "grace", NODE);
	add_allocation(&s, 8001, "grace", CURL);
	add_allocation(&s, 8002, "other", VITE);
	seal(&s);
	CHECK(matcher_one_owner(&s.world, who(&s, NODE), who(&s, CURL)));
	CHECK(!matcher_one_owner(&s.world, who(&s, NODE), who(&s, VITE)));
}

static const char *status(struct stage *s, const char *name, const struct alerts *alerts)
{
	return service_status_name(
		matcher_status(&s->world, registry_find(s->registry, name), alerts));
}

TEST(status_follows_the_best_socket)
{
	STAGE(s);
	uint64_t udp;

	CHECK_STR(status(&s, "goblin", NULL), "stopped");
	binds(&s, SQUATTER, "0.0.0.0:8767", LISTENS);
	CHECK_STR(status(&s, "goblin", NULL), "stopped");
	binds(&s, GOBLIN, "[::1]:8767", ONLY_BOUND);
	CHECK_STR(status(&s, "goblin", NULL), "starting");
	binds(&s, GOBLIN, "[fd00::1]:8767", LISTENS);
	CHECK_STR(status(&s, "goblin", NULL), "running");
	CHECK_STR(status(&s, "off", NULL), "disabled");
	udp = binds(&s, MASTER, "udp:0.0.0.0:443", LISTENS);
	CHECK_STR(status(&s, "web", NULL), "running");
	CHECK_EQ(matcher_service_socket(&s.world, registry_find(s.registry, "web"))
			 ->cookie,
		 udp);
	binds(&s, MASTER, "0.0.0.0:80", LISTENS);
	CHECK_EQ(matcher_service_socket(&s.world, registry_find(s.registry, "web"))
			 ->at.port,
		 80);
}

TEST(status_of_what_portwatch_started_is_starting_until_it_had_its_port)
{
	STAGE(s);
	struct service_state *st = state(&s, "goblin");

	service_state_record(s.procs, st, who(&s, GOBLIN), 1);
	CHECK_STR(status(&s, "goblin", NULL), "stopped");
	st->launched = true;
	CHECK_STR(status(&s, "goblin", NULL), "starting");
	releases(&s, binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS));
	CHECK_STR(status(&s, "goblin", NULL), "stopped");
	who(&s, GOBLIN)->exited = true;
	CHECK_STR(status(&s, "goblin", NULL), "stopped");
}

TEST(status_of_a_dynamic_service_is_that_of_its_process)
{
	STAGE(s);

	enter(&s, 80, BASH, "tauri dev");
	CHECK_STR(status(&s, "tauri", NULL), "stopped");
	binds(&s, 80, "127.0.0.1:41234", SOCKET_AUTOPORT);
	CHECK_STR(status(&s, "tauri", NULL), "running");
	CHECK_EQ(matcher_service_socket(&s.world, registry_find(s.registry, "tauri"))
			 ->at.port,
		 41234);
}

TEST(status_is_conflict_where_somebody_sits_on_the_port)
{
	STAGE(s);
	struct alerts *alerts = NULL;
	struct alert_moment now = { 1, 1, 0 };
	struct alert_scope scope = { SCOPE_PORT, HOST, IPPROTO_TCP, 8767, "" };

	CHECK_EQ(alerts_new(s.procs, NULL, NULL, &alerts), 0);
	binds(&s, SQUATTER, "0.0.0.0:8767", LISTENS);
	at_port(&s, "8767", HOST);
	CHECK_EQ(alerts_update(alerts, &scope, s.said.items, s.said.count, &now), 0);
	CHECK_STR(status(&s, "goblin", alerts), "conflict");
	CHECK_STR(status(&s, "wizard", alerts), "stopped");
	CHECK_EQ(alerts_update(alerts, &scope, NULL, 0, &now), 0);
	CHECK_STR(status(&s, "goblin", alerts), "stopped");
	alerts_free(alerts);
}

TEST(status_is_conflict_where_the_service_itself_was_refused)
{
	STAGE(s);
	struct alerts *alerts = NULL;
	struct alert_moment now = { 1, 1, 0 };
	struct endpoint at = place("0.0.0.0:8767");
	struct verdict v;

	CHECK_EQ(alerts_new(s.procs, NULL, NULL, &alerts), 0);
	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	CHECK_EQ(matcher_blocked(&s.world, &at, who(&s, SQUATTER), &v), 1);
	CHECK_EQ(alerts_blocked(alerts, &v, &now), 0);
	CHECK_STR(status(&s, "goblin", alerts), "running");
	CHECK_EQ(matcher_blocked(&s.world, &at, who(&s, GOBLIN_TWO), &v), 1);
	CHECK_EQ(alerts_blocked(alerts, &v, &now), 0);
	CHECK_STR(status(&s, "goblin", alerts), "conflict");
	alerts_free(alerts);
}

TEST(status_is_unhealthy_while_it_runs)
{
	STAGE(s);

	state(&s, "goblin")->health = HEALTH_UNHEALTHY;
	CHECK_STR(status(&s, "goblin", NULL), "stopped");
	binds(&s, GOBLIN, "0.0.0.0:8767", LISTENS);
	CHECK_STR(status(&s, "goblin", NULL), "unhealthy");
	state(&s, "goblin")->health = HEALTH_HEALTHY;
	CHECK_STR(status(&s, "goblin", NULL), "running");
}

static bool is_whole_utf8(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	while (*c) {
		size_t n = *c < 0x80 ? 1 : *c >= 0xf0 ? 4 : *c >= 0xe0 ? 3 : 2;

		if (*c >= 0x80 && *c < 0xc0)
			return false;
		for (c++; --n; c++)
			if ((*c & 0xc0) != 0x80)
				return false;
	}
	return true;
}

TEST(long_words_are_cut_between_characters)
{
	static const char *const letters[] = { "x", "é", "漢", "🦀" };

	for (size_t kind = 0; kind < 4; kind++)
		for (size_t lead = 0; lead < 8; lead++) {
			STAGE(s);
			struct process *p = who(&s, SQUATTER);
			struct buffer words = { 0 };

			for (size_t i = 0; i < lead; i++)
				buffer_puts(&words, "a");
			for (size_t i = 0; i < 300; i++)
				buffer_puts(&words, letters[kind]);
			free(p->info.cmdline[1]);
			p->info.cmdline[1] = words.data;
			binds(&s, SQUATTER, "0.0.0.0:8767", LISTENS);
			at_port(&s, "8767", HOST);
			CHECK(is_whole_utf8(s.said.items[0].message));
			CHECK(strstr(s.said.items[0].message, "…"));
		}
}

TEST(hostile_words_stay_as_they_are_and_end_in_no_overflow)
{
	STAGE(s);
	struct process *p = who(&s, SQUATTER);
	char evil[2048];

	memset(evil, 0x80, sizeof(evil) - 1);
	evil[sizeof(evil) - 1] = '\0';
	memset(p->info.comm, 0xff, sizeof(p->info.comm)); /* not even terminated */
	free(p->info.user);
	p->info.user = strdup(evil);
	free(p->info.cmdline[0]);
	p->info.cmdline[0] = strdup("\x1b[31m%s%n\n");
	binds(&s, SQUATTER, "0.0.0.0:8767", LISTENS);
	at_port(&s, "8767", HOST);
	CHECK(strstr(s.said.items[0].message, "\x1b[31m%s%n\n"));
	CHECK(strlen(s.said.items[0].message) < sizeof(s.said.items[0].message));
}

TEST(a_process_of_which_little_is_known_is_still_described)
{
	STAGE(s);
	struct process *p = who(&s, SQUATTER);

	free(p->info.user);
	p->info.user = NULL;
	p->info.uid = 1000;
	p->info.cmdline = strv_free(p->info.cmdline);
	binds(&s, SQUATTER, "0.0.0.0:8767", LISTENS);
	CHECK_STR(
		first_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED)->message,
		"Port 8767 (tcp) belongs to goblin but python3 (pid 40, uid 1000) holds "
		"it");
	p->info.uid = -1;
	p->info.comm[0] = '\0';
	CHECK_STR(first_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED)->message,
		  "Port 8767 (tcp) belongs to goblin but a process (pid 40) holds it");
}
