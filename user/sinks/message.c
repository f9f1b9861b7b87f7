// SPDX-License-Identifier: GPL-2.0-only
/* An alert in the words of each that it is told to. */
#include "sinks/private.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/port_words.h"
#include "base/strings.h"
#include "base/time.h"

static char *print_line(struct doc *doc)
{
	_cleanup_(doc_freep) struct doc *owned = doc;
	_cleanup_(buffer_done) struct buffer line = { 0 };
	_cleanup_(freep) char *text = doc_print(owned, false, NULL);

	if (!text)
		return NULL;
	buffer_printf(&line, "%s\n", text);
	return line.failed ? NULL : take(line.data);
}

static struct doc *alert_doc(const struct event *event, const struct viewer *viewer)
{
	return codec_encode_alert(event->alert, viewer);
}

char *message_event(const struct event *event, const struct viewer *viewer)
{
	return print_line(codec_encode_event(event, viewer));
}

char *message_alert(const struct event *event, const struct viewer *viewer)
{
	return print_line(alert_doc(event, viewer));
}

char *message_cloud_event(const struct event *event, const struct viewer *viewer,
			  const char *host, const char *id)
{
	_cleanup_(doc_freep) struct doc *doc = doc_object();
	const struct verdict *v = &event->alert->v;
	char text[128];

	doc_put_string(doc, "specversion", "1.0");
	doc_put_string(doc, "id", id);
	snprintf(text, sizeof(text), "//%s/portwatch", host);
	doc_put_string(doc, "source", text);
	snprintf(text, sizeof(text), "portwatch.%s", event_type_name(event->type));
	doc_put_string(doc, "type", text);
	if (v->service[0])
		doc_put_string(doc, "subject", v->service);
	else if (v->at.port) {
		snprintf(text, sizeof(text), ":%u", v->at.port);
		doc_put_string(doc, "subject", text);
	}
	doc_put_time(doc, "time", event->wall_ns);
	doc_put_string(doc, "datacontenttype", "application/json");
	doc_put(doc, "data", alert_doc(event, viewer));
	return doc_print(doc, false, NULL);
}

/* -- Variables ------------------------------------------------------------------------
 */

typedef int (*variable_fn)(const char *name, const char *value, void *arg);

static int tell_scalar(const char *name, const struct doc *value, variable_fn fn,
		       void *arg)
{
	const char *text = doc_string(value);
	char number[24];
	int64_t n;

	if (!text && doc_int(value, &n)) {
		snprintf(number, sizeof(number), "%" PRId64, n);
		text = number;
	}
	return text ? fn(name, text, arg) : 0;
}

