// SPDX-License-Identifier: GPL-2.0-only
#include "json/codec.h"
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"
#include "base/time.h"

/* The two documents of SPEC section 3, to the letter. */
static const char services_form[] =
	"{ \"timestamp\": \"2026-01-17T12:00:00\",\n"
	"  \"services\": [ { \"name\": \"wizard\", \"port\": 8765, \"environment\": "
	"\"production\",\n"
	"    \"process_name\": \"python\", \"description\": \"Always-on service "
	"layer\",\n"
	"    \"startup_cmd\": \"python -m wizard.server\",\n"
	"    \"health_endpoint\": \"http://localhost:8765/health\", \"enabled\": true } "
	"] }\n";
static const char allocations_form[] =
	"{ \"allocations\": { \"8000\": { \"port\": 8000, \"service_name\": "
	"\"grace_backend\",\n"
	"    \"started_by\": \"serve.py\", \"purpose\": \"Main Grace API server\", "
	"\"pid\": "
	"12345,\n"
	"    \"allocated_at\": \"2025-11-15T14:30:00Z\", \"health_status\": \"active\",\n"
	"    \"request_count\": 0, \"error_count\": 0 } } }\n";

static struct registry *decode_sized(const char *text, size_t size,
				     struct decode_warnings *warnings)
{
	struct registry *reg = NULL;
	struct decode_error error;

	if (codec_decode_registry(text, size, 1, &reg, warnings, &error) < 0)
		test_fail(__FILE__, __LINE__, "%u:%u: %s: %s (%s)", error.line,
			  error.column, error.path, error.what, error.remedy);
	return reg;
}

static struct registry *decode(const char *text, struct decode_warnings *warnings)
{
	return decode_sized(text, strlen(text), warnings);
}

/* A document with one service, and that service. */
static const struct service *decode_entry(const char *entry, struct registry **ret)
{
	char text[4096];

	snprintf(text, sizeof(text), "{\"services\":[{\"name\":\"a\",%s}]}", entry);
	*ret = decode(text, NULL);
	return registry_service(*ret, 0);
}

TEST(the_services_form_is_read_as_it_stands)
{
	struct decode_warnings warnings = { 0 };
	_cleanup_(registry_freep) struct registry *reg = decode(services_form, &warnings);
	const struct service *svc = registry_find(reg, "wizard");

	CHECK_EQ(warnings.count, 0);
	CHECK_EQ(registry_count(reg), 1);
	CHECK_EQ(registry_generation(reg), 1);
	CHECK_EQ(svc->n_claims, 1);
	CHECK_EQ(svc->claims[0].at.port, 8765);
	CHECK_EQ(svc->claims[0].at.proto, IPPROTO_TCP);
	CHECK(svc->claims[0].any_address && !svc->dynamic && svc->enabled);
	CHECK_STR(svc->environment, "production");
	CHECK_STR(svc->description, "Always-on service layer");
	CHECK_STR(svc->startup_cmd, "python -m wizard.server");
	CHECK_STR(svc->startup_argv[2], "wizard.server");
	CHECK(svc->match.derived);
	CHECK_STR(svc->match.process_name, "python");
	CHECK_STR(svc->match.cmdline[0], "-m");
	CHECK_STR(svc->health_endpoint, "http://localhost:8765/health");
	CHECK_STR(svc->health.http, "http://localhost:8765/health");
	CHECK_EQ(svc->health.interval_ms, 30000);
	CHECK_EQ(svc->restart.policy, RESTART_NO);
	CHECK_EQ(svc->stop.signal, SIGTERM);
	CHECK_EQ(registry_get_settings(reg)->port_low, 8000);
}

