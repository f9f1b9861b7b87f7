// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seeded random lives: whatever the order of binds, releases, exits and reloads, what
 * stands is consistent and nothing is lost or kept.
 */
#include "matcher_stage.h"

enum { STEPS = 20000, SOCKETS = 40, LIVES = 24 };

static const char *const places[] = {
	"0.0.0.0:8767", "[::]:8767",       "[::1]:8767",     "127.0.0.1:8767",
	"0.0.0.0:8768", "127.0.0.1:8768",  "0.0.0.0:8765",   "0.0.0.0:80",
	"0.0.0.0:443",  "udp:0.0.0.0:443", "udp:0.0.0.0:53", "0.0.0.0:8000",
	"[::1]:8000",   "0.0.0.0:8001",    "0.0.0.0:8002",   "0.0.0.0:9000",
	"0.0.0.0:5174", "0.0.0.0:5173",    "0.0.0.0:4444",
};

static const char *const services[] = { "goblin", "wizard",  "vite",  "local", "names",
					"web",    "anybody", "boxed", "tauri" };

struct life {
	struct stage stage;
	struct alerts *alerts;
	uint64_t cookies[SOCKETS]; /* 0: none */
	pid_t next_pid;
	unsigned seed;
};

static void end(struct life *life)
{
	life->alerts = alerts_free(life->alerts);
	teardown(&life->stage);
}

static unsigned any(struct life *life, unsigned n)
{
	return rand_r(&life->seed) % n;
}

static struct process *anybody(struct life *life)
{
	return life->stage.cast[any(life, life->stage.n_cast)];
}

static void bind_one(struct life *life)
{
	static const unsigned hows[] = {
		0,
		0,
		0,
		SOCKET_REUSEPORT,
		SOCKET_REUSEPORT,
		SOCKET_V6ONLY,
		ONLY_BOUND,
		IS_CONNECTED,
		FROM_SNAPSHOT,
		SOCKET_AUTOPORT,
		IN_BOX,
	};
	struct stage *s = &life->stage;
	unsigned slot = any(life, SOCKETS);
	struct process *p = anybody(life);

	if (life->cookies[slot] || p->exited)
		return;
	life->cookies[slot] = binds(s, p->info.id.pid,
				    places[any(life, sizeof(places) / sizeof(*places))],
				    hows[any(life, sizeof(hows) / sizeof(*hows))]);
}

static void release_one(struct life *life)
{
	struct stage *s = &life->stage;
	unsigned slot = any(life, SOCKETS);
	struct socket *sock = sockets_find(s->sockets, life->cookies[slot]);

	life->cookies[slot] = 0;
	if (!sock)
		return;
	matcher_touched(&s->world, sock, count_touched, s);
	releases(s, sock->cookie);
}

/* Somebody exits; somebody else, or nobody, has its sockets; a new one takes its place
 * in the cast. */
static void exit_one(struct life *life)
{
	static const int statuses[] = { 0, 0, SIGKILL, 3 << 8, -1 };
	struct stage *s = &life->stage;
	unsigned i = any(life, s->n_cast);
	struct process *p = s->cast[i], *other = anybody(life);
	char cmdline[64];

	if (p->exited || p->info.id.pid == INIT)
		return;
	exits(s, p->info.id.pid, statuses[any(life, 5)]);
	settles(s, p->info.id.pid,
		any(life, 2) && !other->exited ? other->info.id.pid : NOBODY);
	processes_unref(s->procs, p);
	s->cast[i] = s->cast[--s->n_cast];

	snprintf(cmdline, sizeof(cmdline), "%s -m %s", any(life, 2) ? "python3" : "nginx",
		 any(life, 2) ? "goblin.server" : "wizard.server");
	life->next_pid++;
	p = enter(s, life->next_pid, anybody(life)->info.id.pid, cmdline);
	p->info.sid = any(life, 2) ? life->next_pid : 10;
}

static void give_holders(struct life *life)
{
	struct stage *s = &life->stage;
	struct process *holders[] = { anybody(life), anybody(life) };
	uint64_t cookie = life->cookies[any(life, SOCKETS)];

	if (sockets_find(s->sockets, cookie))
		CHECK_EQ(sockets_set_holders(s->sockets, cookie, holders, any(life, 3)),
			 0);
}

/* As a reload does: every state moves. */
static void move_all(struct life *life)
{
	struct stage *s = &life->stage;
	size_t n = registry_count(s->registry);
	struct service_state *states = calloc(n, sizeof(*states));

	CHECK(states);
	for (size_t i = 0; i < n; i++) {
		states[i].service = registry_service(s->registry, i);
		service_state_move(&s->states[i], &states[i]);
	}
	free(s->states);
	s->states = s->world.services = states;
}

