// SPDX-License-Identifier: GPL-2.0-only
#include "probe/procfs.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"

TEST(a_stat_is_read_whatever_comm_holds)
{
	static const struct {
		const char *text, *comm;
		pid_t pid, ppid, sid;
		uint64_t start;
		bool alive;
	} table[] = {
		{ "42 (cat) R 7 42 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 321 0\n", "cat", 42,
		  7, 9, 321, true },
		{ "42 (a) S 1 (\nb) R 7 42 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 321 0",
		  "a) S 1 (\nb", 42, 7, 9, 321, true },
		{ "42 () R 7 42 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 321 0", "", 42, 7, 9,
		  321, true },
		{ "2 (kworker/u4:1-events_unbound) I 0 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 "
		  "0 5 0",
		  "kworker/u4:1-ev", 2, 0, 0, 5, true },
		{ "42 (z) Z 7 42 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 321 0", "z", 42, 7, 9,
		  321, false },
		/* The first thread has ended, another runs on. */
		{ "42 (z) Z 7 42 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 321 0", "z", 42, 7, 9,
		  321, true },
		{ "42 (x) X 7 42 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 0 0 321 0", "x", 42, 7, 9,
		  321, false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct process_info info;
		bool alive;

		CHECK_EQ(procfs_parse_stat(table[i].text, strlen(table[i].text), &info,
					   &alive),
			 0);
		CHECK_STR(info.comm, table[i].comm);
		CHECK_EQ(info.id.pid, table[i].pid);
		CHECK_EQ(info.ppid, table[i].ppid);
		CHECK_EQ(info.sid, table[i].sid);
		CHECK_EQ(info.id.start_ticks, table[i].start);
		CHECK_EQ(alive, table[i].alive);
	}
}

TEST(a_stat_that_is_none_is_refused)
{
	static const char *const table[] = {
		"",
		"42",
		"42 (cat",
		"42 (cat)",
		"42 (cat) R",
		"42 (cat) R 7 42",
		") 42 (cat R 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
		"42 (cat) R a b c d e f g h i j k l m n o"
	};
	struct process_info info;
	bool alive;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		CHECK_EQ(procfs_parse_stat(table[i], strlen(table[i]), &info, &alive),
			 -EINVAL);
}

TEST(argv_is_taken_apart_at_its_ends)
{
	static const struct {
		const char *data;
		size_t size;
		const char *want; /* joined by "|" */
	} table[] = {
		{ "a\0b\0c\0", 6, "a|b|c" },
		{ "a\0\0c\0", 5, "a||c" },
		{ "a\0\0", 3, "a|" },
		{ "a b", 3, "a b" },
		{ "nginx: master\0\0\0\0", 17, "nginx: master" },
		{ "/My App/x\0y\0", 12, "/My App/x|y" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_(strv_freep) char **argv = NULL;
		_cleanup_(freep) char *joined = NULL;

		CHECK_EQ(procfs_parse_cmdline(table[i].data, table[i].size, &argv), 0);
		joined = strv_join(argv, "|");
		CHECK(joined);
		CHECK_STR(joined, table[i].want);
	}
}

TEST(the_cgroup_is_that_of_the_hierarchy_that_says_more)
{
	static const struct {
		const char *text, *cgroup, *unit;
	} table[] = {
		{ "0::/system.slice/goblin.service\n", "/system.slice/goblin.service",
		  "goblin.service" },
		{ "12:pids:/x\n1:name=systemd:/system.slice/goblin.service\n0::/\n",
		  "/system.slice/goblin.service", "goblin.service" },
		{ "1:name=systemd:/\n0::/user.slice/a.scope\n", "/user.slice/a.scope",
		  "a.scope" },
		{ "4:memory:/other\n1:name=systemd:/\n0::/\n", "/", NULL },
		{ "4:devices:/docker/x\n3:pids:/\n", "/docker/x", NULL },
		{ "0::/a:b.service", "/a:b.service", "a:b.service" },
		{ "", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_(process_info_done) struct process_info info = { 0 };

		CHECK_EQ(procfs_parse_cgroup(table[i].text, &info), 0);
		CHECK(streq(info.cgroup, table[i].cgroup));
		CHECK(streq(info.unit, table[i].unit));
	}
}

static bool has_port(const uint8_t *bitmap, unsigned port)
{
	return bitmap[port / 8] & 1 << port % 8;
}

TEST(reserved_ports_are_single_ones_and_ranges)
{
	static const char *const bad[] = { "a",    "1-",  "-1",    "9-5",
					   "1,,x", "1 2", "1-2-3", "70000" };
	uint8_t bitmap[8192];

	CHECK_EQ(procfs_parse_ports("1,5-9,65535\n", bitmap), 0);
	for (unsigned port = 0; port <= UINT16_MAX; port++)
		CHECK_EQ(has_port(bitmap, port),
			 port == 1 || (port >= 5 && port <= 9) || port == UINT16_MAX);

	CHECK_EQ(procfs_parse_ports("\n", bitmap), 0);
	CHECK(!has_port(bitmap, 1));

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_EQ(procfs_parse_ports(bad[i], bitmap), -EINVAL);
}

TEST(this_process_is_read_in_full)
{
	_cleanup_(process_info_done) struct process_info info = { 0 };
	uint64_t now = now_wall_ns();
	char cwd[4096], exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	CHECK(n > 0 && getcwd(cwd, sizeof(cwd)));
	exe[n] = '\0';
	CHECK_EQ(procfs_read(getpid(), PROCFS_ALL, &info), 0);
	CHECK_EQ(info.id.pid, getpid());
	CHECK_EQ(info.ppid, getppid());
	CHECK_EQ(info.uid, getuid());
	CHECK_EQ(info.sid, getsid(0));
	CHECK_STR(info.exe, exe);
	CHECK_STR(info.cwd, cwd);
	CHECK(strv_length(info.cmdline) > 0);
	/* This test's process is younger than ten seconds. */
	CHECK(info.start_ns <= now + NS_PER_S && info.start_ns + 10 * NS_PER_S > now);
	CHECK(procfs_is_alive(info.id));
}

TEST(only_what_is_asked_for_is_read)
{
	_cleanup_(process_info_done) struct process_info info = { 0 };

	CHECK_EQ(procfs_read(getpid(), PROCFS_STAT, &info), 0);
	CHECK_EQ(info.id.pid, getpid());
	CHECK(!info.exe && !info.cmdline && !info.cwd && !info.cgroup && !info.user);
	CHECK_EQ(info.uid, (uid_t)-1);
}

/* A child that has ended and is not yet waited for. */
static pid_t zombie(void)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	CHECK(pid > 0);
	CHECK_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

TEST(a_zombie_is_not_alive_and_a_reused_pid_is_another)
{
	struct process_info info;
	pid_t pid = zombie();

	CHECK_EQ(procfs_read(pid, PROCFS_STAT, &info), 0);
	CHECK(!procfs_is_alive(info.id));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(procfs_read(pid, PROCFS_STAT, &info), -ESRCH);

	CHECK_EQ(procfs_read(getpid(), PROCFS_STAT, &info), 0);
	info.id.start_ticks--;
	CHECK(!procfs_is_alive(info.id));
}

static void *wait_for_end(void *arg)
{
	char byte;

	while (read(*(int *)arg, &byte, 1) < 0)
		;
	_exit(0);
}

static void end_first_thread(int fd)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, wait_for_end, &fd), 0);
	pthread_exit(NULL);
}

