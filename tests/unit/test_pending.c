// SPDX-License-Identifier: GPL-2.0-only
#include "probe/pending.h"
#include "harness.h"

#include <errno.h>

static struct pending *new_set(void)
{
	struct pending *set = NULL;

	CHECK_EQ(pending_new(&set), 0);
	return set;
}

static int add(struct pending *set, uint32_t kind, uint64_t cookie, uint64_t due_ns)
{
	struct pw_socket_event ev = { .h.kind = kind, .cookie = cookie };

	return pending_add(set, &ev, due_ns);
}

TEST(what_is_due_comes_out_in_order)
{
	_cleanup_(pending_freep) struct pending *set = new_set();
	struct pw_socket_event ev;

	add(set, PW_EVENT_LISTEN, 1, 100);
	add(set, PW_EVENT_BIND_TRIED, 2, 200);
	CHECK_EQ(pending_deadline(set), 100);
	CHECK(!pending_take_due(set, 99, &ev));
	CHECK(pending_take_due(set, 200, &ev));
	CHECK_EQ(ev.cookie, 1);
	CHECK(pending_take_due(set, 200, &ev));
	CHECK_EQ(ev.cookie, 2);
	CHECK(!pending_take_due(set, 200, &ev));
	CHECK_EQ(pending_deadline(set), 0);
}

/* A socket may be tried and listening at once: bind(2) on a bound socket fails. */
TEST(one_socket_may_wait_for_two_things)
{
	_cleanup_(pending_freep) struct pending *set = new_set();
	struct pw_socket_event ev;

	add(set, PW_EVENT_LISTEN, 7, 100);
	add(set, PW_EVENT_BIND_TRIED, 7, 100);
	CHECK(pending_take(set, PW_EVENT_BIND_TRIED, 7, &ev));
	CHECK_EQ(ev.h.kind, PW_EVENT_BIND_TRIED);
	CHECK(!pending_take(set, PW_EVENT_BIND_TRIED, 7, &ev));
	CHECK(pending_take(set, PW_EVENT_LISTEN, 7, &ev));
}

TEST(the_same_again_keeps_its_place)
{
	_cleanup_(pending_freep) struct pending *set = new_set();
	struct pw_socket_event ev;

	add(set, PW_EVENT_LISTEN, 1, 100);
	add(set, PW_EVENT_LISTEN, 1, 900);
	CHECK(pending_take_due(set, 100, &ev));
	CHECK(!pending_take_due(set, 1000, &ev));
}

TEST(what_was_never_added_is_not_there)
{
	_cleanup_(pending_freep) struct pending *set = new_set();
	struct pw_socket_event ev;

	CHECK(!pending_take(set, PW_EVENT_LISTEN, 1, &ev));
	CHECK(!pending_take_due(set, UINT64_MAX, &ev));
	CHECK_EQ(pending_deadline(set), 0);
}

TEST(the_limit_is_refused_not_exceeded)
{
	_cleanup_(pending_freep) struct pending *set = new_set();

	for (uint64_t i = 1; i <= PENDING_MAX; i++)
		CHECK_EQ(add(set, PW_EVENT_LISTEN, i, i), 0);
	CHECK_EQ(add(set, PW_EVENT_LISTEN, PENDING_MAX + 1, 1), -ENOSPC);
}
