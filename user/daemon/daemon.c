// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/alarm.h"
#include "daemon/alerting.h"
#include "daemon/disk.h"
#include "daemon/door.h"
#include "daemon/launching.h"
#include "daemon/loopback.h"
#include "daemon/notify.h"
#include "daemon/privileges.h"
#include "daemon/pump.h"
#include "daemon/recorder.h"
#include "daemon/source.h"
#include "daemon/watch.h"
#include "engine/engine.h"
#include "http/server.h"
#include "service/allocations.h"
#include "service/changes.h"
#include "service/kill.h"
#include "service/watchdog.h"

enum { SIGNALS = 3 };

struct daemon {
	const struct daemon_options *options;
	bool embedded;
	uv_loop_t loop;
	struct engine *engine;
	struct source_file *source;
	/* A daemon that has dropped its privileges: a worker's thread keeps those that
	 * it was started with. */
	bool ready;
	struct disk *disk;
	struct changes *changes;
	struct allocations *allocations;
	struct alarm *alarm;
	struct pump *pump;
	struct watchdog *watchdog;
	struct launching *launching;
	struct alerting *alerting;
	struct recorder *recorder;
	struct kills *kills;
	uv_poll_t kills_poll;
	bool kills_polled;
	struct api api;
	struct http_server *server;
	struct loopback *loopback; /* NULL: not asked for yet, or embedded */
	struct watch *watch;
	struct notify *notify;
	uv_signal_t signals[SIGNALS];
	size_t n_signals;
};

static void after_dispatch(void *arg)
{
	struct daemon *d = arg;

	allocations_settle(d->allocations);
	http_server_flush(d->server);
}

static int join_allocations(struct registry *reg, void *arg)
{
	struct daemon *d = arg;

	return allocations_join(d->allocations, reg);
}

/* The engine was changed, or what is due next. */
static void on_allocations(void *arg)
{
	struct daemon *d = arg;

	pump_update(d->pump);
	if (d->alarm)
		alarm_set(d->alarm, allocations_deadline(d->allocations));
	if (d->server)
		http_server_flush(d->server);
}

static void on_alarm(void *arg)
{
	struct daemon *d = arg;

	allocations_run(d->allocations);
	on_allocations(d);
}

static void on_complaint(const char *what, void *arg)
{
	(void)arg;
	log_warning("%s", what);
}

static int need(enum engine_need need, void *arg)
{
	struct daemon *d = arg;
	int err = engine_need(d->engine, need);

	if (err < 0)
		return err;
	/* What the engine has just heard of is settled; one that serves a single command
	 * leaves that to those that change something. */
	if (d->ready)
		allocations_settle(d->allocations);
	/* One that watches checks, too. */
	if (d->embedded && need == ENGINE_NEEDS_EVENTS)
		watchdog_begin(d->watchdog);
	return pump_update(d->pump);
}

static const struct registry_view *view(void *arg)
{
	struct daemon *d = arg;

	source_load(d->source);
	return source_view(d->source);
}

/* What changed the engine from outside of its beat: streams may have something now. */
static void settle(struct daemon *d)
{
	pump_update(d->pump);
	http_server_flush(d->server);
}

static void on_kills(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;

	(void)status;
	(void)events;
	kills_dispatch(d->kills);
	settle(d);
}

static void settle_launching(void *arg)
{
	settle(arg);
}

static int make_kills(struct daemon *d)
{
	int err = kills_new(d->engine, &d->kills);

	if (err < 0)
		return err;
	err = uv_poll_init(&d->loop, &d->kills_poll, kills_fd(d->kills));
	if (err < 0)
		return err;
	d->kills_polled = true;
	d->kills_poll.data = d;
	return uv_poll_start(&d->kills_poll, UV_READABLE, on_kills);
}

static int make_launching(struct daemon *d)
{
	struct launcher_options options = {
		.engine = d->engine,
		.kills = d->kills,
		.changes = d->changes,
		.worker = disk_worker(d->disk, DISK_STATE),
		.state = d->options->state,
		.log = d->options->log,
		.embedded = d->embedded,
		.spawner = d->options->spawner,
		.descriptors = d->options->descriptors,
		.complain = on_complaint,
		.arg = d,
	};

	return launching_new(&d->loop, &options, settle_launching, d, &d->launching);
}

