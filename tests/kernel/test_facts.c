// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the probe itself tells, without an engine: every field of a fact after a bind
 * that is known, the order of facts, outgoing connections, and snapshots.
 */
#include "kernel/actors.h"
#include "kernel/scene.h"

#include "base/strings.h"
#include "base/time.h"
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FACTS_MAX = 512 };

static struct probe *probe;
static const char *why_not;

/* Those of one process, in order. */
struct heard {
	pid_t pid;
	struct fact facts[FACTS_MAX];
	struct process_info info; /* of the last FACT_PROCESS */
	size_t count;
};

static void heard_done(struct heard *h)
{
	process_info_done(&h->info);
}

const char *test_variant(int n)
{
	const struct mode *mode;
	static int next;

	setvbuf(stdout, NULL, _IOLBF, 0);
	probe = probe_free(probe);
	next = n == 0 ? 0 : next;
	mode = scene_next_mode(&next);
	if (!mode)
		return NULL;
	why_not = scene_unavailable();
	if (why_not)
		return mode->name;
	if (probe_new(&mode->options, &probe) < 0 || probe_start(probe) < 0)
		why_not = "";
	return mode->name;
}

static void require_probe(void)
{
	if (why_not && *why_not)
		test_skip(why_not);
	if (why_not)
		test_fail(__FILE__, __LINE__, "this mode does not start");
}

static void hear(const struct fact *fact, void *arg)
{
	struct heard *h = arg;
	bool brief = fact->type == FACT_UNLISTENED || fact->type == FACT_RELEASED ||
		     fact->type == FACT_OUTGOING || fact->type == FACT_OUTGOING_END;

	/* A release names nobody: it belongs to whoever's socket it was. */
	if (brief) {
		bool known = fact->type == FACT_OUTGOING;

		for (size_t i = 0; i < h->count; i++)
			known |= h->facts[i].cookie == fact->cookie;
		if (!known)
			return;
	} else if (fact->type == FACT_PROCESS ? fact->info->id.pid != h->pid
					      : fact->caller.pid != h->pid) {
		return;
	}
	CHECK(h->count < FACTS_MAX);
	h->facts[h->count++] = *fact;
	if (fact->type == FACT_PROCESS) {
		process_info_done(&h->info);
		CHECK_EQ(process_info_copy(fact->info, &h->info), 0);
	}
}

static const struct fact *find(const struct heard *h, enum fact_type type,
			       uint64_t cookie)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->facts[i].type == type && (!cookie || h->facts[i].cookie == cookie))
			return &h->facts[i];
	return NULL;
}

static const struct fact *await(struct heard *h, enum fact_type type, uint64_t cookie)
{
	struct pollfd fd = { .fd = probe_fd(probe), .events = POLLIN };
	uint64_t deadline = scene_deadline();

	while (!find(h, type, cookie)) {
		uint64_t due = probe_deadline(probe), now = now_mono_ns();

		if (now > deadline)
			test_fail(__FILE__, __LINE__,
				  "no fact of type %d, cookie %" PRIu64, type, cookie);
		if (!due || due > now)
			poll(&fd, 1, due && due < now + 20 * NS_PER_MS ? 1 : 20);
		probe_dispatch(probe, 0, hear, h);
	}
	return find(h, type, cookie);
}

/* Field 22 of /proc/PID/stat. */
static uint64_t start_ticks(pid_t pid)
{
	char path[64], text[1024], *p;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	CHECK(file != NULL);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	CHECK(p != NULL);
	return strtoull(p, NULL, 10);
}

static void check_bound(const char *family, const char *proto, const char *address)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();
	_cleanup_(heard_done) struct heard h = { .pid = actor_pid(a) };
	uint64_t cookie, before, wall;
	const struct fact *bound;
	struct endpoint at = { .ifindex = 1 };

	require_probe();
	at.netns = (uint32_t)actor_must(a, "unshare");
	at.proto = strcmp(proto, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	cookie = (uint64_t)actor_must(a, "socket 0 %s %s", family, proto);
	actor_must(a, "set 0 reuseaddr");
	actor_must(a, "set 0 device lo");
	if (family[0] == '6')
		actor_must(a, "set 0 v6only");
	before = now_mono_ns();
	wall = now_wall_ns();
	at.port = (uint16_t)actor_must(a, "bind 0 %s 7777", address);
	CHECK_EQ(endpoint_parse_address(address, &at), 0);

	bound = await(&h, FACT_BOUND, cookie);
	CHECK_EQ(bound->at.netns, at.netns);
	CHECK_EQ(bound->at.ifindex, at.ifindex);
	CHECK_EQ(bound->at.family, at.family);
	CHECK_EQ(bound->at.proto, at.proto);
	CHECK_EQ(bound->at.port, 7777);
	CHECK_EQ(memcmp(bound->at.addr, at.addr, sizeof(at.addr)), 0);
	CHECK(endpoint_equal(&bound->at, &at));
	CHECK_EQ(bound->flags, SOCKET_REUSEADDR | (family[0] == '6' ? SOCKET_V6ONLY : 0) |
				       (proto[0] == 'm' ? SOCKET_MPTCP : 0));
	CHECK_EQ(bound->caller.pid, actor_pid(a));
	CHECK_EQ(bound->caller.start_ticks, start_ticks(actor_pid(a)));
	CHECK_EQ(bound->uid, geteuid());
	CHECK_EQ(bound->error, 0);
	CHECK_EQ(bound->source, SOURCE_KERNEL);
	CHECK(!bound->inferred && !bound->exiting);
	CHECK(bound->mono_ns >= before && bound->mono_ns <= now_mono_ns());
	/* The two clocks are read one after the other. */
	CHECK(bound->wall_ns + NS_PER_MS >= wall &&
	      bound->wall_ns <= now_wall_ns() + NS_PER_MS);
}

