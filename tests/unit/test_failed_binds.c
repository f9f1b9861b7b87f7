// SPDX-License-Identifier: GPL-2.0-only
#include "core/failed_binds.h"

#include <errno.h>
#include <stdio.h>

#include "harness.h"

static struct processes *procs;

static struct process *make(pid_t pid, const char *comm)
{
	struct process_info info = { .id = { pid, 1 }, .uid = 1000 };
	struct process *p;

	snprintf(info.comm, sizeof(info.comm), "%s", comm);
	CHECK(processes_intern(procs, &info, NULL, &p) >= 0);
	return p;
}

static struct failed_binds *begin(void)
{
	struct failed_binds *list;

	CHECK_EQ(processes_new(4096, &procs), 0);
	CHECK_EQ(failed_binds_new(procs, &list), 0);
	return list;
}

static void add(struct failed_binds *list, uint16_t port, struct process *caller,
		uint64_t when)
{
	const struct failed_bind bind = {
		.at = { .netns = 1,
			.family = AF_INET,
			.proto = IPPROTO_TCP,
			.port = port },
		.error = -EADDRINUSE,
		.uid = 1000,
		.caller = caller,
		.last_ns = when,
	};

	failed_binds_add(list, &bind);
}

static void end(struct failed_binds *list)
{
	failed_binds_free(list);
	CHECK_EQ(processes_count(procs), 0);
	processes_free(procs);
}

TEST(the_newest_of_a_port_comes_first)
{
	struct failed_binds *list = begin();
	struct process *a = make(10, "a"), *b = make(11, "b");
	const struct failed_bind *bind;
	size_t cursor = 0;

	add(list, 80, a, 1);
	add(list, 81, a, 2);
	add(list, 80, b, 3);
	processes_unref(procs, a);
	processes_unref(procs, b);
	bind = failed_binds_next(list, 1, 0, 80, &cursor);
	CHECK_STR(bind->caller->info.comm, "b");
	bind = failed_binds_next(list, 1, IPPROTO_TCP, 80, &cursor);
	CHECK_STR(bind->caller->info.comm, "a");
	CHECK(!failed_binds_next(list, 1, 0, 80, &cursor));
	cursor = 0;
	CHECK(!failed_binds_next(list, 2, 0, 80, &cursor));
	cursor = 0;
	CHECK(!failed_binds_next(list, 1, IPPROTO_UDP, 80, &cursor));
	end(list);
}

TEST(who_tries_again_under_another_pid_is_counted)
{
	struct failed_binds *list = begin();
	const struct failed_bind *bind;
	size_t cursor = 0;

	add(list, 81, NULL, 1);
	for (pid_t pid = 10; pid < 15; pid++) {
		struct process *p = make(pid, "server");

		add(list, 80, p, (uint64_t)pid);
		processes_unref(procs, p);
	}
	bind = failed_binds_next(list, 1, 0, 80, &cursor);
	CHECK_EQ(bind->count, 5);
	CHECK_EQ(bind->first_ns, 10);
	CHECK_EQ(bind->last_ns, 14);
	CHECK_EQ(bind->caller->info.id.pid, 14);
	CHECK(!failed_binds_next(list, 1, 0, 80, &cursor));
	end(list);
}

TEST(past_the_limit_the_oldest_goes)
{
	struct failed_binds *list = begin();
	size_t cursor = 0;

	for (unsigned i = 0; i < 3 * FAILED_BINDS_MAX; i++) {
		char name[16];
		struct process *p;

		snprintf(name, sizeof(name), "p%u", i);
		p = make((pid_t)(100 + i), name);
		add(list, (uint16_t)(1000 + i), p, i);
		processes_unref(procs, p);
	}
	CHECK_EQ(processes_count(procs), FAILED_BINDS_MAX);
	CHECK(!failed_binds_next(list, 1, 0, 1000 + 2 * FAILED_BINDS_MAX - 1, &cursor));
	cursor = 0;
	CHECK(failed_binds_next(list, 1, 0, 1000 + 2 * FAILED_BINDS_MAX, &cursor));
	end(list);
}