/* Members of members are named after both. */
static int tell_members(const struct doc *object, const char *prefix, variable_fn fn,
			void *arg)
{
	char name[96];
	int err = 0;

	for (const struct doc *m = doc_first(object); err == 0 && m; m = doc_next(m)) {
		snprintf(name, sizeof(name), "%s_%s", prefix, doc_key(m));
		for (char *c = name; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		/* This one is the daemon's own, and that of programs that a command
		 * starts: where its files are. */
		if (streq(name, "PORTWATCH_STATE"))
			strcpy(name, "PORTWATCH_ALERT_STATE");
		if (doc_type(m) == DOC_OBJECT)
			err = tell_members(m, name, fn, arg);
		else
			err = tell_scalar(name, m, fn, arg);
	}
	return err;
}

static int tell_variables(const struct event *event, const struct viewer *viewer,
			  variable_fn fn, void *arg)
{
	_cleanup_(doc_freep) struct doc *doc = alert_doc(event, viewer);
	int err =
		doc ? fn("PORTWATCH_EVENT", event_type_name(event->type), arg) : -ENOMEM;

	return err == 0 ? tell_members(doc, "PORTWATCH", fn, arg) : err;
}

static int add_variable(const char *name, const char *value, void *arg)
{
	return env_printf(arg, "%s=%s", name, value);
}

int message_variables(const struct event *event, const struct viewer *viewer, char ***env)
{
	return tell_variables(event, viewer, add_variable, env);
}

/* -- journald and syslog --------------------------------------------------------------
 */

static int priority_of(const struct alert *alert)
{
	if (!alert->firing)
		return LOG_NOTICE;
	switch (alert->severity) {
	case SEVERITY_CRITICAL:
		return LOG_CRIT;
	case SEVERITY_WARNING:
		return LOG_WARNING;
	default:
		return LOG_INFO;
	}
}

/* As systemd's JOURNAL_NATIVE_PROTOCOL has it: text may hold anything. */
static int add_field(const char *name, const char *value, void *arg)
{
	uint64_t size = htole64(strlen(value));
	struct buffer *buf = arg;

	buffer_printf(buf, "%s\n", name);
	buffer_add(buf, (const char *)&size, sizeof(size));
	buffer_puts(buf, value);
	buffer_puts(buf, "\n");
	return buf->failed ? -ENOMEM : 0;
}

/* Firing or resolved, in words: what `journalctl MESSAGE_ID=` finds. */
static const char *message_id(const struct alert *alert)
{
	return alert->firing ? "c0d8d1b2f0e74b0f9a5a6f0b7c8e1d21"
			     : "5b1f6d7e3a2c4c90b6de8f0a1b2c3d4e";
}

char *message_journal(const struct event *event, const struct viewer *viewer,
		      size_t *ret_size)
{
	_cleanup_(doc_freep) struct doc *doc = alert_doc(event, viewer);
	_cleanup_(buffer_done) struct buffer buf = { 0 };
	const char *text = doc ? doc_get_string(doc, "message") : NULL;
	_cleanup_(buffer_done) struct buffer message = { 0 };

	if (!text)
		return NULL;
	buffer_printf(&message, "%s%s", event->alert->firing ? "" : "resolved: ", text);
	if (message.failed)
		return NULL;
	buffer_printf(&buf, "PRIORITY=%d\nSYSLOG_IDENTIFIER=portwatchd\nMESSAGE_ID=%s\n",
		      priority_of(event->alert), message_id(event->alert));
	if (add_field("MESSAGE", message.data, &buf) < 0 ||
	    tell_variables(event, viewer, add_field, &buf) < 0)
		return NULL;
	*ret_size = buf.size;
	return take(buf.data);
}

/* RFC 3164, as syslog(3) writes it to /dev/log. */
char *message_syslog(const struct event *event, const struct viewer *viewer)
{
	_cleanup_(doc_freep) struct doc *doc = alert_doc(event, viewer);
	const char *text = doc ? doc_get_string(doc, "message") : NULL;
	_cleanup_(freep) char *escaped = text ? terminal_escape(text) : NULL;
	time_t seconds = (time_t)(event->wall_ns / NS_PER_S);
	char when[32], *line;
	struct tm tm;

	if (!escaped || !localtime_r(&seconds, &tm))
		return NULL;
	/* The months of the C locale: the daemon sets no other. */
	strftime(when, sizeof(when), "%b %e %T", &tm);
	if (asprintf(&line, "<%d>%s portwatchd[%d]: %s %s: %s",
		     LOG_DAEMON | priority_of(event->alert), when, getpid(),
		     alert_kind_name(event->alert->v.kind),
		     event->alert->firing ? "firing" : "resolved", escaped) < 0)
		return NULL;
	return line;
}

/* -- Alertmanager ---------------------------------------------------------------------
 */

/* "PortwatchNotListening" */
static void set_alertname(struct doc *labels, enum alert_kind kind)
{
	char name[64] = "Portwatch";
	size_t n = strlen(name);
	bool upper = true;

	for (const char *c = alert_kind_name(kind); *c && n < sizeof(name) - 1; c++) {
		if (*c != '_')
			name[n++] = upper ? (char)toupper((unsigned char)*c) : *c;
		upper = *c == '_';
	}
	name[n] = '\0';
	doc_put_string(labels, "alertname", name);
}

static struct doc *labels_doc(const struct alert *alert, const char *host)
{
	struct doc *labels = doc_object();
	const struct verdict *v = &alert->v;
	char number[16];

	set_alertname(labels, v->kind);
	doc_put_string(labels, "kind", alert_kind_name(v->kind));
	doc_put_string(labels, "severity", severity_name(alert->severity));
	doc_put_string(labels, "instance", host);
	if (v->service[0])
		doc_put_string(labels, "service", v->service);
	if (v->at.port) {
		snprintf(number, sizeof(number), "%u", v->at.port);
		doc_put_string(labels, "port", number);
	}
	if (v->at.proto)
		doc_put_string(labels, "proto", proto_name(v->at.proto));
	if (v->at.netns) {
		snprintf(number, sizeof(number), "%u", v->at.netns);
		doc_put_string(labels, "netns", number);
	}
	return labels;
}

/* Annotations are texts; what is a number, list or object stays away. */
static struct doc *annotations_doc(const struct alert *alert, const struct viewer *viewer)
{
	static const char *const names[][2] = { { "message", "summary" },
						{ "fix", "fix" },
						{ "expected", "expected" },
						{ "address", "address" } };
	_cleanup_(doc_freep) struct doc *doc = codec_encode_alert(alert, viewer);
	struct doc *annotations = doc_object();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = doc_get_string(doc, names[i][0]);

		if (text)
			doc_put_string(annotations, names[i][1], text);
	}
	return annotations;
}

struct doc *message_alertmanager(const struct alert *alert, const struct viewer *viewer,
				 const char *host, uint64_t ends_ns)
{
	struct doc *doc = doc_object();

	doc_put(doc, "labels", labels_doc(alert, host));
	doc_put(doc, "annotations", annotations_doc(alert, viewer));
	doc_put_time(doc, "startsAt", alert->since_ns);
	doc_put_time(doc, "endsAt", ends_ns);
	return doc;
}
