// SPDX-License-Identifier: GPL-2.0-only
/* What is refused: where, why, and what to do. */
#include "json/codec.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"

/* @text has a ^ before the offending place; @what and @remedy are parts that must occur,
 * NULL none. */
struct fault {
	const char *text;
	const char *path, *what, *remedy;
};

/* Takes the mark out of a copy of @text and says on which line and column it stood. */
static char *unmark(const char *text, size_t size, unsigned *ret_line,
		    unsigned *ret_column)
{
	const char *mark = memchr(text, '^', size), *line_start = text;
	size_t before = (size_t)(mark - text);
	char *copy = malloc(size);
	unsigned wide = 0;

	*ret_line = 1;
	for (const char *p = text; p < mark; p++) {
		if (*p == '\n') {
			line_start = p + 1;
			wide = 0;
			++*ret_line;
		}
		wide += (*p & 0xc0) == 0x80 || (p == text && *p == '\xef');
	}
	*ret_column = (unsigned)(mark - line_start) - wide + 1;
	memcpy(copy, text, before);
	memcpy(copy + before, mark + 1, size - before - 1);
	return copy;
}

static void check_fault_sized(const struct fault *fault, size_t size)
{
	struct decode_warnings warnings = { 0 };
	struct registry *reg = NULL;
	struct decode_error error;
	unsigned line, column;
	_cleanup_(freep) char *text = unmark(fault->text, size, &line, &column);
	int err = codec_decode_registry(text, size - 1, 1, &reg, &warnings, &error);

	if (err != -EINVAL && err != -E2BIG)
		test_fail(__FILE__, __LINE__, "%s: answers %d", fault->text, err);
	CHECK(!reg && warnings.count == 0);
	if (error.line != line || error.column != column ||
	    !streq(error.path, fault->path) || !strstr(error.what, fault->what) ||
	    !strstr(error.remedy, fault->remedy ? fault->remedy : ""))
		test_fail(__FILE__, __LINE__, "%s\n# at %u:%u: %s: %s (%s)", fault->text,
			  error.line, error.column, error.path, error.what, error.remedy);
}

static void check_fault(const struct fault *fault)
{
	check_fault_sized(fault, strlen(fault->text));
}

#define SINK(text) "{ \"settings\": { \"sinks\": [" text "] } }"

