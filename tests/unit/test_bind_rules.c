// SPDX-License-Identifier: GPL-2.0-only
/* What is foretold of a bind, whom it names, and why.  That the kernel agrees is for
 * tests/kernel/test_bind_rules.c. */
#include "core/bind_rules.h"

#include <errno.h>

#include "harness.h"

struct there {
	const char *address;
	enum port_use use;
	const char
		*options; /* "6": v6only, "a": reuseaddr, "p": reuseport, "?": unknown */
	uid_t uid;
};

struct row {
	uint16_t proto;
	struct there there[3]; /* ended by one without an address */
	const char *address, *options;
	int error;
	size_t culprit;
	enum bind_overlap overlap;
	bool uncertain, other_user;
};

#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP

/* clang-format off */
static const struct row rows[] = {
	{ .proto = TCP, .there = { { .address = NULL } },
	  .address = "0.0.0.0", .options = "", .error = 0 },
	/* A listener, whatever the options. */
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_LISTENING, .options = "a" } },
	  .address = "0.0.0.0", .options = "a", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_SAME },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_LISTENING, .options = "a" } },
	  .address = "127.0.0.1", .options = "a", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_THEIRS },
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_LISTENING, .options = "a" } },
	  .address = "0.0.0.0", .options = "a", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_OURS },
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_LISTENING, .options = "" } },
	  .address = "127.0.0.2", .options = "", .error = 0 },
	/* The other family. */
	{ .proto = TCP, .there = { { .address = "::1", .use = PORT_LISTENING, .options = "6" } },
	  .address = "127.0.0.1", .options = "", .error = 0 },
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_LISTENING, .options = "" } },
	  .address = "::1", .options = "", .error = 0 },
	{ .proto = TCP, .there = { { .address = "::", .use = PORT_LISTENING, .options = "" } },
	  .address = "127.0.0.1", .options = "", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_FAMILY },
	{ .proto = TCP, .there = { { .address = "::", .use = PORT_LISTENING, .options = "6" } },
	  .address = "0.0.0.0", .options = "", .error = 0 },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_LISTENING, .options = "" } },
	  .address = "::", .options = "", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_FAMILY },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_LISTENING, .options = "" } },
	  .address = "::", .options = "6", .error = 0 },
	{ .proto = TCP, .there = { { .address = "::ffff:127.0.0.1", .use = PORT_LISTENING, .options = "" } },
	  .address = "127.0.0.1", .options = "", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_SAME },
	/* Bound alone: SO_REUSEADDR does where both have it. */
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_BOUND, .options = "a" } },
	  .address = "0.0.0.0", .options = "a", .error = 0 },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_BOUND, .options = "a" } },
	  .address = "0.0.0.0", .options = "", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_SAME },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_BOUND, .options = "" } },
	  .address = "0.0.0.0", .options = "a", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_SAME },
	/* TIME_WAIT and connections. */
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_WAITING, .options = "a" } },
	  .address = "0.0.0.0", .options = "a", .error = 0 },
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_WAITING, .options = "" } },
	  .address = "0.0.0.0", .options = "a", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_OURS },
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_WAITING, .options = "?" } },
	  .address = "0.0.0.0", .options = "a", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_OURS, .uncertain = true },
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_WAITING, .options = "?" } },
	  .address = "0.0.0.0", .options = "", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_OURS },
	{ .proto = TCP, .there = { { .address = "10.0.0.1", .use = PORT_CONNECTED, .options = "" } },
	  .address = "127.0.0.1", .options = "", .error = 0 },
	{ .proto = TCP, .there = { { .address = "10.0.0.1", .use = PORT_CONNECTED, .options = "" } },
	  .address = "0.0.0.0", .options = "a", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_OURS },
	{ .proto = TCP, .there = { { .address = "::1", .use = PORT_CONNECTED, .options = "" } },
	  .address = "0.0.0.0", .options = "", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_OURS },
	{ .proto = TCP, .there = { { .address = "::1", .use = PORT_CONNECTED, .options = "6" } },
	  .address = "0.0.0.0", .options = "", .error = 0 },
	{ .proto = TCP, .there = { { .address = "::1", .use = PORT_CONNECTED, .options = "" } },
	  .address = "127.0.0.1", .options = "", .error = 0 },
	/* SO_REUSEPORT counts for one user. */
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_LISTENING, .options = "p" } },
	  .address = "0.0.0.0", .options = "p", .error = 0 },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_LISTENING, .options = "p", .uid = 7 } },
	  .address = "0.0.0.0", .options = "p", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_SAME, .other_user = true },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_LISTENING, .options = "" } },
	  .address = "0.0.0.0", .options = "p", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_SAME },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_WAITING, .options = "p", .uid = 7 } },
	  .address = "0.0.0.0", .options = "p", .error = 0 },
	{ .proto = UDP, .there = { { .address = "0.0.0.0", .use = PORT_BOUND, .options = "p", .uid = 7 } },
	  .address = "0.0.0.0", .options = "p", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_SAME, .other_user = true },
	{ .proto = UDP, .there = { { .address = "0.0.0.0", .use = PORT_BOUND, .options = "a" } },
	  .address = "127.0.0.1", .options = "a", .error = 0 },
	{ .proto = UDP, .there = { { .address = "0.0.0.0", .use = PORT_BOUND, .options = "" } },
	  .address = "127.0.0.1", .options = "a", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_THEIRS },
	/* UDP: the first that shares decides. */
	{ .proto = UDP, .there = { { .address = "127.0.0.1", .use = PORT_BOUND, .options = "p" }, { .address = "127.0.0.2", .use = PORT_BOUND, .options = "" } },
	  .address = "0.0.0.0", .options = "p", .error = 0 },
	{ .proto = UDP, .there = { { .address = "127.0.0.2", .use = PORT_BOUND, .options = "" }, { .address = "127.0.0.1", .use = PORT_BOUND, .options = "p" } },
	  .address = "0.0.0.0", .options = "p", .error = -EADDRINUSE, .culprit = 0, .overlap = OVERLAP_OURS },
	/* Whom to name. */
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_WAITING, .options = "" }, { .address = "127.0.0.2", .use = PORT_LISTENING, .options = "" } },
	  .address = "0.0.0.0", .options = "", .error = -EADDRINUSE, .culprit = 1, .overlap = OVERLAP_OURS },
	{ .proto = TCP, .there = { { .address = "127.0.0.1", .use = PORT_CONNECTED, .options = "" }, { .address = "127.0.0.2", .use = PORT_BOUND, .options = "" } },
	  .address = "0.0.0.0", .options = "", .error = -EADDRINUSE, .culprit = 1, .overlap = OVERLAP_OURS },
	{ .proto = TCP, .there = { { .address = "0.0.0.0", .use = PORT_LISTENING, .options = "6" }, { .address = "::", .use = PORT_LISTENING, .options = "6" } },
	  .address = "::ffff:0.0.0.0", .options = "6", .error = -EINVAL },
};
/* clang-format on */

