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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
		"\"token_file\":\"/t\",\"read_only\":true,"
		"\"hosts\":[\"pw.example\",\"[::2]\"]},\"history\":{\"retain\":\"7d\"},"
		"\"sinks\":[{\"type\":\"stdout\"}],"
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
	CHECK_EQ(strv_length(settings->http_hosts), 2);
	CHECK_STR(settings->http_hosts[1], "[::2]");
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
