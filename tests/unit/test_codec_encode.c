// SPDX-License-Identifier: GPL-2.0-only
#include "json/codec.h"
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"
#include "base/time.h"

static const struct viewer root = { .uid = 0, .all = true };
static const struct viewer alice = { .uid = 1000 };
static const struct viewer bob = { .uid = 1001 };

#define NOON (1768651200ull * NS_PER_S) /* 2026-01-17T12:00:00Z */

static char *argv[] = { "python3", "-m", "http.server", "8767", NULL };

static struct process squatter(void)
{
	return (struct process){
		.info = {
			.id = { .pid = 4711, .start_ticks = 5 },
			.ppid = 1,
			.start_ns = NOON,
			.uid = 1000,
			.comm = "python3",
			.exe = "/usr/bin/python3.11",
			.cmdline = argv,
			.user = "alice",
			.cwd = "/home/alice",
			.cgroup = "/user.slice",
			.unit = "session-1.scope",
		},
		.status = -1,
	};
}

static struct endpoint at_port(uint16_t port)
{
	return (struct endpoint){ .netns = 4026531840,
				  .family = AF_INET,
				  .proto = IPPROTO_TCP,
				  .port = port,
				  .addr = { 127, 0, 0, 1 } };
}

static void check(struct doc *doc, const char *want)
{
	_cleanup_(freep) char *text = doc_print(doc, false, NULL);

	doc_free(doc);
	CHECK(text);
	CHECK_STR(text, want);
}

#define PROCESS_HEAD                                                                  \
	"{\"pid\":4711,\"ppid\":1,\"start_time\":\"2026-01-17T12:00:00.000000000Z\"," \
	"\"comm\":\"python3\",\"exe\":\"/usr/bin/python3.11\",\"cmdline\":"
#define PROCESS_TAIL                                                              \
	",\"uid\":1000,\"user\":\"alice\",\"cwd\":\"/home/alice\",\"cgroup\":\"/" \
	"user.slice\","                                                           \
	"\"unit\":\"session-1.scope\",\"container\":null}"
#define WORDS "[\"python3\",\"-m\",\"http.server\",\"8767\"]"

TEST(a_process_has_the_members_of_the_contract_in_order)
{
	struct process p = squatter();

	check(codec_encode_process(&p, &root), PROCESS_HEAD WORDS PROCESS_TAIL);
}

TEST(what_is_unknown_of_a_process_is_null)
{
	struct process p = { .info.id.pid = 7, .info.uid = (uid_t)-1 };

	check(codec_encode_process(&p, &root),
	      "{\"pid\":7,\"ppid\":null,\"start_time\":null,\"comm\":null,\"exe\":null,"
	      "\"cmdline\":null,\"uid\":null,\"user\":null,\"cwd\":null,\"cgroup\":null,"
	      "\"unit\":null,\"container\":null}");
	check(codec_encode_process(NULL, &root), "null");
}

TEST(a_command_line_is_for_root_the_group_and_its_owner)
{
	struct process p = squatter();

	check(codec_encode_process(&p, &alice), PROCESS_HEAD WORDS PROCESS_TAIL);
	check(codec_encode_process(&p, &bob), PROCESS_HEAD "null" PROCESS_TAIL);
	check(codec_encode_process(&p, NULL), PROCESS_HEAD "null" PROCESS_TAIL);
}

TEST(a_process_of_unknown_user_is_nobodys)
{
	const struct viewer unknown = { .uid = (uid_t)-1 };
	struct process p = squatter();
	_cleanup_(doc_freep) struct doc *doc = NULL;

	p.info.uid = (uid_t)-1;
	doc = codec_encode_process(&p, &unknown);
	CHECK_EQ(doc_type(doc_get(doc, "cmdline")), DOC_NULL);
}

static struct alert occupied(struct process *found)
{
	struct alert alert = {
		.id = 3,
		.severity = SEVERITY_CRITICAL,
		.firing = true,
		.since_ns = NOON,
		.latency_us = 42,
		.v = {
			.kind = ALERT_OCCUPIED,
			.service = "goblin",
			.found = found,
			.expected = "goblin",
			.message = "Port 8767 (tcp) belongs to goblin but python3 (pid 4711, "
				   "user alice) holds it: python3 -m http.server 8767",
			.fix = "portwatch kill :8767",
		},
	};

	alert.v.at = at_port(8767);
	return alert;
}

