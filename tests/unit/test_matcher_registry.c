// SPDX-License-Identifier: GPL-2.0-only
/* duplicate and static ephemeral: what a registry says by itself. */
#include "matcher_stage.h"

static const struct verdicts *review(struct stage *s)
{
	s->said.count = 0;
	CHECK_EQ(matcher_registry(&s->world, &s->said), 0);
	return &s->said;
}

/* Two services "a" and "b" that claim these. */
static void run_pair(const char *a, const char *b, size_t expected)
{
	_cleanup_(teardown) struct stage s;
	const struct verdicts *list;

	begin(&s);
	add_service(&s, "a", a, "-m a");
	add_service(&s, "b", b, "-m b");
	seal(&s);
	list = review(&s);
	if (count_kind(list, ALERT_DUPLICATE) != expected)
		test_fail(__FILE__, __LINE__, "%s and %s: %zu, not %zu", a, b,
			  count_kind(list, ALERT_DUPLICATE), expected);
	for (size_t i = 0; i < list->count; i++) {
		CHECK_STR(list->items[i].service, "b");
		CHECK_STR(list->items[i].expected, "a");
		check_said(&list->items[i]);
	}
}

TEST(duplicate_fires)
{
	run_pair("8080", "8080", 1);
	run_pair("127.0.0.1:8080", "8080", 1);
	run_pair("8080", "127.0.0.1:8080", 1);
	run_pair("[::1]:8080", "8080", 1);
	run_pair("8080", "[::1]:8080", 1);
	run_pair("0.0.0.0:8080", "127.0.0.1:8080", 1);
	run_pair("[::]:8080", "127.0.0.1:8080", 1);
	run_pair("udp:53", "udp:53", 1);
	run_pair("80 443", "443 8443", 1);
	run_pair("80 443", "443 80", 2);
	run_pair("127.0.0.1:80 [::1]:80", "80", 1);
}

TEST(duplicate_does_not_fire)
{
	run_pair("8080", "8081", 0);
	run_pair("8080", "udp:8080", 0);
	run_pair("127.0.0.1:8080", "127.0.0.2:8080", 0);
	run_pair("127.0.0.1:8080", "[::1]:8080", 0);
	run_pair("0.0.0.0:8080", "[::1]:8080", 0);
	run_pair("8080 8080", "8081", 0);
	run_pair("", "", 0);
	run_pair("8080", "", 0);
}

TEST(a_disabled_service_is_no_duplicate)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "a", "8080", "-m a")->enabled = false;
	add_service(&s, "b", "8080", "-m b");
	add_service(&s, "c", "8080", "-m c")->enabled = false;
	seal(&s);
	CHECK_EQ(review(&s)->count, 0);
}

TEST(namespaces_keep_claims_apart)
{
	_cleanup_(teardown) struct stage s;
	struct service *boxed, *boxed_too, *gone;

	begin(&s);
	add_service(&s, "host", "8080", "-m a");
	boxed = add_service(&s, "boxed", "8080", "-m b");
	boxed_too = add_service(&s, "boxed_too", "8080", "-m c");
	gone = add_service(&s, "gone", "8080", "-m d");
	boxed->netns = strdup("box");
	boxed_too->netns = strdup("box");
	boxed->netns_inode = boxed_too->netns_inode = BOX;
	gone->netns = strdup("not there");
	seal(&s);
	CHECK_EQ(review(&s)->count, 1);
	CHECK_STR(s.said.items[0].service, "boxed_too");
	CHECK_STR(s.said.items[0].expected, "boxed");
	CHECK_EQ(s.said.items[0].at.netns, BOX);
}

TEST(of_three_each_pair_is_told)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "a", "8080", "-m a");
	add_service(&s, "b", "8080", "-m b");
	add_service(&s, "c", "8080", "-m c");
	seal(&s);
	CHECK_EQ(review(&s)->count, 3);
}

TEST(duplicate_offers_a_port_that_is_free)
{
	_cleanup_(teardown) struct stage s;
	const struct verdict *v;

	begin(&s);
	add_service(&s, "a", "8080", "-m a");
	add_service(&s, "b", "8080", "-m b");
	add_service(&s, "c", "8081", "-m c");
	add_allocation(&s, 8082, "d", 0);
	seal(&s);
	binds(&s, NODE, "0.0.0.0:8083", LISTENS);
	v = first_kind(review(&s), ALERT_DUPLICATE);
	CHECK_STR(v->fix, "portwatch reassign b 8084");
	CHECK_STR(v->message,
		  "Port 8080 (tcp) is claimed by both a and b; only one of them can have "
		  "it");
}