TEST(the_allocations_form_is_read_as_it_stands)
{
	struct decode_warnings warnings = { 0 };
	_cleanup_(registry_freep) struct registry *reg =
		decode(allocations_form, &warnings);
	const struct allocation *alloc = registry_allocation_at(reg, IPPROTO_TCP, 8000);

	CHECK_EQ(warnings.count, 0);
	CHECK_EQ(registry_count(reg), 0);
	CHECK_EQ(registry_count_allocations(reg), 1);
	CHECK_STR(alloc->service_name, "grace_backend");
	CHECK_STR(alloc->started_by, "serve.py");
	CHECK_STR(alloc->purpose, "Main Grace API server");
	CHECK_STR(alloc->health_status, "active");
	CHECK_EQ(alloc->process.pid, 12345);
	CHECK_EQ(alloc->allocated_ns, 1763217000 * NS_PER_S);
	CHECK_EQ(alloc->expires_ns, 0);
}

TEST(both_forms_go_into_one_document)
{
	_cleanup_(registry_freep) struct registry *reg =
		decode("\xef\xbb\xbf{\"allocations\":{\"9000\":{\"service_name\":\"x\"},"
		       "\"9000/udp\":{\"service_name\":\"x\",\"pid\":null,"
		       "\"request_count\":null,\"start_ticks\":77,"
		       "\"expires_at\":\"2030-01-01T00:00:00Z\"}},"
		       "\"services\":[{\"name\":\"a\",\"port\":1}],\"settings\":{}}",
		       NULL);

	CHECK_EQ(registry_count(reg), 1);
	CHECK_EQ(registry_count_allocations(reg), 2);
	CHECK_EQ(registry_allocation(reg, 1)->proto, IPPROTO_UDP);
	CHECK_EQ(registry_allocation(reg, 1)->process.start_ticks, 77);
	CHECK_EQ(registry_allocation(reg, 1)->expires_ns, 1893456000 * NS_PER_S);
}

TEST(an_empty_document_is_an_empty_registry)
{
	_cleanup_(registry_freep) struct registry *reg = decode(" { } \n", NULL);

	CHECK_EQ(registry_count(reg), 0);
}

TEST(null_means_not_given)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	const struct service *svc = decode_entry(
		"\"port\":null,\"proto\":null,\"address\":null,\"environment\":null,"
		"\"description\":null,\"enabled\":null,\"process_name\":null,"
		"\"match\":null,\"startup_cmd\":null,\"working_dir\":null,\"env\":null,"
		"\"env_file\":null,\"user\":null,\"depends_on\":null,"
		"\"health_endpoint\":null,\"health\":null,\"restart\":null,"
		"\"backoff\":null,\"restart_limit\":null,\"stop\":null,"
		"\"on_conflict\":null,\"tags\":null,\"netns\":null",
		&reg);

	CHECK(svc->dynamic && svc->enabled && svc->n_claims == 0);
	CHECK(!svc->description && !svc->health.http);
	CHECK(!service_can_recognise(svc));
}

