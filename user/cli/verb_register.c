// SPDX-License-Identifier: GPL-2.0-only
/* register, unregister, enable, disable. */
#include <stdio.h>
#include <string.h>

#include "cli/change.h"

struct register_config {
	struct option_list ports, match, env, depends_on, tags, health, backoff, limit,
		stop;
	const char *proto, *address, *environment, *description, *process_name,
		*startup_cmd, *working_dir, *env_file, *user, *health_endpoint, *restart,
		*on_conflict, *netns;
	bool disabled, update, force;
};

#define AT(member) offsetof(struct register_config, member)

static const char *const protos[] = { "tcp", "udp", NULL };
static const char *const restarts[] = { "no", "on_failure", "always", NULL };
static const char *const on_conflicts[] = { "fail", "next_free", "kill", NULL };

/* clang-format off */
static const struct option options[] = {
	{ "port", 'p', OPTION_LIST, AT(ports), "[NAME=]PORT[/udp]",
	  "the port it should own, or dynamic; again for more", NULL },
	{ "proto", 0, OPTION_TEXT, AT(proto), "PROTO", "tcp or udp", protos },
	{ "address", 0, OPTION_TEXT, AT(address), "IP", "the address it binds, else any",
	  NULL },
	{ "process-name", 0, OPTION_TEXT, AT(process_name), "NAME",
	  "what its process is called", NULL },
	{ "match", 0, OPTION_LIST, AT(match), "KEY=VALUE",
	  "process_name, exe, cmdline, user, unit, cgroup", NULL },
	{ "startup-cmd", 0, OPTION_TEXT, AT(startup_cmd), "COMMAND",
	  "how it is started; or behind --, word by word", NULL },
	{ "working-dir", 0, OPTION_TEXT, AT(working_dir), "DIR", "where it is started",
	  NULL },
	{ "env", 0, OPTION_LIST, AT(env), "NAME=VALUE", "a variable that it gets", NULL },
	{ "env-file", 0, OPTION_TEXT, AT(env_file), "FILE", "a file of such variables",
	  NULL },
	{ "user", 0, OPTION_TEXT, AT(user), "USER", "as whom it is started", NULL },
	{ "depends-on", 0, OPTION_LIST, AT(depends_on), "NAME[=CONDITION]",
	  "starts after that service; again for more", NULL },
	{ "health-endpoint", 0, OPTION_TEXT, AT(health_endpoint), "URL",
	  "what answers while it is healthy", NULL },
	{ "health", 0, OPTION_LIST, AT(health), "KEY=VALUE",
	  "http, tcp, exec, interval, timeout, …", NULL },
	{ "restart", 0, OPTION_TEXT, AT(restart), "WHEN", "no, on_failure or always",
	  restarts },
	{ "backoff", 0, OPTION_LIST, AT(backoff), "KEY=VALUE",
	  "initial, factor, max, reset_after", NULL },
	{ "restart-limit", 0, OPTION_LIST, AT(limit), "KEY=VALUE", "count, interval",
	  NULL },
	{ "stop", 0, OPTION_LIST, AT(stop), "KEY=VALUE", "signal, grace", NULL },
	{ "on-conflict", 0, OPTION_TEXT, AT(on_conflict), "WHAT",
	  "fail, next_free or kill", on_conflicts },
	{ "tag", 0, OPTION_LIST, AT(tags), "WORD", "again for more", NULL },
	{ "environment", 0, OPTION_TEXT, AT(environment), "NAME",
	  "production, development, …", NULL },
	{ "description", 0, OPTION_TEXT, AT(description), "TEXT", "one line for people",
	  NULL },
	{ "netns", 0, OPTION_TEXT, AT(netns), "NAME", "the network namespace of its ports",
	  NULL },
	{ "disabled", 0, OPTION_FLAG, AT(disabled), NULL, "not in force yet", NULL },
	{ "update", 0, OPTION_FLAG, AT(update), NULL,
	  "change what is given of one that is there", NULL },
	{ "force", 0, OPTION_FLAG, AT(force), NULL,
	  "also where another claims the port", NULL },
	{ 0 },
};
/* clang-format on */

static int bad(const struct command *cmd, const char *option, const char *value,
	       const char *want)
{
	return usage_error(cmd->verb, "--%s takes %s, not '%.80s'", option, want, value);
}

/* @text up to its first '='; NULL where there is none, or nothing before it. */
static char *key_of(const char *text, const char **ret_value)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return NULL;
	*ret_value = equals + 1;
	return strndup(text, (size_t)(equals - text));
}

