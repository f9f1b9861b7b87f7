// SPDX-License-Identifier: GPL-2.0-only
/* One entry of "services". */
#include "json/decode.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

enum { PORTS_MAX = 1024 };

#define MATCH(member) offsetof(struct match, member)

static const struct field match_fields[] = {
	{ "process_name", decode_string, MATCH(process_name) },
	{ "exe", decode_string, MATCH(exe) },
	{ "cmdline", decode_argv, MATCH(cmdline) },
	{ "user", decode_user, MATCH(user) },
	{ "unit", decode_string, MATCH(unit) },
	{ "cgroup", decode_string, MATCH(cgroup) },
	{ NULL, NULL, 0 },
};

static int read_match(struct decoder *d, const struct doc *value, void *target)
{
	return decode_object(d, value, match_fields, target);
}

static int read_on_conflict(struct decoder *d, const struct doc *value, void *target)
{
	static const char *const names[] = { "fail", "next_free", "kill", NULL };
	unsigned index;
	int err = decode_choice(d, value, names, &index);

	if (err == 0)
		*(enum on_conflict *)target = index;
	return err;
}

static int read_condition(struct decoder *d, const struct doc *value, void *target)
{
	static const char *const names[] = { "service_started", "service_healthy",
					     "service_completed_successfully", NULL };
	unsigned index;
	int err = decode_choice(d, value, names, &index);

	if (err == 0)
		*(enum dependency_condition *)target = index;
	return err;
}

static const struct field dependency_fields[] = {
	{ "condition", read_condition, 0 },
	{ NULL, NULL, 0 },
};

static int add_dependency(struct decoder *d, struct service *svc, const char *name,
			  enum dependency_condition condition)
{
	struct dependency *all;
	char *copy;

	for (size_t i = 0; i < svc->n_depends_on; i++)
		if (streq(svc->depends_on[i].name, name))
			return decode_warn(d, false, "\"%s\" is named twice", name);