#define ALERT_HEAD                                                                      \
	"{\"id\":3,\"kind\":\"occupied\",\"severity\":\"critical\",\"state\":"          \
	"\"firing\","                                                                   \
	"\"service\":\"goblin\",\"port\":8767,\"proto\":\"tcp\",\"address\":\"127.0.0." \
	"1\","                                                                          \
	"\"netns\":4026531840,\"since\":\"2026-01-17T12:00:00.000000000Z\","            \
	"\"resolved_at\":null,\"latency_us\":42,\"expected\":\"goblin\",\"found\":"
#define ALERT_MESSAGE                                                                   \
	",\"holder\":null,\"message\":\"Port 8767 (tcp) belongs to goblin but python3 " \
	"(pid 4711, user alice) holds it"
#define ALERT_TAIL "\",\"fix\":\"portwatch kill :8767\",\"repeats\":0}"

TEST(an_alert_has_the_members_of_the_contract_in_order)
{
	struct process p = squatter();
	struct alert alert = occupied(&p);

	check(codec_encode_alert(&alert, &root),
	      ALERT_HEAD PROCESS_HEAD WORDS PROCESS_TAIL ALERT_MESSAGE
	      ": python3 -m http.server 8767" ALERT_TAIL);
}

TEST(the_message_of_an_alert_does_not_tell_what_cmdline_hides)
{
	struct process p = squatter();
	struct alert alert = occupied(&p);

	check(codec_encode_alert(&alert, &bob),
	      ALERT_HEAD PROCESS_HEAD "null" PROCESS_TAIL ALERT_MESSAGE ALERT_TAIL);
}

TEST(redacting_gives_what_encoding_for_the_viewer_gives)
{
	struct process p = squatter();
	struct alert alert = occupied(&p);
	struct event event = { .type = EVENT_ALERT_FIRING,
			       .source = SOURCE_KERNEL,
			       .seq = 1,
			       .wall_ns = NOON,
			       .alert = &alert };
	const struct viewer *const viewers[] = { &root, &alice, &bob };

	for (size_t i = 0; i < 3; i++) {
		_cleanup_(doc_freep) struct doc *want =
			codec_encode_event(&event, viewers[i]);
		_cleanup_(freep) char *text = doc_print(want, false, NULL);
		struct doc *all = codec_encode_event(&event, &root);

		codec_redact(all, viewers[i]);
		check(all, text);
	}
}

