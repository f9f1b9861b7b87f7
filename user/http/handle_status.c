// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "core/sink.h"
#include "http/documents.h"
#include "http/routes.h"
#include "http/status_cache.h"
#include "service/watchdog.h"
#include "store/history.h"

static struct doc *services_doc(const struct request *req, uint64_t wall_ns)
{
	const struct world *world = engine_world(req->api->engine);
	const struct alerts *alerts = engine_alerts(req->api->engine);
	struct doc *services = doc_object();

	for (size_t i = 0; i < registry_count(world->registry); i++) {
		const struct service *svc = registry_service(world->registry, i);
		struct doc *status;

		complete_service(req->api->engine, svc);
		status = codec_encode_service_status(world, svc, alerts, wall_ns,
						     &req->peer->viewer);
		if (status && !req->peer->may_change)
			codec_hide_secrets(status);
		doc_set(services, svc->name, status);
	}
	return services;
}

static int set_orders(struct doc *doc, const struct registry *reg)
{
	const struct service **order = calloc(registry_count(reg) + 1, sizeof(*order));
	struct doc *up = doc_array(), *down = doc_array();
	size_t n;

	if (!order) {
		doc_free(up);
		doc_free(down);
		return -ENOMEM;
	}
	n = registry_startup_order(reg, order);
	for (size_t i = 0; i < n; i++) {
		doc_append_string(up, order[i]->name);
		doc_append_string(down, order[n - 1 - i]->name);
	}
	free(order);
	doc_set(doc, "startup_order", up);
	doc_set(doc, "shutdown_order", down);
	return 0;
}

static struct doc *port_manager_doc(struct engine *engine)
{
	struct doc *doc = doc_object();

	set_allocations(engine, doc);
	return doc;
}

static void set_watchdog(const struct request *req, struct doc *doc)
{
	const struct registry *reg = engine_world(req->api->engine)->registry;
	const struct alerts *alerts = engine_alerts(req->api->engine);
	uint64_t issues = 0, ports = registry_count_allocations(reg);
	struct watchdog_counters counters;

	for (unsigned kind = 0; kind < ALERT_KINDS; kind++)
		issues += alerts_fired(alerts, (enum alert_kind)kind);
	for (size_t i = 0; i < registry_count(reg); i++)
		if (registry_service(reg, i)->enabled)
			ports += registry_service(reg, i)->n_claims;

	watchdog_counters(req->api->options.watchdog, &counters);
	doc_set_bool(doc, "running", engine_fd(req->api->engine) >= 0);
	doc_set_int(doc, "check_interval",
		    (int64_t)(registry_get_settings(reg)->health.interval_ms / 1000));
	doc_set_int(doc, "checks_performed", (int64_t)counters.performed);
	doc_set_int(doc, "issues_detected", (int64_t)issues);
	doc_set_int(doc, "monitored_ports", (int64_t)ports);
}

int handle_watchdog(const struct request *req, struct reply *reply)
{
	struct doc *doc;

	doc = doc_schema("watchdog");
	set_watchdog(req, doc);
	return reply_doc(reply, 200, doc);
}

static struct doc *kernel_doc(struct engine *engine)
{
	struct probe *probe = engine_probe(engine);
	struct doc *doc = doc_object(), *hooks = doc_array();
	const char *const *names = NULL;
	struct engine_counters counters;
	size_t n = probe_hooks(probe, &names);

	engine_counters(engine, &counters);
	for (size_t i = 0; i < n; i++)
		doc_append_string(hooks, names[i]);
	doc_set_string(doc, "backend", probe_backend(probe));
	doc_set_bool(doc, "realtime", probe_has_events(probe));
	doc_set_string(doc, "bind_failures", probe_bind_failures(probe));
	doc_set(doc, "hooks", hooks);
	doc_set_int(doc, "events_seen", (int64_t)counters.seen);
	doc_set_int(doc, "events_lost", (int64_t)counters.lost);
	doc_set_int(doc, "resyncs", (int64_t)counters.resyncs);
	doc_set_int(doc, "sockets", (int64_t)sockets_count(engine_sockets(engine)));
	doc_set_int(doc, "sockets_refused",
		    (int64_t)sockets_refused(engine_sockets(engine)));
	return doc;
}

