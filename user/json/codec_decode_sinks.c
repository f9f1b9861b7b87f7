// SPDX-License-Identifier: GPL-2.0-only
/* "settings.sinks": where alerts go. */
#include "json/decode.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "core/sink.h"

#define SINK(member) offsetof(struct sink_settings, member)

static const char secret_prefix[] = "whsec_";
static const char secret_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* -- Values ---------------------------------------------------------------------------
 */

static int read_kind(struct decoder *d, const struct doc *value, void *target)
{
	const char *names[ALERT_KINDS + 1] = { NULL };
	uint32_t *kinds = target;
	unsigned index;

	if (doc_type(value) != DOC_STRING)
		return decode_fail_type(d, value, "the name of a kind of alert");
	for (unsigned i = 0; i < ALERT_KINDS; i++)
		names[i] = alert_kind_name((enum alert_kind)i);
	for (index = 0; names[index] && !streq(names[index], doc_string(value));)
		index++;
	if (!names[index]) {
		const char *nearest = nearest_name(doc_string(value), names);
		char excerpt[EXCERPT], remedy[64] = "";

		if (nearest)
			snprintf(remedy, sizeof(remedy), "did you mean \"%s\"?", nearest);
		return decode_fail(d, remedy, "\"%s\" is no kind of alert",
				   decode_excerpt(doc_string(value), excerpt));
	}
	*kinds |= 1u << index;
	return 0;
}

static int read_kinds(struct decoder *d, const struct doc *value, void *target)
{
	return decode_list(d, value, read_kind, target);
}

/* It is that of a folder, too. */
static int read_name(struct decoder *d, const struct doc *value, void *target)
{
	int err = decode_name(d, value, target);

	if (err == 0 && **(char **)target == '.')
		return decode_fail(d, "begin with a letter or digit",
				   "the name of a sink begins with a dot");
	return err;
}

static int read_service(struct decoder *d, const struct doc *value, void *target)
{
	_cleanup_(freep) char *name = NULL;
	int err = decode_name(d, value, &name);

	return err < 0 ? err : strv_append(target, name);
}

static int read_services(struct decoder *d, const struct doc *value, void *target)
{
	return decode_list(d, value, read_service, target);
}

static int read_severity(struct decoder *d, const struct doc *value, void *target)
{
	const char *const names[] = { severity_name(SEVERITY_INFO),
				      severity_name(SEVERITY_WARNING),
				      severity_name(SEVERITY_CRITICAL), NULL };
	unsigned index;
	int err = decode_choice(d, value, names, &index);

	if (err == 0)
		*(enum alert_severity *)target = (enum alert_severity)index;
	return err;
}

static int read_queue_max(struct decoder *d, const struct doc *value, void *target)
{
	unsigned count;
	int err = decode_count(d, value, &count);

	if (err < 0)
		return err;
	if (count > SINK_QUEUE_MAX)
		return decode_fail(d, "from 1 to 100000", "%u is out of range", count);
	*(unsigned *)target = count;
	return 0;
}

/* Standard Webhooks has 24 to 64 bytes.  What is wrong with it is told without it. */
static bool is_secret(const char *text)
{
	size_t letters, padding;

	if (!starts_with(text, secret_prefix))
		return false;
	text += sizeof(secret_prefix) - 1;
	letters = strspn(text, secret_letters);
	padding = strspn(text + letters, "=");
	return !text[letters + padding] && padding <= 2 && (letters + padding) % 4 == 0 &&
	       letters >= 32 && letters <= 86;
}

static int read_secret(struct decoder *d, const struct doc *value, void *target)
{
	if (doc_type(value) != DOC_STRING)
		return decode_fail_type(d, value, "a secret");
	if (!is_secret(doc_string(value)))
		return decode_fail(d, "whsec_ and 24 to 64 bytes in base64",
				   "this is no secret of Standard Webhooks");
	if (strv_length(*(char ***)target) >= SINK_SECRETS_MAX)
		return decode_fail(d, NULL, "there are more than %d secrets",
				   SINK_SECRETS_MAX);
	return strv_append(target, doc_string(value));
}

static int read_secrets(struct decoder *d, const struct doc *value, void *target)
{
	return decode_list(d, value, read_secret, target);
}

/* -- Tables ---------------------------------------------------------------------------
 */

static int read_backoff(struct decoder *d, const struct doc *value, void *target)
{
	static const struct field fields[] = {
		{ "initial", decode_period, SINK(backoff_ms) },
		{ "max", decode_period, SINK(backoff_max_ms) },
		{ NULL, NULL, 0 },
	};
	struct sink_settings *sink = target;
	int err = decode_object(d, value, fields, target);

	if (err == 0 && sink->backoff_max_ms < sink->backoff_ms)
		return decode_fail(d, "make \"max\" the larger one",
				   "it ends before it begins");
	return err;
}

/* clang-format off */
#define OF_ALL \
	{ "type", NULL, 0 }, \
	{ "name", read_name, SINK(name) }, \
	{ "kinds", read_kinds, SINK(kinds) }, \
	{ "services", read_services, SINK(services) }, \
	{ "min_severity", read_severity, SINK(min_severity) }, \
	{ "command_lines", decode_bool, SINK(command_lines) }, \
	{ "queue_max", read_queue_max, SINK(queue_max) }
#define OF_SERVERS \
	{ "url", decode_url, SINK(url) }, \
	{ "timeout", decode_period, SINK(timeout_ms) }, \
	{ "backoff", read_backoff, 0 }