TEST(without_a_free_port_one_is_to_be_disabled)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_service(&s, "a", "65535", "-m a");
	add_service(&s, "b", "65535", "-m b");
	seal(&s);
	CHECK_STR(first_kind(review(&s), ALERT_DUPLICATE)->fix, "portwatch disable b");
}

TEST(an_allocation_of_a_registered_port_is_a_duplicate)
{
	static const struct {
		const char *claim, *service;
		size_t expected;
	} table[] = {
		{ "8000", "a", 1 },      { "127.0.0.1:8000", "a", 1 },
		{ "8000 8001", "a", 1 }, { "[::1]:8000", "a", 1 },
		{ "8001 8000", "a", 1 }, { "8001", "a", 0 },
		{ "8000", "mine", 0 },   { "udp:8000", "a", 0 },
		{ "", "a", 0 },          { "7999", "mine", 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_(teardown) struct stage s;

		begin(&s);
		add_service(&s, table[i].service, table[i].claim, "-m a");
		add_allocation(&s, 8000, "mine", 0);
		seal(&s);
		CHECK_EQ(review(&s)->count, table[i].expected);
		if (!table[i].expected)
			continue;
		CHECK(s.said.items[0].allocation);
		CHECK_STR(s.said.items[0].service, "mine");
		CHECK_STR(s.said.items[0].expected, "a");
		CHECK_STR(s.said.items[0].fix, "portwatch release :8000");
	}
}

TEST(static_ephemeral_fires_within_the_range)
{
	static const struct {
		const char *claims;
		size_t expected;
	} table[] = {
		{ "32768", 1 },
		{ "60999", 1 },
		{ "40000", 1 },
		{ "udp:40000", 1 },
		{ "127.0.0.1:40000", 1 },
		{ "40000 40001", 2 },
		{ "40000 udp:40000", 2 },
		{ "80 40000", 1 },
		/* and not beyond it */
		{ "32767", 0 },
		{ "61000", 0 },
		{ "80", 0 },
		{ "udp:53", 0 },
		{ "65535", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_(teardown) struct stage s;

		begin(&s);
		add_service(&s, "a", table[i].claims, "-m a");
		seal(&s);
		CHECK_EQ(count_kind(review(&s), ALERT_EPHEMERAL), table[i].expected);
	}
}

TEST(static_ephemeral_spares_what_is_reserved_disabled_or_elsewhere)
{
	_cleanup_(teardown) struct stage s;
	uint8_t reserved[65536 / 8] = { 0 };
	struct service *boxed;

	begin(&s);
	add_service(&s, "reserved", "40001", "-m a");
	add_service(&s, "disabled", "40002", "-m b")->enabled = false;
	boxed = add_service(&s, "boxed", "40003", "-m c");
	boxed->netns = strdup("box");
	boxed->netns_inode = BOX;
	add_service(&s, "gone", "40004", "-m d")->netns = strdup("not there");
	add_allocation(&s, 40005, "e", 0);
	add_service(&s, "plain", "40006", "-m f");
	seal(&s);
	reserved[40001 / 8] |= 1 << 40001 % 8;
	reserved[40005 / 8] |= 1 << 40005 % 8;
	s.world.reserved_ports = reserved;
	CHECK_EQ(review(&s)->count, 1);
	CHECK_STR(s.said.items[0].service, "plain");
}

TEST(static_ephemeral_of_an_allocation_is_told)
{
	_cleanup_(teardown) struct stage s;

	begin(&s);
	add_allocation(&s, 40005, "e", 0);
	seal(&s);
	CHECK_EQ(count_kind(review(&s), ALERT_EPHEMERAL), 1);
	CHECK(s.said.items[0].allocation);
	CHECK_STR(s.said.items[0].fix, "portwatch why :40005");
	CHECK_STR(
		s.said.items[0].message,
		"Port 40005 (tcp) of e lies in the range that outgoing connections take "
		"their ports from (32768-60999), so that one may hold it first; reserve "
		"it in net.ipv4.ip_local_reserved_ports");
}

TEST(many_services_on_one_port_end_in_time)
{
	_cleanup_(teardown) struct stage s;
	char name[32], at[32];
	uint64_t n = 0;

	begin(&s);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		snprintf(at, sizeof(at), "127.%u.%u.1:8080", i >> 8, i & 0xff);
		add_service(&s, name, at, "-m x");
	}
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		add_service(&s, name, "8081", "-m x");
	}
	seal(&s);
	n = review(&s)->count;
	CHECK(n <= ALERTS_MAX);
}
