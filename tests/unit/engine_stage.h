/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stage for tests of the engine: facts are told by the test, and a host that the test
 * makes up answers in place of the kernel.  A test is a process of its own, so there is
 * one stage.
 */
#ifndef PORTWATCH_TESTS_UNIT_ENGINE_STAGE_H
#define PORTWATCH_TESTS_UNIT_ENGINE_STAGE_H

#include "engine/internal.h"
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/strings.h"
#include "json/codec.h"

enum { STAGE_NETNS = 1000, STAGE_ROWS = 256, STAGE_LOGGED = 512, STAGE_COUNTED = 64 };

struct told {
	enum event_type type;
	enum source source;
	uint64_t seq;
	uint64_t count;
	enum alert_kind kind;
	enum release_cause cause;
	int error;
	size_t n_holders;
	pid_t pid;
	char service[65];
	char reason[256];
};

static struct stage {
	struct engine *e;
	struct engine_subscription *sub;
	struct told log[STAGE_LOGGED];
	size_t n_told;
	/* The host. */
	struct snapshot_row rows[STAGE_ROWS];
	size_t n_rows;
	int walk_error;
	struct process_info alive[64]; /* what /proc says */
	size_t n_alive;
	unsigned walks, reads, watched;
	size_t n_watched_ports;
	bool tells_releases;
	struct counted_port counted[STAGE_COUNTED];
	size_t n_counted;
	uint64_t accepted[65536]; /* by port */
} stage;

static inline int stage_snapshot(struct probe *probe, const struct snapshot_query *query,
				 snapshot_fn fn, void *arg)
{
	(void)probe;
	stage.walks++;
	for (size_t i = 0; i < stage.n_rows && !stage.walk_error; i++) {
		if (stage.rows[i].holder.pid == 0 && !query->unheld_too)
			continue;
		if (query->pid != 0 && stage.rows[i].holder.pid != query->pid)
			continue;
		fn(&stage.rows[i], arg);
	}
	return stage.walk_error;
}

static inline int stage_read(pid_t pid, unsigned what, struct process_info *ret)
{
	(void)what;
	stage.reads++;
	for (size_t i = 0; i < stage.n_alive; i++) {
		if (stage.alive[i].id.pid == pid)
			return process_info_copy(&stage.alive[i], ret);
	}
	return -ESRCH;
}

static inline bool stage_is_alive(struct process_id id)
{
	for (size_t i = 0; i < stage.n_alive; i++) {
		if (stage.alive[i].id.pid == id.pid)
			return true;
	}
	return false;
}

static inline int stage_complete(struct process_info *info)
{
	(void)info;
	return 0;
}

/* With the parent by its stat alone. */
static inline int stage_intern(struct processes *table, struct process_info *info,
			       struct process **ret)
{
	struct process *parent = NULL;
	int err;

	for (size_t i = 0; info->ppid && i < stage.n_alive; i++) {
		struct process_info stat = { .id = stage.alive[i].id, .uid = (uid_t)-1 };

		if (stat.id.pid != info->ppid)
			continue;
		memcpy(stat.comm, stage.alive[i].comm, sizeof(stat.comm));
		stat.ppid = stage.alive[i].ppid;
		CHECK(processes_intern(table, &stat, NULL, &parent) >= 0);
	}
	err = processes_intern(table, info, parent, ret);
	processes_unref(table, parent);
	return err;
}

static inline int stage_watch_process(struct probe *probe, struct process_id id)
{
	(void)probe;
	stage.watched++;
	return stage_is_alive(id) ? 0 : -ESRCH;
}

static inline int stage_watch_ports(struct probe *probe, const uint16_t *ports, size_t n)
{
	(void)probe;
	(void)ports;
	stage.n_watched_ports = n;
	return 0;
}

static inline bool stage_tells_releases(const struct probe *probe)
{
	(void)probe;
	return stage.tells_releases;
}

static inline int stage_count_accepts(struct probe *probe,
				      const struct counted_port *ports, size_t n)
{
	(void)probe;
	stage.n_counted = n;
	for (size_t i = 0; i < n && i < STAGE_COUNTED; i++)
		stage.counted[i] = ports[i];
	return 0;
}

static inline int stage_accepted(const struct probe *probe,
				 const struct counted_port *port, uint64_t *ret)
{
	(void)probe;
	*ret = stage.accepted[port->port];
	return 0;
}

