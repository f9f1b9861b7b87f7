// SPDX-License-Identifier: GPL-2.0-only
#include "store/history.h"
#include "history_stage.h"

/* Each thousandth of a second something, on five ports by turns. */
enum { PORTS = 5, ENTRIES = 100 };

static void stage_many(struct stage *s)
{
	stage_begin(s);
	for (int i = 0; i < ENTRIES; i++)
		stage_bind(s, (uint16_t)(8080 + i % PORTS), (uint64_t)(10 * i));
}

static struct history_query of_ports(uint16_t low, uint16_t high, uint16_t proto)
{
	return (struct history_query){ .limit = 1000,
				       .ports = { { low, high, proto, 0 } },
				       .n_ports = 1 };
}

TEST(a_port_is_asked_for)
{
	struct history_query query = of_ports(8082, 8082, 0);
	struct stage s;

	stage_many(&s);
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), ENTRIES / PORTS);
	for (size_t i = 0; i < ENTRIES / PORTS; i++)
		CHECK_EQ(stage_port(&s, i), 8082);
	stage_end(&s);
}

TEST(a_range_of_ports_is_asked_for)
{
	struct history_query query = of_ports(8081, 8083, 0);
	struct stage s;

	stage_many(&s);
	query.limit = 4;
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 8083, 8082, 8081, 8083, 0 });
	query = of_ports(1, 65535, 0);
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), ENTRIES);
	query = of_ports(1, 1023, 0);
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), 0);
	stage_end(&s);
}

static void bind_udp(struct stage *s, uint16_t port, uint64_t ms)
{
	struct socket sock = stage_socket(s, port);

	sock.at.proto = IPPROTO_UDP;
	stage_tell(s, (struct event){ .type = EVENT_SOCKET_BOUND, .socket = &sock }, 0,
		   ms);
}

TEST(a_protocol_is_asked_for)
{
	struct history_query query = of_ports(53, 53, IPPROTO_UDP);
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 53, 0);
	bind_udp(&s, 53, 10);
	bind_udp(&s, 54, 20);
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 53, 0 });
	CHECK_STR(stage_text(&s, 0, "proto"), "udp");
	query = of_ports(53, 54, IPPROTO_TCP);
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 53, 0 });
	CHECK_STR(stage_text(&s, 0, "proto"), "tcp");
	query = of_ports(53, 54, 0);
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 54, 53, 53, 0 });
	stage_end(&s);
}

/* More than are walked one by one. */
TEST(very_many_ports_are_asked_for)
{
	struct history_query query = of_ports(10000, 20000, IPPROTO_TCP);
	struct stage s;

	stage_begin(&s);
	for (int i = 0; i < 2000; i++) {
		stage_bind(&s, (uint16_t)(10000 + i), (uint64_t)(2 * i));
		bind_udp(&s, (uint16_t)(10000 + i), (uint64_t)(2 * i + 1));
	}
	stage_bind(&s, 9999, 50000);
	stage_bind(&s, 20001, 50000);
	query.limit = 3;
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 11999, 11998, 11997, 0 });
	stage_end(&s);
}

TEST(a_service_is_asked_for_by_its_name_and_its_ports)
{
	struct history_query query = of_ports(8080, 8080, IPPROTO_TCP);
	struct stage s;

	stage_begin(&s);
	strcpy(query.service, "wizard");
	stage_tell(&s, (struct event){ .type = EVENT_SOCKET_BOUND }, 8080, 0);
	stage_tell(&s, (struct event){ .type = EVENT_SOCKET_BOUND }, 8081, 10);
	stage_bind(&s, 8080, 20); /* by both: once */
	stage_bind(&s, 8082, 30);
	stage_tell(&s, (struct event){ .type = EVENT_SOCKET_BOUND, .service = "goblin" },
		   8083, 40);
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 8082, 8080, 8080, 0 });
	strcpy(query.service, "nobody");
	query.n_ports = 0;
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), 0);
	stage_end(&s);
}

TEST(a_port_of_another_namespace_is_another_port)
{
	struct history_query query = of_ports(8080, 8080, 0);
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 0);
	query.ports[0].netns = 7;
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), 1);
	query.ports[0].netns = 8;
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), 0);
	stage_end(&s);
}

TEST(a_process_is_asked_for_also_as_a_holder)
{
	struct history_query query = { .limit = 10, .pid = 4711 };
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 0);
	stage_fail(&s, 8081, 10);
	s.process.info.id.pid = 4712;
	stage_bind(&s, 8082, 20);
	s.process.info.id = (struct process_id){ 4711, 12345 }; /* its number again */
	stage_bind(&s, 8083, 30);
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 8083, 8081, 8080, 0 });
	query.pid = 12;
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 8081, 0 });
	query.pid = 13;
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), 0);
	stage_end(&s);
}

TEST(a_time_is_asked_for)
{
	struct history_query query = { .limit = 1000 };
	struct stage s;

	stage_many(&s);
	query.since_ns = s.base_ns + 900 * NS_PER_MS;
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), 10);
	query.before = s.base_ns + 950 * NS_PER_MS;
	stage_ask(&s, &query);
	CHECK_EQ(stage_count(&s), 5);
	query.ports[query.n_ports++] =
		(struct history_ports){ .low = 8080, .high = 8080 };
	stage_ask(&s, &query);
	stage_expect_ports(&s, (const int[]){ 8080, 0 });
	stage_end(&s);
}

/* Every entry once, whatever a page holds. */
static void read_pages(struct stage *s, struct history_query query, size_t want)
{
	const char *next;
	size_t n = 0;

	do {
		stage_ask(s, &query);
		CHECK(stage_count(s) <= query.limit);
		n += stage_count(s);
		next = doc_get_string(s->answer, "next");
		if (next)
			CHECK_EQ(parse_u64(next, INT64_MAX, &query.before), 0);
	} while (next);
	CHECK_EQ(n, want);
}

TEST(pages_lead_from_one_to_the_next)
{
	struct stage s;

	stage_many(&s);
	for (unsigned limit = 1; limit < 120; limit += 13) {
		struct history_query query = { .limit = limit };

		read_pages(&s, query, ENTRIES);
		query.oldest_first = true;
		read_pages(&s, query, ENTRIES);
		query = of_ports(8080, 8081, 0);
		query.limit = limit;
		read_pages(&s, query, 2 * ENTRIES / PORTS);
	}
	stage_end(&s);
}

TEST(an_answer_that_would_be_too_large_ends_early_and_leads_on)
{
	char reason[901];
	struct event event = { .type = EVENT_SERVICE_STOPPED, .reason = reason };
	struct history_query query = { .limit = 10000, .oldest_first = true };
	struct stage s;

	stage_begin(&s);
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	for (int i = 0; i < 4000; i++)
		stage_tell(&s, event, 0, (uint64_t)(2 * i));
	stage_ask(&s, &query);
	CHECK(stage_count(&s) > 1000 && stage_count(&s) < 4000);
	read_pages(&s, query, 4000);
	stage_end(&s);
}
