// SPDX-License-Identifier: GPL-2.0-only
/* "settings", and what they share with a service: health, restart, stop. */
#include "json/decode.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static const char host_letters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

#define HEALTH(member) offsetof(struct health, member)
#define RESTART(member) offsetof(struct restart, member)
#define STOP(member) offsetof(struct stop, member)
#define SETTINGS(member) offsetof(struct settings, member)

#define HEALTH_LIMITS                                                             \
	{ "interval", decode_period, HEALTH(interval_ms) },                       \
		{ "timeout", decode_period, HEALTH(timeout_ms) },                 \
		{ "failure_threshold", decode_count, HEALTH(failure_threshold) }, \
		{ "success_threshold", decode_count, HEALTH(success_threshold) }, \
	{                                                                         \
		"start_period", decode_duration, HEALTH(start_period_ms)          \
	}

const struct field decode_health_fields[] = {
	{ "http", decode_url, HEALTH(http) },
	{ "tcp", decode_host_port, HEALTH(tcp) },
	{ "exec", decode_command, HEALTH(exec) },
	HEALTH_LIMITS,
	{ NULL, NULL, 0 },
};

int decode_health_limits(struct decoder *d, const struct doc *value, void *target)
{
	static const struct field fields[] = { HEALTH_LIMITS, { NULL, NULL, 0 } };

	return decode_object(d, value, fields, target);
}

int decode_restart(struct decoder *d, const struct doc *value, void *target)
{
	static const char *const names[] = { "no", "on_failure", "always", NULL };
	struct restart *restart = target;
	unsigned index;
	int err = decode_choice(d, value, names, &index);

	if (err == 0)
		restart->policy = index;
	return err;
}

static int read_factor(struct decoder *d, const struct doc *value, void *target)
{
	if (doc_type(value) != DOC_NUMBER)
		return decode_fail_type(d, value, "a number");
	if (!(doc_number(value) >= 1 && doc_number(value) <= 1000))
		return decode_fail(d, "from 1 to 1000", "%.15g is out of range",
				   doc_number(value));
	*(double *)target = doc_number(value);
	return 0;
}

int decode_backoff(struct decoder *d, const struct doc *value, void *target)
{
	static const struct field fields[] = {
		{ "initial", decode_period, RESTART(backoff_initial_ms) },
		{ "factor", read_factor, RESTART(backoff_factor) },
		{ "max", decode_period, RESTART(backoff_max_ms) },
		{ "reset_after", decode_duration, RESTART(backoff_reset_ms) },
		{ NULL, NULL, 0 },
	};

	return decode_object(d, value, fields, target);
}

int decode_restart_limit(struct decoder *d, const struct doc *value, void *target)
{
	static const struct field fields[] = {
		{ "count", decode_count, RESTART(limit_count) },
		{ "interval", decode_period, RESTART(limit_interval_ms) },
		{ NULL, NULL, 0 },
	};

	return decode_object(d, value, fields, target);
}

int decode_stop(struct decoder *d, const struct doc *value, void *target)
{
	static const struct field fields[] = {
		{ "signal", decode_signal, STOP(signal) },
		{ "grace", decode_duration, STOP(grace_ms) },
		{ NULL, NULL, 0 },
	};

	return decode_object(d, value, fields, target);
}

static int read_port_range(struct decoder *d, const struct doc *value, void *target)
{
	static const char remedy[] = "write it as \"8000-8100\"";
	struct settings *settings = target;
	const char *text = doc_string(value), *dash;
	uint16_t low, high;
	char first[8];

	if (!text)
		return decode_fail_type(d, value, "a string like \"8000-8100\"");
	dash = strchr(text, '-');
	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return decode_fail(d, remedy, "this is not a range of ports");
	snprintf(first, sizeof(first), "%.*s", (int)(dash - text), text);
	if (port_parse(first, &low) < 0 || port_parse(dash + 1, &high) < 0)
		return decode_fail(d, remedy, "this is not a range of ports");
	if (low > high)
		return decode_fail(d, "write the lower port first",
				   "the range ends before it begins");

	settings->port_low = low;
	settings->port_high = high;
	return 0;
}

static int read_env_prefix(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);

	if (!text)
		return decode_fail_type(d, value, "a string");
	if (isdigit((unsigned char)*text) || !*text)
		return decode_fail(d, "begin with a letter",
				   "this cannot begin the name of a variable");
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '_')
			return decode_fail(d, "letters, digits and _",
					   "this cannot begin the name of a variable");
	return decode_string(d, value, target);
}