static void check_faults(const struct fault *faults, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_fault(&faults[i]);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(broken_syntax_is_told_in_words_with_its_place)
{
	static const struct fault faults[] = {
		{ "^", "", "empty", "{}" },
		{ " \n\t\n^", "", "empty", "{}" },
		{ "{\n  \"services\": [\n^", "",
		  "the [ of line 2, column 15 is not closed", "complete" },
		{ "{\n  \"services\": []^,\n}", "", "comma", "take the comma out" },
		{ "{ \"a\": [1, 2^,] }", "", "comma", "take" },
		{ "{ \"a\": 1\n  ^\"b\": 2 }", "", "comma is missing", NULL },
		{ "{ \"a\" ^1 }", "", "':'", NULL },
		{ "{ ^a: 1 }", "", "without quotes", "double quotes" },
		{ "{ ^'a': 1 }", "", "single quote", "\"" },
		{ "{ \"a\": ^True }", "", "True", "true" },
		{ "{ \"a\": ^None }", "", "None", "null" },
		{ "{ ^// no\n }", "", "comments", NULL },
		{ "^# no\n{}", "", "comments", NULL },
		{ "{ \"a\": \"x^\ny\" }", "", "not closed on its line", NULL },
		{ "{ \"a\": ^08 }", "", "leading zero", NULL },
		{ "{}^{}", "", "more follows", NULL },
		{ "{} ^x", "", "more follows", NULL },
		{ "{ \"a\": \"^\\q\" }", "", "escape", NULL },
		{ "{ \"ü\": \"^\xff\" }", "", "0xff is not UTF-8", NULL },
		{ "^\xff\xfe{\x01}", "", "UTF-16", "UTF-8" },
		{ "\xef\xbb\xbf{^x", "", "without quotes", NULL },
		{ "^<html>", "", "'<' stands where a value should", NULL },
		{ "^[]", "", "a list, not an object", "services" },
		{ "^\"x\"", "", "not an object", NULL },
		{ "^8000", "", "not an object", NULL },
	};

	check_faults(faults, COUNT(faults));
}

TEST(nul_bytes_are_refused_wherever_they_stand)
{
	static const struct {
		const char *text;
		size_t size;
	} rows[] = {
		{ "^\0\0\0", 4 },
		{ "{}^\0", 4 },
		{ "{\n^\0}", 5 },
		{ "{\"a^\0b\":1}", 10 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault fault = { rows[i].text, "", "NUL", "damaged" };

		check_fault_sized(&fault, rows[i].size);
	}
}

static const struct fault of_meaning[] = {
	{ "{\n \"services\": ^{}\n}", "services", "list, not an object", "allocations" },
	{ "{ \"services\": [\n  ^7 ] }", "services[0]", "an object, not a number", NULL },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": 1 },\n"
	  "    { \"name\": \"b\",\n      \"port\": ^70000 } ] }",
	  "services[1].port", "port 70000 is out of range", "1 to 65535" },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^0 } ] }", "services[0].port",
	  "port 0", "dynamic" },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^-1 } ] }", "services[0].port",
	  "port -1 is out of range", NULL },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^80.5 } ] }",
	  "services[0].port", "80.5 is not a whole number", NULL },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^1e30 } ] }",
	  "services[0].port", "1e+30 is out of range", NULL },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^\"8000\" } ] }",
	  "services[0].port", "port \"8000\" is a string", "without quotes" },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^\"http\" } ] }",
	  "services[0].port", "\"port\" must be a number, \"dynamic\" or a list", NULL },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^true } ] }",
	  "services[0].port", "not true", NULL },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^[] } ] }", "services[0].port",
	  "empty", "dynamic" },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": [1, ^{}] } ] }",
	  "services[0].port[1]", "port is missing", NULL },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": [1,\n^1] } ] }",
	  "services[0].port[1]", "listed twice", NULL },
	{ "{ \"services\": [ { \"name\": \"a\", \"port\": [{\"port\":^99999}] } "
	  "] "
	  "}",
	  "services[0].port[0].port", "99999", NULL },
	{ "{ \"services\": [ ^{ \"port\": 1 } ] }", "services[0]", "name is missing",
	  NULL },
	{ "{ \"services\": [ { \"name\": ^\"a b\" } ] }", "services[0].name",
	  "\"a b\" cannot be a name", "A-Z" },
	{ "{ \"services\": [ { \"name\": ^\"\" } ] }", "services[0].name", "empty",
	  NULL },
	{ "{ \"services\": [ { \"name\": ^5 } ] }", "services[0].name",
	  "\"name\" must be a string, not a number", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"port\":1}, "
	  "{\"name\":\"b\",\"port\":1},\n"
	  " {\"port\":2,\"name\":^\"a\"} ] }",
	  "services[2].name", "services[0] has the name \"a\" already", "unique" },
	{ "{ \"services\": [ {\"name\":\"a\",\"port\":1,^\"port\":2} ] }",
	  "services[0].port", "\"port\" stands twice", NULL },
	{ "{ \"x\": {\"y\": [ {\"z\":1,\n\"w\":2,^\"\\u007a\":3} ]} }", "x.y[0].z",
	  "\"z\" stands twice", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"restart\":^\"sometimes\"} ] }",
	  "services[0].restart", "\"restart\" cannot be \"sometimes\"",
	  "no, on_failure, always" },
	{ "{ \"services\": [ {\"name\":\"a\",\"restart\":^false} ] }",
	  "services[0].restart", "one of no, on_failure, always, not false", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"proto\":^\"sctp\"} ] }",
	  "services[0].proto", "sctp", "tcp, udp" },
	{ "{ \"services\": [ {\"name\":\"a\",\"address\":^\"localhost\"} ] }",
	  "services[0].address", "localhost", "127.0.0.1 or ::1" },
	{ "{ \"services\": [ {\"name\":\"a\",\"startup_cmd\":^\"a 'b\"} ] }",
	  "services[0].startup_cmd", "quote is not closed", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"startup_cmd\":[\"a\",^1]} ] }",
	  "services[0].startup_cmd[1]", "string", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"env\":{\"A\":^{}}} ] }",
	  "services[0].env.A", "string", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"env\":{^\"A=B\":\"\"}} ] }",
	  "services[0].env[\"A=B\"]", "name of a variable", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"health\":{\"interval\":^0}} ] }",
	  "services[0].health.interval", "zero", NULL },
	{ "{ \"services\": [ "
	  "{\"name\":\"a\",\"health\":{\"interval\":^\"fast\"}} "
	  "] }",
	  "services[0].health.interval", "\"fast\" is not a duration", "30s" },
	{ "{ \"services\": [ {\"name\":\"a\",\"health\":{\"timeout\":^-1}} ] }",
	  "services[0].health.timeout", "out of range", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"health\":{\"tcp\":^\"x\"}} ] }",
	  "services[0].health.tcp", "HOST:PORT", NULL },
	{ "{ \"services\": [ "
	  "{\"name\":\"a\",\"health\":^{\"tcp\":\"x:1\",\"exec\":"
	  "\"true\"}} ] }",
	  "services[0].health", "more than one kind", NULL },
	{ "{ \"services\": [ "
	  "{\"name\":\"a\",\"health_endpoint\":^\"localhost:80\"} ] }",
	  "services[0].health_endpoint", "not an http", "http://" },
	{ "{ \"services\": [ "
	  "{\"name\":\"a\",\"health_endpoint\":^\"http://h:99999/\"} "
	  "] }",
	  "services[0].health_endpoint", "not an http", NULL },
	{ "{ \"services\": [ {\"name\":\"a\",\"stop\":{\"signal\":^\"STOPP\"}} ] "
	  "}",
	  "services[0].stop.signal", "not a signal", "TERM" },
	{ "{ \"services\": [ {\"name\":\"a\",\"depends_on\":[^\"a b\"]} ] }",
	  "services[0].depends_on[0]", "cannot be a name", NULL },
	{ "{ \"services\": [ "
	  "{\"name\":\"a\",\"depends_on\":{\"b\":{\"condition\":^"
	  "\"ready\"}}} ] }",
	  "services[0].depends_on.b.condition", "ready", "service_healthy" },
	{ "{ \"settings\": { \"port_range\": ^\"9000-8000\" } }", "settings.port_range",
	  "ends before it begins", NULL },
	{ "{ \"settings\": { \"port_range\": ^8000 } }", "settings.port_range",
	  "8000-8100", NULL },
	{ "{ \"settings\": { \"env_prefix\": ^\"A-B\" } }", "settings.env_prefix",
	  "variable", NULL },
	{ "{ \"settings\": { \"http\": {\"listen\": ^\"0.0.0.0:80\"} } }",
	  "settings.http.listen", "loopback only", NULL },
	{ "{ \"settings\": { \"http\": {\"listen\": ^\"localhost:{port}\"} } }",
	  "settings.http.listen", "no port", NULL },
	{ "{ \"settings\": { \"http\": {\"token_file\": ^\"token\"} } }",
	  "settings.http.token_file", "absolute", "from /" },
	{ "{ \"settings\": { \"http\": {\"read_only\": ^\"yes\"} } }",
	  "settings.http.read_only", "true or false", NULL },
	{ "{ \"settings\": { \"http\": {\"hosts\": ^\"a.example\"} } }",
	  "settings.http.hosts", "list of host names", NULL },
	{ "{ \"settings\": { \"http\": {\"hosts\": [\"a\", ^\"*\"]} } }",
	  "settings.http.hosts[1]", "not a host name", "portwatch.example" },
	{ "{ \"settings\": { \"http\": {\"hosts\": [^\"http://a/\"]} } }",
	  "settings.http.hosts[0]", "not a host name", NULL },
	{ "{ \"settings\": { \"http\": {\"hosts\": [^\"\"]} } }",
	  "settings.http.hosts[0]", "not a host name", NULL },
	{ "{ \"settings\": { \"http\": {\"hosts\": [^\"[a]\"]} } }",
	  "settings.http.hosts[0]", "not a host name", NULL },
	{ "{ \"settings\": { \"http\": {\"hosts\": [^5]} } }", "settings.http.hosts[0]",
	  "must be a host name", NULL },
	{ "{ \"settings\": { \"sinks\": [^1] } }", "settings.sinks[0]", "object", NULL },
	{ "{ \"settings\": ^[] }", "settings", "object, not a list", NULL },
	{ "{ \"allocations\": ^[] }", "allocations", "object of ports", NULL },
	{ "{ \"allocations\": { ^\"x\": {} } }", "allocations.x", "no port", "8000/udp" },
	{ "{ \"allocations\": { \"8000\": "
	  "^{\"port\":8001,\"service_name\":\"a\"} "
	  "} }",
	  "allocations[\"8000\"]", "has port 8001/tcp", "agree" },
	{ "{ \"allocations\": { \"8000\": ^{} } }", "allocations[\"8000\"]",
	  "service_name is missing", NULL },
	{ "{ \"allocations\": { \"8000\": {\"pid\": ^-3} } }",
	  "allocations[\"8000\"].pid", "out of range", NULL },
	{ "{ \"allocations\": { \"8000\": {\"allocated_at\": ^\"soon\"} } }",
	  "allocations[\"8000\"].allocated_at", "not a time", "2026" },
	{ "{ \"allocations\": { \"8000\": {\"service_name\":\"a\"},\n"
	  " ^\"08000/tcp\": {\"service_name\":\"a\"} } }",
	  "allocations[\"08000/tcp\"]", "allocated twice", NULL },
};