TEST(words_are_cut_off_a_message_wherever_it_was_cut)
{
	static const struct {
		const char *message, *cut;
	} rows[] = {
		{ "x holds it: python3 -m http.server 8767", "x holds it" },
		{ "x holds it: python3 -m htt…", "x holds it" },
		{ "x holds it: python3 -m htt", "x holds it" },
		{ "x holds it: python3…", "x holds it" },
		{ "x holds it: py", "x holds it" },
		{ "lost its process: python3 (pid 7) has gone: python3 -m http.server "
		  "8767",
		  "lost its process: python3 (pid 7) has gone" },
		{ "x holds it: python3 -c other words", "x holds it" },
		{ "x holds it", "x holds it" },
		{ "could not bind: nothing holds it",
		  "could not bind: nothing holds it" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct process p = squatter();
		struct alert alert = occupied(&p);
		_cleanup_(doc_freep) struct doc *doc = NULL;

		snprintf(alert.v.message, sizeof(alert.v.message), "%s", rows[i].message);
		doc = codec_encode_alert(&alert, &bob);
		CHECK_STR(doc_get_string(doc, "message"), rows[i].cut);
	}
}

static struct socket listener(struct process *owner)
{
	return (struct socket){ .cookie = 9007199254740993,
				.at = at_port(8767),
				.state = SOCKET_LISTENING,
				.flags = SOCKET_REUSEADDR,
				.source = SOURCE_KERNEL,
				.since_ns = NOON,
				.owner = owner,
				.uid = 1000 };
}

TEST(a_row_of_ls_has_everything_where_nothing_is_chosen)
{
	struct process p = squatter();
	struct socket sock = listener(&p);

	check(codec_encode_socket(&sock, "goblin", NOON + 90 * NS_PER_S, NULL, &bob),
	      "{\"cookie\":\"9007199254740993\",\"proto\":\"tcp\",\"address\":\"127.0.0."
	      "1\","
	      "\"port\":8767,\"netns\":4026531840,\"state\":\"listening\","
	      "\"reuseport\":false,\"reuseaddr\":true,\"v6only\":false,\"mptcp\":false,"
	      "\"scope\":\"loopback\",\"since\":\"2026-01-17T12:00:00.000000000Z\","
	      "\"age_s\":90,\"source\":\"kernel\",\"process\":" PROCESS_HEAD
	      "null" PROCESS_TAIL ",\"holders\":[" PROCESS_HEAD "null" PROCESS_TAIL
	      "],\"service\":\"goblin\",\"unit\":\"session-1.scope\",\"container\":null,"
	      "\"user\":\"alice\",\"uid\":1000,\"pid\":4711,\"comm\":\"python3\"}");
}

TEST(a_row_of_ls_has_only_what_is_chosen)
{
	struct process p = squatter();
	struct socket sock = listener(&p);

	check(codec_encode_socket(&sock, NULL, NOON,
				  (const char *[]){ "service", "port", "nonsense", NULL },
				  &bob),
	      "{\"port\":8767,\"service\":null}");
	check(codec_encode_socket(&sock, NULL, NOON, (const char *[]){ NULL }, &bob),
	      "{}");
}

TEST(a_socket_without_owner_is_encoded)
{
	struct socket sock = listener(NULL);

	sock.since_ns = 0;
	sock.at.netns = 0;
	check(codec_encode_socket(&sock, NULL, NOON,
				  (const char *[]){ "process", "holders", "user", "uid",
						    "unit", "since", "age_s", "netns",
						    NULL },
				  &root),
	      "{\"netns\":null,\"since\":null,\"age_s\":null,\"process\":null,"
	      "\"holders\":[],\"unit\":null,\"user\":null,\"uid\":1000}");
}

TEST(other_holders_come_after_the_owner)
{
	struct process owner = squatter(), child = squatter();
	struct process *holders[] = { &owner, &child };
	struct socket sock = listener(&owner);
	_cleanup_(doc_freep) struct doc *doc = NULL;
	const struct doc *list;

	child.info.id.pid = 4712;
	sock.holders = holders;
	sock.n_holders = 2;
	doc = codec_encode_socket(&sock, NULL, NOON, (const char *[]){ "holders", NULL },
				  &root);
	list = doc_get(doc, "holders");
	CHECK_EQ(doc_count(list), 2);
	CHECK_EQ(doc_get_int(doc_first(list), "pid", 0), 4711);
	CHECK_EQ(doc_get_int(doc_next(doc_first(list)), "pid", 0), 4712);
}

#define EVENT_HEAD(type, source)                                                        \
	"{\"schema\":\"portwatch.event/v1\",\"seq\":7,\"time\":"                        \
	"\"2026-01-17T12:00:00.000000001Z\",\"type\":\"" type "\",\"source\":\"" source \
	"\""

static struct event event_of(enum event_type type, enum source source)
{
	return (struct event){
		.type = type, .source = source, .seq = 7, .wall_ns = NOON + 1
	};
}

#define SOCKET_EVENT                                                                    \
	",\"cookie\":\"9007199254740993\",\"proto\":\"tcp\",\"address\":\"127.0.0.1\"," \
	"\"port\":8767,\"netns\":4026531840,\"process\":null,\"service\":\"goblin\","   \
	"\"reuseport\":false,\"reuseaddr\":true,\"v6only\":false"

TEST(events_of_sockets_say_what_the_contract_names)
{
	struct socket sock = listener(NULL);
	struct event event = event_of(EVENT_SOCKET_BOUND, SOURCE_SNAPSHOT);

	event.socket = &sock;
	event.service = "goblin";
	check(codec_encode_event(&event, &root),
	      EVENT_HEAD("socket.bound", "snapshot") SOCKET_EVENT "}");

	event = event_of(EVENT_SOCKET_RELEASED, SOURCE_KERNEL);
	event.socket = &sock;
	event.service = "goblin";
	event.cause = RELEASE_EXIT;
	event.lifetime_ns = 1500 * NS_PER_MS + 7;
	check(codec_encode_event(&event, &root),
	      EVENT_HEAD("socket.released", "kernel") SOCKET_EVENT
	      ",\"cause\":\"exit\",\"lifetime_s\":1.5}");
}

TEST(a_failed_bind_names_its_errno_and_who_stands_in_the_way)
{
	struct process p = squatter();
	struct socket sock = listener(NULL), holder = listener(&p);
	const struct socket *holders[] = { &holder };
	struct event event = event_of(EVENT_SOCKET_BIND_FAILED, SOURCE_KERNEL);

	event.socket = &sock;
	event.service = "goblin";
	event.error = -EADDRINUSE;
	event.inferred = true;
	event.holders = holders;
	event.n_holders = 1;
	check(codec_encode_event(&event, &alice),
	      EVENT_HEAD("socket.bind_failed", "kernel") SOCKET_EVENT
	      ",\"errno\":\"EADDRINUSE\",\"inferred\":true,\"holders\":[" PROCESS_HEAD
		      WORDS
	      ",\"uid\":1000,\"user\":\"alice\",\"cwd\":\"/home/alice\",\"cgroup\":"
	      "\"/"
	      "user.slice\",\"unit\":\"session-1.scope\",\"container\":null,\"socket\":"
	      "{\"cookie\":\"9007199254740993\",\"proto\":\"tcp\",\"address\":\"127.0.0."
	      "1\","
	      "\"port\":8767,\"netns\":4026531840,\"state\":\"listening\"}}]}");
}

TEST(an_exit_has_a_code_or_a_signal)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{ 3 << 8, "\"exit_code\":3}" },
		{ SIGKILL, "\"signal\":\"SIGKILL\"}" },
		{ SIGSEGV | 0x80, "\"signal\":\"SIGSEGV\"}" },
		{ 40, "\"signal\":\"SIG40\"}" },
		{ -1, "\"exit_code\":null}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct process p = squatter();
		struct event event = event_of(EVENT_PROCESS_EXITED, SOURCE_KERNEL);
		_cleanup_(doc_freep) struct doc *doc = NULL;
		_cleanup_(freep) char *text = NULL;

		p.exited = true;
		p.status = rows[i].status;
		event.process = &p;
		doc = codec_encode_event(&event, &root);
		text = doc_print(doc, false, NULL);
		CHECK_STR(text + strlen(text) - strlen(rows[i].text), rows[i].text);
	}
}