/* What looks like JSON beyond a string is taken as that: 3, 1.5, ["curl", "-f"]. */
static struct doc *value_doc(const char *text, bool strings)
{
	struct doc *doc = NULL;

	if (!strings && *text && strchr("0123456789[", *text))
		doc = doc_parse(text, strlen(text), NULL);
	return doc ? doc : doc_string_new(text);
}

/* "KEY=VALUE" again and again, as an object. */
static int add_pairs(const struct command *cmd, struct doc *body, const char *option,
		     const char *member, const struct option_list *list, bool strings)
{
	struct doc *object;

	if (list->n == 0)
		return 0;
	object = doc_object();
	doc_set(body, member, object);
	for (size_t i = 0; i < list->n; i++) {
		const char *value;
		_cleanup_(freep) char *key = key_of(list->items[i], &value);

		if (!key)
			return bad(cmd, option, list->items[i], "KEY=VALUE");
		doc_replace(object, key, value_doc(value, strings));
	}
	return 0;
}

/* One "[NAME=]PORT[/udp]". */
static int add_port(const struct command *cmd, const char *text, struct doc *list)
{
	const char *rest = text, *slash;
	_cleanup_(freep) char *name = key_of(text, &rest);
	_cleanup_(freep) char *digits = NULL;
	struct doc *item;
	uint64_t port;

	slash = strchr(rest, '/');
	digits = strndup(rest, slash ? (size_t)(slash - rest) : strlen(rest));
	if (!digits || parse_u64(digits, UINT16_MAX, &port) < 0 || port == 0)
		return bad(cmd, "port", text, "a number from 1 to 65535");
	if (slash && !strv_contains((char *const *)protos, slash + 1))
		return bad(cmd, "port", text, "tcp or udp behind the slash");
	item = doc_object();
	if (name)
		doc_set_string(item, "name", name);
	doc_set_int(item, "port", (int64_t)port);
	if (slash)
		doc_set_string(item, "proto", slash + 1);
	doc_append(list, item);
	return 0;
}

/* One without a name is told as a number, as most are written. */
static void set_ports(struct doc *body, const struct doc *list)
{
	const struct doc *only = doc_count(list) == 1 ? doc_first(list) : NULL;

	if (!only || doc_get(only, "name")) {
		doc_set(body, "port", doc_copy(list));
		return;
	}
	doc_set(body, "port", doc_copy(doc_get(only, "port")));
	if (doc_get(only, "proto"))
		doc_set(body, "proto", doc_copy(doc_get(only, "proto")));
}

static int add_ports(const struct command *cmd, struct doc *body)
{
	const struct register_config *config = cmd->config;
	const struct option_list *ports = &config->ports;
	_cleanup_(doc_freep) struct doc *list = doc_array();
	int status = 0;

	if (ports->n == 0 && config->update)
		return 0;
	if (ports->n == 0)
		return usage_error(cmd->verb, "say which --port, or --port dynamic");
	if (ports->n == 1 && streq(ports->items[0], "dynamic")) {
		doc_set_string(body, "port", "dynamic");
		return 0;
	}
	for (size_t i = 0; status == 0 && i < ports->n; i++)
		status = add_port(cmd, ports->items[i], list);
	if (status == 0)
		set_ports(body, list);
	return status;
}

static void add_words(struct doc *body, const char *member, const char *const *words,
		      size_t n)
{
	struct doc *list;

	if (n == 0)
		return;
	list = doc_array();
	for (size_t i = 0; i < n; i++)
		doc_append_string(list, words[i]);
	doc_set(body, member, list);
}

/* A list of names, or a map where one has a condition. */
static void add_dependencies(struct doc *body, const struct option_list *names)
{
	struct doc *map;
	bool plain = true;

	for (size_t i = 0; i < names->n; i++)
		plain &= !strchr(names->items[i], '=');
	if (plain) {
		add_words(body, "depends_on", names->items, names->n);
		return;
	}
	map = doc_object();
	for (size_t i = 0; i < names->n; i++) {
		const char *condition = "service_started";
		_cleanup_(freep) char *name = key_of(names->items[i], &condition);
		struct doc *item = doc_object();

		doc_set_string(item, "condition", condition);
		doc_replace(map, name ? name : names->items[i], item);
	}
	doc_set(body, "depends_on", map);
}

static void add_texts(const struct register_config *config, struct doc *body)
{
	const struct {
		const char *member, *value;
	} texts[] = {
		{ "address", config->address },
		{ "environment", config->environment },
		{ "description", config->description },
		{ "process_name", config->process_name },
		{ "startup_cmd", config->startup_cmd },
		{ "working_dir", config->working_dir },
		{ "env_file", config->env_file },
		{ "user", config->user },
		{ "health_endpoint", config->health_endpoint },
		{ "restart", config->restart },
		{ "on_conflict", config->on_conflict },
		{ "netns", config->netns },
	};

	if (config->proto)
		doc_replace(body, "proto", doc_string_new(config->proto));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].value)
			doc_set_string(body, texts[i].member, texts[i].value);
	if (config->disabled)
		doc_set_bool(body, "enabled", false);
}

