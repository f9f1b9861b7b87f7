// SPDX-License-Identifier: GPL-2.0-only
/* Who did it: told at the event, so that it is known of the dead, too. */
#include "kernel/rows/cases.h"

#include "base/strings.h"
#include "base/time.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* A program that binds and is gone before anybody could have read /proc. */
static void bind_and_vanish(const struct kase *k)
{
	const struct seen *failed;
	char script[128], path[4096];

	/* Its bind fails, and so it is all that is ever heard of it. */
	case_socket(k, 0);
	case_serve(k, 0, k->loopback, k->port);
	snprintf(script, sizeof(script), "socket+0+%s+%s;bind+0+%s+%u", k->family,
		 k->proto, k->loopback, k->port);
	actor_must(k->actor, "cd /usr");
	actor_must(k->actor, "run %s -c %s", actor_program(), script);
	failed = scene_failure(k->netns, k->port);

	CHECK(realpath(actor_program(), path));
	CHECK_EQ(failed->who.id.pid, atoi(actor_word(k->actor)));
	CHECK_EQ(failed->who.ppid, actor_pid(k->actor));
	CHECK_STR(failed->who.comm, "actor");
	CHECK(failed->who.exe && failed->who.cwd && failed->who.cmdline);
	CHECK_STR(failed->who.exe, path);
	CHECK_STR(failed->who.cwd, "/usr");
	CHECK_EQ(strv_length(failed->who.cmdline), 3);
	CHECK_STR(failed->who.cmdline[0], actor_program());
	CHECK_STR(failed->who.cmdline[1], "-c");
	for (char *p = script; *p; p++)
		*p = *p == '+' ? ' ' : *p;
	CHECK_STR(failed->who.cmdline[2], script);
}

TEST(a_process_that_died_at_once_is_named_in_full)
{
	each_case(ALL_PROTOS, bind_and_vanish);
}

static void exec_and_bind(const struct kase *k)
{
	uint64_t cookie;
	const struct seen *bound;

	case_socket(k, 0);
	actor_must(k->actor, "bind 0 %s %u", k->loopback, k->port);
	actor_must(k->actor, "exec another life");
	cookie = case_socket(k, 1);
	actor_must(k->actor, "bind 1 %s %u", k->loopback, k->port + 32);
	scene_row(cookie, SOCKET_BOUND);
	if (!(scene_traits() & MODE_TELLS_EACH))
		return;
	bound = scene_event(EVENT_SOCKET_BOUND, cookie);
	CHECK_EQ(bound->who.id.pid, actor_pid(k->actor));
	CHECK_EQ(strv_length(bound->who.cmdline), 3);
	CHECK_STR(bound->who.cmdline[1], "another");
}

TEST(a_process_that_executes_another_program_is_told_anew)
{
	each_case(TCP | UDP, exec_and_bind);
}

static void rename_and_bind(const struct kase *k)
{
	uint64_t cookie = case_socket(k, 0);

	actor_must(k->actor, "uid 65534");
	actor_must(k->actor, "bind 0 %s %u", k->loopback, k->port);
	scene_row(cookie, SOCKET_BOUND);
	CHECK_EQ(scene_event(EVENT_SOCKET_BOUND, cookie)->who.uid, 65534);
}

TEST(the_uid_is_the_callers)
{
	each_case(TCP | UDP, rename_and_bind);
}

static const struct seen *exit_of(pid_t pid)
{
	uint64_t deadline = scene_deadline();

	while (now_mono_ns() < deadline) {
		for (size_t i = 0; i < scene_seen_count(); i++)
			if (scene_seen(i)->type == EVENT_PROCESS_EXITED &&
			    scene_seen(i)->who.id.pid == pid)
				return scene_seen(i);
		scene_run(50);
	}
	test_fail(__FILE__, __LINE__, "nobody told of the end of %d", pid);
}

TEST(the_end_of_an_owner_is_told_with_its_cause)
{
	_cleanup_(actor_stopp) struct actor *killed = actor_start(),
					    *left = actor_start();
	uint64_t one, two;

	scene_engine();
	one = (uint64_t)actor_must(killed, "socket 0 4 tcp");
	two = (uint64_t)actor_must(left, "socket 0 4 tcp");
	actor_must(killed, "bind 0 127.0.0.1 0");
	actor_must(left, "bind 0 127.0.0.1 0");
	scene_row(one, SOCKET_BOUND);
	scene_row(two, SOCKET_BOUND);
	actor_kill(killed);
	actor_tell(left, "exit 3");
	scene_gone(one);
	scene_gone(two);
	CHECK_EQ(WTERMSIG(exit_of(actor_pid(killed))->status), SIGKILL);
	CHECK_EQ(WEXITSTATUS(exit_of(actor_pid(left))->status), 3);
}