TEST(the_other_events_carry_their_subject)
{
	struct allocation alloc = { .port = 8000,
				    .proto = IPPROTO_TCP,
				    .service_name = "grace",
				    .allocated_ns = NOON };
	struct event event = event_of(EVENT_ALLOCATION_CREATED, SOURCE_DAEMON);

	event.allocation = &alloc;
	check(codec_encode_event(&event, &root),
	      EVENT_HEAD("allocation.created",
			 "daemon") ",\"allocation\":{\"port\":8000,"
				   "\"service_name\":\"grace\",\"started_by\":null,"
				   "\"purpose\":null,\"pid\":null,"
				   "\"allocated_at\":\"2026-01-17T12:00:00.000000000Z\","
				   "\"health_status\":null,"
				   "\"request_count\":0,\"error_count\":0,\"proto\":"
				   "\"tcp\",\"claimed_at\":null,\"expires_at\":null,"
				   "\"start_ticks\":null}}");

	event = event_of(EVENT_SERVICE_STOPPED, SOURCE_DAEMON);
	event.service = "goblin";
	event.reason = "its process has gone";
	check(codec_encode_event(&event, &root),
	      EVENT_HEAD("service.stopped", "daemon") ",\"service\":\"goblin\","
						      "\"process\":null,\"reason\":"
						      "\"its process has gone\"}");

	event = event_of(EVENT_KERNEL_LOST, SOURCE_DAEMON);
	event.count = 17;
	check(codec_encode_event(&event, &root),
	      EVENT_HEAD("kernel.lost", "daemon") ",\"count\":17,\"reason\":null}");
}

static struct registry *decode(const char *text)
{
	struct registry *reg = NULL;
	struct decode_error error;

	if (codec_decode_registry(text, strlen(text), 1, &reg, NULL, &error) < 0)
		test_fail(__FILE__, __LINE__, "%s: %s\n%s", error.path, error.what, text);
	return reg;
}

/* The services and settings of @reg as a registry document. */
static char *encode(const struct registry *reg)
{
	_cleanup_(doc_freep) struct doc *doc = doc_object();
	struct doc *services = doc_array();

	doc_set(doc, "settings", codec_encode_settings(registry_get_settings(reg)));
	for (size_t i = 0; i < registry_count(reg); i++)
		doc_append(services, codec_encode_service(registry_service(reg, i)));
	doc_set(doc, "services", services);
	return doc_print(doc, true, NULL);
}