static int read_unregistered(struct decoder *d, const struct doc *value, void *target)
{
	static const char *const names[] = { "off", "public", "all", NULL };
	unsigned index;
	int err = decode_choice(d, value, names, &index);

	if (err == 0)
		*(enum unregistered *)target = index;
	return err;
}

/* SPEC section 5: only on loopback. */
static int read_listen(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value), *colon;
	struct endpoint at = { 0 };
	char host[64];
	int err = decode_host_port(d, value, target);

	if (err < 0)
		return err;
	colon = strrchr(text, ':');
	if (colon[1] == '{')
		return decode_fail(d, "give a number", "this has no port of its own");
	if (*text == '[')
		snprintf(host, sizeof(host), "%.*s", (int)(colon - text - 2), text + 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (streq(host, "localhost") ||
	    (endpoint_parse_address(host, &at) == 0 && endpoint_is_loopback(&at)))
		return 0;
	return decode_fail(d,
			   "give 127.0.0.1 or [::1]; a proxy can serve other addresses",
			   "the API listens on loopback only");
}

/* The daemon's own folder is nobody's idea of where a file is. */
int decode_absolute_path(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);

	if (text && *text && *text != '/')
		return decode_fail(d, "write the whole path, from /",
				   "this is not an absolute path");
	return decode_string(d, value, target);
}

/* A name or address as browsers write it into Host, without a port: any will do. */
static int read_host(struct decoder *d, const struct doc *value, void *target)
{
	static const char remedy[] = "a name or address such as \"portwatch.example\"";
	const char *text = doc_string(value);
	char excerpt[EXCERPT];
	struct endpoint at;
	size_t n;

	if (!text)
		return decode_fail_type(d, value, "a host name");
	n = strlen(text);
	if (n > 2 && n < 60 && text[0] == '[' && text[n - 1] == ']') {
		char address[64];

		snprintf(address, sizeof(address), "%.*s", (int)n - 2, text + 1);
		if (strchr(address, ':') && endpoint_parse_address(address, &at) == 0)
			return decode_word(d, value, target);
	}
	if (n == 0 || n > 253 || strspn(text, host_letters) != n)
		return decode_fail(d, remedy, "\"%s\" is not a host name",
				   decode_excerpt(text, excerpt));
	return decode_word(d, value, target);
}

static int read_hosts(struct decoder *d, const struct doc *value, void *target)
{
	if (doc_type(value) != DOC_ARRAY)
		return decode_fail_type(d, value, "a list of host names");
	return decode_list(d, value, read_host, target);
}

static int read_http(struct decoder *d, const struct doc *value, void *target)
{
	static const struct field fields[] = {
		{ "listen", read_listen, SETTINGS(http_listen) },
		{ "token_file", decode_absolute_path, SETTINGS(http_token_file) },
		{ "read_only", decode_bool, SETTINGS(http_read_only) },
		{ "hosts", read_hosts, SETTINGS(http_hosts) },
		{ NULL, NULL, 0 },
	};

	return decode_object(d, value, fields, target);
}

static int read_history(struct decoder *d, const struct doc *value, void *target)
{
	static const struct field fields[] = {
		{ "retain", decode_duration, SETTINGS(history_retain_ms) },
		{ NULL, NULL, 0 },
	};

	return decode_object(d, value, fields, target);
}

int decode_settings(struct decoder *d, const struct doc *value)
{
	static const struct field fields[] = {
		{ "port_range", read_port_range, 0 },
		{ "env_prefix", read_env_prefix, SETTINGS(env_prefix) },
		{ "unregistered", read_unregistered, SETTINGS(unregistered) },
		{ "http", read_http, 0 },
		{ "history", read_history, 0 },
		{ "sinks", decode_sinks, 0 },
		{ "health", decode_health_limits, SETTINGS(health) },
		{ "restart", decode_restart, SETTINGS(restart) },
		{ "backoff", decode_backoff, SETTINGS(restart) },
		{ "restart_limit", decode_restart_limit, SETTINGS(restart) },
		{ "stop", decode_stop, SETTINGS(stop) },
		{ NULL, NULL, 0 },
	};

	return decode_object(d, value, fields, registry_settings(d->registry));
}