static bool has(const char *options, char option)
{
	return options && strchr(options, option);
}

static size_t fill(const struct row *row, struct port_socket *ret)
{
	size_t n = 0;

	for (const struct there *t = row->there; n < 3 && t->address; t++, n++) {
		ret[n] = (struct port_socket){
			.use = t->use,
			.v6only = has(t->options, '6'),
			.reuseaddr = has(t->options, 'a'),
			.reuseport = has(t->options, 'p'),
			.options_unknown = has(t->options, '?'),
			.uid = t->uid,
		};
		CHECK_EQ(endpoint_parse_address(t->address, &ret[n].at), 0);
	}
	return n;
}

static void wish(const struct row *row, struct bind_wish *ret)
{
	*ret = (struct bind_wish){
		.v6only = has(row->options, '6'),
		.reuseaddr = has(row->options, 'a'),
		.reuseport = has(row->options, 'p'),
		.may_privileged = true,
	};
	CHECK_EQ(endpoint_parse_address(row->address, &ret->at), 0);
	ret->at.proto = row->proto;
	ret->at.port = 80;
}

TEST(each_row_of_the_rules_is_answered)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct port_socket socks[3];
		struct bind_answer answer;
		struct bind_wish wished;
		size_t n = fill(&rows[i], socks);

		wish(&rows[i], &wished);
		bind_predict(socks, n, &wished, &answer);
		if (answer.error != rows[i].error || answer.culprit != rows[i].culprit ||
		    answer.overlap != rows[i].overlap ||
		    answer.uncertain != rows[i].uncertain ||
		    answer.other_user != rows[i].other_user)
			test_fail(__FILE__, __LINE__,
				  "row %zu: %d, culprit %zu, overlap %d", i, answer.error,
				  answer.culprit, answer.overlap);
	}
}

TEST(a_privileged_port_needs_its_capability)
{
	struct bind_wish wished = { .at = { .family = AF_INET, .port = 80 },
				    .unprivileged_port = 1024 };
	struct bind_answer answer;

	bind_predict(NULL, 0, &wished, &answer);
	CHECK_EQ(answer.error, -EACCES);
	wished.may_privileged = true;
	bind_predict(NULL, 0, &wished, &answer);
	CHECK_EQ(answer.error, 0);
	wished.may_privileged = false;
	wished.unprivileged_port = 80;
	bind_predict(NULL, 0, &wished, &answer);
	CHECK_EQ(answer.error, 0);
}

TEST(another_device_is_another_port)
{
	struct port_socket there = { .at = { .family = AF_INET, .ifindex = 2 },
				     .use = PORT_LISTENING };
	struct bind_wish wished = {
		.at = { .family = AF_INET, .port = 80, .ifindex = 3 }
	};
	struct bind_answer answer;

	bind_predict(&there, 1, &wished, &answer);
	CHECK_EQ(answer.error, 0);
	wished.at.ifindex = 0;
	bind_predict(&there, 1, &wished, &answer);
	CHECK_EQ(answer.error, -EADDRINUSE);
}
