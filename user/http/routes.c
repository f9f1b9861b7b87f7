// SPDX-License-Identifier: GPL-2.0-only
#include "http/routes.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "http/schema.h"

#define GET METHOD_GET
#define POST METHOD_POST
#define PUT METHOD_PUT
#define DELETE METHOD_DELETE
#define API "/api/ports"
#define NOTHING ENGINE_NEEDS_NOTHING
#define SNAPSHOT ENGINE_NEEDS_SNAPSHOT
#define EVENTS ENGINE_NEEDS_EVENTS

/* clang-format off */
static const struct route routes[] = {
	{ GET,  API "/status",          SNAPSHOT, ACCESS_READ,   true,  handle_status,
	  "Everything at a glance: services, conflicts, alerts, what the kernel tells",
	  .answer = "200:Status" },
	{ GET,  API "/services",        SNAPSHOT, ACCESS_READ,   true,  handle_services,
	  "The services of the registry, each with its status",
	  .answer = "200:Services" },
	{ GET,  API "/services/{name}", SNAPSHOT, ACCESS_READ,   true,  handle_service,
	  "One service in full: entry, status, alerts, sockets",
	  .answer = "200:ServiceInFull" },
	{ PUT,  API "/services/{name}", NOTHING,  ACCESS_CHANGE, true,  handle_service_put,
	  "Register a service, or replace its entry; create=1 only if it is not there, "
	  "update=1 merges what is given, force=1 also on a claimed port",
	  .args = "create:flag update:flag force:flag", .body = "@NewService",
	  .answer = "200:Change 201:Change" },
	{ DELETE, API "/services/{name}", NOTHING, ACCESS_CHANGE, true, handle_service_delete,
	  "Take a service out of the registry",
	  .answer = "200:Change" },
	{ POST, API "/services/{name}/reassign", SNAPSHOT, ACCESS_CHANGE, true,
	  handle_service_reassign,
	  "Give a service another port; which names one of several, force takes a port that "
	  "is taken or claimed",
	  .body = "port:port which:any~ force:boolean~",
	  .answer = "200:Change" },
	{ GET,  API "/available",       SNAPSHOT, ACCESS_READ,   true,  handle_available,
	  "The first n (1) free ports from port on, else of the managed range",
	  .args = "port:port n:port",
	  .answer = "200:Available" },
	{ GET,  API "/env",             NOTHING,  ACCESS_READ,   true,  handle_env,
	  "The environment script",
	  .args = "format:sh|fish|json|dotenv|systemd",
	  .answer = "200:text/plain 200:application/json" },
	{ GET,  API "/report",          SNAPSHOT, ACCESS_READ,   true,  handle_report,
	  "Everything as a page of text; format=json wraps it",
	  .args = "format:text|json",
	  .answer = "200:text/plain 200:Report" },
	{ GET,  API "/conflicts",       SNAPSHOT, ACCESS_READ,   true,  handle_conflicts,
	  "The conflicts that stand now",
	  .answer = "200:Conflicts" },
	{ GET,  API "/alerts",          SNAPSHOT, ACCESS_READ,   true,  handle_alerts,
	  "The alerts that stand now; state=all adds the last resolved ones",
	  .args = "state:firing|all",
	  .answer = "200:Alerts" },
	{ GET,  API "/sockets",         SNAPSHOT, ACCESS_READ,   true,  handle_sockets,
	  "Every bound socket on the host with its holders; port is one or LOW-HIGH, fields "
	  "are the members wanted, separated by commas",
	  .args = "port:string proto:tcp|udp state:bound|listening|connected pid:integer "
		  "user:string service:string netns:string fields:string",
	  .answer = "200:Sockets" },
	{ GET,  API "/history",         NOTHING,  ACCESS_READ,   false, handle_history,
	  "What has happened, the newest first: binds, releases, failures, owners, alerts; of "
	  "each target (NAME, :PORT, :LOW-HIGH, :PORT/udp or pid:N), else of everything; port is "
	  "one or LOW-HIGH; since is a time or how long ago, before the id that was next of the "
	  "answer before, or a time; limit (100) is at most 10000; order=oldest turns the answer "
	  "round",
	  .args = "target:string[] port:string since:string before:string limit:integer "
		  "order:newest|oldest",
	  .answer = "200:History" },
	{ GET,  API "/why/{target}",    SNAPSHOT, ACCESS_READ,   true,  handle_why,
	  "Why a port is not to be had: who holds it and who started that, what a bind would "
	  "get now on each address and for which reason, what failed lately, what to do; "
	  "target is NAME, :PORT, :PORT/udp, :LOW-HIGH or pid:N",
	  .answer = "200:Why" },
	{ GET,  API "/events",          EVENTS,   ACCESS_READ,   true,  handle_events,
	  "Server-sent events, after what stands already unless snapshot=0; Last-Event-ID "
	  "resumes, and where that cannot be, what stands comes first in any case; types are names of events or what stands before their dot, separated by "
	  "commas; each target is NAME, :PORT, :LOW-HIGH, :PORT/udp or pid:N",
	  .args = "snapshot:flag types:string target:string[]",
	  .answer = "200:text/event-stream" },
	{ GET,  API "/doctor",          NOTHING,  ACCESS_READ,   false, handle_doctor,
	  "What this host lets portwatch see",
	  .answer = "200:Doctor" },
	{ GET,  API "/config",          NOTHING,  ACCESS_READ,   true,  handle_config,
	  "The registry as it is understood, with its warnings",
	  .answer = "200:Config" },
	{ POST, API "/config/import",   NOTHING,  ACCESS_CHANGE, true,  handle_config_import,
	  "Take a document of either form over into the registry; or its text, and what it "
	  "is called",
	  .body = "path:string~ text:string~",
	  .answer = "200:Import" },
	{ POST, API "/up",              EVENTS,   ACCESS_CHANGE, true,  handle_up,
	  "Start services (all without names) and what they depend on; answers at once, "
	  "with wait=1 when that is done, with stream=1 as events while it goes; check_only "
	  "does nothing; on_conflict by service is fail, next_free, kill or skip",
	  .args = "wait:flag stream:flag", .body = "@LaunchOrder",
	  .answer = "200:Launch 202:Launch 200:text/event-stream" },
	{ POST, API "/down",            EVENTS,   ACCESS_CHANGE, true,  handle_down,
	  "Stop services that portwatch started, and what depends on them; as /up",
	  .args = "wait:flag stream:flag", .body = "@LaunchOrder",
	  .answer = "200:Launch 202:Launch 200:text/event-stream" },
	{ POST, API "/restart",         EVENTS,   ACCESS_CHANGE, true,  handle_restart,
	  "Stop services and start them again; as /up",
	  .args = "wait:flag stream:flag", .body = "@LaunchOrder",
	  .answer = "200:Launch 202:Launch 200:text/event-stream" },
	{ POST, API "/services/{name}/start", EVENTS, ACCESS_CHANGE, true, handle_up,
	  "Start one service and what it depends on; as /up",
	  .args = "wait:flag stream:flag", .body = "@LaunchOneOrder",
	  .answer = "200:Launch 202:Launch 200:text/event-stream" },
	{ POST, API "/services/{name}/stop", EVENTS, ACCESS_CHANGE, true, handle_down,
	  "Stop one service and what depends on it; as /up",
	  .args = "wait:flag stream:flag", .body = "@LaunchOneOrder",
	  .answer = "200:Launch 202:Launch 200:text/event-stream" },
	{ POST, API "/services/{name}/restart", EVENTS, ACCESS_CHANGE, true, handle_restart,
	  "Stop one service and start it again; as /up",
	  .args = "wait:flag stream:flag", .body = "@LaunchOneOrder",
	  .answer = "200:Launch 202:Launch 200:text/event-stream" },
	{ GET,  API "/services/{name}/log", NOTHING, ACCESS_READ, true, handle_log,
	  "Where the output of a service that portwatch starts is written",
	  .answer = "200:Log" },
	{ GET,  API "/services/{name}/wait", EVENTS, ACCESS_READ, true, handle_wait,
	  "One event, done, once the service listens, is healthy, or is gone",
	  .args = "for:listening|healthy|gone", .answer = "200:text/event-stream" },
	{ POST, API "/services/{name}/kill", SNAPSHOT, ACCESS_OWN, true, handle_kill_service,
	  "End the processes of a service that hold its port",
	  .body = "@KillOrder", .answer = "200:Kill" },
	{ POST, API "/ports/{port}/kill", SNAPSHOT, ACCESS_OWN, false, handle_kill_port,
	  "End whoever holds a port, or LOW-HIGH",
	  .body = "@KillOrder", .answer = "200:Kill" },
	{ POST, API "/processes/{pid}/kill", SNAPSHOT, ACCESS_OWN, false, handle_kill_process,
	  "End one process that holds a port",
	  .body = "@KillOrder", .answer = "200:Kill" },
	{ GET,  API "/allocations",     SNAPSHOT, ACCESS_READ,   true,  handle_allocations,
	  "The managed range and the ports of it that are allocated",
	  .answer = "200:Allocations" },
	{ POST, API "/allocations",     SNAPSHOT, ACCESS_CHANGE, true,  handle_allocate,
	  "Allocate a free port of the managed range; ttl is a time such as \"5m\" or a number "
	  "of seconds; kept: the parent of the process gives it back when that ends",
	  .body = "service_name:string port:port?~ proto:tcp|udp~ purpose:string?~ "
		  "started_by:string?~ pid:integer?~ ttl:any~ kept:boolean~",
	  .answer = "201:AllocationAnswer" },
	{ GET,  API "/allocations/{port}", SNAPSHOT, ACCESS_READ, true, handle_allocation,
	  "One allocation; proto where two share a port",
	  .args = "proto:tcp|udp", .answer = "200:AllocationAnswer" },
	{ DELETE, API "/allocations/{port}", SNAPSHOT, ACCESS_CHANGE, true,
	  handle_allocation_release,
	  "Release an allocation; allocated_at: only that one, not what came after it",
	  .args = "proto:tcp|udp allocated_at:string", .answer = "200:AllocationAnswer" },
	{ POST, API "/health-check",    SNAPSHOT, ACCESS_CHANGE, true,  handle_health_check,
	  "Make the health checks now, of these services or of all that have one",
	  .body = "services:string[]~", .answer = "200:HealthCheck" },
	{ GET,  API "/watchdog/status", SNAPSHOT, ACCESS_READ,   true,  handle_watchdog,
	  "What is checked, how often, and what was found",
	  .answer = "200:WatchdogAnswer" },
	{ GET,  "/",                    NOTHING,  ACCESS_PUBLIC, false, handle_page,
	  "The dashboard, for a browser",
	  .answer = "200:text/html" },
	{ GET,  "/web/{file}",          NOTHING,  ACCESS_PUBLIC, false, handle_page_file,
	  "What the dashboard consists of; under its version v it never changes",
	  .args = "v:string",
	  .answer = "200:text/javascript 200:text/css 200:image/svg+xml" },
	{ GET,  "/healthz",             NOTHING,  ACCESS_READ,   false, handle_healthz,
	  "\"ok\" while the daemon answers",
	  .answer = "200:text/plain" },
	{ GET,  "/metrics",             SNAPSHOT, ACCESS_READ,   true,  handle_metrics,
	  "What is counted, as Prometheus reads it",
	  .answer = "200:text/plain" },
	{ GET,  "/openapi.json",        NOTHING,  ACCESS_READ,   false, handle_openapi,
	  "This document",
	  .answer = "200:application/json" },
};
/* clang-format on */