TEST(every_field_of_a_service_arrives)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	const struct service *svc = decode_entry(
		"\"port\":53,\"proto\":\"udp\",\"address\":\"127.0.0.1\",\"enabled\":"
		"false,"
		"\"match\":{\"process_name\":\"p\",\"exe\":\"/"
		"e\",\"cmdline\":[\"-m\",\"x y\"],"
		"\"user\":1000,\"unit\":\"u.service\",\"cgroup\":\"/c\"},"
		"\"startup_cmd\":[\"/bin/sh\",\"-c\",\"echo "
		"it's\"],\"working_dir\":\"/w\","
		"\"env\":{\"A\":\"x=y\",\"N\":5,\"B\":true},\"env_file\":\"/f\","
		"\"user\":\"www\",\"on_conflict\":\"next_free\",\"tags\":[\"t\",\"u\"],"
		"\"netns\":\"blue\",\"restart\":\"on_failure\","
		"\"backoff\":{\"initial\":\"250ms\",\"factor\":1.5,\"max\":\"1m30s\","
		"\"reset_after\":60},\"restart_limit\":{\"count\":7,\"interval\":\"1h\"},"
		"\"stop\":{\"signal\":\"sigint\",\"grace\":2.5},"
		"\"health\":{\"tcp\":\"[::1]:53\",\"interval\":5,\"timeout\":\"1s\","
		"\"failure_threshold\":2,\"success_threshold\":4,\"start_period\":0}",
		&reg);

	CHECK_EQ(svc->claims[0].at.proto, IPPROTO_UDP);
	CHECK(!svc->claims[0].any_address && !svc->enabled && !svc->match.derived);
	CHECK_EQ(svc->claims[0].at.addr[0], 127);
	CHECK_STR(svc->match.process_name, "p");
	CHECK_STR(svc->match.exe, "/e");
	CHECK_STR(svc->match.cmdline[1], "x y");
	CHECK_STR(svc->match.user, "1000");
	CHECK_STR(svc->match.unit, "u.service");
	CHECK_STR(svc->match.cgroup, "/c");
	CHECK_STR(svc->startup_cmd, "/bin/sh -c 'echo it'\\''s'");
	CHECK_STR(svc->startup_argv[2], "echo it's");
	CHECK_STR(svc->working_dir, "/w");
	CHECK_STR(svc->env[0], "A=x=y");
	CHECK_STR(svc->env[1], "N=5");
	CHECK_STR(svc->env[2], "B=true");
	CHECK_STR(svc->env_file, "/f");
	CHECK_STR(svc->user, "www");
	CHECK_EQ(svc->on_conflict, ON_CONFLICT_NEXT_FREE);
	CHECK_STR(svc->tags[1], "u");
	CHECK_STR(svc->netns, "blue");
	CHECK_EQ(svc->restart.policy, RESTART_ON_FAILURE);
	CHECK_EQ(svc->restart.backoff_initial_ms, 250);
	CHECK(svc->restart.backoff_factor == 1.5);
	CHECK_EQ(svc->restart.backoff_max_ms, 90000);
	CHECK_EQ(svc->restart.backoff_reset_ms, 60000);
	CHECK_EQ(svc->restart.limit_count, 7);
	CHECK_EQ(svc->restart.limit_interval_ms, 3600000);
	CHECK_EQ(svc->stop.signal, SIGINT);
	CHECK_EQ(svc->stop.grace_ms, 2500);
	CHECK_STR(svc->health.tcp, "[::1]:53");
	CHECK_EQ(svc->health.interval_ms, 5000);
	CHECK_EQ(svc->health.timeout_ms, 1000);
	CHECK_EQ(svc->health.failure_threshold, 2);
	CHECK_EQ(svc->health.success_threshold, 4);
	CHECK_EQ(svc->health.start_period_ms, 0);
}

TEST(settings_are_read_and_are_the_defaults_of_services)
{
	_cleanup_(registry_freep) struct registry *reg = decode(
		"{\"services\":[{\"name\":\"a\",\"port\":1},{\"name\":\"b\",\"port\":2,"
		"\"restart\":\"no\",\"health\":{\"interval\":1}}],"
		"\"settings\":{\"port_range\":\"9000-9010\",\"env_prefix\":\"UDOS\","
		"\"unregistered\":\"public\",\"http\":{\"listen\":\"[::1]:8321\","
		"\"token_file\":\"/t\",\"read_only\":true},"
		"\"history\":{\"retain\":\"7d\"},\"sinks\":[{\"stdout\":{}}],"
		"\"health\":{\"interval\":9,\"failure_threshold\":8},"
		"\"restart\":\"always\",\"backoff\":{\"initial\":1},"
		"\"restart_limit\":{\"count\":9},\"stop\":{\"signal\":9}}}",
		NULL);
	const struct settings *settings = registry_get_settings(reg);
	const struct service *a = registry_find(reg, "a"), *b = registry_find(reg, "b");

	CHECK_EQ(settings->port_low, 9000);
	CHECK_EQ(settings->port_high, 9010);
	CHECK_STR(settings->env_prefix, "UDOS");
	CHECK_EQ(settings->unregistered, UNREGISTERED_PUBLIC);
	CHECK_STR(settings->http_listen, "[::1]:8321");
	CHECK_STR(settings->http_token_file, "/t");
	CHECK(settings->http_read_only);
	CHECK_EQ(settings->history_retain_ms, 7 * 86400000);
	CHECK_EQ(a->health.interval_ms, 9000);
	CHECK_EQ(a->health.failure_threshold, 8);
	CHECK_EQ(b->health.interval_ms, 1000);
	CHECK_EQ(b->health.failure_threshold, 8);
	CHECK_EQ(a->restart.policy, RESTART_ALWAYS);
	CHECK_EQ(b->restart.policy, RESTART_NO);
	CHECK_EQ(b->restart.backoff_initial_ms, 1000);
	CHECK_EQ(a->restart.limit_count, 9);
	CHECK_EQ(a->stop.signal, SIGKILL);
}

