// SPDX-License-Identifier: GPL-2.0-only
#include "store/history.h"
#include "history_stage.h"

TEST(entries_are_read_newest_first_or_oldest_first)
{
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 100);
	stage_bind(&s, 8081, 200);
	stage_bind(&s, 8082, 300);
	stage_ask(&s, &(struct history_query){ .limit = 10 });
	stage_expect_ports(&s, (const int[]){ 8082, 8081, 8080, 0 });
	stage_ask(&s, &(struct history_query){ .limit = 2, .oldest_first = true });
	stage_expect_ports(&s, (const int[]){ 8081, 8082, 0 });
	stage_end(&s);
}

TEST(an_entry_tells_what_the_event_told)
{
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 0);
	stage_ask(&s, &(struct history_query){ .limit = 10 });
	CHECK_STR(stage_text(&s, 0, "type"), "socket.bound");
	CHECK_STR(stage_text(&s, 0, "source"), "kernel");
	CHECK_STR(stage_text(&s, 0, "address"), "127.0.0.1");
	CHECK_STR(stage_text(&s, 0, "proto"), "tcp");
	CHECK_STR(stage_text(&s, 0, "service"), "wizard");
	CHECK_STR(stage_text(&s, 0, "cookie"), "8080");
	CHECK_EQ(doc_get_int(stage_entry(&s, 0), "netns", 0), 7);
	CHECK_STR(stage_process(&s, 0, "process", "exe"), "/usr/bin/python3.11");
	CHECK_STR(stage_process(&s, 0, "process", "user"), "ann");
	CHECK_EQ(doc_get_int(doc_get(stage_entry(&s, 0), "process"), "pid", 0), 4711);
	CHECK_EQ(doc_count(doc_get(doc_get(stage_entry(&s, 0), "process"), "cmdline")),
		 3);
	stage_end(&s);
}

TEST(a_failure_names_the_error_and_the_holder)
{
	struct stage s;

	stage_begin(&s);
	stage_fail(&s, 8080, 0);
	stage_ask(&s, &(struct history_query){ .limit = 10 });
	CHECK_STR(stage_text(&s, 0, "errno"), "EADDRINUSE");
	CHECK_STR(stage_process(&s, 0, "process", "comm"), "python3");
	CHECK_STR(stage_process(&s, 0, "holder", "comm"), "nginx");
	CHECK_STR(stage_text(&s, 0, "text"), "EADDRINUSE, held by nginx (pid 12)");
	stage_end(&s);
}

TEST(a_release_tells_why_and_after_how_long)
{
	struct stage s;

	stage_begin(&s);
	stage_tell(&s,
		   (struct event){ .type = EVENT_SOCKET_RELEASED,
				   .cause = RELEASE_EXIT,
				   .lifetime_ns = 90 * NS_PER_S },
		   8080, 0);
	stage_ask(&s, &(struct history_query){ .limit = 10 });
	CHECK_STR(stage_text(&s, 0, "cause"), "exit");
	CHECK_EQ((int)doc_number(doc_get(stage_entry(&s, 0), "lifetime_s")), 90);
	CHECK_STR(stage_text(&s, 0, "text"), "its process ended after 1m 30s");
	stage_end(&s);
}

TEST(the_end_of_a_process_an_allocation_and_a_loss_are_told)
{
	struct allocation alloc = { .port = 8001,
				    .proto = IPPROTO_UDP,
				    .service_name = "imp",
				    .purpose = "tests",
				    .started_by = "make" };
	struct stage s;

	stage_begin(&s);
	s.process.status = 9; /* as wait(2) has SIGKILL */
	stage_tell(&s,
		   (struct event){ .type = EVENT_PROCESS_EXITED, .process = &s.process },
		   0, 0);
	stage_tell(&s,
		   (struct event){ .type = EVENT_ALLOCATION_CREATED,
				   .allocation = &alloc,
				   .service = "imp" },
		   0, 1000);
	stage_tell(&s, (struct event){ .type = EVENT_KERNEL_LOST, .count = 17 }, 0, 2000);
	stage_ask(&s, &(struct history_query){ .limit = 10, .oldest_first = true });
	CHECK_STR(stage_text(&s, 0, "signal"), "SIGKILL");
	CHECK_STR(stage_text(&s, 1, "text"), "tests, make");
	CHECK_STR(stage_text(&s, 1, "proto"), "udp");
	CHECK_EQ(stage_port(&s, 1), 8001);
	CHECK_STR(stage_text(&s, 2, "text"), "17 events were lost");
	stage_end(&s);
}

