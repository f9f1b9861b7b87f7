// SPDX-License-Identifier: GPL-2.0-only
/* Sinks as the API shows them; secrets are shown to nobody. */
#include "json/encode.h"

#include "base/strings.h"
#include "core/sink.h"

static struct doc *kinds_doc(uint32_t kinds)
{
	struct doc *doc = doc_array();

	for (unsigned i = 0; i < ALERT_KINDS; i++)
		if (kinds & 1u << i)
			doc_append_string(doc, alert_kind_name((enum alert_kind)i));
	return doc;
}

static void set_backoff(struct doc *doc, const struct sink_settings *sink)
{
	struct doc *backoff = doc_object();

	encode_duration(backoff, "initial", sink->backoff_ms);
	encode_duration(backoff, "max", sink->backoff_max_ms);
	doc_put(doc, "backoff", backoff);
}

static void set_server(struct doc *doc, const struct sink_settings *sink)
{
	struct doc *secrets;

	doc_put_string(doc, "url", sink->url);
	encode_duration(doc, "timeout", sink->timeout_ms);
	set_backoff(doc, sink);
	if (sink->type == SINK_ALERTMANAGER) {
		encode_duration(doc, "resend", sink->resend_ms);
		return;
	}
	encode_duration(doc, "max_age", sink->max_age_ms);
	doc_put_string(doc, "secret_file", sink->secret_file);
	if (!sink->secrets)
		return;
	secrets = doc_array();
	for (char *const *secret = sink->secrets; *secret; secret++)
		doc_append_string(secrets, "whsec_…");
	doc_put(doc, "secrets", secrets);
}

static void set_particulars(struct doc *doc, const struct sink_settings *sink)
{
	switch (sink->type) {
	case SINK_FILE:
		doc_put_string(doc, "path", sink->path);
		break;
	case SINK_JOURNALD:
	case SINK_SYSLOG:
		doc_put_string(doc, "socket", sink->path);
		break;
	case SINK_EXEC:
		encode_words(doc, "argv", sink->argv);
		doc_put_string(doc, "user", sink->user);
		encode_duration(doc, "timeout", sink->timeout_ms);
		doc_put_int(doc, "max_running", sink->max_running);
		break;
	case SINK_WEBHOOK:
	case SINK_ALERTMANAGER:
		set_server(doc, sink);
		break;
	default:
		break;
	}
}

struct doc *encode_sink(const struct sink_settings *sink)
{
	struct doc *doc = doc_object();

	doc_put_string(doc, "type", sink_type_name(sink->type));
	doc_put_string(doc, "name", sink->name);
	if (sink->kinds)
		doc_put(doc, "kinds", kinds_doc(sink->kinds));
	else
		doc_put_null(doc, "kinds");
	encode_words(doc, "services", sink->services);
	doc_put_string(doc, "min_severity", severity_name(sink->min_severity));
	doc_put_bool(doc, "command_lines", sink->command_lines);
	doc_put_int(doc, "queue_max", sink->queue_max);
	set_particulars(doc, sink);
	return doc;
}

struct doc *codec_encode_sink_stats(const struct sink_stats *stats)
{
	struct doc *doc = doc_object();

	doc_put_string(doc, "name", stats->name);
	doc_put_string(doc, "type", sink_type_name(stats->type));
	doc_put_int(doc, "sent", (int64_t)stats->sent);
	doc_put_int(doc, "failed", (int64_t)stats->failed);
	doc_put_int(doc, "dropped", (int64_t)stats->dropped);
	doc_put_int(doc, "queued", (int64_t)stats->queued);
	doc_put_string(doc, "last_error", stats->last_error);
	doc_put_time(doc, "last_error_at", stats->last_error_ns);
	return doc;
}
