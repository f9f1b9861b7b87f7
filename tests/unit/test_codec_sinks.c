// SPDX-License-Identifier: GPL-2.0-only
/* settings.sinks in and out: what is read, what is shown, and what never is. */
#include "json/codec.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>

#include "base/strings.h"
#include "core/sink.h"

#define SINKS(text) "{\"services\":[],\"settings\":{\"sinks\":[" text "]}}"
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static struct registry *decode(const char *text, struct decode_warnings *warnings)
{
	struct decode_error error = { 0 };
	struct registry *reg = NULL;

	if (codec_decode_registry(text, strlen(text), 1, &reg, warnings, &error) < 0)
		test_fail(__FILE__, __LINE__, "%u:%u: %s: %s", error.line, error.column,
			  error.path, error.what);
	return reg;
}

static const struct sink_settings *sink(const struct registry *reg, size_t i)
{
	const struct settings *settings = registry_get_settings(reg);

	CHECK(i < settings->n_sinks);
	return settings->sinks[i];
}

TEST(a_webhook_has_its_settings_or_their_defaults)
{
	_cleanup_(registry_freep) struct registry *reg =
		decode(SINKS("{\"type\":\"webhook\",\"url\":\"https://example.org/hook\","
			     "\"name\":\"pager\",\"kinds\":[\"occupied\",\"blocked\"],"
			     "\"services\":[\"web\"],\"min_severity\":\"warning\","
			     "\"secret_file\":\"/etc/s\",\"secrets\":[\"" SECRET "\"],"
			     "\"timeout\":\"3s\",\"backoff\":{\"initial\":\"2s\"},"
			     "\"max_age\":\"1h\",\"queue_max\":7,\"command_lines\":true},"
			     "{\"type\":\"webhook\",\"url\":\"http://localhost/\"}"),
		       NULL);
	const struct sink_settings *pager = sink(reg, 0), *plain = sink(reg, 1);

	CHECK_STR(pager->name, "pager");
	CHECK_EQ(pager->kinds, 1u << ALERT_OCCUPIED | 1u << ALERT_BLOCKED);
	CHECK_STR(pager->services[0], "web");
	CHECK_EQ(pager->min_severity, SEVERITY_WARNING);
	CHECK_STR(pager->secret_file, "/etc/s");
	CHECK_STR(pager->secrets[0], SECRET);
	CHECK_EQ(pager->timeout_ms, 3000);
	CHECK_EQ(pager->backoff_ms, 2000);
	CHECK_EQ(pager->max_age_ms, 3600000);
	CHECK_EQ(pager->queue_max, 7);
	CHECK(pager->command_lines);
	CHECK_STR(plain->name, "webhook");
	CHECK_EQ(plain->kinds, 0);
	CHECK_EQ(plain->min_severity, SEVERITY_INFO);
	CHECK_EQ(plain->queue_max, 1000);
	CHECK(!plain->command_lines);
}

TEST(sinks_without_a_name_get_one_that_nobody_has)
{
	_cleanup_(registry_freep) struct registry *reg = decode(
		SINKS("{\"type\":\"stdout\"},"
		      "{\"type\":\"exec\",\"name\":\"stdout-2\",\"argv\":\"true\"},"
		      "{\"type\":\"stdout\"}"),
		NULL);

	CHECK_STR(sink(reg, 0)->name, "stdout");
	CHECK_STR(sink(reg, 1)->name, "stdout-2");
	CHECK_STR(sink(reg, 2)->name, "stdout-3");
}

TEST(fields_of_another_type_are_unknown)
{
	struct decode_warnings warnings = { 0 };
	_cleanup_(registry_freep) struct registry *reg =
		decode(SINKS("{\"type\":\"file\",\"path\":\"/x\",\"url\":\"http://x/\"},"
			     "{\"type\":\"webhook\",\"url\":\"http://x/"
			     "\",\"secret_fil\":\"/\"}"),
		       &warnings);

	CHECK(reg);
	CHECK_EQ(warnings.count, 3);
	CHECK_STR(warnings.items[0],
		  "line 1, column 64: settings.sinks[0].url: unknown field; it is kept, "
		  "and has no effect");
	CHECK(strstr(warnings.items[1],
		     "settings.sinks[1].secret_fil: unknown field; did "
		     "you mean \"secret_file\"?"));
	CHECK(strstr(warnings.items[2], "nothing is signed"));
	decode_warnings_done(&warnings);
}