TEST(an_entry_is_encoded_with_its_defaults)
{
	_cleanup_(registry_freep) struct registry *reg =
		decode("{\"services\":[{\"name\":\"wizard\",\"port\":8765,\"process_"
		       "name\":\"python\","
		       "\"startup_cmd\":\"python -m wizard.server\"}]}");

	check(codec_encode_service(registry_service(reg, 0)),
	      "{\"name\":\"wizard\",\"port\":8765,\"proto\":\"tcp\",\"address\":null,"
	      "\"environment\":null,\"description\":null,\"enabled\":true,"
	      "\"process_name\":\"python\",\"match\":null,"
	      "\"startup_cmd\":\"python -m wizard.server\",\"working_dir\":null,"
	      "\"env\":null,\"env_file\":null,\"user\":null,\"depends_on\":{},"
	      "\"health_endpoint\":null,\"health\":null,\"restart\":\"no\","
	      "\"backoff\":{\"initial\":\"500ms\",\"factor\":2,\"max\":\"30s\","
	      "\"reset_after\":\"30s\"},\"restart_limit\":{\"count\":5,\"interval\":"
	      "\"10s\"},"
	      "\"stop\":{\"signal\":\"TERM\",\"grace\":\"10s\"},\"on_conflict\":\"fail\","
	      "\"tags\":null,\"netns\":null}");
}

TEST(what_is_encoded_decodes_to_the_same)
{
	static const char *const texts[] = {
		"{}",
		"{\"settings\":{\"http\":{\"listen\":\"127.0.0.1:1\",\"read_only\":true},"
		"\"unregistered\":\"all\",\"history\":{\"retain\":\"90m\"},\"restart\":"
		"\"always\","
		"\"health\":{\"interval\":\"1500ms\"},\"stop\":{\"signal\":40,\"grace\":"
		"0}},"
		"\"services\":[{\"name\":\"a\",\"port\":[{\"name\":\"x\",\"port\":1},"
		"{\"port\":2,\"proto\":\"udp\",\"address\":\"::1\"}],"
		"\"startup_cmd\":[\"sh\",\"-c\",\"a "
		"b\"],\"env\":{\"A\":\"\",\"B\":\"x=y\"},"
		"\"match\":{\"cmdline\":[\"-m\",\"x y\"],\"user\":0},\"tags\":[\"t\"],"
		"\"depends_on\":{\"b\":{\"condition\":\"service_healthy\"}},"
		"\"health\":{\"exec\":[\"true\"]},\"netns\":\"n\",\"user\":5},"
		"{\"name\":\"b\",\"port\":\"dynamic\",\"startup_cmd\":\"b 'c d'\","
		"\"health_endpoint\":\"http://localhost/\",\"on_conflict\":\"kill\"},"
		"{\"name\":\"d\",\"port\":[{\"port\":3,\"address\":\"::1\"},4]},"
		"{\"name\":\"c\",\"port\":9,\"proto\":\"udp\",\"address\":\"10.0.0.1\"}]"
		"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_(registry_freep) struct registry *once = decode(texts[i]);
		_cleanup_(freep) char *first = encode(once);
		_cleanup_(registry_freep) struct registry *twice = decode(first);
		_cleanup_(freep) char *second = encode(twice);

		CHECK_STR(second, first);
	}
}

TEST(a_service_that_nobody_runs_is_stopped)
{
	_cleanup_(registry_freep) struct registry *reg = decode(
		"{\"services\":[{\"name\":\"a\",\"port\":8765,\"process_name\":\"p\","
		"\"environment\":\"dev\"},"
		"{\"name\":\"b\",\"enabled\":false,\"process_name\":\"p\","
		"\"port\":[{\"port\":1,\"address\":\"::1\",\"proto\":\"udp\"},2]}]}");
	_cleanup_(processes_freep) struct processes *procs = NULL;
	_cleanup_(sockets_freep) struct sockets *sockets = NULL;
	struct service_state states[2] = { 0 };
	struct world world = { .registry = reg, .services = states };

	CHECK_EQ(processes_new(8, &procs), 0);
	CHECK_EQ(sockets_new(8, procs, &sockets), 0);
	world.sockets = sockets;
	for (size_t i = 0; i < 2; i++)
		states[i].service = registry_service(reg, i);
	check(codec_encode_service_status(&world, registry_service(reg, 0), NULL, NOON,
					  &root),
	      "{\"name\":\"a\",\"port\":8765,\"ports\":[{\"name\":null,\"port\":8765,"
	      "\"proto\":\"tcp\",\"address\":null}],\"proto\":\"tcp\",\"address\":null,"
	      "\"environment\":\"dev\",\"description\":null,\"status\":\"stopped\","
	      "\"enabled\":true,\"pid\":null,\"process\":null,\"health\":null,"
	      "\"health_endpoint\":null,\"since\":null,\"uptime_s\":null,\"restarts\":0,"
	      "\"request_count\":null,\"error_count\":0,\"alerts\":[]}");
	check(codec_encode_service_status(&world, registry_service(reg, 1), NULL, NOON,
					  &root),
	      "{\"name\":\"b\",\"port\":1,\"ports\":[{\"name\":null,\"port\":1,"
	      "\"proto\":\"udp\",\"address\":\"::1\"},{\"name\":null,\"port\":2,"
	      "\"proto\":\"tcp\",\"address\":null}],\"proto\":\"udp\",\"address\":\"::"
	      "1\","
	      "\"environment\":null,\"description\":null,\"status\":\"disabled\","
	      "\"enabled\":false,\"pid\":null,\"process\":null,\"health\":null,"
	      "\"health_endpoint\":null,\"since\":null,\"uptime_s\":null,\"restarts\":0,"
	      "\"request_count\":null,\"error_count\":0,\"alerts\":[]}");
}