TEST(every_field_of_a_bind_over_tcp_is_right)
{
	check_bound("4", "tcp", "127.0.0.1");
	check_bound("6", "tcp", "::1");
}

TEST(every_field_of_a_bind_over_udp_is_right)
{
	check_bound("4", "udp", "127.0.0.1");
	check_bound("6", "udp", "::1");
}

TEST(every_field_of_a_bind_over_mptcp_is_right)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();

	if (actor_ask(a, "socket 0 4 mptcp") < 0)
		test_skip("no MPTCP in this kernel");
	check_bound("4", "mptcp", "127.0.0.1");
	check_bound("6", "mptcp", "::1");
}

TEST(a_process_is_told_in_full_before_its_first_socket)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();
	_cleanup_(heard_done) struct heard h = { .pid = actor_pid(a) };
	const struct fact *process;
	uint64_t cookie;

	require_probe();
	actor_must(a, "comm teller");
	actor_must(a, "cd /usr");
	cookie = (uint64_t)actor_must(a, "socket 0 4 tcp");
	actor_must(a, "bind 0 127.0.0.1 0");
	await(&h, FACT_BOUND, cookie);
	process = find(&h, FACT_PROCESS, 0);
	CHECK(process && process < find(&h, FACT_BOUND, cookie));
	CHECK_EQ(h.info.id.pid, actor_pid(a));
	CHECK_EQ(h.info.id.start_ticks, start_ticks(actor_pid(a)));
	CHECK_EQ(h.info.ppid, getpid());
	CHECK_EQ(h.info.uid, geteuid());
	CHECK_STR(h.info.comm, "teller");
	CHECK_STR(h.info.exe, actor_program());
	CHECK_STR(h.info.cwd, "/usr");
	CHECK_EQ(strv_length(h.info.cmdline), 1);
	CHECK_STR(h.info.cmdline[0], "actor");
	CHECK(h.info.start_ns <= now_wall_ns() &&
	      h.info.start_ns + 120 * NS_PER_S > now_wall_ns());
}

TEST(facts_of_a_socket_come_in_order)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();
	_cleanup_(heard_done) struct heard h = { .pid = actor_pid(a) };
	const struct fact *bound, *listening, *released;
	uint64_t cookie;

	require_probe();
	cookie = (uint64_t)actor_must(a, "socket 0 4 tcp");
	actor_must(a, "bind 0 127.0.0.1 0");
	if (!probe_tells_releases(probe))
		await(&h, FACT_BOUND, cookie); /* a look tells: it must find it so */
	actor_must(a, "listen 0");
	actor_must(a, "close 0");
	released = await(&h, FACT_RELEASED, cookie);
	bound = find(&h, FACT_BOUND, cookie);
	listening = find(&h, FACT_LISTENING, cookie);
	CHECK(bound && listening && bound < listening && listening < released);
	CHECK(!released->exiting);
	CHECK(bound->mono_ns <= listening->mono_ns &&
	      listening->mono_ns <= released->mono_ns);
}

TEST(an_exit_is_told_with_its_status_before_what_it_releases)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();
	_cleanup_(heard_done) struct heard h = { .pid = actor_pid(a) };
	const struct fact *exited, *released;
	uint64_t cookie;

	require_probe();
	cookie = (uint64_t)actor_must(a, "socket 0 4 udp");
	actor_must(a, "bind 0 127.0.0.1 0");
	await(&h, FACT_BOUND, cookie);
	actor_kill(a);
	exited = await(&h, FACT_EXIT, 0);
	CHECK_EQ(WTERMSIG(exited->status), SIGKILL);
	if (!probe_tells_releases(probe))
		return;
	released = await(&h, FACT_RELEASED, cookie);
	CHECK(find(&h, FACT_EXIT, 0) < released);
	CHECK(released->exiting);
}