TEST(a_service_may_own_several_ports)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	const struct service *svc =
		decode_entry("\"port\":[{\"name\":\"http\",\"port\":80},8080,"
			     "{\"port\":53,\"proto\":\"udp\",\"address\":\"::1\"},"
			     "{\"port\":80,\"address\":\"*\",\"proto\":\"udp\"},443],"
			     "\"address\":\"127.0.0.1\"",
			     &reg);

	CHECK_EQ(svc->n_claims, 5);
	CHECK_STR(svc->claims[0].name, "http");
	CHECK(!svc->claims[1].name && !svc->claims[1].any_address);
	CHECK_EQ(svc->claims[1].at.family, AF_INET);
	CHECK_EQ(svc->claims[2].at.family, AF_INET6);
	CHECK_EQ(svc->claims[2].at.proto, IPPROTO_UDP);
	CHECK(svc->claims[3].any_address);
	CHECK_EQ(svc->claims[4].at.proto, IPPROTO_TCP);
	CHECK_EQ(svc->claims[4].at.addr[0], 127);
}

TEST(depends_on_has_two_forms)
{
	_cleanup_(registry_freep) struct registry *reg =
		decode("{\"services\":[{\"name\":\"a\",\"port\":1,\"depends_on\":"
		       "{\"b\":{\"condition\":\"service_healthy\"},\"c\":{},\"d\":null}},"
		       "{\"name\":\"b\",\"port\":2,\"depends_on\":[\"c\",\"d\"]},"
		       "{\"name\":\"c\",\"port\":3,\"depends_on\":{\"d\":"
		       "{\"condition\":\"service_completed_successfully\"}}},"
		       "{\"name\":\"d\",\"port\":4}]}",
		       NULL);
	const struct service *a = registry_find(reg, "a");

	CHECK_EQ(a->n_depends_on, 3);
	CHECK_STR(a->depends_on[0].name, "b");
	CHECK_EQ(a->depends_on[0].condition, DEPENDS_HEALTHY);
	CHECK_EQ(a->depends_on[2].condition, DEPENDS_STARTED);
	CHECK_STR(registry_find(reg, "b")->depends_on[1].name, "d");
	CHECK_EQ(registry_find(reg, "c")->depends_on[0].condition, DEPENDS_COMPLETED);
}

TEST(match_stands_instead_of_process_name)
{
	struct decode_warnings warnings = { 0 };
	_cleanup_(registry_freep) struct registry *reg =
		decode("{\"services\":[{\"name\":\"a\",\"port\":1,\"process_name\":\"p\","
		       "\"startup_cmd\":\"p -x\",\"match\":{\"exe\":\"/e\"}}]}",
		       &warnings);
	const struct match *match = &registry_service(reg, 0)->match;

	CHECK(!match->derived && !match->process_name && !match->cmdline);
	CHECK_EQ(warnings.count, 1);
	CHECK(strstr(warnings.items[0], "process_name has no effect"));
	decode_warnings_done(&warnings);
}

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