static char state_of(pid_t pid)
{
	char path[32], text[512] = "", *close;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	CHECK(f && fgets(text, sizeof(text), f));
	fclose(f);
	close = strrchr(text, ')');
	return close ? close[2] : '?';
}

TEST(a_process_outlives_its_first_thread)
{
	struct process_info info;
	int fds[2];
	pid_t pid;

	CHECK_EQ(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		end_first_thread(fds[0]);
	}
	for (int i = 0; state_of(pid) != 'Z' && i < 5000; i++)
		usleep(1000);
	CHECK_EQ(state_of(pid), 'Z');
	CHECK_EQ(procfs_read(pid, PROCFS_STAT, &info), 0);
	CHECK(procfs_is_alive(info.id));
	close(fds[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(what_the_kernel_told_is_completed)
{
	_cleanup_(process_info_done) struct process_info whole = { 0 };
	_cleanup_(process_info_done) struct process_info info = { 0 };

	CHECK_EQ(procfs_read(getpid(), PROCFS_ALL, &whole), 0);
	info.id = whole.id;
	info.uid = (uid_t)-1;
	info.exe = strdup(strrchr(whole.exe, '/') + 1);
	CHECK_EQ(procfs_complete(&info), 0);
	CHECK_STR(info.exe, whole.exe);
	CHECK_STR(info.comm, whole.comm);
	CHECK_EQ(strv_length(info.cmdline), strv_length(whole.cmdline));
	CHECK(streq(info.user, whole.user));
	CHECK(streq(info.cgroup, whole.cgroup));
}

TEST(another_program_or_process_does_not_complete_it)
{
	_cleanup_(process_info_done) struct process_info info = { 0 };

	CHECK_EQ(procfs_read(getpid(), PROCFS_STAT, &info), 0);
	info.exe = strdup("/usr/bin/other");
	CHECK_EQ(procfs_complete(&info), 0);
	CHECK(!info.cmdline);
	CHECK(info.cwd);
	process_info_done(&info);

	CHECK_EQ(procfs_read(getpid(), PROCFS_STAT, &info), 0);
	info.id.start_ticks--;
	CHECK_EQ(procfs_complete(&info), 0);
	CHECK(!info.cmdline && !info.exe && !info.cwd);
}

TEST(the_chain_of_parents_is_interned_once)
{
	_cleanup_(processes_freep) struct processes *table = NULL;
	struct process_info info;
	struct process *p, *again;
	pid_t top = 0;
	size_t count;

	CHECK_EQ(processes_new(1000, &table), 0);
	CHECK_EQ(procfs_read(getpid(), PROCFS_ALL, &info), 0);
	CHECK_EQ(procfs_intern(table, &info, &p), 0);
	CHECK(p->parent);
	CHECK_EQ(p->parent->info.id.pid, getppid());
	CHECK(p->parent->info.exe && p->parent->info.cmdline);
	for (const struct process *at = p; at; at = at->parent)
		top = at->info.ppid;
	CHECK_EQ(top, 0);

	count = processes_count(table);
	CHECK_EQ(procfs_read(getpid(), PROCFS_ALL, &info), 0);
	CHECK_EQ(procfs_intern(table, &info, &again), 0);
	CHECK(again == p);
	CHECK_EQ(processes_count(table), count);
	processes_unref(table, p);
	processes_unref(table, again);
	CHECK_EQ(processes_count(table), 0);
}

TEST(a_parent_that_is_younger_than_its_child_is_none)
{
	_cleanup_(processes_freep) struct processes *table = NULL;
	struct process_info info;
	struct process *p;

	CHECK_EQ(processes_new(1000, &table), 0);
	CHECK_EQ(procfs_read(getpid(), PROCFS_ALL, &info), 0);
	info.id.start_ticks = 0;
	info.id.pid = 1 << 22;
	info.ppid = getpid();
	CHECK_EQ(procfs_intern(table, &info, &p), 0);
	CHECK(!p->parent);
}

TEST(root_has_a_name_and_an_unused_uid_has_none)
{
	CHECK_STR(procfs_user(0), "root");
	CHECK(!procfs_user(3999999999u));
}

TEST(the_host_says_its_namespace_and_ranges)
{
	struct port_range range;
	uint8_t bitmap[8192];
	struct stat st;

	CHECK_EQ(stat("/proc/self/ns/net", &st), 0);
	CHECK_EQ(procfs_own_netns(), (uint32_t)st.st_ino);
	CHECK_EQ(procfs_port_range(&range), 0);
	CHECK(range.low > 0 && range.low <= range.high);
	CHECK_EQ(procfs_reserved_ports(bitmap), 0);
	CHECK(procfs_unprivileged_port() <= 1024);
}