static inline void stage_hear(const struct event *event, void *arg)
{
	struct told *told = &stage.log[stage.n_told++ % STAGE_LOGGED];

	(void)arg;
	*told = (struct told){
		.type = event->type,
		.source = event->source,
		.seq = event->seq,
		.count = event->count,
		.kind = event->alert ? event->alert->v.kind : ALERT_KINDS,
		.cause = event->cause,
		.error = event->error,
		.n_holders = event->n_holders,
	};
	if (event->process)
		told->pid = event->process->info.id.pid;
	else if (event->socket && event->socket->owner)
		told->pid = event->socket->owner->info.id.pid;
	if (event->service)
		snprintf(told->service, sizeof(told->service), "%s", event->service);
	if (event->reason)
		snprintf(told->reason, sizeof(told->reason), "%s", event->reason);
}

static inline void stage_registry(const char *text, bool reload)
{
	static uint64_t generation;
	struct registry *reg = NULL;
	struct decode_error why = { 0 };

	if (codec_decode_registry(text, strlen(text), ++generation, &reg, NULL, &why) < 0)
		test_fail(__FILE__, __LINE__, "registry: %s (%s)", why.what, why.path);
	CHECK_EQ(engine_set_registry(stage.e, reg, reload), 0);
}

/* An engine that is told by the kernel, and has nothing to begin with. */
static inline void stage_open(const char *registry)
{
	struct engine_options options = { .probe.no_bpf = true };

	CHECK_EQ(engine_new(&options, &stage.e), 0);
	stage.e->senses = (struct senses){
		.snapshot = stage_snapshot,
		.read = stage_read,
		.is_alive = stage_is_alive,
		.complete = stage_complete,
		.intern = stage_intern,
		.watch_process = stage_watch_process,
		.watch_ports = stage_watch_ports,
		.tells_releases = stage_tells_releases,
		.count_accepts = stage_count_accepts,
		.accepted = stage_accepted,
	};
	stage.e->host_known = true;
	stage.e->world.own_netns = STAGE_NETNS;
	stage.e->have = ENGINE_NEEDS_EVENTS;
	CHECK_EQ(engine_subscribe(stage.e, UINT32_MAX, stage_hear, NULL, &stage.sub), 0);
	if (registry)
		stage_registry(registry, false);
}

/* Everything that was referenced is given up. */
static inline void stage_close(void)
{
	struct engine *e = stage.e;

	engine_unsubscribe(e, stage.sub);
	deaths_done(e);
	outgoing_done(e);
	who_forget_all(e);
	slots_done(e, &e->slots);
	e->alerts = alerts_free(e->alerts);
	e->failed_binds = failed_binds_free(e->failed_binds);
	e->sockets = sockets_free(e->sockets);
	CHECK_EQ(processes_count(e->procs), 0);
	engine_free(e);
	for (size_t i = 0; i < stage.n_alive; i++)
		process_info_done(&stage.alive[i]);
}

static inline struct process_id stage_id(pid_t pid)
{
	return (struct process_id){ .pid = pid, .start_ticks = 1000u + (unsigned)pid };
}

static inline struct process_info stage_info(pid_t pid, pid_t ppid, const char *command)
{
	struct process_info info = { .id = stage_id(pid),
				     .ppid = ppid,
				     .uid = 1000,
				     .sid = pid,
				     .exec_count = 1 };

	CHECK_EQ(shell_split(command, &info.cmdline), 0);
	snprintf(info.comm, sizeof(info.comm), "%s", info.cmdline[0]);
	CHECK(asprintf(&info.exe, "/usr/bin/%s", info.cmdline[0]) > 0);
	return info;
}

/* In /proc, but nobody has told of it. */
static inline void stage_lives(pid_t pid, pid_t ppid, const char *command)
{
	stage.alive[stage.n_alive++] = stage_info(pid, ppid, command);
}

static inline void stage_dies(pid_t pid)
{
	for (size_t i = 0; i < stage.n_alive; i++) {
		if (stage.alive[i].id.pid != pid)
			continue;
		process_info_done(&stage.alive[i]);
		stage.alive[i] = stage.alive[--stage.n_alive];
		return;
	}
}

static inline void stage_fold(struct fact fact)
{
	fact.source = SOURCE_KERNEL;
	fact.mono_ns = now_mono_ns();
	fact.wall_ns = now_wall_ns();
	engine_fold(stage.e, &fact);
}

