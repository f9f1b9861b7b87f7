// SPDX-License-Identifier: GPL-2.0-only
/* Services and settings, as the registry has them and as they are. */
#include "json/encode.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

void encode_duration(struct doc *object, const char *key, uint64_t ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }
	};
	char text[32];

	snprintf(text, sizeof(text), "%jums", (uintmax_t)ms);
	for (size_t i = 0; ms && i < sizeof(units) / sizeof(units[0]); i++)
		if (ms % units[i].ms == 0) {
			snprintf(text, sizeof(text), "%ju%s",
				 (uintmax_t)(ms / units[i].ms), units[i].name);
			break;
		}
	doc_put_string(object, key, ms ? text : "0s");
}

void encode_health(struct doc *object, const char *key, const struct health *health)
{
	struct doc *doc = doc_object();

	if (health->http)
		doc_put_string(doc, "http", health->http);
	if (health->tcp)
		doc_put_string(doc, "tcp", health->tcp);
	if (health->exec)
		encode_words(doc, "exec", health->exec);
	encode_duration(doc, "interval", health->interval_ms);
	encode_duration(doc, "timeout", health->timeout_ms);
	doc_put_int(doc, "failure_threshold", health->failure_threshold);
	doc_put_int(doc, "success_threshold", health->success_threshold);
	encode_duration(doc, "start_period", health->start_period_ms);
	doc_put(object, key, doc);
}

static void set_signal(struct doc *object, const char *key, int number)
{
	const char *name = sigabbrev_np(number);

	if (name)
		doc_put_string(object, key, name);
	else
		doc_put_int(object, key, number);
}

void encode_restart(struct doc *object, const struct restart *restart,
		    const struct stop *stop)
{
	struct doc *backoff = doc_object(), *limit = doc_object(), *ends = doc_object();

	doc_put_string(object, "restart", restart_policy_name(restart->policy));
	encode_duration(backoff, "initial", restart->backoff_initial_ms);
	doc_put_double(backoff, "factor", restart->backoff_factor);
	encode_duration(backoff, "max", restart->backoff_max_ms);
	encode_duration(backoff, "reset_after", restart->backoff_reset_ms);
	doc_put(object, "backoff", backoff);
	doc_put_int(limit, "count", restart->limit_count);
	encode_duration(limit, "interval", restart->limit_interval_ms);
	doc_put(object, "restart_limit", limit);
	set_signal(ends, "signal", stop->signal);
	encode_duration(ends, "grace", stop->grace_ms);
	doc_put(object, "stop", ends);
}

static void set_address(struct doc *object, const struct claim *claim)
{
	char text[INET6_ADDRSTRLEN];

	doc_put_string(object, "address",
		       claim->any_address ? NULL
					  : endpoint_format_address(&claim->at, text));
}

static struct doc *encode_ports(const struct service *svc)
{
	struct doc *array = doc_array();

	for (size_t i = 0; i < svc->n_claims; i++) {
		const struct claim *claim = &svc->claims[i];
		struct doc *doc = doc_object();

		doc_put_string(doc, "name", claim->name);
		doc_put_int(doc, "port", claim->at.port);
		doc_put_string(doc, "proto", proto_name(claim->at.proto));
		set_address(doc, claim);
		doc_append(array, doc);
	}
	return array;
}

/* A number where one says it all, as the entry will have had it.  In a list each port has
 * a protocol and address of its own, and takes over nothing from the entry. */
static void set_port(struct doc *object, const struct service *svc)
{
	const struct claim *only = svc->n_claims == 1 ? svc->claims : NULL;

	if (only && !only->name) {
		doc_put_int(object, "port", only->at.port);
		doc_put_string(object, "proto", proto_name(only->at.proto));
		set_address(object, only);
		return;
	}
	if (svc->n_claims)
		doc_put(object, "port", encode_ports(svc));
	else
		doc_put_string(object, "port", "dynamic");
	doc_put_string(object, "proto", "tcp");
	doc_put_null(object, "address");
}

static void set_match(struct doc *object, const struct match *match)
{
	struct doc *doc;

	doc_put_string(object, "process_name",
		       match->derived && !match->by_command ? match->process_name : NULL);
	if (match->derived) {
		doc_put_null(object, "match");
		return;
	}
	doc = doc_object();
	if (match->process_name)
		doc_put_string(doc, "process_name", match->process_name);
	if (match->exe)
		doc_put_string(doc, "exe", match->exe);
	if (match->cmdline)
		encode_words(doc, "cmdline", match->cmdline);
	if (match->user)
		doc_put_string(doc, "user", match->user);
	if (match->unit)
		doc_put_string(doc, "unit", match->unit);
	if (match->cgroup)
		doc_put_string(doc, "cgroup", match->cgroup);
	doc_put(object, "match", doc);
}