static void say_warnings(const struct daemon *d)
{
	const struct registry_view *file = source_view(d->source);

	for (size_t i = 0; i < file->warnings->count; i++)
		log_warning("%s: %s", file->path, file->warnings->items[i]);
}

static int reload(struct daemon *d, bool force)
{
	int changed = source_reload(d->source, force);

	if (d->loopback && (changed > 0 || force))
		loopback_apply(d->loopback,
			       registry_get_settings(engine_world(d->engine)->registry));
	if (changed > 0 && !d->embedded)
		say_warnings(d);
	if (changed > 0 && (d->ready || d->embedded))
		watchdog_follow(d->watchdog);
	if (changed > 0 && d->ready)
		recorder_follow(d->recorder);
	if (changed > 0 && d->ready)
		alerting_follow(d->alerting);
	settle(d);
	return changed;
}

static int reload_after_write(void *arg)
{
	int err = reload(arg, false);

	return err < 0 ? err : 0;
}

static void on_file_changed(void *arg)
{
	reload(arg, false);
}

static void say_ready(struct daemon *d)
{
	struct probe *probe = engine_probe(d->engine);
	size_t n = registry_count(engine_world(d->engine)->registry);
	const char *url;
	char text[256];

	url = d->loopback ? loopback_url(d->loopback) : NULL;
	snprintf(text, sizeof(text), "Watching %zu service%s with %s, serving %s%s%s", n,
		 n == 1 ? "" : "s", probe_backend(probe), d->options->socket,
		 url ? " and " : "", url ? url : "");
	log_info("%s", text);
	notify_ready(d->notify, text);
}

static bool sink_stats(size_t index, struct sink_stats *ret, void *arg)
{
	return alerting_stats(((struct daemon *)arg)->alerting, index, ret);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	if (number != SIGHUP) {
		notify_stopping(d->notify);
		uv_stop(&d->loop);
		return;
	}
	notify_reloading(d->notify);
	reload(d, true);
	alerting_reopen(d->alerting);
	say_ready(d);
}

static void stop_loop(void *arg)
{
	struct daemon *d = arg;

	uv_stop(&d->loop);
}

/* Whoever asked has gone, and what was started for them goes with them. */
static void end_embedded(void *arg)
{
	struct daemon *d = arg;

	launching_end(d->launching, stop_loop, d);
}

static int watch_signals(struct daemon *d)
{
	static const int numbers[SIGNALS] = { SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < SIGNALS; i++) {
		int err = uv_signal_init(&d->loop, &d->signals[i]);

		if (err < 0)
			return err;
		d->n_signals++;
		d->signals[i].data = d;
		err = uv_signal_start(&d->signals[i], on_signal, numbers[i]);
		if (err < 0)
			return err;
	}
	return 0;
}

/* What the workers did is answered. */
static void on_disk(void *arg)
{
	settle(arg);
}

/* A check was made, and may have changed the engine. */
static void on_checked(void *arg)
{
	settle(arg);
}

static void on_check_complaint(const char *what, void *arg)
{
	(void)arg;
	log_warning("A health check cannot be made: %s", what);
}

static int make_changes(struct daemon *d)
{
	struct changes_options options = {
		.engine = d->engine,
		.path = d->options->registry,
		.reload = reload_after_write,
		.arg = d,
	};
	int err = disk_new(&d->loop, on_disk, d, &d->disk);

	if (err < 0)
		return err;
	options.worker = disk_worker(d->disk, DISK_REGISTRY);
	return changes_new(&options, &d->changes);
}