enum { N_ROUTES = sizeof(routes) / sizeof(routes[0]) };

size_t routes_all(const struct route **ret)
{
	*ret = routes;
	return N_ROUTES;
}

static bool path_matches(const char *pattern, const char *path, char *parameter)
{
	while (*pattern) {
		if (*pattern == '{') {
			/* ":53/udp" is one target. */
			size_t n = starts_with(pattern, "{target}") ? strlen(path)
								    : strcspn(path, "/");

			if (n == 0 || n >= PARAMETER_MAX)
				return false;
			memcpy(parameter, path, n);
			parameter[n] = '\0';
			path += n;
			pattern = strchr(pattern, '}') + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

const struct route *routes_find(enum method method, const char *path, char *parameter,
				unsigned *ret_allow)
{
	const struct route *found = NULL;
	unsigned allow = 0;

	parameter[0] = '\0';
	for (size_t i = 0; i < N_ROUTES && !found; i++) {
		if (!path_matches(routes[i].path, path, parameter))
			continue;
		allow |= routes[i].method;
		if (routes[i].method == method)
			found = &routes[i];
	}

	*ret_allow = allow;
	return found;
}

static int refuse_registry(const struct registry_view *view, struct reply *reply)
{
	const struct decode_error *fault = &view->fault;
	const char *what = fault->what[0] ? fault->what : strerror(-view->error);

	return reply_fault(reply, 422, what, view->path, fault);
}

static int refuse_need(const struct api *api, int err, struct reply *reply)
{
	const char *capability = engine_missing_capability(api->engine);
	struct doc *doc;

	if (err == -ENOMEM)
		return err;
	if (err != -EPERM)
		return reply_problem(reply, 503, "Cannot ask the kernel: %s",
				     strerror(-err));

	doc = problem_doc(403, capability
				       ? "Watching the kernel needs a capability that is "
					 "missing"
				       : "Watching the kernel is not permitted");
	if (!doc)
		return -ENOMEM;
	if (capability)
		doc_set_string(doc, "capability", capability);
	doc_set_string(doc, "remedy",
		       "run it as root, or ask a daemon that runs with the capability");
	return reply_problem_doc(reply, 403, doc);
}

/* -EINVAL with *reply filled in for an argument that the table does not have. */
static int check_args(const struct route *route, const struct request *req,
		      struct reply *reply)
{
	const char *known[SCHEMA_MEMBERS_MAX + 1] = { NULL };
	char names[SCHEMA_MEMBERS_MAX][SCHEMA_NAME_MAX];
	struct schema_member member;
	const char *words = route->args;

	if (req->n_args == 0)
		return 0;
	for (size_t i = 0; schema_next(&words, &member); i++)
		known[i] = strcpy(names[i], member.name);
	return request_check_args(req, known, reply);
}

static int answer(const struct route *route, const struct request *req,
		  struct reply *reply)
{
	const struct api_options *options = &req->api->options;
	int err;

	if (route->access == ACCESS_CHANGE && !req->peer->may_change)
		return reply_problem(
			reply, 403,
			"Only root and members of group portwatch may change "
			"anything here");
	if (check_args(route, req, reply) < 0)
		return 0;
	if (route->registry) {
		const struct registry_view *view = options->registry(options->arg);

		if (view->error < 0)
			return refuse_registry(view, reply);
	}
	err = options->need(route->need, options->arg);
	if (err < 0)
		return refuse_need(req->api, err, reply);
	return route->handle(req, reply);
}

void routes_answer(const struct route *route, const struct request *req,
		   struct reply *reply)
{
	int err = answer(route, req, reply);

	if (err < 0)
		reply_failure(reply, err);
}