/* The table, the registry and the alerts as an engine would hold them. */
TEST(a_service_that_runs_shows_its_process)
{
	_cleanup_(registry_freep) struct registry *reg =
		decode("{\"services\":[{\"name\":\"a\",\"port\":8767,\"process_name\":"
		       "\"python\"}]}");
	_cleanup_(processes_freep) struct processes *procs = NULL;
	_cleanup_(sockets_freep) struct sockets *sockets = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	struct service_state state = { .service = registry_service(reg, 0),
				       .since_ns = NOON };
	struct world world = { .registry = reg,
			       .services = &state,
			       .own_netns = 4026531840 };
	struct process_info info = {
		.id = { 4711, 5 }, .start_ns = NOON, .uid = 1000, .comm = "python3"
	};
	struct process *p = NULL;
	struct socket sock;

	CHECK_EQ(processes_new(8, &procs), 0);
	CHECK_EQ(sockets_new(8, procs, &sockets), 0);
	CHECK_EQ(processes_intern(procs, &info, NULL, &p) < 0, 0);
	sock = listener(p);
	CHECK_EQ(sockets_put(sockets, &sock, NULL), 1);
	world.sockets = sockets;
	doc = codec_encode_service_status(&world, registry_service(reg, 0), NULL,
					  NOON + 5 * NS_PER_S, &root);
	CHECK_STR(doc_get_string(doc, "status"), "running");
	CHECK_EQ(doc_get_int(doc, "pid", 0), 4711);
	CHECK_EQ(doc_get_int(doc, "uptime_s", 0), 5);
	CHECK_STR(doc_get_string(doc, "since"), "2026-01-17T12:00:00.000000000Z");
	CHECK_STR(doc_get_string(doc_get(doc, "process"), "comm"), "python3");
	processes_unref(procs, p);
}

TEST(nothing_gives_null)
{
	check(codec_encode_alert(NULL, &root), "null");
	check(codec_encode_allocation(NULL), "null");
	check(codec_encode_event(NULL, &root), "null");
	check(codec_encode_service(NULL), "null");
	check(codec_encode_settings(NULL), "null");
	check(codec_encode_socket(NULL, NULL, 0, NULL, &root), "null");
	check(codec_encode_service_status(NULL, NULL, NULL, 0, &root), "null");
}

TEST(what_other_processes_are_called_becomes_utf8)
{
	struct process p = squatter();
	char *words[] = { "\xff\xfe", "caf\xc3\xa9", NULL };

	memcpy(p.info.comm, "\xc3(", 3);
	p.info.cmdline = words;
	p.info.exe = "/tmp/\x80";
	{
		_cleanup_(doc_freep) struct doc *doc = codec_encode_process(&p, &root);
		const struct doc *cmdline = doc_get(doc, "cmdline");

		CHECK_STR(doc_get_string(doc, "comm"), "\xef\xbf\xbd(");
		CHECK_STR(doc_get_string(doc, "exe"), "/tmp/\xef\xbf\xbd");
		CHECK_STR(doc_string(doc_first(cmdline)), "\xef\xbf\xbd\xef\xbf\xbd");
		CHECK_STR(doc_string(doc_next(doc_first(cmdline))), "caf\xc3\xa9");
	}
}