static void check_services(struct life *life)
{
	struct stage *s = &life->stage;
	struct alert_moment now = { s->now_ns, s->now_ns, 0 };

	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		struct alert_scope scope = { .kind = SCOPE_SERVICE };
		const struct verdicts *list = at_service(s, services[i]);
		size_t losses = count_kind(list, ALERT_DEAD_OWNER) +
				count_kind(list, ALERT_ORPHANED) +
				count_kind(list, ALERT_NOT_LISTENING);

		CHECK(losses <= 1);
		for (size_t j = 0; j < list->count; j++)
			check_said(&list->items[j]);
		snprintf(scope.service, sizeof(scope.service), "%s", services[i]);
		CHECK_EQ(alerts_update(life->alerts, &scope, list->items, list->count,
				       &now),
			 0);
		matcher_status(&s->world, registry_find(s->registry, services[i]),
			       life->alerts);
	}
}

static void check_ports(struct life *life)
{
	struct stage *s = &life->stage;
	struct alert_moment now = { s->now_ns, s->now_ns, 0 };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct endpoint at = place(places[i]);
		struct alert_scope scope = { SCOPE_PORT, HOST, at.proto, at.port, "" };
		const struct verdicts *list = at_port(s, places[i], HOST);
		struct verdict v;

		for (size_t j = 0; j < list->count; j++)
			check_said(&list->items[j]);
		CHECK_EQ(alerts_update(life->alerts, &scope, list->items, list->count,
				       &now),
			 0);
		if (matcher_blocked(&s->world, &at, anybody(life), &v))
			CHECK_EQ(alerts_blocked(life->alerts, &v, &now), 0);
		matcher_unblock(&s->world, life->alerts, &at,
				any(life, 2) ? anybody(life) : NULL, &now);
	}
	alerts_tick(life->alerts, &now);
}

/* Each state that records somebody is in that one's list, and nothing else is. */
static void check_links(struct life *life)
{
	struct stage *s = &life->stage;
	size_t recording = 0, listed = 0;

	for (size_t i = 0; i < registry_count(s->registry); i++)
		recording += s->states[i].recorded != NULL;
	for (size_t i = 0; i < s->n_allocation_states; i++)
		recording += s->allocation_states[i].recorded != NULL;
	for (size_t i = 0; i < registry_count(s->registry); i++)
		for (const struct service_state *st =
			     s->states[i].recorded ? s->states[i].recorded->recorded_in
						   : NULL;
		     st; st = st->next_recorded)
			if (st == &s->states[i])
				listed++;
	for (size_t i = 0; i < s->n_allocation_states; i++) {
		const struct process *p = s->allocation_states[i].recorded;

		for (const struct service_state *st = p ? p->recorded_in : NULL; st;
		     st = st->next_recorded)
			if (st == &s->allocation_states[i])
				listed++;
	}
	CHECK_EQ(listed, recording);
}

static void step(struct life *life)
{
	unsigned what = any(life, 100);

	life->stage.now_ns += 1000000;
	if (what < 50)
		bind_one(life);
	else if (what < 80)
		release_one(life);
	else if (what < 92)
		exit_one(life);
	else if (what < 97)
		give_holders(life);
	else
		move_all(life);
}

TEST(random_lives_stay_consistent)
{
	uint64_t fired[ALERT_KINDS] = { 0 };

	for (unsigned seed = 1; seed <= LIVES; seed++) {
		_cleanup_(end) struct life life = { .next_pid = 10000, .seed = seed };

		setup(&life.stage);
		registry_settings(life.stage.registry)->unregistered = UNREGISTERED_ALL;
		CHECK_EQ(alerts_new(life.stage.procs, NULL, NULL, &life.alerts), 0);
		for (unsigned i = 0; i < STEPS / LIVES; i++) {
			step(&life);
			check_links(&life);
			if (i % 5)
				continue;
			check_services(&life);
			check_ports(&life);
		}
		for (unsigned kind = 0; kind < ALERT_KINDS; kind++)
			fired[kind] += alerts_fired(life.alerts, kind);
	}
	/* Such lives show every kind but those that need more than sockets. */
	for (unsigned kind = 0; kind < ALERT_KINDS; kind++)
		if (kind != ALERT_UNHEALTHY && kind != ALERT_EPHEMERAL &&
		    kind != ALERT_DUPLICATE)
			CHECK(fired[kind] > 0);
}

TEST(what_stands_does_not_depend_on_when_it_was_asked)
{
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		_cleanup_(end) struct life life = { .next_pid = 10000, .seed = seed };
		struct stage *s = &life.stage;

		setup(s);
		for (unsigned i = 0; i < 200; i++)
			step(&life);
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
			size_t n = at_port(s, places[i], HOST)->count;

			for (size_t j = 0; j < sizeof(places) / sizeof(*places); j++)
				at_port(s, places[j], HOST);
			CHECK_EQ(at_port(s, places[i], HOST)->count, n);
		}
	}
}