static int make_allocations(struct daemon *d)
{
	struct allocations_options options = {
		.engine = d->engine,
		.worker = disk_worker(d->disk, DISK_STATE),
		.state = d->options->state,
		.log = d->options->log,
		.changed = on_allocations,
		.complain = on_complaint,
		.arg = d,
	};
	int err = allocations_new(&options, &d->allocations);

	if (err == 0 && !d->embedded)
		err = alarm_new(&d->loop, on_alarm, d, &d->alarm);
	if (err == 0)
		source_prepare(d->source, join_allocations, d);
	return err;
}

static int make_watchdog(struct daemon *d)
{
	struct watchdog_options options = {
		.loop = &d->loop,
		.engine = d->engine,
		.on_demand = d->embedded,
		.changed = on_checked,
		.complain = on_check_complaint,
		.arg = d,
	};

	return watchdog_new(&options, &d->watchdog);
}

/* Where what happens goes. */
static int make_outlets(struct daemon *d)
{
	int err = recorder_new(&d->loop, d->engine, d->options->state, !d->embedded,
			       &d->recorder);

	if (err < 0)
		return err;
	return alerting_new(&d->loop, d->engine, d->options->state, &d->alerting);
}

static int make_parts(struct daemon *d)
{
	struct engine_options engine = {
		.probe.lean = d->options->lean,
		.probe.no_bpf = d->options->no_bpf,
		.probe.without = d->options->without,
	};
	struct api_options api = {
		.embedded = d->embedded,
		.need = need,
		.registry = view,
		.sink_stats = sink_stats,
		.arg = d,
	};
	int err = engine_new(&engine, &d->engine);

	if (err < 0)
		return err;
	err = source_new(d->engine, d->options->registry, d->options->registry_named,
			 &d->source);
	if (err < 0)
		return err;
	err = make_changes(d);
	if (err < 0)
		return err;
	err = make_allocations(d);
	if (err < 0)
		return err;
	err = pump_new(&d->loop, d->engine, after_dispatch, d, &d->pump);
	if (err < 0)
		return err;
	err = make_kills(d);
	if (err < 0)
		return err;
	err = make_watchdog(d);
	if (err < 0)
		return err;
	err = make_launching(d);
	if (err < 0)
		return err;
	err = make_outlets(d);
	if (err < 0)
		return err;
	api.history = recorder_history(d->recorder);
	api.history_worker = disk_worker(d->disk, DISK_HISTORY);
	api.launcher = launching_launcher(d->launching);
	api.engine = d->engine;
	api.kills = d->kills;
	api.allocations = d->allocations;
	api.changes = d->changes;
	api.watchdog = d->watchdog;
	err = api_init(&d->api, &api);
	if (err < 0)
		return err;
	err = http_server_new(&d->loop, &d->api, &d->server);
	if (err < 0)
		return err;
	engine_yield_to(d->engine, http_server_fd(d->server));
	return 0;
}

/* In the order in which they lean on each other; each accepts that it was never made. */
static void unmake_parts(struct daemon *d)
{
	/* Whoever is waiting for a disk is told, before the connections end. */
	disk_finish(d->disk);
	http_server_flush(d->server);
	for (size_t i = 0; i < d->n_signals; i++)
		uv_close((uv_handle_t *)&d->signals[i], NULL);
	d->watch = watch_free(d->watch);
	d->loopback = loopback_free(d->loopback);
	d->server = http_server_free(d->server);
	if (d->api.engine)
		api_done(&d->api);
	d->watchdog = watchdog_free(d->watchdog);
	if (d->kills_polled)
		uv_close((uv_handle_t *)&d->kills_poll, NULL);
	/* Those who left in the midst of a change. */
	d->disk = disk_free(d->disk);
	d->launching = launching_free(d->launching);
	d->alerting = alerting_free(d->alerting);
	d->kills = kills_free(d->kills);
	d->changes = changes_free(d->changes);
	d->pump = pump_free(d->pump);
	d->source = source_free(d->source);
	d->alarm = alarm_free(d->alarm);
	d->recorder = recorder_free(d->recorder);
	d->allocations = allocations_free(d->allocations);
	d->engine = engine_free(d->engine);
	d->notify = notify_free(d->notify);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
}

static enum exit_status load_registry(struct daemon *d)
{
	const struct registry_view *file = source_view(d->source);
	char text[1024];