TEST(faults_of_meaning_have_line_column_and_path)
{
	check_faults(of_meaning, COUNT(of_meaning));
}

TEST(faults_of_sinks_are_told_without_their_secrets)
{
	static const struct fault faults[] = {
		{ SINK("^{}"), "settings.sinks[0]", "\"type\" is missing", "webhook" },
		{ SINK("{\"type\":^\"slack\"}"), "settings.sinks[0].type",
		  "cannot be \"slack\"", "webhook" },
		{ SINK("^{\"type\":\"file\"}"), "settings.sinks[0]",
		  "\"path\" is missing", NULL },
		{ SINK("^{\"type\":\"exec\"}"), "settings.sinks[0]",
		  "\"argv\" is missing", NULL },
		{ SINK("^{\"type\":\"alertmanager\"}"), "settings.sinks[0]",
		  "\"url\" is missing", NULL },
		{ SINK("{\"type\":\"file\",\"path\":^\"x.log\"}"),
		  "settings.sinks[0].path", "not an absolute path", "from /" },
		{ SINK("{\"type\":\"stdout\",\"kinds\":[^\"ocupied\"]}"),
		  "settings.sinks[0].kinds[0]", "no kind of alert", "\"occupied\"" },
		{ SINK("{\"type\":\"stdout\",\"kinds\":^\"occupied\"}"),
		  "settings.sinks[0].kinds", "a list", NULL },
		{ SINK("{\"type\":\"stdout\",\"services\":[^\"a b\"]}"),
		  "settings.sinks[0].services[0]", "cannot be a name", "A-Z" },
		{ SINK("{\"type\":\"stdout\",\"min_severity\":^\"high\"}"),
		  "settings.sinks[0].min_severity", "\"high\"", "critical" },
		{ SINK("{\"type\":\"stdout\",\"name\":^\"..\"}"),
		  "settings.sinks[0].name", "begins with a dot", NULL },
		{ SINK("{\"type\":\"stdout\",\"queue_max\":^100001}"),
		  "settings.sinks[0].queue_max", "out of range", "100000" },
		{ SINK("{\"type\":\"webhook\",\"url\":^\"ftp://x/\"}"),
		  "settings.sinks[0].url", "not an http", NULL },
		{ SINK("{\"type\":\"webhook\",\"secret\":^\"hunter2\"}"),
		  "settings.sinks[0].secret", "this is no secret", "whsec_" },
		{ SINK("{\"type\":\"webhook\",\"secrets\":[^\"whsec_AAAA\"]}"),
		  "settings.sinks[0].secrets[0]", "this is no secret", "24 to 64" },
		{ SINK("{\"type\":\"webhook\",\"timeout\":^\"0s\"}"),
		  "settings.sinks[0].timeout", "zero", NULL },
		{ SINK("{\"type\":\"stdout\",\"name\":\"a\"},"
		       "^{\"type\":\"syslog\",\"name\":\"a\"}"),
		  "settings.sinks[1]", "another sink is called \"a\"", NULL },
	};

	check_faults(faults, COUNT(faults));
}

