// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random lives of processes and sockets, told as facts with losses, walks and reloads
 * between: whatever happened, the table is the host's in the end, and nothing is kept of
 * what has gone.
 */
#include "engine_stage.h"

#include <stdlib.h>

enum { PIDS = 10, SOCKETS = 12, STEPS = 6000, ROUNDS = 6, FIRST_PID = 100, PORTS = 6 };

struct life {
	bool lives;
	bool bound, listens;
	uint16_t port;
	bool held_by[PIDS];
};

static struct {
	bool lives[PIDS];
	pid_t pid[PIDS];
	struct life sockets[SOCKETS];
	uint64_t cookie[SOCKETS];
	uint64_t next_cookie;
	pid_t next_pid;
	unsigned loss; /* of 100 facts */
} host;

static const char *const registries[] = {
	"{ \"services\": [ { \"name\": \"goblin\", \"port\": 8001,"
	" \"process_name\": \"python\", \"startup_cmd\": \"python -m goblin\" },"
	" { \"name\": \"elf\", \"port\": \"dynamic\", \"process_name\": \"elf\" } ] }",
	"{ \"services\": [ { \"name\": \"elf\", \"port\": 8002,"
	" \"process_name\": \"elf\" } ],"
	" \"settings\": { \"unregistered\": \"all\" } }",
	"{ \"services\": [ { \"name\": \"goblin\", \"port\": [ { \"port\": 8001 },"
	" { \"port\": 8003 } ], \"process_name\": \"python\" },"
	" { \"name\": \"any\", \"port\": 8001 } ],"
	" \"allocations\": { \"8004\": { \"port\": 8004, \"service_name\": \"elf\","
	" \"pid\": 103 } } }",
};
static const char *const commands[] = { "python -m goblin", "elf", "nc -l" };

static unsigned pick(unsigned n)
{
	return (unsigned)random() % n;
}

static bool is_lost(void)
{
	if (pick(100) >= host.loss)
		return false;
	stage.e->healing.lost++;
	stage.e->healing.has_lost = true;
	return true;
}

static void list_rows(void)
{
	stage.n_rows = 0;
	for (unsigned s = 0; s < SOCKETS; s++) {
		const struct life *life = &host.sockets[s];

		for (unsigned p = 0; life->bound && p < PIDS; p++) {
			if (life->held_by[p] && stage.n_rows < STAGE_ROWS)
				stage_row(host.cookie[s], host.pid[p], life->port,
					  life->listens ? SOCKET_LISTENING
							: SOCKET_BOUND);
		}
	}
}

static void begin_process(unsigned p, int parent)
{
	const char *command = commands[pick(3)];
	pid_t ppid = parent < 0 ? 1 : host.pid[parent];
	struct process_info info;

	host.lives[p] = true;
	host.pid[p] = host.next_pid++;
	stage_lives(host.pid[p], ppid, command);
	for (unsigned s = 0; parent >= 0 && s < SOCKETS; s++)
		host.sockets[s].held_by[p] = host.sockets[s].held_by[parent];
	if (is_lost())
		return;
	info = stage_info(host.pid[p], ppid, command);
	stage_fold((struct fact){
		.type = FACT_PROCESS, .caller = info.id, .uid = 1000, .info = &info });
	process_info_done(&info);
}

static void release(unsigned s, bool exiting)
{
	struct life *life = &host.sockets[s];

	if (life->bound && !is_lost())
		stage_release(host.cookie[s], exiting);
	*life = (struct life){ 0 };
}

static void drop(unsigned s, unsigned p, bool exiting)
{
	struct life *life = &host.sockets[s];

	life->held_by[p] = false;
	for (unsigned other = 0; other < PIDS; other++) {
		if (life->held_by[other])
			return;
	}
	if (life->lives)
		release(s, exiting);
}

static void end_process(unsigned p)
{
	host.lives[p] = false;
	if (!is_lost())
		stage_exit(host.pid[p], pick(2) ? 0 : SIGKILL);
	else
		stage_dies(host.pid[p]);
	for (unsigned s = 0; s < SOCKETS; s++) {
		if (host.sockets[s].held_by[p])
			drop(s, p, true);
	}
}