TEST(a_watched_process_is_told_to_have_exited_though_it_never_bound)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();
	_cleanup_(heard_done) struct heard h = { .pid = actor_pid(a) };
	struct process_id id = { .pid = actor_pid(a) };

	require_probe();
	id.start_ticks = start_ticks(id.pid);
	CHECK_EQ(probe_watch_process(probe, id), 0);
	actor_tell(a, "exit 5");
	CHECK_EQ(WEXITSTATUS(await(&h, FACT_EXIT, 0)->status), 5);
}

TEST(an_outgoing_connection_on_a_watched_port_is_told)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();
	_cleanup_(heard_done) struct heard h = { .pid = actor_pid(a) };
	uint16_t all[28232];
	const struct fact *out;
	uint64_t cookie;

	require_probe();
	for (unsigned i = 0; i < 28232; i++)
		all[i] = (uint16_t)(32768 + i);
	CHECK_EQ(probe_watch_ports(probe, all, 28232), 0);
	actor_must(a, "socket 9 4 tcp");
	actor_must(a, "bind 9 127.0.0.1 0");
	actor_must(a, "listen 9");
	actor_must(a, "socket 0 4 tcp");
	cookie = (uint64_t)actor_must(a, "socket 1 4 tcp");
	actor_must(a, "connect 1 127.0.0.1 %u", (unsigned)actor_must(a, "name 9"));
	out = await(&h, FACT_OUTGOING, cookie);
	CHECK_EQ(out->at.port, actor_must(a, "name 1"));
	CHECK_EQ(out->at.proto, IPPROTO_TCP);
	actor_must(a, "accept 9 2");
	actor_must(a, "close 2");
	actor_must(a, "close 1");
	await(&h, FACT_OUTGOING_END, cookie);
	CHECK_EQ(probe_watch_ports(probe, NULL, 0), 0);
}

struct search {
	uint64_t cookie;
	struct snapshot_row row;
	size_t held, unheld;
};

static int look_at(const struct snapshot_row *row, void *arg)
{
	struct search *s = arg;

	if (row->cookie != s->cookie)
		return 0;
	s->row = *row;
	s->held += row->holder.pid != 0;
	s->unheld += row->holder.pid == 0;
	return 0;
}

static struct search snapshot_of(uint64_t cookie)
{
	const struct snapshot_query query = { .unheld_too = true };
	struct search s = { .cookie = cookie };

	CHECK_EQ(probe_snapshot(probe, &query, look_at, &s), 0);
	return s;
}

TEST(a_snapshot_has_a_row_for_each_holder)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start(), *b = NULL;
	struct search s;
	uint64_t cookie;

	require_probe();
	cookie = (uint64_t)actor_must(a, "socket 0 6 tcp");
	actor_must(a, "bind 0 :: 0");
	actor_must(a, "listen 0");
	b = actor_fork(a);
	s = snapshot_of(cookie);
	CHECK_EQ(s.held, 2);
	CHECK_EQ(s.unheld, 0);
	CHECK_EQ(s.row.state, SOCKET_LISTENING);
	CHECK_EQ(s.row.at.port, actor_must(a, "name 0"));
	CHECK_EQ(s.row.at.family, AF_INET6);
	CHECK_EQ(s.row.uid, geteuid());
	CHECK(s.row.evident);
	CHECK_STR(s.row.holder_comm, "actor");
}

TEST(a_snapshot_shows_an_autobound_udp_socket_as_not_evident)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();
	struct search s;
	uint64_t cookie;

	require_probe();
	cookie = (uint64_t)actor_must(a, "socket 0 4 udp");
	actor_must(a, "send 0 127.0.0.1 9");
	s = snapshot_of(cookie);
	CHECK_EQ(s.held, 1);
	CHECK(!s.row.evident);
}

TEST(a_snapshot_has_sockets_that_no_descriptor_holds)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();
	struct search s;
	uint64_t tcp, udp;

	require_probe();
	if (actor_ask(a, "have direct") < 0)
		test_skip("no io_uring bind in this kernel");
	actor_must(a, "unshare");
	tcp = (uint64_t)actor_must(a, "socket 0 4 tcp direct");
	udp = (uint64_t)actor_must(a, "socket 1 6 udp direct");
	actor_must(a, "bind 0 127.0.0.1 7000");
	actor_must(a, "bind 1 ::1 7000");
	s = snapshot_of(tcp);
	CHECK_EQ(s.held, 0);
	CHECK_EQ(s.unheld, 1);
	CHECK_EQ(s.row.state, SOCKET_BOUND);
	actor_must(a, "listen 0");
	s = snapshot_of(tcp);
	CHECK_EQ(s.unheld, 1);
	CHECK_EQ(s.row.state, SOCKET_LISTENING);
	s = snapshot_of(udp);
	CHECK_EQ(s.held, 0);
	CHECK_EQ(s.unheld, 1);
}