static void set_env(struct doc *object, char *const *env)
{
	struct doc *doc;

	if (!env) {
		doc_put_null(object, "env");
		return;
	}
	doc = doc_object();
	for (; *env; env++) {
		const char *equals = strchr(*env, '=');
		_cleanup_(freep) char *name = NULL;

		name = equals ? strndup(*env, (size_t)(equals - *env)) : NULL;
		doc_set(doc, name ? name : "", name ? doc_string_new(equals + 1) : NULL);
	}
	doc_put(object, "env", doc);
}

static void set_depends_on(struct doc *object, const struct service *svc)
{
	static const char *const conditions[] = {
		[DEPENDS_STARTED] = "service_started",
		[DEPENDS_HEALTHY] = "service_healthy",
		[DEPENDS_COMPLETED] = "service_completed_successfully",
	};
	struct doc *map = doc_object();

	for (size_t i = 0; i < svc->n_depends_on; i++) {
		struct doc *doc = doc_object();

		doc_put_string(doc, "condition",
			       conditions[svc->depends_on[i].condition]);
		doc_set(map, svc->depends_on[i].name, doc);
	}
	doc_put(object, "depends_on", map);
}

/* A command of one word per argument reads back the same only as a list. */
static void set_startup_cmd(struct doc *object, const struct service *svc)
{
	_cleanup_(strv_freep) char **words = NULL;
	bool same = svc->startup_cmd && shell_split(svc->startup_cmd, &words) == 0;

	for (size_t i = 0; same && (words || svc->startup_argv); i++) {
		const char *left = words ? words[i] : NULL;
		const char *right = svc->startup_argv ? svc->startup_argv[i] : NULL;

		same = streq(left, right);
		if (!left || !right)
			break;
	}
	if (same || !svc->startup_argv)
		doc_put_string(object, "startup_cmd", svc->startup_cmd);
	else
		encode_words(object, "startup_cmd", svc->startup_argv);
}

struct doc *codec_encode_service(const struct service *svc)
{
	struct doc *doc;

	if (!svc)
		return doc_string_new(NULL);
	doc = doc_object();
	doc_put_string(doc, "name", svc->name);
	set_port(doc, svc);
	doc_put_string(doc, "environment", svc->environment);
	doc_put_string(doc, "description", svc->description);
	doc_put_bool(doc, "enabled", svc->enabled);
	set_match(doc, &svc->match);
	set_startup_cmd(doc, svc);
	doc_put_string(doc, "working_dir", svc->working_dir);
	set_env(doc, svc->env);
	doc_put_string(doc, "env_file", svc->env_file);
	doc_put_string(doc, "user", svc->user);
	set_depends_on(doc, svc);
	doc_put_string(doc, "health_endpoint", svc->health_endpoint);
	if (health_has_check(&svc->health))
		encode_health(doc, "health", &svc->health);
	else
		doc_put_null(doc, "health");
	encode_restart(doc, &svc->restart, &svc->stop);
	doc_put_string(doc, "on_conflict", on_conflict_name(svc->on_conflict));
	encode_words(doc, "tags", svc->tags);
	doc_put_string(doc, "netns", svc->netns);
	return doc;
}

struct doc *codec_encode_settings(const struct settings *settings)
{
	static const char *const unregistered[] = {
		[UNREGISTERED_OFF] = "off",
		[UNREGISTERED_PUBLIC] = "public",
		[UNREGISTERED_ALL] = "all",
	};
	struct doc *doc, *http, *history, *sinks;
	char range[16];

	if (!settings)
		return doc_string_new(NULL);
	doc = doc_object();
	http = doc_object();
	history = doc_object();
	snprintf(range, sizeof(range), "%u-%u", settings->port_low, settings->port_high);
	doc_put_string(doc, "port_range", range);
	doc_put_string(doc, "env_prefix", settings->env_prefix);
	doc_put_string(doc, "unregistered", unregistered[settings->unregistered]);
	doc_put_string(http, "listen", settings->http_listen);
	doc_put_string(http, "token_file", settings->http_token_file);
	doc_put_bool(http, "read_only", settings->http_read_only);
	encode_words(http, "hosts", settings->http_hosts);
	doc_put(doc, "http", http);
	encode_duration(history, "retain", settings->history_retain_ms);
	doc_put(doc, "history", history);
	sinks = doc_array();
	for (size_t i = 0; i < settings->n_sinks; i++)
		doc_append(sinks, encode_sink(settings->sinks[i]));
	doc_put(doc, "sinks", sinks);
	encode_health(doc, "health", &settings->health);
	encode_restart(doc, &settings->restart, &settings->stop);
	return doc;
}