TEST(faults_of_meaning_have_line_column_and_path)
{
	static const struct fault faults[] = {
		{ "{\n \"services\": ^{}\n}", "services", "list, not an object",
		  "allocations" },
		{ "{ \"services\": [\n  ^7 ] }", "services[0]", "an object, not a number",
		  NULL },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": 1 },\n"
		  "    { \"name\": \"b\",\n      \"port\": ^70000 } ] }",
		  "services[1].port", "port 70000 is out of range", "1 to 65535" },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^0 } ] }",
		  "services[0].port", "port 0", "dynamic" },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^-1 } ] }",
		  "services[0].port", "port -1 is out of range", NULL },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^80.5 } ] }",
		  "services[0].port", "80.5 is not a whole number", NULL },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^1e30 } ] }",
		  "services[0].port", "1e+30 is out of range", NULL },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^\"8000\" } ] }",
		  "services[0].port", "port \"8000\" is a string", "without quotes" },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^\"http\" } ] }",
		  "services[0].port", "\"port\" must be a number, \"dynamic\" or a list",
		  NULL },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^true } ] }",
		  "services[0].port", "not true", NULL },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": ^[] } ] }",
		  "services[0].port", "empty", "dynamic" },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": [1, ^{}] } ] }",
		  "services[0].port[1]", "port is missing", NULL },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": [1,\n^1] } ] }",
		  "services[0].port[1]", "listed twice", NULL },
		{ "{ \"services\": [ { \"name\": \"a\", \"port\": [{\"port\":^99999}] } "
		  "] "
		  "}",
		  "services[0].port[0].port", "99999", NULL },
		{ "{ \"services\": [ ^{ \"port\": 1 } ] }", "services[0]",
		  "name is missing", NULL },
		{ "{ \"services\": [ { \"name\": ^\"a b\" } ] }", "services[0].name",
		  "\"a b\" cannot be a name", "A-Z" },
		{ "{ \"services\": [ { \"name\": ^\"\" } ] }", "services[0].name",
		  "empty", NULL },
		{ "{ \"services\": [ { \"name\": ^5 } ] }", "services[0].name",
		  "\"name\" must be a string, not a number", NULL },
		{ "{ \"services\": [ {\"name\":\"a\",\"port\":1}, "
		  "{\"name\":\"b\",\"port\":1},\n"
		  " {\"port\":2,\"name\":^\"a\"} ] }",
		  "services[2].name", "services[0] has the name \"a\" already",
		  "unique" },
		{ "{ \"services\": [ {\"name\":\"a\",\"port\":1,^\"port\":2} ] }",
		  "services[0].port", "\"port\" stands twice", NULL },
		{ "{ \"x\": {\"y\": [ {\"z\":1,\n\"w\":2,^\"\\u007a\":3} ]} }",
		  "x.y[0].z", "\"z\" stands twice", NULL },
		{ "{ \"services\": [ {\"name\":\"a\",\"restart\":^\"sometimes\"} ] }",
		  "services[0].restart", "\"restart\" cannot be \"sometimes\"",
		  "no, on_failure, always" },
		{ "{ \"services\": [ {\"name\":\"a\",\"restart\":^false} ] }",
		  "services[0].restart", "one of no, on_failure, always, not false",
		  NULL },
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
		{ "{ \"settings\": { \"port_range\": ^\"9000-8000\" } }",
		  "settings.port_range", "ends before it begins", NULL },
		{ "{ \"settings\": { \"port_range\": ^8000 } }", "settings.port_range",
		  "8000-8100", NULL },
		{ "{ \"settings\": { \"env_prefix\": ^\"A-B\" } }", "settings.env_prefix",
		  "variable", NULL },
		{ "{ \"settings\": { \"http\": {\"listen\": ^\"0.0.0.0:80\"} } }",
		  "settings.http.listen", "loopback only", NULL },
		{ "{ \"settings\": { \"sinks\": [^1] } }", "settings.sinks[0]", "object",
		  NULL },
		{ "{ \"settings\": ^[] }", "settings", "object, not a list", NULL },
		{ "{ \"allocations\": ^[] }", "allocations", "object of ports", NULL },
		{ "{ \"allocations\": { ^\"x\": {} } }", "allocations.x", "no port",
		  "8000/udp" },
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