static struct doc *daemon_doc(const struct request *req)
{
	const struct api *api = req->api;
	const struct registry_view *view = api->options.registry(api->options.arg);
	struct doc *doc = doc_object();

	doc_set_string(doc, "version", PORTWATCH_VERSION);
	doc_set_int(doc, "pid", getpid());
	doc_set_int(doc, "uptime_s",
		    (int64_t)((now_mono_ns() - api->started_mono_ns) / NS_PER_S));
	doc_set_string(doc, "registry", view->path);
	doc_set_string(doc, "registry_refused", view->refused);
	doc_set_int(doc, "generation",
		    (int64_t)registry_generation(engine_world(api->engine)->registry));
	doc_set_bool(doc, "embedded", api->options.embedded);
	return doc;
}

static struct doc *sinks_doc(const struct api_options *options)
{
	struct doc *doc = doc_array();
	struct sink_stats stats;

	for (size_t i = 0;
	     options->sink_stats && options->sink_stats(i, &stats, options->arg); i++)
		doc_append(doc, codec_encode_sink_stats(&stats));
	return doc;
}

static struct doc *history_doc(const struct request *req)
{
	struct history *history = req->api->options.history;
	struct history_counters counters;
	struct doc *doc = doc_object();

	history_counters(history, &counters);
	doc_set_string(doc, "path", history_path(history));
	doc_set_bool(doc, "writes", counters.writes);
	doc_set_int(doc, "written", (int64_t)counters.written);
	doc_set_int(doc, "waiting", (int64_t)counters.waiting);
	doc_set_int(doc, "dropped", (int64_t)counters.dropped);
	doc_set_string(doc, "fault", counters.fault[0] ? counters.fault : NULL);
	return doc;
}

struct doc *status_doc(const struct request *req, uint64_t wall_ns)
{
	const struct registry *reg = engine_world(req->api->engine)->registry;
	struct doc *doc = doc_schema("status"), *watchdog = doc_object();

	engine_read_counts(req->api->engine);
	doc_set_time(doc, "timestamp", wall_ns);
	doc_set(doc, "services", services_doc(req, wall_ns));
	doc_set(doc, "conflicts", alerts_doc(req, alert_is_conflict, NULL));
	doc_set(doc, "alerts", alerts_doc(req, NULL, NULL));
	set_watchdog(req, watchdog);
	doc_set(doc, "watchdog", watchdog);
	if (set_orders(doc, reg) < 0)
		return doc_free(doc);
	doc_set(doc, "port_manager", port_manager_doc(req->api->engine));
	doc_set(doc, "kernel", kernel_doc(req->api->engine));
	doc_set(doc, "sinks", sinks_doc(&req->api->options));
	doc_set(doc, "daemon", daemon_doc(req));
	doc_set(doc, "history", history_doc(req));
	return doc;
}

static struct status_key key_of(const struct request *req, uint64_t wall_ns)
{
	struct engine *engine = req->api->engine;
	struct engine_counters counters;
	struct watchdog_counters checks;

	engine_counters(engine, &counters);
	watchdog_counters(req->api->options.watchdog, &checks);
	return (struct status_key){
		.viewer = req->peer->viewer,
		.sequence = engine_sequence(engine),
		.seen = counters.seen,
		.checks = checks.performed,
		.generation = registry_generation(engine_world(engine)->registry),
		.second = wall_ns / NS_PER_S,
	};
}

int handle_status(const struct request *req, struct reply *reply)
{
	uint64_t wall_ns = now_wall_ns();
	struct status_key key = key_of(req, wall_ns);
	bool may_keep = engine_fd(req->api->engine) >= 0;
	struct shared_body *body = NULL;
	int err;

	if (may_keep)
		body = status_cache_find(req->api->status_cache, &key);
	if (!body) {
		err = reply_doc(reply, 200, status_doc(req, wall_ns));
		if (err < 0 || !may_keep)
			return err;
		body = shared_body_new(reply->body, reply->size);
		if (!body)
			return 0;
		status_cache_keep(&req->api->status_cache, &key, body);
		reply_done(reply);
	} else {
		body->refs++;
	}

	*reply = (struct reply){
		.status = 200,
		.type = "application/json",
		.shared = body,
	};
	return 0;
}
