// SPDX-License-Identifier: GPL-2.0-only
#include "core/endpoint.h"
#include "harness.h"

#include <errno.h>

/* "127.0.0.1" or "::1", TCP port 80 of namespace 1. */
static struct endpoint at(const char *address)
{
	struct endpoint ret = { .netns = 1, .proto = IPPROTO_TCP, .port = 80 };

	CHECK_EQ(endpoint_parse_address(address, &ret), 0);
	return ret;
}

TEST(binds_overlap_where_a_packet_could_reach_both)
{
	static const struct {
		const char *a;
		bool a_v6only;
		const char *b;
		bool b_v6only, want;
	} table[] = {
		{ "127.0.0.1", false, "127.0.0.1", false, true },
		{ "127.0.0.1", false, "127.0.0.2", false, false },
		{ "127.0.0.1", false, "0.0.0.0", false, true },
		{ "0.0.0.0", false, "0.0.0.0", false, true },
		{ "::1", false, "::1", false, true },
		{ "::1", false, "::2", false, false },
		{ "::1", false, "::", true, true },
		{ "::", true, "::", true, true },
		{ "::", false, "127.0.0.1", false, true },
		{ "::", true, "127.0.0.1", false, false },
		{ "::", false, "0.0.0.0", false, true },
		{ "::", true, "0.0.0.0", false, false },
		{ "::1", false, "127.0.0.1", false, false },
		{ "::1", false, "0.0.0.0", false, false },
		{ "::ffff:127.0.0.1", false, "127.0.0.1", false, true },
		{ "::ffff:127.0.0.1", false, "127.0.0.2", false, false },
		{ "::ffff:127.0.0.1", false, "0.0.0.0", false, true },
		{ "::ffff:127.0.0.1", false, "::", false, true },
		{ "::ffff:127.0.0.1", false, "::", true, false },
		{ "::ffff:127.0.0.1", false, "::1", false, false },
		{ "::ffff:0.0.0.0", false, "127.0.0.1", false, true },
		{ "::ffff:0.0.0.0", false, "::1", false, false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct endpoint a = at(table[i].a), b = at(table[i].b);

		if (endpoint_overlap(&a, table[i].a_v6only, &b, table[i].b_v6only) !=
			    table[i].want ||
		    endpoint_overlap(&b, table[i].b_v6only, &a, table[i].a_v6only) !=
			    table[i].want)
			test_fail(__FILE__, __LINE__, "%s and %s", table[i].a,
				  table[i].b);
	}
}

TEST(namespace_protocol_port_and_device_keep_binds_apart)
{
	struct endpoint a = at("0.0.0.0"), b;

	b = a;
	b.netns = 2;
	CHECK(!endpoint_overlap(&a, false, &b, false) && !endpoint_equal(&a, &b));
	b = a;
	b.proto = IPPROTO_UDP;
	CHECK(!endpoint_overlap(&a, false, &b, false) && !endpoint_equal(&a, &b));
	b = a;
	b.port = 81;
	CHECK(!endpoint_overlap(&a, false, &b, false) && !endpoint_equal(&a, &b));

	/* One that is bound to no device hears all of them. */
	b = a;
	b.ifindex = 3;
	CHECK(endpoint_overlap(&a, false, &b, false) && !endpoint_equal(&a, &b));
	a.ifindex = 2;
	CHECK(!endpoint_overlap(&a, false, &b, false));
}

TEST(a_mapped_address_equals_the_ipv4_one)
{
	struct endpoint v4 = at("10.0.0.1"), mapped = at("::ffff:10.0.0.1");
	struct endpoint other = at("::10.0.0.1");

	CHECK(endpoint_equal(&v4, &mapped));
	CHECK(!endpoint_equal(&v4, &other));
}

TEST(addresses_are_classified)
{
	static const struct {
		const char *address;
		enum scope scope;
		bool wildcard, multicast;
	} table[] = {
		{ "127.0.0.1", SCOPE_LOOPBACK, false, false },
		{ "127.255.0.9", SCOPE_LOOPBACK, false, false },
		{ "128.0.0.1", SCOPE_PUBLIC, false, false },
		{ "::1", SCOPE_LOOPBACK, false, false },
		{ "::ffff:127.0.0.1", SCOPE_LOOPBACK, false, false },
		{ "10.1.2.3", SCOPE_PRIVATE, false, false },
		{ "11.0.0.1", SCOPE_PUBLIC, false, false },
		{ "172.16.0.1", SCOPE_PRIVATE, false, false },
		{ "172.31.255.255", SCOPE_PRIVATE, false, false },
		{ "172.32.0.0", SCOPE_PUBLIC, false, false },
		{ "172.15.0.0", SCOPE_PUBLIC, false, false },
		{ "192.168.0.1", SCOPE_PRIVATE, false, false },
		{ "192.169.0.1", SCOPE_PUBLIC, false, false },
		{ "169.254.1.1", SCOPE_PRIVATE, false, false },
		{ "100.64.0.1", SCOPE_PRIVATE, false, false },
		{ "100.127.255.255", SCOPE_PRIVATE, false, false },
		{ "100.128.0.0", SCOPE_PUBLIC, false, false },
		{ "100.63.0.0", SCOPE_PUBLIC, false, false },
		{ "::ffff:10.0.0.1", SCOPE_PRIVATE, false, false },
		{ "fd00::1", SCOPE_PRIVATE, false, false },
		{ "fc00::1", SCOPE_PRIVATE, false, false },
		{ "fe80::1", SCOPE_PRIVATE, false, false },
		{ "febf::1", SCOPE_PRIVATE, false, false },
		{ "fec0::1", SCOPE_PUBLIC, false, false },
		{ "2001:db8::1", SCOPE_PUBLIC, false, false },
		{ "0.0.0.0", SCOPE_PUBLIC, true, false },
		{ "::", SCOPE_PUBLIC, true, false },
		{ "::ffff:0.0.0.0", SCOPE_PUBLIC, true, false },
		{ "0.0.0.1", SCOPE_PUBLIC, false, false },
		{ "224.0.0.251", SCOPE_PUBLIC, false, true },
		{ "239.1.1.1", SCOPE_PUBLIC, false, true },
		{ "240.0.0.1", SCOPE_PUBLIC, false, false },
		{ "ff02::fb", SCOPE_PUBLIC, false, true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct endpoint e = at(table[i].address);

		CHECK_STR(scope_name(endpoint_scope(&e)), scope_name(table[i].scope));
		CHECK_EQ(endpoint_is_wildcard(&e), table[i].wildcard);
		CHECK_EQ(endpoint_is_multicast(&e), table[i].multicast);
		CHECK_EQ(endpoint_is_loopback(&e), table[i].scope == SCOPE_LOOPBACK);
	}
}

TEST(an_endpoint_prints_as_people_write_it)
{
	struct endpoint v4 = at("127.0.0.1"), v6 = at("::1");
	struct endpoint longest = at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	char buf[ENDPOINT_TEXT];

	CHECK_STR(endpoint_format(&v4, buf), "127.0.0.1:80");
	CHECK_STR(endpoint_format(&v6, buf), "[::1]:80");
	CHECK_STR(endpoint_format_address(&v6, buf), "::1");
	longest.port = 65535;
	CHECK_STR(endpoint_format(&longest, buf),
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

TEST(what_is_no_address_protocol_or_port_is_refused)
{
	static const char *const addresses[] = { "",           "1",         "127.0.0",
						 "127.0.0.1 ", "256.0.0.1", "::1::",
						 "localhost",  "[::1]",     "*" };
	static const struct {
		const char *text;
		int err;
		uint16_t port;
	} ports[] = {
		{ "1", 0, 1 },           { "65535", 0, 65535 },
		{ "080", 0, 80 },        { "0", -ERANGE, 0 },
		{ "65536", -ERANGE, 0 }, { "", -EINVAL, 0 },
		{ "80x", -EINVAL, 0 },   { "-1", -EINVAL, 0 },
		{ " 80", -EINVAL, 0 },   { "99999999999999999999", -ERANGE, 0 },
	};
	struct endpoint e;
	uint16_t value = 7;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		CHECK_EQ(endpoint_parse_address(addresses[i], &e), -EINVAL);
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		value = 7;
		CHECK_EQ(port_parse(ports[i].text, &value), ports[i].err);
		CHECK_EQ(value, ports[i].err ? 7 : ports[i].port);
	}
	CHECK_EQ(proto_parse("tcp", &value), 0);
	CHECK_EQ(value, IPPROTO_TCP);
	CHECK_EQ(proto_parse("udp", &value), 0);
	CHECK_STR(proto_name(value), "udp");
	CHECK_EQ(proto_parse("TCP", &value), -EINVAL);
	CHECK_EQ(proto_parse("sctp", &value), -EINVAL);
}