static char *make_document(size_t n, const char *extra, size_t bad, size_t *ret_size)
{
	struct buffer buf = { 0 };

	buffer_puts(&buf, "{ \"services\": [\n");
	for (size_t i = 0; i < n; i++)
		buffer_printf(&buf,
			      "  { \"name\": \"service-%zu\", \"port\": %zu, "
			      "\"process_name\": \"python\",\n"
			      "    \"startup_cmd\": \"python -m module_%zu.server\", "
			      "\"environment\": \"production\"%s }%s\n",
			      i, i == bad ? 70000 : i % 65535 + 1, i, extra,
			      i + 1 < n ? "," : "");
	buffer_puts(&buf, "] }\n");
	*ret_size = buf.size;
	return buf.data;
}

TEST(the_limit_of_services_is_reached_and_not_passed)
{
	size_t size;
	_cleanup_(freep) char *full =
		make_document(REGISTRY_SERVICES_MAX, "", SIZE_MAX, &size);
	_cleanup_(registry_freep) struct registry *reg = decode_sized(full, size, NULL);
	_cleanup_(freep) char *over = NULL;
	struct decode_error error;

	CHECK_EQ(registry_count(reg), REGISTRY_SERVICES_MAX);
	CHECK(registry_find(reg, "service-65535"));
	over = make_document(REGISTRY_SERVICES_MAX + 1, "", SIZE_MAX, &size);
	CHECK_EQ(codec_decode_registry(over, size, 1, &reg, NULL, &error), -E2BIG);
	CHECK_STR(error.path, "services");
	CHECK(strstr(error.what, "65537 services"));
	CHECK_EQ(error.line, 1);
	CHECK_EQ(error.column, 15);
}

TEST(a_large_document_is_read_in_a_moment)
{
	size_t size;
	_cleanup_(freep) char *text =
		make_document(REGISTRY_SERVICES_MAX, "", SIZE_MAX, &size);
	struct decode_warnings warnings = { 0 };
	uint64_t start = now_mono_ns(), took;
	_cleanup_(registry_freep) struct registry *reg =
		decode_sized(text, size, &warnings);

	took = now_mono_ns() - start;
	printf("# %zu bytes in %ju ms\n", size, (uintmax_t)(took / NS_PER_MS));
	CHECK(took < 5 * NS_PER_S); /* with sanitizers, on a busy machine */
}

TEST(the_last_of_many_is_found)
{
	size_t size;
	_cleanup_(freep) char *text = make_document(REGISTRY_SERVICES_MAX, "",
						    REGISTRY_SERVICES_MAX - 1, &size);
	struct registry *reg = NULL;
	struct decode_error error;

	CHECK_EQ(codec_decode_registry(text, size, 1, &reg, NULL, &error), -EINVAL);
	CHECK_EQ(error.line, 131072);
	CHECK_EQ(error.column, 38);
	CHECK_STR(error.path, "services[65535].port");
}

TEST(sixteen_megabytes_are_the_limit)
{
	size_t size = 20 * 1024 * 1024;
	_cleanup_(freep) char *text = malloc(size);
	struct registry *reg = NULL;
	struct decode_error error;

	memset(text, ' ', size);
	memcpy(text, "{}", 2);
	CHECK_EQ(codec_decode_registry(text, size, 1, &reg, NULL, &error), -E2BIG);
	CHECK(strstr(error.what, "20971520 bytes"));
	CHECK(strstr(error.remedy, "16 MiB"));
	CHECK_EQ(codec_decode_registry(text, REGISTRY_BYTES_MAX, 1, &reg, NULL, &error),
		 0);
	registry_free(reg);
}

TEST(unknown_fields_are_warned_of_with_the_nearest_name)
{
	struct decode_warnings warnings = { 0 };
	_cleanup_(registry_freep) struct registry *reg = decode(
		"{ \"service\": 1, \"owner\": {\"x\":[]},\n"
		"  \"services\": [ {\"name\":\"a\",\"port\":1,\"process_name\":\"p\",\n"
		"    \"prot\":\"udp\", \"health\": {\"intervall\": 1}} ] }",
		&warnings);

	CHECK_EQ(warnings.count, 4);
	CHECK_STR(warnings.items[0],
		  "line 1, column 3: service: unknown field; did you mean \"services\"?");
	CHECK_STR(warnings.items[1],
		  "line 1, column 17: owner: unknown field; it is kept, "
		  "and has no effect");
	CHECK_STR(warnings.items[2], "line 3, column 5: services[0].prot: unknown field; "
				     "did you mean \"port\"?");
	CHECK_STR(warnings.items[3], "line 3, column 30: services[0].health.intervall: "
				     "unknown field; did you mean \"interval\"?");
	decode_warnings_done(&warnings);
	CHECK(reg);
}