static int make_body(const struct command *cmd, struct doc *body)
{
	const struct register_config *config = cmd->config;
	int status = add_ports(cmd, body);

	if (status != 0)
		return status;
	if (cmd->n_args > 1 && config->startup_cmd)
		return usage_error(cmd->verb,
				   "--startup-cmd and a command behind -- exclude each "
				   "other");
	add_texts(config, body);
	add_words(body, "startup_cmd", (const char *const *)cmd->args + 1,
		  cmd->n_args - 1);
	add_dependencies(body, &config->depends_on);
	add_words(body, "tags", config->tags.items, config->tags.n);
	status = add_pairs(cmd, body, "match", "match", &config->match, true);
	if (status == 0)
		status = add_pairs(cmd, body, "env", "env", &config->env, true);
	if (status == 0)
		status = add_pairs(cmd, body, "health", "health", &config->health, false);
	if (status == 0)
		status = add_pairs(cmd, body, "backoff", "backoff", &config->backoff,
				   false);
	if (status == 0)
		status = add_pairs(cmd, body, "restart-limit", "restart_limit",
				   &config->limit, false);
	if (status == 0)
		status = add_pairs(cmd, body, "stop", "stop", &config->stop, false);
	return status;
}

static int run_register(const struct command *cmd)
{
	const struct register_config *config = cmd->config;
	_cleanup_(doc_freep) struct doc *body = doc_object();
	char suffix[32];
	struct change change = {
		.method = "PUT",
		.suffix = suffix,
		.body = body,
		.done = config->update ? "changed" : "registered",
	};
	int status = make_body(cmd, body);

	if (status != 0)
		return status;
	snprintf(suffix, sizeof(suffix), "?%s=1%s", config->update ? "update" : "create",
		 config->force ? "&force=1" : "");
	return change_run(cmd, &change, cmd->args, 1);
}

static int run_unregister(const struct command *cmd)
{
	_cleanup_(doc_freep) struct doc *body = doc_object();
	struct change change = { "DELETE", "", body, "taken out of the registry" };

	return change_run(cmd, &change, cmd->args, cmd->n_args);
}

static int set_enabled(const struct command *cmd, bool enabled)
{
	_cleanup_(doc_freep) struct doc *body = doc_object();
	struct change change = { "PUT", "?update=1", body,
				 enabled ? "enabled" : "disabled" };

	doc_set_bool(body, "enabled", enabled);
	return change_run(cmd, &change, cmd->args, cmd->n_args);
}

static int run_enable(const struct command *cmd)
{
	return set_enabled(cmd, true);
}

static int run_disable(const struct command *cmd)
{
	return set_enabled(cmd, false);
}

const struct verb verb_register = {
	.name = "register",
	.arguments = "NAME --port PORT [-- COMMAND…]",
	.summary = "put a service into the registry",
	.details =
		"  portwatch register wizard --port 8765 --process-name python \\\n"
		"      --environment production -- python -m wizard.server\n"
		"  portwatch register dns -p 53/udp -p 53/tcp -p metrics=9153\n"
		"  portwatch register wizard --update --health interval=10s\n"
		"\n"
		"One that is there already and says the same is left alone; one that "
		"says\n"
		"something else is refused (exit 5) unless --update changes it.  A port "
		"that\n"
		"another service or allocation claims is refused (exit 5) unless "
		"--force.\n",
	.options = options,
	.config_size = sizeof(struct register_config),
	.min_args = 1,
	.max_args = 1024,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run_register,
};

const struct verb verb_unregister = {
	.name = "unregister",
	.arguments = "NAME…",
	.summary = "take services out of the registry",
	.details = "Refuses one that another depends on (exit 5).  Ends no process.\n",
	.min_args = 1,
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run_unregister,
};

const struct verb verb_enable = {
	.name = "enable",
	.arguments = "NAME…",
	.summary = "let services of the registry be in force again",
	.details = "",
	.min_args = 1,
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run_enable,
};

const struct verb verb_disable = {
	.name = "disable",
	.arguments = "NAME…",
	.summary = "keep services in the registry, without force",
	.details = "A disabled service has no alerts and is not started; its port stays\n"
		   "claimed.  Ends no process.\n",
	.min_args = 1,
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run_disable,
};