	all = reallocarray(svc->depends_on, svc->n_depends_on + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	svc->depends_on = all;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	all[svc->n_depends_on++] =
		(struct dependency){ .name = copy, .condition = condition };
	return 0;
}

static int read_dependency_name(struct decoder *d, const struct doc *value, void *target)
{
	_cleanup_(freep) char *name = NULL;
	int err = decode_name(d, value, &name);

	return err < 0 ? err : add_dependency(d, target, name, DEPENDS_STARTED);
}

static int read_dependency(struct decoder *d, const struct doc *value, void *target)
{
	enum dependency_condition condition = DEPENDS_STARTED;
	const char *name = doc_key(value);
	char excerpt[EXCERPT];
	int err = 0;

	if (!service_name_is_valid(name))
		return decode_fail_name(d, "1 to 64 of A-Z a-z 0-9 . _ -",
					"\"%s\" cannot be a name",
					decode_excerpt(name, excerpt));
	if (doc_type(value) == DOC_STRING)
		err = read_condition(d, value, &condition);
	else if (doc_type(value) != DOC_NULL)
		err = decode_object(d, value, dependency_fields, &condition);
	return err < 0 ? err : add_dependency(d, target, name, condition);
}

static int read_depends_on(struct decoder *d, const struct doc *value, void *target)
{
	const struct doc *member = doc_first(value);

	if (doc_type(value) == DOC_ARRAY)
		return decode_list(d, value, read_dependency_name, target);
	if (doc_type(value) != DOC_OBJECT)
		return decode_fail_type(d, value, "a list of names or a map of them");

	for (size_t ordinal = 0; member; member = doc_next(member), ordinal++) {
		int err;

		decode_enter(d, doc_key(member), ordinal);
		err = read_dependency(d, member, target);
		if (err < 0)
			return err;
		decode_leave(d);
	}
	return 0;
}

static int read_startup_cmd(struct decoder *d, const struct doc *value, void *target)
{
	struct service *svc = target;
	struct buffer words = { 0 };
	int err = decode_command(d, value, &svc->startup_argv);

	if (err < 0 || !svc->startup_argv)
		return err;
	if (doc_string(value)) {
		svc->startup_cmd = strdup(doc_string(value));
		return svc->startup_cmd ? 0 : -ENOMEM;
	}

	for (size_t i = 0; svc->startup_argv[i]; i++) {
		_cleanup_(freep) char *word = shell_quote(svc->startup_argv[i]);

		words.failed |= !word;
		buffer_puts(&words, i ? " " : "");
		buffer_puts(&words, word ? word : "");
	}
	if (words.failed) {
		buffer_done(&words);
		return -ENOMEM;
	}
	svc->startup_cmd = words.data;
	return 0;
}

static int read_health(struct decoder *d, const struct doc *value, void *target)
{
	struct health *health = target;
	int err = decode_object(d, value, decode_health_fields, health);

	if (err < 0)
		return err;
	if (!!health->http + !!health->tcp + !!health->exec > 1)
		return decode_fail(d, "keep one of http, tcp and exec",
				   "a health check of more than one kind");
	return 0;
}

/* A part of a claim; @target is the claim. */
static int read_address(struct decoder *d, const struct doc *value, void *target)
{
	struct claim *claim = target;
	const char *text = doc_string(value);
	char excerpt[EXCERPT];

	if (!text)
		return decode_fail_type(d, value, "an IP address");
	claim->any_address = !*text || streq(text, "any") || streq(text, "*");
	if (claim->any_address)
		return 0;
	if (endpoint_parse_address(text, &claim->at) < 0)
		return decode_fail(
			d,
			streq(text, "localhost")
				? "write 127.0.0.1 or ::1"
				: "write it as 127.0.0.1 or ::1, or leave it out",
			"\"%s\" is not an IP address", decode_excerpt(text, excerpt));
	return 0;
}

#define CLAIM(member) offsetof(struct claim, member)

static const struct field port_fields[] = {
	{ "name", decode_name, CLAIM(name) },
	{ "port", decode_port, CLAIM(at.port) },
	{ "proto", decode_proto, CLAIM(at.proto) },
	{ "address", read_address, 0 },
	{ NULL, NULL, 0 },
};

static bool same_claim(const struct claim *a, const struct claim *b)
{
	return a->at.port == b->at.port && a->at.proto == b->at.proto &&
	       a->any_address == b->any_address &&
	       (a->any_address || endpoint_equal(&a->at, &b->at));
}

static int check_claim(struct decoder *d, const struct service *svc,
		       const struct claim *claim)
{
	if (claim->at.port == 0)
		return decode_fail(d, "give it a \"port\"", "the port is missing");
	for (const struct claim *other = svc->claims; other < claim; other++) {
		if (same_claim(other, claim))
			return decode_fail(d, "keep one of them",
					   "port %u is listed twice", claim->at.port);
		if (claim->name && streq(other->name, claim->name))
			return decode_fail(d, "names are unique within a service",
					   "the name \"%s\" stands twice", claim->name);
	}
	return 0;
}

/* One element of a list of ports.  Its place holds what the service says of proto and
 * address, and hands that on to the next. */
static int read_listed_port(struct decoder *d, const struct doc *value, void *target)
{
	struct service *svc = target;
	struct claim *claim = &svc->claims[svc->n_claims];
	int err;

	claim[1] = claim[0];
	svc->n_claims++;
	if (doc_type(value) == DOC_NUMBER)
		err = decode_port(d, value, &claim->at.port);
	else
		err = decode_object(d, value, port_fields, claim);
	return err < 0 ? err : check_claim(d, svc, claim);
}

static int read_ports(struct decoder *d, const struct doc *value,
		      const struct claim *like, struct service *svc)
{
	size_t n = doc_type(value) == DOC_ARRAY ? doc_count(value) : 1;
	const char *text = doc_string(value);

	if (text && streq(text, "dynamic")) {
		svc->dynamic = true;
		return 0;
	}
	if (doc_type(value) != DOC_NUMBER && doc_type(value) != DOC_ARRAY) {
		uint16_t port;

		if (text && port_parse(text, &port) == 0)
			return decode_port(d, value, &port);
		return decode_fail_type(d, value,
					"a number, \"dynamic\" or a list of ports");
	}
	if (n == 0)
		return decode_fail(d, "write \"dynamic\" for a port that is chosen later",
				   "the list of ports is empty");
	if (n > PORTS_MAX)
		return decode_fail(d, NULL, "%zu ports; a service has %d at most", n,
				   PORTS_MAX);

	svc->claims = calloc(n + 1, sizeof(*svc->claims));
	if (!svc->claims)
		return -ENOMEM;
	svc->claims[0] = *like;
	if (doc_type(value) == DOC_ARRAY)
		return decode_list(d, value, read_listed_port, svc);
	svc->n_claims = 1;
	return decode_port(d, value, &svc->claims[0].at.port);
}

#define SERVICE(member) offsetof(struct service, member)

static const struct field service_fields[] = {
	{ "name", decode_name, SERVICE(name) },
	{ "port", NULL, 0 },
	{ "proto", NULL, 0 },
	{ "address", NULL, 0 },
	{ "environment", decode_string, SERVICE(environment) },
	{ "description", decode_string, SERVICE(description) },
	{ "enabled", decode_bool, SERVICE(enabled) },
	{ "process_name", NULL, 0 },
	{ "match", read_match, SERVICE(match) },
	{ "startup_cmd", read_startup_cmd, 0 },
	{ "working_dir", decode_string, SERVICE(working_dir) },
	{ "env", decode_env, SERVICE(env) },
	{ "env_file", decode_string, SERVICE(env_file) },
	{ "user", decode_user, SERVICE(user) },
	{ "depends_on", read_depends_on, 0 },
	{ "health_endpoint", decode_url, SERVICE(health_endpoint) },
	{ "health", read_health, SERVICE(health) },
	{ "restart", decode_restart, SERVICE(restart) },
	{ "backoff", decode_backoff, SERVICE(restart) },
	{ "restart_limit", decode_restart_limit, SERVICE(restart) },
	{ "stop", decode_stop, SERVICE(stop) },
	{ "on_conflict", read_on_conflict, SERVICE(on_conflict) },
	{ "tags", decode_words, SERVICE(tags) },
	{ "netns", decode_string, SERVICE(netns) },
	{ NULL, NULL, 0 },
};

bool codec_is_service_field(const char *name)
{
	for (const struct field *f = service_fields; f->name; f++)
		if (streq(f->name, name))
			return true;
	return false;
}

static int read_member(struct decoder *d, const struct doc *entry, const char *name,
		       decode_fn *read, void *target)
{
	const struct doc *member = decode_enter_member(d, entry, name);
	int err;

	if (!member)
		return 0;
	err = read(d, member, target);
	if (err == 0)
		decode_leave(d);
	return err;
}

static int finish_ports(struct decoder *d, const struct doc *entry, struct service *svc)
{
	struct claim like = { .at.proto = IPPROTO_TCP, .any_address = true };
	const struct doc *port;
	int err;

	err = read_member(d, entry, "proto", decode_proto, &like.at.proto);
	if (err == 0)
		err = read_member(d, entry, "address", read_address, &like);
	if (err < 0)
		return err;

	port = decode_enter_member(d, entry, "port");
	if (port) {
		err = read_ports(d, port, &like, svc);
		if (err == 0)
			decode_leave(d);
		return err;
	}
	svc->dynamic = true;
	if (doc_get(entry, "port"))
		return 0;
	return decode_warn(
		d, false, "no port is given; taken as \"dynamic\", write that to say so");
}

/* SPEC section 2: process_name counts where there is no match; registry_add() completes
 * that by the arguments of startup_cmd. */
static int finish_match(struct decoder *d, const struct doc *entry, struct service *svc)
{
	_cleanup_(freep) char *process_name = NULL;
	struct match *match = &svc->match;
	int err = read_member(d, entry, "process_name", decode_string, &process_name);

	if (err < 0)
		return err;
	match->derived = !match->process_name && !match->exe && !match->cmdline &&
			 !match->user && !match->unit && !match->cgroup;
	if (match->derived)
		match->process_name = take(process_name);
	else if (process_name && !streq(process_name, match->process_name))
		return decode_warn(
			d, false,
			"process_name has no effect beside match; put it there");
	return 0;
}

static int finish_health(struct decoder *d, struct service *svc)
{
	struct health *health = &svc->health;

	if (!svc->health_endpoint)
		return 0;
	if (!health->http && !health->tcp && !health->exec) {
		health->http = strdup(svc->health_endpoint);
		return health->http ? 0 : -ENOMEM;
	}
	if (streq(health->http, svc->health_endpoint))
		return 0;
	return decode_warn(d, false, "health_endpoint has no effect beside health");
}

/* Signs that somebody expects a shell where none will be. */
static int warn_of_shell(struct decoder *d, const struct service *svc)
{
	static const char *const signs[] = { "&&", "||", "|", ";", ">",
					     ">>", "<",  "&", NULL };

	for (char *const *word = svc->startup_argv; word && *word; word++)
		for (size_t i = 0; signs[i]; i++)
			if (streq(*word, signs[i]))
				return decode_warn(
					d, false,
					"startup_cmd is not run by a shell: \"%s\" is "
					"passed on as a word; use sh -c '…'",
					*word);
	return 0;
}

/* What several members say together. */
static int finish(struct decoder *d, const struct doc *entry, struct service *svc)
{
	int err;

	if (!svc->name)
		return decode_fail(d, "give it a \"name\"", "the name is missing");
	err = finish_ports(d, entry, svc);
	if (err == 0)
		err = finish_match(d, entry, svc);
	if (err == 0)
		err = finish_health(d, svc);
	if (err == 0)
		err = warn_of_shell(d, svc);
	return err;
}

static void set_defaults(struct service *svc, const struct settings *settings)
{
	svc->health.interval_ms = settings->health.interval_ms;
	svc->health.timeout_ms = settings->health.timeout_ms;
	svc->health.start_period_ms = settings->health.start_period_ms;
	svc->health.failure_threshold = settings->health.failure_threshold;
	svc->health.success_threshold = settings->health.success_threshold;
	svc->restart = settings->restart;
	svc->stop = settings->stop;
}

static int fail_taken(struct decoder *d, const struct doc *entry, const char *name)
{
	const struct service *other = registry_find(d->registry, name);
	size_t index = other ? other->index : 0;

	decode_enter_member(d, entry, "name");
	return decode_fail(d, "names are unique: rename one of them, or take it out",
			   "services[%zu] has the name \"%s\" already", index, name);
}

int decode_service(struct decoder *d, const struct doc *value, void *unused)
{
	_cleanup_(service_freep) struct service *svc = service_new();
	char name[SERVICE_NAME_MAX + 1];
	const struct service *added;
	int err;

	(void)unused;
	if (!svc)
		return -ENOMEM;
	set_defaults(svc, registry_settings(d->registry));
	err = decode_object(d, value, service_fields, svc);
	if (err == 0)
		err = finish(d, value, svc);
	if (err < 0)
		return err;

	snprintf(name, sizeof(name), "%s", svc->name);
	err = registry_add(d->registry, take(svc));
	if (err == -EEXIST)
		return fail_taken(d, value, name);
	if (err < 0)
		return err;

	added = registry_service(d->registry, registry_count(d->registry) - 1);
	if (!service_can_recognise(added))
		return decode_warn(
			d, false,
			"nothing to recognise \"%s\" by: it accepts any process; "
			"give it a process_name or a match",
			name);
	return 0;
}