TEST(what_is_legal_but_strange_is_warned_of)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{ "{\"services\":[{\"name\":\"a\",\"port\":1}]}",
		  "services[0]: nothing to recognise \"a\" by" },
		{ "{\"services\":[{\"name\":\"a\",\"process_name\":\"p\"}]}",
		  "no port is given" },
		{ "{\"services\":[{\"name\":\"a\",\"port\":1,\"startup_cmd\":\"cd x && "
		  "y\"}]}",
		  "\"&&\"" },
		{ "{\"services\":[{\"name\":\"a\",\"port\":1,\"process_name\":\"p\","
		  "\"health_endpoint\":\"http://a/\",\"health\":{\"tcp\":\"a:1\"}}]}",
		  "health_endpoint has no effect" },
		{ "{\"timestamp\":\"yesterday\"}", "timestamp: this is not a time" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct decode_warnings warnings = { 0 };
		_cleanup_(registry_freep) struct registry *reg =
			decode(rows[i].text, &warnings);

		if (warnings.count != 1 || !strstr(warnings.items[0], rows[i].part))
			test_fail(__FILE__, __LINE__, "%s: %zu warnings, %s",
				  rows[i].text, warnings.count,
				  warnings.count ? warnings.items[0] : "");
		decode_warnings_done(&warnings);
		CHECK(reg);
	}
}

TEST(warnings_are_bounded_and_the_rest_counted)
{
	size_t size;
	_cleanup_(freep) char *text = make_document(
		REGISTRY_SERVICES_MAX, ", \"colour\": \"red\"", SIZE_MAX, &size);
	struct decode_warnings warnings = { 0 };
	_cleanup_(registry_freep) struct registry *reg =
		decode_sized(text, size, &warnings);

	CHECK_EQ(warnings.count, 101);
	CHECK_STR(warnings.items[99], "line 201, column 79: services[99].colour: unknown "
				      "field; it is kept, and has no effect");
	CHECK_STR(warnings.items[100], "and 65436 more warnings");
	decode_warnings_done(&warnings);
}

TEST(an_object_with_very_many_names_is_checked_in_a_moment)
{
	struct buffer buf = { 0 };
	struct registry *reg = NULL;
	struct decode_error error;

	buffer_puts(&buf, "{\"x\":{");
	for (int i = 0; i < 300000; i++)
		buffer_printf(&buf, "\"%d\":0,\n", i);
	buffer_puts(&buf, "\"777\":0}}");
	CHECK_EQ(codec_decode_registry(buf.data, buf.size, 1, &reg, NULL, &error),
		 -EINVAL);
	CHECK_EQ(error.line, 300001);
	CHECK_STR(error.path, "x[\"777\"]");
	buffer_done(&buf);
}

TEST(deep_unknown_fields_are_kept_out_of_trouble)
{
	_cleanup_(freep) char *text = NULL;
	struct registry *reg = NULL;
	struct decode_error error;
	char open[256], shut[256];

	memset(open, '[', 255);
	memset(shut, ']', 255);
	CHECK(asprintf(&text, "{\"x\":%.255s%.255s}", open, shut) > 0);
	CHECK_EQ(codec_decode_registry(text, strlen(text), 1, &reg, NULL, &error), 0);
	registry_free(reg);
	freep(&text);
	CHECK(asprintf(&text, "{\"x\":%.254s{\"a\":1,\"a\":2}%.254s}", open, shut) > 0);
	CHECK_EQ(codec_decode_registry(text, strlen(text), 1, &reg, NULL, &error),
		 -EINVAL);
	CHECK(strstr(error.what, "stands twice"));
}