TEST(a_circle_is_named_in_full_at_one_of_its_entries)
{
	static const struct fault faults[] = {
		{ "{\"services\":[{\"name\":\"a\",\"port\":1,\"depends_on\":[\"b\"]},\n"
		  "{\"name\":\"b\",\"port\":2,\"depends_on\":^[\"c\"]},\n"
		  "{\"name\":\"c\",\"port\":3,\"depends_on\":{\"d\":{}}},\n"
		  "{\"name\":\"d\",\"port\":4,\"depends_on\":[\"b\"]}]}",
		  "services[1].depends_on", "b -> c -> d -> b", "out" },
		{ "{\"services\":[{\"name\":\"a\",\"depends_on\": ^[\"a\"]}]}",
		  "services[0].depends_on", "a -> a", NULL },
	};

	check_faults(faults, COUNT(faults));
}

TEST(a_long_circle_is_named_in_full_too)
{
	struct buffer buf = { 0 };
	struct registry *reg = NULL;
	struct decode_error error;

	buffer_puts(&buf, "{\"services\":[");
	for (int i = 0; i < 13; i++)
		buffer_printf(&buf, "%s{\"name\":\"%064d\",\"depends_on\":[\"%064d\"]}",
			      i ? "," : "", i, (i + 1) % 13);
	buffer_puts(&buf, "]}");
	CHECK_EQ(codec_decode_registry(buf.data, buf.size, 1, &reg, NULL, &error),
		 -EINVAL);
	CHECK(strstr(error.what, "012 -> 0000"));
	buffer_done(&buf);
}

