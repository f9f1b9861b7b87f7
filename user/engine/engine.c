// SPDX-License-Identifier: GPL-2.0-only
#include "engine/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { SOCKETS_MAX = 1048576, PROCESSES_MAX = 262144 };

/* A batch between looks at the clock, and when to let the loop have its turn. */
enum { BATCH = 64, BATCHES_NS = 4000000 };

static int make_registry(struct engine *e)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	char *why = NULL;
	int err;

	err = registry_new(0, &reg);
	if (err < 0)
		return err;
	err = registry_seal(reg, &why);
	if (err < 0) {
		free(why);
		return err;
	}
	err = slots_build(reg, &e->slots);
	if (err < 0)
		return err;
	e->registry = take(reg);
	return 0;
}

static int make_tables(struct engine *e)
{
	const struct engine_options *options = &e->options;
	int err;

	err = processes_new(options->processes_max ? options->processes_max
						   : PROCESSES_MAX,
			    &e->procs);
	if (err < 0)
		return err;
	err = sockets_new(options->sockets_max ? options->sockets_max : SOCKETS_MAX,
			  e->procs, &e->sockets);
	if (err < 0)
		return err;
	err = failed_binds_new(e->procs, &e->failed_binds);
	if (err < 0)
		return err;
	err = alerts_new(e->procs, publish_alert, e, &e->alerts);
	if (err < 0)
		return err;
	return make_registry(e);
}

int engine_new(const struct engine_options *options, struct engine **ret)
{
	_cleanup_(engine_freep) struct engine *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->options = *options;
	e->yield_fd = -EBADF;
	e->senses = (struct senses){
		.snapshot = probe_snapshot,
		.read = procfs_read,
		.complete = procfs_complete,
		.intern = procfs_intern,
		.is_alive = procfs_is_alive,
		.watch_process = probe_watch_process,
		.watch_ports = probe_watch_ports,
		.tells_releases = probe_tells_releases,
		.count_accepts = probe_count_accepts,
		.accepted = probe_accepted,
	};
	e->cause.source = SOURCE_DAEMON;
	e->unprivileged_port = 1024;
	err = make_tables(e);
	if (err < 0)
		return err;
	err = probe_new(&e->options.probe, &e->probe);
	if (err < 0)
		return err;
	e->world = (struct world){
		.registry = e->registry,
		.sockets = e->sockets,
		.services = e->slots.states,
		.outgoing = e->outgoing,
		.allocation_state = slots_allocation_state,
		.arg = e,
	};
	*ret = take(e);
	return 0;
}

struct engine *engine_free(struct engine *e)
{
	if (!e)
		return NULL;
	publish_done(e);
	deaths_done(e);
	reconcile_done(e);
	outgoing_done(e);
	origin_done(e);
	evaluate_done(e);
	who_forget_all(e);
	slots_done(e, &e->slots);
	alerts_free(e->alerts);
	failed_binds_free(e->failed_binds);
	sockets_free(e->sockets);
	processes_free(e->procs);
	registry_free(e->registry);
	probe_free(e->probe);
	free(e);
	return NULL;
}

bool engine_is_told(const struct engine *e)
{
	return e->have == ENGINE_NEEDS_EVENTS && !e->polling;
}

void engine_set_cause(struct engine *e, enum source source, uint64_t mono_ns,
		      uint64_t wall_ns)
{
	e->cause = (struct cause){ source, mono_ns, wall_ns };
}

struct alert_moment engine_moment(const struct engine *e)
{
	return (struct alert_moment){
		.wall_ns = now_wall_ns(),
		.mono_ns = now_mono_ns(),
		.event_mono_ns = e->cause.mono_ns,
	};
}

uint64_t engine_wall_ns(const struct engine *e)
{
	return e->cause.wall_ns ? e->cause.wall_ns : now_wall_ns();
}

int engine_fd(const struct engine *engine)
{
	return engine_is_told(engine) ? probe_fd(engine->probe) : -EBADF;
}

static void sooner(uint64_t *due_ns, uint64_t at_ns)
{
	if (at_ns != 0 && (*due_ns == 0 || at_ns < *due_ns))
		*due_ns = at_ns;
}

uint64_t engine_deadline(const struct engine *engine)
{
	uint64_t due_ns = alerts_deadline(engine->alerts);

	sooner(&due_ns, deaths_deadline(engine));
	sooner(&due_ns, heal_deadline(engine));
	sooner(&due_ns, engine->asking.due_ns);
	if (engine_is_told(engine))
		sooner(&due_ns, probe_deadline(engine->probe));
	return due_ns;
}

void engine_run_due(struct engine *e, uint64_t now_ns)
{
	uint64_t due_ns;

	deaths_run(e, now_ns);
	heal_run(e, now_ns);
	ask_run(e, now_ns);
	engine_set_cause(e, SOURCE_DAEMON, 0, 0);
	due_ns = alerts_deadline(e->alerts);
	if (due_ns != 0 && due_ns <= now_ns) {
		struct alert_moment now = engine_moment(e);

		now.mono_ns = now_ns;
		alerts_tick(e->alerts, &now);
	}
}

static void fold_one(const struct fact *fact, void *arg)
{
	engine_fold(arg, fact);
}

static bool must_yield(const struct engine *e)
{
	struct pollfd other = { .fd = e->yield_fd, .events = POLLIN };

	return e->yield_fd >= 0 && poll(&other, 1, 0) > 0;
}

void engine_yield_to(struct engine *engine, int fd)
{
	engine->yield_fd = fd;
	probe_yield_to(engine->probe, fd);
}

/* True where the ring may hold more. */
static bool drain(struct engine *e)
{
	uint64_t start_ns = now_mono_ns();
	int n;

	do {
		n = probe_dispatch(e->probe, BATCH, fold_one, e);
	} while (n >= BATCH && now_mono_ns() - start_ns < BATCHES_NS && !must_yield(e));
	return n >= BATCH;
}

bool engine_dispatch(struct engine *engine)
{
	bool more = false;

	if (engine_is_told(engine)) {
		more = drain(engine);
		engine->healing.drained = !more;
		heal_note(engine, now_mono_ns());
	}
	engine_run_due(engine, now_mono_ns());
	return more;
}

const struct world *engine_world(const struct engine *engine)
{
	return &engine->world;
}

const struct alerts *engine_alerts(const struct engine *engine)
{
	return engine->alerts;
}

uint16_t engine_unprivileged_port(const struct engine *engine)
{
	return engine->unprivileged_port;
}

const struct failed_binds *engine_failed_binds(const struct engine *engine)
{
	return engine->failed_binds;
}

struct sockets *engine_sockets(struct engine *engine)
{
	return engine->sockets;
}

struct processes *engine_processes(struct engine *engine)
{
	return engine->procs;
}

struct probe *engine_probe(struct engine *engine)
{
	return engine->probe;
}

void engine_complete_process(struct engine *engine, struct process *p)
{
	who_complete(engine, p);
}

const struct service *engine_service_of(struct engine *engine, const struct socket *sock)
{
	if (registry_count(engine->registry) == 0 || !sock->owner)
		return NULL;
	who_identify(engine, sock->owner);
	return matcher_service_of(&engine->world, sock->owner, &sock->at,
				  sock->flags & SOCKET_V6ONLY);
}

void engine_counters(const struct engine *engine, struct engine_counters *ret)
{
	struct probe_counters probe = { 0 };

	*ret = engine->counters;
	probe_counters(engine->probe, &probe);
	ret->seen = probe.events;
	ret->lost = probe.lost;
}