TEST(an_alert_is_told_in_full)
{
	const struct doc *alert;
	struct stage s;

	stage_begin(&s);
	stage_alert(&s, 8080, 0);
	stage_ask(&s, &(struct history_query){ .limit = 10 });
	alert = doc_get(stage_entry(&s, 0), "alert");
	CHECK_STR(doc_get_string(alert, "kind"), "occupied");
	CHECK_STR(doc_get_string(alert, "severity"), "critical");
	CHECK_STR(doc_get_string(alert, "state"), "firing");
	CHECK_STR(doc_get_string(alert, "fix"), "portwatch kill :8080");
	CHECK_STR(doc_get_string(doc_get(alert, "found"), "comm"), "python3");
	CHECK_STR(doc_get_string(doc_get(alert, "holder"), "comm"), "nginx");
	CHECK_EQ(stage_port(&s, 0), 8080);
	CHECK_STR(stage_text(&s, 0, "service"), "goblin");
	stage_end(&s);
}

TEST(command_lines_are_for_those_who_may_see_them)
{
	const struct viewer owner = { .uid = 1000 }, other = { .uid = 1001 };
	const struct history_query all = { .limit = 10 };
	struct stage s;

	stage_begin(&s);
	stage_alert(&s, 8080, 0);
	stage_settle(&s);
	CHECK_EQ(stage_try(&s, &all, &other), 0);
	CHECK_EQ(doc_type(doc_get(doc_get(stage_entry(&s, 0), "process"), "cmdline")),
		 DOC_NULL);
	CHECK(!strstr(stage_text(&s, 0, "text"), "wizard"));
	CHECK_EQ(stage_try(&s, &all, &owner), 0);
	CHECK_EQ(doc_type(doc_get(doc_get(stage_entry(&s, 0), "process"), "cmdline")),
		 DOC_ARRAY);
	CHECK(strstr(stage_text(&s, 0, "text"), "-m wizard"));
	stage_end(&s);
}

TEST(what_happens_in_one_moment_stays_in_its_order)
{
	struct stage s;

	stage_begin(&s);
	for (uint16_t port = 9000; port < 9200; port++)
		stage_bind(&s, port, 0);
	stage_bind(&s, 9200, 1000);
	stage_ask(&s, &(struct history_query){ .limit = 1000, .oldest_first = true });
	CHECK_EQ(stage_count(&s), 201);
	for (size_t i = 0; i < 201; i++)
		CHECK_EQ(stage_port(&s, i), 9000 + (int)i);
	stage_end(&s);
}

/* More of them than there are places for processes that were told. */
TEST(each_entry_names_its_own_process_and_holder)
{
	struct stage s;
	char name[16];

	stage_begin(&s);
	for (int turn = 0; turn < 2; turn++)
		for (int i = 0; i < 700; i++) {
			s.process.info.id.pid = 10000 + i;
			snprintf(s.process.info.comm, sizeof(s.process.info.comm), "p%d",
				 i);
			stage_fail(&s, (uint16_t)(20000 + i),
				   (uint64_t)(turn * 1000 + i));
		}
	stage_ask(&s, &(struct history_query){ .limit = 1400, .oldest_first = true });
	CHECK_EQ(stage_count(&s), 1400);
	for (int i = 0; i < 1400; i++) {
		snprintf(name, sizeof(name), "p%d", i % 700);
		CHECK_STR(stage_process(&s, (size_t)i, "process", "comm"), name);
		CHECK_STR(stage_process(&s, (size_t)i, "holder", "comm"), "nginx");
	}
	stage_end(&s);
}

TEST(what_stood_already_is_recorded_once)
{
	const struct history_query all = { .limit = 10 };
	struct socket sock;
	struct stage s;

	stage_begin(&s);
	for (int turn = 0; turn < 3; turn++) {
		sock = stage_socket(&s, 8080);
		history_add_standing(s.history, &sock, "wizard", now_wall_ns());
		stage_ask(&s, &all);
		CHECK_EQ(stage_count(&s), 1);
		stage_close(&s);
		stage_open(&s);
	}
	/* Another socket on that port. */
	sock.cookie = 999;
	history_add_standing(s.history, &sock, "wizard", now_wall_ns());
	stage_ask(&s, &all);
	CHECK_EQ(stage_count(&s), 2);
	CHECK_STR(stage_text(&s, 0, "source"), "snapshot");
	stage_end(&s);
}