TEST(settings_are_copied_and_compared_as_a_whole)
{
	_cleanup_(registry_freep) struct registry *reg = decode(
		SINKS("{\"type\":\"webhook\",\"url\":\"http://x/\",\"secret\":\"" SECRET
		      "\",\"services\":[\"a\",\"b\"]}"),
		NULL);
	_cleanup_(sink_settings_freep) struct sink_settings *copy =
		sink_settings_copy(sink(reg, 0));

	CHECK(copy);
	CHECK(sink_settings_equal(copy, sink(reg, 0)));
	copy->services[1][0] = 'c';
	CHECK(!sink_settings_equal(copy, sink(reg, 0)));
	copy->services[1][0] = 'b';
	copy->timeout_ms++;
	CHECK(!sink_settings_equal(copy, sink(reg, 0)));
}

/* What GET /config shows of them. */
static char *shown(const struct registry *reg, bool may_change)
{
	_cleanup_(doc_freep) struct doc *doc =
		codec_encode_settings(registry_get_settings(reg));
	char *text;

	if (!may_change)
		codec_hide_secrets(doc);
	text = doc_print(doc_get(doc, "sinks"), false, NULL);
	CHECK(text);
	return text;
}

TEST(secrets_are_shown_to_nobody_and_addresses_to_few)
{
	_cleanup_(registry_freep) struct registry *reg = decode(
		SINKS("{\"type\":\"webhook\",\"url\":\"https://u:pw@example.org:443/"
		      "T0/B0?k=1\","
		      "\"secret\":\"" SECRET "\"},"
		      "{\"type\":\"exec\",\"argv\":[\"notify\",\"--key=7\"]}"),
		NULL);
	_cleanup_(freep) char *all = shown(reg, true), *few = shown(reg, false);

	CHECK(!strstr(all, "MfKQ9r8"));
	CHECK(strstr(all, "\"secrets\":[\"whsec_…\"]"));
	CHECK(strstr(all, "https://u:pw@example.org:443/T0/B0?k=1"));
	CHECK(strstr(few, "\"url\":\"https://…@example.org:443/…\""));
	CHECK(strstr(few, "\"argv\":null"));
}

static void check_wants(const char *text, enum alert_kind kind, const char *service,
			bool wanted)
{
	_cleanup_(registry_freep) struct registry *reg = decode(text, NULL);
	struct alert alert = { .severity = alert_kind_severity(kind), .v.kind = kind };

	snprintf(alert.v.service, sizeof(alert.v.service), "%s", service);
	if (sink_wants(sink(reg, 0), &alert) != wanted)
		test_fail(__FILE__, __LINE__, "%s: %s of \"%s\" is %swanted", text,
			  alert_kind_name(kind), service, wanted ? "not " : "");
}

#define FILTER(text) SINKS("{\"type\":\"stdout\"" text "}")

TEST(filters_let_through_what_they_name)
{
	static const struct {
		const char *text;
		enum alert_kind kind;
		const char *service;
		bool wanted;
	} cases[] = {
		{ FILTER(""), ALERT_UNREGISTERED, "", true },
		{ FILTER(",\"min_severity\":\"info\""), ALERT_UNREGISTERED, "", true },
		{ FILTER(",\"min_severity\":\"warning\""), ALERT_UNREGISTERED, "",
		  false },
		{ FILTER(",\"min_severity\":\"warning\""), ALERT_DRIFTED, "a", true },
		{ FILTER(",\"min_severity\":\"critical\""), ALERT_DRIFTED, "a", false },
		{ FILTER(",\"min_severity\":\"critical\""), ALERT_OCCUPIED, "a", true },
		{ FILTER(",\"kinds\":[\"occupied\"]"), ALERT_OCCUPIED, "a", true },
		{ FILTER(",\"kinds\":[\"occupied\"]"), ALERT_BLOCKED, "a", false },
		{ FILTER(",\"kinds\":[]"), ALERT_BLOCKED, "a", true },
		{ FILTER(",\"services\":[\"a\",\"b\"]"), ALERT_OCCUPIED, "b", true },
		{ FILTER(",\"services\":[\"a\"]"), ALERT_OCCUPIED, "ab", false },
		{ FILTER(",\"services\":[\"a\"]"), ALERT_SHARED, "", false },
		{ FILTER(",\"services\":[]"), ALERT_SHARED, "", true },
		{ FILTER(",\"services\":[\"a\"],\"kinds\":[\"dead_owner\"]"),
		  ALERT_OCCUPIED, "a", false },
		{ FILTER(",\"services\":[\"a\"],\"kinds\":[\"drifted\"],"
			 "\"min_severity\":\"critical\""),
		  ALERT_DRIFTED, "a", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_wants(cases[i].text, cases[i].kind, cases[i].service,
			    cases[i].wanted);
}