TEST(an_unknown_dependency_comes_with_the_nearest_name)
{
	static const struct fault fault = {
		"{\"services\":[{\"name\":\"wizard\",\"port\":1},\n"
		"{\"name\":\"api\",\"depends_on\":[\"wizard\",^\"wizzard\"]}]}",
		"services[1].depends_on[1]",
		"\"api\" depends on \"wizzard\"",
		"\"wizard\"",
	};

	check_fault(&fault);
}

TEST(columns_count_characters_and_lines_may_end_in_crlf)
{
	static const struct fault faults[] = {
		{ "{\"services\":[{\"name\":\"a\",\"description\":\"größe "
		  "€😀\",\"port\":^0}]}",
		  "services[0].port", "port 0", NULL },
		{ "{\r\n\"services\":\r\n[{\"name\":\"a\",\r\n\t\"port\":^0}]}",
		  "services[0].port", "port 0", NULL },
		{ "\xef\xbb\xbf{\"services\":[{\"name\":\"a\",\"port\":^0}]}",
		  "services[0].port", "port 0", NULL },
	};

	check_faults(faults, COUNT(faults));
}

/* Brackets, quotes, escapes and numbers that only look like structure. */
TEST(places_are_found_behind_misleading_text)
{
	static const struct fault faults[] = {
		{ "{\"x\":[\"]}\",\"\\\"[{\",{\"}\":\"\\\\\"}],\"y\":{},\"z\":[],\"w\":-"
		  "1.5e+3,"
		  "\"v\":null,\n\"services\":[{\"q\":[[],[[]],{}],\"name\":\"a\","
		  "\"port\":^0}]}",
		  "services[0].port", "port 0", NULL },
		{ "{\"services\":[{\"name\":\"a\",\"port\":1,\"x\":{\"services\":[0,0]}},"
		  "\n"
		  "{\"name\":\"b\",\"port\":[{\"port\":2},{\"port\":3},{\"port\":^0}]}]}",
		  "services[1].port[2].port", "port 0", NULL },
		{ "{\"a\\\"b\":1,\"services\"\n:\n[\n{\n\"name\"\n:\n\"a\"\n,"
		  "\n\"port\"\n:\n^0\n}"
		  "\n]\n}",
		  "services[0].port", "port 0", NULL },
	};

	check_faults(faults, COUNT(faults));
}
