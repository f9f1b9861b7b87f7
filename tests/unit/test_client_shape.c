// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <portwatch/client.h>

#include "client/json_text.h"
#include "client/shapes.h"
#include "harness.h"

static struct span whole(const char *text)
{
	return (struct span){ text, strlen(text) };
}

TEST(a_service_is_read_member_by_member)
{
	struct pw_service *svc = NULL;

	CHECK_EQ(shape_decode(whole("\n\n{\"name\":\"web\\u00e9\",\"port\":8080,"
				    "\"enabled\":true,"
				    "\"ports\":[{\"port\":8080,\"proto\":\"tcp\"},{"
				    "\"port\":8081}],"
				    "\"pid\":42,\"process\":{\"pid\":42,\"uid\":0,"
				    "\"cmdline\":[\"a\",\"b c\"]},\"new\":{\"x\":[1]},"
				    "\"since\":\"1970-01-01T00:00:01Z\",\"request_"
				    "count\":7}\n"),
			      &service_shape, &svc),
		 0);
	CHECK_STR(svc->name, "web\xc3\xa9");
	CHECK_EQ(svc->port, 8080);
	CHECK(svc->enabled);
	CHECK_EQ(svc->ports[1]->port, 8081);
	CHECK(!svc->ports[2]);
	CHECK_EQ(svc->process->uid, 0);
	CHECK_STR(svc->process->cmdline[1], "b c");
	CHECK(!svc->process->cmdline[2]);
	CHECK_EQ(svc->since_ns, 1000000000);
	CHECK_EQ(svc->request_count, 7);
	CHECK_EQ(svc->error_count, -1);
	CHECK(!svc->description);
	CHECK(!pw_service_free(svc));
}

TEST(what_is_null_or_of_another_type_stays_unknown)
{
	struct pw_service *svc = NULL;

	CHECK_EQ(shape_decode(whole("{\"name\":7,\"port\":\"dynamic\",\"pid\":null,"
				    "\"process\":null,\"ports\":3,\"request_count\":null,"
				    "\"uptime_s\":-5,\"since\":\"soon\",\"enabled\":1}"),
			      &service_shape, &svc),
		 0);
	CHECK(!svc->name);
	CHECK_EQ(svc->port, 0);
	CHECK_EQ(svc->pid, 0);
	CHECK(!svc->process);
	CHECK(!svc->ports);
	CHECK_EQ(svc->request_count, -1);
	CHECK_EQ(svc->uptime_s, -1);
	CHECK_EQ(svc->since_ns, 0);
	CHECK(!svc->enabled);
	pw_service_free(svc);
}

TEST(numbers_that_do_not_fit_are_not_cut)
{
	struct pw_service *svc = NULL;

	CHECK_EQ(shape_decode(whole("{\"port\":70000,\"pid\":99999999999,"
				    "\"request_count\":99999999999999999999}"),
			      &service_shape, &svc),
		 0);
	CHECK_EQ(svc->port, 0);
	CHECK_EQ(svc->pid, 0);
	CHECK_EQ(svc->request_count, -1);
	pw_service_free(svc);
}

TEST(a_status_has_its_parts_in_one_struct)
{
	struct pw_status *status = NULL;

	CHECK_EQ(shape_decode(
			 whole("{\"services\":{\"b\":{\"name\":\"b\"},\"a\":{\"name\":"
			       "\"a\"}},"
			       "\"conflicts\":[],\"startup_order\":[\"b\",\"a\"],"
			       "\"port_manager\":{\"total_ports\":101,\"allocations\":"
			       "[{\"port\":8000}]},\"kernel\":{\"realtime\":true},"
			       "\"daemon\":{\"pid\":9}}"),
			 &status_shape, &status),
		 0);
	CHECK_STR(status->services[0]->name, "b");
	CHECK_STR(status->services[1]->name, "a");
	CHECK(!status->services[2]);
	CHECK(status->conflicts && !status->conflicts[0]);
	CHECK_STR(status->startup_order[0], "b");
	CHECK_EQ(status->total_ports, 101);
	CHECK_EQ(status->allocations[0]->port, 8000);
	CHECK(status->realtime);
	CHECK_EQ(status->daemon_pid, 9);
	pw_status_free(status);
}

TEST(a_list_of_alerts_is_a_result_of_its_own)
{
	const struct pw_alert *const *alerts = NULL;

	CHECK_EQ(shape_decode_list(whole("[{\"id\":3,\"found\":{\"pid\":5}}, 7, null]"),
				   &alert_shape, &alerts),
		 0);
	CHECK_EQ(alerts[0]->id, 3);
	CHECK_EQ(alerts[0]->found->pid, 5);
	CHECK(!alerts[0]->holder);
	CHECK(!alerts[1]);
	CHECK(!pw_alerts_free(alerts));
	CHECK(!pw_alerts_free(NULL));
}

TEST(what_is_no_document_is_refused)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"7",
		"{",
		"{\"name\":",
		"{\"name\":\"x",
		"{\"process\":{\"pid\":1}",
		"{\"ports\":[{\"port\":1}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pw_service *svc = NULL;

		CHECK_EQ(shape_decode(whole(bad[i]), &service_shape, &svc), -EPROTO);
		CHECK(!svc);
	}
}

TEST(an_event_carries_what_its_type_has)
{
	static const char text[] =
		"{\"seq\":18446744073709551615,\"type\":\"alert.firing\","
		"\"alert\":{\"kind\":\"occupied\",\"port\":80}}";
	const struct pw_item item = { .data = text, .size = sizeof(text) - 1 };
	struct pw_event_data *event = NULL;

	CHECK_EQ(pw_event_read(&item, &event), 0);
	CHECK(event->seq == UINT64_MAX);
	CHECK_STR(event->alert->kind, "occupied");
	CHECK_EQ(event->exit_code, -1);
	CHECK(!event->allocation);
	CHECK(!pw_event_free(event));
}

TEST(text_goes_out_as_it_came_in)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };

	json_begin(&text);
	json_text(&text, "a", "q\" b\\ n\n \x01 \xc3\xa9");
	json_text(&text, "left_out", NULL);
	json_number(&text, "b", -5);
	json_flag(&text, "c", true);
	json_end(&text);
	CHECK_STR(text.data, "{\"a\":\"q\\\" b\\\\ n\\u000a \\u0001 \xc3\xa9\",\"b\":-5,"
			     "\"c\":true}");
}
