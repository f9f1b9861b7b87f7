// SPDX-License-Identifier: GPL-2.0-only
/* Sockets with more than one descriptor: only the last close releases. */
#include "kernel/rows/cases.h"

#include <stdio.h>

static uint64_t serve(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	case_serve(k, 0, k->any, k->port);
	scene_row(cookie, case_serving(k));
	return cookie;
}

/* Still there, with nothing said of a release, after everything was handled. */
static void check_held(const struct kase *k, uint64_t cookie)
{
	scene_settle();
	scene_row(cookie, case_serving(k));
	case_check_told(EVENT_SOCKET_RELEASED, cookie, 0);
}

static void check_released(uint64_t cookie, enum release_cause cause)
{
	scene_gone(cookie);
	if (scene_traits() & MODE_TELLS_EACH)
		CHECK_EQ(scene_event(EVENT_SOCKET_RELEASED, cookie)->cause, cause);
	scene_settle();
	case_check_told(EVENT_SOCKET_RELEASED, cookie, 1);
}

static void duplicate(const struct kase *k)
{
	uint64_t cookie = serve(k);

	actor_must(k->actor, "dup 0 1");
	actor_must(k->actor, "close 0");
	check_held(k, cookie);
	actor_must(k->actor, "close 1");
	check_released(cookie, RELEASE_CLOSE);
}

TEST(dup_keeps_a_socket_until_the_last_close)
{
	each_case(ALL_PROTOS, duplicate);
}

static void overwrite(const struct kase *k)
{
	uint64_t cookie = serve(k), other = case_socket(k, 1);

	actor_must(k->actor, "bind 1 %s %u", k->any, k->port + 32);
	scene_row(other, SOCKET_BOUND);
	actor_must(k->actor, "dup2 0 1");
	check_released(other, RELEASE_CLOSE);
	check_held(k, cookie);
}

TEST(dup2_closes_what_it_overwrites)
{
	each_case(ALL_PROTOS, overwrite);
}

static void close_a_range(const struct kase *k)
{
	uint64_t cookie = serve(k);

	actor_must(k->actor, "range 0");
	check_released(cookie, RELEASE_CLOSE);
}

TEST(close_range_releases)
{
	each_case(ALL_PROTOS, close_a_range);
}

static void inherit(const struct kase *k)
{
	uint64_t cookie = serve(k);
	_cleanup_(actor_stopp) struct actor *child = actor_fork(k->actor);

	actor_must(k->actor, "close 0");
	check_held(k, cookie);
	actor_must(child, "close 0");
	check_released(cookie, RELEASE_CLOSE);
}

TEST(a_child_that_inherited_a_socket_keeps_it)
{
	each_case(ALL_PROTOS, inherit);
}

static void die_and_leave_it(const struct kase *k)
{
	_cleanup_(actor_stopp) struct actor *parent = actor_start();
	struct kase there = *k;
	uint64_t cookie;
	_cleanup_(actor_stopp) struct actor *child = NULL;

	there.actor = parent;
	there.netns = (uint32_t)actor_must(parent, "netns");
	cookie = serve(&there);
	child = actor_fork(parent);
	actor_kill(parent);
	check_held(&there, cookie);
	actor_must(child, "close 0");
	check_released(cookie, RELEASE_CLOSE);
}

TEST(a_child_keeps_the_port_of_a_parent_that_was_killed)
{
	each_case(ALL_PROTOS, die_and_leave_it);
}

static void pass_on(const struct kase *k)
{
	_cleanup_(actor_stopp) struct actor *taker = actor_start();
	uint64_t cookie = serve(k);

	CHECK_EQ(actor_pass(k->actor, 0, taker, 5), cookie);
	actor_must(k->actor, "close 0");
	check_held(k, cookie);
	actor_must(taker, "close 5");
	check_released(cookie, RELEASE_CLOSE);
}

TEST(a_socket_passed_by_scm_rights_stays)
{
	each_case(ALL_PROTOS, pass_on);
}

static void be_killed(const struct kase *k)
{
	_cleanup_(actor_stopp) struct actor *victim = actor_start();
	struct kase there = *k;
	uint64_t cookie;

	there.actor = victim;
	there.netns = (uint32_t)actor_must(victim, "netns");
	cookie = serve(&there);
	actor_kill(victim);
	check_released(cookie, RELEASE_EXIT);
}

TEST(sigkill_releases_by_exit)
{
	each_case(ALL_PROTOS, be_killed);
}

static void keep_over_exec(const struct kase *k)
{
	uint64_t kept = serve(k), lost = case_socket(k, 1);

	actor_must(k->actor, "bind 1 %s %u", k->any, k->port + 32);
	scene_row(lost, SOCKET_BOUND);
	actor_must(k->actor, "inherit 0");
	actor_must(k->actor, "exec again");
	scene_gone(lost);
	check_held(k, kept);
	actor_must(k->actor, "close 0");
	check_released(kept, RELEASE_CLOSE);
}

TEST(exec_keeps_what_is_inherited_and_releases_the_rest)
{
	each_case(ALL_PROTOS, keep_over_exec);
}

static void bind_by_a_child(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);
	const struct seen *bound;

	actor_must(k->actor, "child bind 0 %s %u", k->any, k->port);
	scene_row(cookie, SOCKET_BOUND);
	check_held(&(struct kase){ .kind = UDP }, cookie);
	if (scene_traits() & MODE_TELLS_EACH) {
		bound = scene_event(EVENT_SOCKET_BOUND, cookie);
		CHECK(bound->who.id.pid != actor_pid(k->actor));
		CHECK_STR(bound->who.comm, "actor");
	}
	actor_must(k->actor, "close 0");
	check_released(cookie, RELEASE_CLOSE);
}

TEST(what_a_child_bound_outlives_it)
{
	each_case(ALL_PROTOS, bind_by_a_child);
}

static void act_in_a_thread(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "thread bind 0 %s %u", k->any, k->port);
	scene_row(cookie, SOCKET_BOUND);
	if (scene_traits() & MODE_TELLS_EACH)
		CHECK_EQ(scene_event(EVENT_SOCKET_BOUND, cookie)->who.id.pid,
			 actor_pid(k->actor));
	actor_must(k->actor, "thread close 0");
	check_released(cookie, RELEASE_CLOSE);
}

TEST(a_thread_acts_for_its_process)
{
	each_case(ALL_PROTOS, act_in_a_thread);
}