	if (source_load(d->source) < 0) {
		log_error("%s", source_describe(file, text, sizeof(text)));
		return EXIT_USAGE;
	}
	say_warnings(d);
	return EXIT_DONE;
}

/* Before privileges go: the port may be below 1024. */
static void open_loopback(struct daemon *d)
{
	int err = loopback_new(d->server, d->options->state, &d->loopback);

	if (err < 0)
		log_warning_errno(err, "Cannot serve TCP; continuing without");
	else
		loopback_apply(d->loopback,
			       registry_get_settings(engine_world(d->engine)->registry));
}

static enum exit_status attach(struct daemon *d)
{
	int err = need(ENGINE_NEEDS_EVENTS, d);
	const char *capability;

	if (err == 0)
		return EXIT_DONE;
	capability = engine_missing_capability(d->engine);
	if (err == -EPERM || capability) {
		log_error("Cannot watch the kernel: %s is missing; run as root, or with "
			  "that "
			  "capability, or look now and then with --no-bpf",
			  capability ? capability : "a capability");
		return EXIT_NOT_PERMITTED;
	}
	log_error_errno(err, "Cannot watch the kernel");
	return EXIT_FAILED;
}

static void watch_registry(struct daemon *d)
{
	int err =
		watch_new(&d->loop, d->options->registry, on_file_changed, d, &d->watch);

	if (err < 0)
		log_warning_errno(err,
				  "Cannot see changes of %s; continuing without, SIGHUP "
				  "reads it",
				  d->options->registry);
}

static enum exit_status start(struct daemon *d)
{
	enum exit_status status = load_registry(d);
	int err;

	if (status == EXIT_DONE)
		status = door_open(d->server, d->options->socket);
	if (status != EXIT_DONE)
		return status;
	open_loopback(d);
	err = watch_signals(d);
	if (err < 0) {
		log_error_errno(err, "Cannot wait for signals");
		return EXIT_FAILED;
	}
	err = privileges_drop();
	if (err < 0)
		log_warning_errno(err, "Cannot drop privileges; continuing with them");
	watch_registry(d);
	err = notify_new(&d->loop, &d->notify);
	if (err < 0)
		log_warning_errno(err, "Cannot tell systemd; continuing without");
	status = attach(d);
	if (status != EXIT_DONE)
		return status;
	err = privileges_drop_rest();
	if (err < 0)
		log_warning_errno(err, "Cannot drop CAP_SYS_ADMIN; continuing with it");
	/* Loading leaves 6 MB of the kernel's type information behind, freed. */
	malloc_trim(0);
	d->ready = true;
	launcher_adopt(launching_launcher(d->launching));
	on_alarm(d);
	watchdog_follow(d->watchdog);
	say_ready(d);
	recorder_begin(d->recorder);
	alerting_begin(d->alerting);
	return EXIT_DONE;
}

static enum exit_status start_embedded(struct daemon *d)
{
	int err;

	/* Whatever it starts must not keep the socket open. */
	fcntl(d->options->serve_fd, F_SETFD, FD_CLOEXEC);
	/* Before the parent can be gone unseen: then the socket's end ends it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	err = http_server_adopt(d->server, d->options->serve_fd, peer_group(),
				end_embedded, d);
	if (err < 0) {
		log_error_errno(err, "Cannot serve descriptor %d", d->options->serve_fd);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

enum exit_status daemon_run(const struct daemon_options *options)
{
	struct daemon d = { .options = options, .embedded = options->serve_fd >= 0 };
	enum exit_status status = EXIT_FAILED;
	int err = uv_loop_init(&d.loop);

	if (err < 0) {
		log_error_errno(err, "Cannot make a loop");
		return EXIT_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	err = make_parts(&d);
	if (err < 0)
		log_error_errno(err, "Cannot start");
	else
		status = d.embedded ? start_embedded(&d) : start(&d);
	if (status == EXIT_DONE)
		uv_run(&d.loop, UV_RUN_DEFAULT);
	unmake_parts(&d);
	return status;
}