#define END { NULL, NULL, 0 }
/* clang-format on */

static const struct field stdout_fields[] = { OF_ALL, END };
static const struct field file_fields[] = {
	OF_ALL,
	{ "path", decode_absolute_path, SINK(path) },
	END,
};
static const struct field socket_fields[] = {
	OF_ALL,
	{ "socket", decode_absolute_path, SINK(path) },
	END,
};
static const struct field exec_fields[] = {
	OF_ALL,
	{ "argv", decode_command, SINK(argv) },
	{ "user", decode_user, SINK(user) },
	{ "timeout", decode_period, SINK(timeout_ms) },
	{ "max_running", decode_count, SINK(max_running) },
	END,
};
static const struct field webhook_fields[] = {
	OF_ALL,
	OF_SERVERS,
	{ "secret_file", decode_absolute_path, SINK(secret_file) },
	{ "secret", read_secret, SINK(secrets) },
	{ "secrets", read_secrets, SINK(secrets) },
	{ "max_age", decode_period, SINK(max_age_ms) },
	END,
};
static const struct field alertmanager_fields[] = {
	OF_ALL,
	OF_SERVERS,
	{ "resend", decode_period, SINK(resend_ms) },
	END,
};

static const struct field *const fields_of[] = {
	[SINK_STDOUT] = stdout_fields,
	[SINK_FILE] = file_fields,
	[SINK_JOURNALD] = socket_fields,
	[SINK_SYSLOG] = socket_fields,
	[SINK_EXEC] = exec_fields,
	[SINK_WEBHOOK] = webhook_fields,
	[SINK_ALERTMANAGER] = alertmanager_fields,
};

/* -- A sink ---------------------------------------------------------------------------
 */

static int read_type(struct decoder *d, const struct doc *value, enum sink_type *ret)
{
	const char *names[SINK_TYPES + 1] = { NULL };
	const struct doc *member = decode_enter_member(d, value, "type");
	unsigned index;
	int err;

	for (unsigned i = 0; i < SINK_TYPES; i++)
		names[i] = sink_type_name((enum sink_type)i);
	if (!member)
		return decode_fail(d,
				   "stdout, file, journald, syslog, exec, webhook or "
				   "alertmanager",
				   "\"type\" is missing");
	err = decode_choice(d, member, names, &index);
	if (err < 0)
		return err;
	decode_leave(d);
	*ret = (enum sink_type)index;
	return 0;
}

static int check(struct decoder *d, const struct sink_settings *sink)
{
	const char *missing = NULL;

	if (sink->type == SINK_FILE && !sink->path)
		missing = "path";
	if (sink->type == SINK_EXEC && !sink->argv)
		missing = "argv";
	if ((sink->type == SINK_WEBHOOK || sink->type == SINK_ALERTMANAGER) && !sink->url)
		missing = "url";
	if (missing)
		return decode_fail(d, NULL, "\"%s\" is missing", missing);
	if (sink->type == SINK_WEBHOOK && !sink->secrets && !sink->secret_file)
		return decode_warn(d, false,
				   "neither \"secret_file\" nor \"secret\": nothing is "
				   "signed");
	return 0;
}

static bool is_taken(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->n_sinks; i++)
		if (streq(settings->sinks[i]->name, name))
			return true;
	return false;
}

static int add(struct settings *settings, struct sink_settings *sink)
{
	struct sink_settings **sinks = reallocarray(
		settings->sinks, settings->n_sinks + 1, sizeof(struct sink_settings *));

	if (!sinks) {
		sink_settings_free(sink);
		return -ENOMEM;
	}
	settings->sinks = sinks;
	sinks[settings->n_sinks++] = sink;
	return 0;
}

static int read_sink(struct decoder *d, const struct doc *value, void *target)
{
	_cleanup_(sink_settings_freep) struct sink_settings *sink = NULL;
	struct settings *settings = target;
	enum sink_type type = SINK_STDOUT;
	int err;

	if (doc_type(value) != DOC_OBJECT)
		return decode_fail_type(d, value, "an object");
	if (settings->n_sinks >= SINKS_MAX)
		return decode_fail(d, NULL, "there are more than %d sinks", SINKS_MAX);
	err = read_type(d, value, &type);
	if (err < 0)
		return err;
	sink = sink_settings_new(type);
	if (!sink)
		return -ENOMEM;
	err = decode_object(d, value, fields_of[type], sink);
	if (err == 0)
		err = check(d, sink);
	if (err < 0)
		return err;
	if (sink->name && is_taken(settings, sink->name))
		return decode_fail(d, "names tell queues apart",
				   "another sink is called \"%s\"", sink->name);
	return add(settings, take(sink));
}

/* "webhook", "webhook-2", …: whatever nobody was called by hand. */
static int give_name(const struct settings *settings, struct sink_settings *sink)
{
	const char *type = sink_type_name(sink->type);
	char name[32];

	snprintf(name, sizeof(name), "%s", type);
	for (unsigned n = 2; is_taken(settings, name); n++)
		snprintf(name, sizeof(name), "%s-%u", type, n);
	sink->name = strdup(name);
	return sink->name ? 0 : -ENOMEM;
}

int decode_sinks(struct decoder *d, const struct doc *value, void *target)
{
	struct settings *settings = target;
	int err = decode_list(d, value, read_sink, settings);

	for (size_t i = 0; err == 0 && i < settings->n_sinks; i++)
		if (!settings->sinks[i]->name)
			err = give_name(settings, settings->sinks[i]);
	return err;
}