static inline struct endpoint stage_at(const char *address, uint16_t port)
{
	struct endpoint at = { .netns = STAGE_NETNS, .proto = IPPROTO_TCP, .port = port };

	CHECK_EQ(endpoint_parse_address(address, &at), 0);
	return at;
}

/* A process begins, and the kernel says so. */
static inline void stage_process(pid_t pid, pid_t ppid, const char *command)
{
	struct process_info info = stage_info(pid, ppid, command);

	stage_lives(pid, ppid, command);
	stage_fold((struct fact){ .type = FACT_PROCESS,
				  .caller = info.id,
				  .uid = info.uid,
				  .info = &info });
	process_info_done(&info);
}

static inline void stage_socket(enum fact_type type, uint64_t cookie, pid_t pid,
				uint16_t port)
{
	stage_fold((struct fact){ .type = type,
				  .cookie = cookie,
				  .at = stage_at("127.0.0.1", port),
				  .caller = stage_id(pid),
				  .uid = 1000 });
}

static inline void stage_bind(uint64_t cookie, pid_t pid, uint16_t port)
{
	stage_socket(FACT_BOUND, cookie, pid, port);
}

/* bind and listen */
static inline void stage_serve(uint64_t cookie, pid_t pid, uint16_t port)
{
	stage_socket(FACT_BOUND, cookie, pid, port);
	stage_socket(FACT_LISTENING, cookie, pid, port);
}

static inline void stage_release(uint64_t cookie, bool exiting)
{
	stage_fold((struct fact){
		.type = FACT_RELEASED, .cookie = cookie, .exiting = exiting });
}

static inline void stage_exit(pid_t pid, int status)
{
	stage_dies(pid);
	stage_fold((struct fact){
		.type = FACT_EXIT, .caller = stage_id(pid), .status = status });
}

/* What the next walk finds. */
static inline struct snapshot_row *stage_row(uint64_t cookie, pid_t holder, uint16_t port,
					     enum socket_state state)
{
	struct snapshot_row *row = &stage.rows[stage.n_rows++];

	*row = (struct snapshot_row){
		.cookie = cookie,
		.at = stage_at("127.0.0.1", port),
		.state = state,
		.uid = 1000,
		.fd = 3,
		.holder_uid = 1000,
		.evident = true,
	};
	if (holder == 0)
		return row;
	row->holder = stage_id(holder);
	snprintf(row->holder_comm, sizeof(row->holder_comm), "unread");
	for (size_t i = 0; i < stage.n_alive; i++) {
		if (stage.alive[i].id.pid == holder)
			row->holder_ppid = stage.alive[i].ppid;
	}
	return row;
}

/* Let everything that is due within @ms happen. */
static inline void stage_wait(unsigned ms)
{
	engine_run_due(stage.e, now_mono_ns() + ms * NS_PER_MS);
}

/* What was told was told long ago. */
static inline int stage_age(struct socket *sock, void *arg)
{
	(void)arg;
	sock->seen_mono_ns = 1;
	return 0;
}

/* What the last walk would have last has lasted. */
static inline void stage_last_long(void)
{
	struct healing *healing = &stage.e->healing;

	for (size_t i = 0; i < healing->dying.count; i++)
		healing->dying.items[i].since_ns = 1;
	for (size_t i = 0; i < healing->missing.count; i++)
		healing->missing.items[i].since_ns = 1;
}

static inline void stage_forget_events(void)
{
	stage.n_told = 0;
}

static inline size_t stage_count(enum event_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < stage.n_told && i < STAGE_LOGGED; i++)
		n += stage.log[i].type == type;
	return n;
}

/* The last one told of that type; fails where there is none. */
static inline const struct told *stage_last(enum event_type type)
{
	for (size_t i = stage.n_told; i > 0; i--) {
		if (stage.log[i - 1].type == type)
			return &stage.log[i - 1];
	}
	test_fail(__FILE__, __LINE__, "no %s was told", event_type_name(type));
}

/* NULL where it does not stand. */
static inline const struct alert *stage_alert(enum alert_kind kind, uint16_t port)
{
	const struct alert *alert;
	uint64_t cursor = 0;

	while ((alert = alerts_next(stage.e->alerts, &cursor))) {
		if (alert->v.kind == kind && (port == 0 || alert->v.at.port == port))
			return alert;
	}
	return NULL;
}

#endif /* PORTWATCH_TESTS_UNIT_ENGINE_STAGE_H */