static void act_on_socket(unsigned s, unsigned p)
{
	struct life *life = &host.sockets[s];

	if (!life->lives) {
		*life = (struct life){ .lives = true };
		life->held_by[p] = true;
		host.cookie[s] = host.next_cookie++;
	} else if (!life->held_by[p]) {
		life->held_by[p] = pick(12) == 0; /* passed */
	} else if (!life->bound) {
		life->bound = true;
		life->port = (uint16_t)(8000 + pick(PORTS));
		if (!is_lost())
			stage_bind(host.cookie[s], host.pid[p], life->port);
	} else if (!life->listens && pick(2)) {
		life->listens = true;
		if (!is_lost())
			stage_socket(FACT_LISTENING, host.cookie[s], host.pid[p],
				     life->port);
	} else {
		drop(s, p, false);
	}
}

static void fail_to_bind(unsigned p)
{
	stage_fold((struct fact){
		.type = FACT_BIND_FAILED,
		.at = stage_at("127.0.0.1", (uint16_t)(8000 + pick(PORTS))),
		.caller = stage_id(host.pid[p]),
		.uid = 1000,
		.error = pick(2) ? -EADDRINUSE : 0 });
}

static void heal_all(void)
{
	list_rows();
	sockets_each(stage.e->sockets, stage_age, NULL);
	stage.e->healing.drained = true;
	stage.e->healing.due_ns = now_mono_ns();
	stage_wait(1);
	stage_last_long();
	stage_wait(1000);
}

static void step(void)
{
	unsigned p = pick(PIDS);

	if (!host.lives[p]) {
		unsigned parent = pick(PIDS);

		begin_process(p, host.lives[parent] && pick(2) ? (int)parent : -1);
		return;
	}
	list_rows();
	switch (pick(40)) {
	case 0:
	case 1:
		end_process(p);
		break;
	case 2:
		fail_to_bind(p);
		break;
	case 3:
		stage_wait(30);
		break;
	case 4:
		if (pick(10) == 0)
			heal_all();
		break;
	case 5:
		if (pick(10) == 0)
			stage_registry(registries[pick(3)], true);
		break;
	default:
		act_on_socket(pick(SOCKETS), p);
	}
}

static int check_known(struct socket *sock, void *arg)
{
	(void)arg;
	for (unsigned s = 0; s < SOCKETS; s++) {
		const struct life *life = &host.sockets[s];

		if (!life->bound || host.cookie[s] != sock->cookie)
			continue;
		CHECK_EQ(sock->at.port, life->port);
		CHECK_EQ(sock->state, life->listens ? SOCKET_LISTENING : SOCKET_BOUND);
		return 0;
	}
	test_fail(__FILE__, __LINE__, "socket %ju is made up", (uintmax_t)sock->cookie);
}

static void check_table(void)
{
	size_t bound = 0;

	for (unsigned s = 0; s < SOCKETS; s++)
		bound += host.sockets[s].bound;
	sockets_each(stage.e->sockets, check_known, NULL);
	CHECK_EQ(sockets_count(stage.e->sockets), bound);
}

static void run(unsigned seed, unsigned loss)
{
	memset(&host, 0, sizeof(host));
	host.next_cookie = 1;
	host.next_pid = FIRST_PID;
	host.loss = loss;
	srandom(seed);
	stage_open(registries[0]);
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		if (loss == 0)
			check_table();
	}
	heal_all();
	check_table();
	host.loss = 0;
	for (unsigned p = 0; p < PIDS; p++) {
		if (host.lives[p])
			end_process(p);
	}
	stage_wait(60000);
	check_table();
	stage_registry("{ \"services\": [] }", true);
	stage_wait(120000);
	CHECK_EQ(alerts_count(stage.e->alerts), 0);
	stage_close();
	stage.n_alive = 0;
}

TEST(random_lives_leave_the_table_right_and_nothing_behind)
{
	for (unsigned seed = 1; seed <= ROUNDS; seed++)
		run(seed, 0);
}

TEST(random_lives_with_losses_are_healed)
{
	for (unsigned seed = 1; seed <= ROUNDS; seed++)
		run(seed, 10);
}
