// SPDX-License-Identifier: GPL-2.0-only
#include "service/kill_process.h"
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

static const struct kill_caller root = { .uid = 0, .all = true };

static pid_t child(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static struct process_id id_of(pid_t pid)
{
	struct process_id id = { .pid = pid };
	_cleanup_(freep) char *text = NULL;
	char path[48], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	CHECK_EQ(file_read(path, 4096, &text, NULL), 0);
	at = strrchr(text, ')');
	for (int i = 0; i < 20; i++)
		at = strchr(at + 1, ' ');
	id.start_ticks = strtoull(at, NULL, 10);
	return id;
}

static bool is_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(the_process_that_was_meant_is_signalled)
{
	pid_t pid = child();
	enum kill_rule rule = RULE_NONE;
	int status, fd = kill_process_open(pid);

	CHECK(fd >= 0);
	CHECK_EQ(kill_process_signal(fd, id_of(pid), &root, 0, &rule), 0);
	CHECK(is_alive(pid));
	CHECK_EQ(kill_process_signal(fd, id_of(pid), &root, SIGTERM, &rule), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	close(fd);
}

TEST(a_pid_with_another_start_time_is_never_signalled)
{
	pid_t pid = child();
	struct process_id id = id_of(pid);
	enum kill_rule rule = RULE_NONE;
	int fd = kill_process_open(pid);
	static const int64_t off[] = { -1, 1, -100000, 100000 };

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		struct process_id other = { id.pid, id.start_ticks + (uint64_t)off[i] };

		CHECK_EQ(kill_process_signal(fd, other, &root, SIGKILL, &rule), -ESRCH);
	}
	usleep(20000);
	CHECK(is_alive(pid));
	reap(pid);
	close(fd);
}

/* The descriptor is that of a process which has gone; its PID is another's by now. */
TEST(who_got_the_pid_of_one_that_has_gone_is_never_signalled)
{
	pid_t gone = child(), other = child();
	enum kill_rule rule = RULE_NONE;
	int fd = kill_process_open(gone);

	reap(gone);
	CHECK_EQ(kill_process_signal(fd, id_of(other), &root, SIGKILL, &rule), -ESRCH);
	CHECK(is_alive(other));
	reap(other);
	close(fd);
}

TEST(one_that_has_ended_is_told)
{
	pid_t pid = child();
	struct process_id id = id_of(pid);
	enum kill_rule rule = RULE_NONE;
	int fd = kill_process_open(pid);
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	reap(pid);
	CHECK_EQ(poll(&ready, 1, 0), 1);
	CHECK_EQ(kill_process_signal(fd, id, &root, SIGTERM, &rule), -ESRCH);
	CHECK_EQ(kill_process_open(pid), -ESRCH);
	close(fd);
}

TEST(init_oneself_and_the_caller_are_refused)
{
	pid_t pid = child();
	struct kill_caller caller = { .pid = pid, .uid = 0, .all = true };
	enum kill_rule rule = RULE_NONE;
	int fd = kill_process_open(pid);

	CHECK_EQ(kill_process_signal(fd, id_of(pid), &caller, SIGTERM, &rule), -EPERM);
	CHECK_EQ(rule, RULE_CALLER);
	CHECK_EQ(kill_process_signal(fd, id_of(1), &root, SIGTERM, &rule), -EPERM);
	CHECK_EQ(rule, RULE_INIT);
	CHECK_EQ(kill_process_signal(fd, id_of(getpid()), &root, SIGTERM, &rule), -EPERM);
	CHECK_EQ(rule, RULE_SELF);
	CHECK(is_alive(pid));
	reap(pid);
	close(fd);
}

TEST(another_users_process_is_refused_to_who_may_only_end_their_own)
{
	pid_t pid = child();
	struct kill_caller own = { .uid = getuid() }, other = { .uid = getuid() + 1000 };
	enum kill_rule rule = RULE_NONE;
	int fd = kill_process_open(pid);

	CHECK_EQ(kill_process_signal(fd, id_of(pid), &other, SIGTERM, &rule), -EPERM);
	CHECK_EQ(rule, RULE_OTHERS);
	CHECK(is_alive(pid));
	CHECK_EQ(kill_process_signal(fd, id_of(pid), &own, SIGTERM, &rule), 0);
	waitpid(pid, NULL, 0);
	close(fd);
}

TEST(a_kernel_thread_is_refused)
{
	enum kill_rule rule = RULE_NONE;
	struct process_id id;
	int fd;

	if (access("/proc/2/stat", R_OK) < 0)
		test_skip("no kernel threads to be seen");
	id = id_of(2);
	fd = kill_process_open(2);
	CHECK_EQ(kill_process_signal(fd, id, &root, 0, &rule), -EPERM);
	CHECK_EQ(rule, RULE_KERNEL);
	close(fd);
}

TEST(every_rule_has_a_name_and_a_reason)
{
	for (int rule = RULE_INIT; rule <= RULE_COMPANY; rule++) {
		CHECK(*kill_rule_name(rule));
		CHECK(*kill_rule_text(rule));
	}
	CHECK(!kill_rule_name(RULE_NONE));
}
