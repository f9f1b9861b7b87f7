// SPDX-License-Identifier: GPL-2.0-only
#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static char folder[] = "/tmp/portwatch-files-XXXXXX";

static void remove_folder(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A fresh folder as working directory, gone at exit. */
static void enter_folder(void)
{
	CHECK(mkdtemp(folder));
	CHECK_EQ(chdir(folder), 0);
	atexit(remove_folder);
}

static void put(const char *path, const char *text)
{
	CHECK_EQ(file_write_atomic(path, text, strlen(text), 0644), 0);
}

static void check_contents(const char *path, const char *want)
{
	_cleanup_(freep) char *got = NULL;

	CHECK_EQ(file_read(path, 1 << 20, &got, NULL), 0);
	CHECK_STR(got, want);
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2; /* "." and ".." */

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	CHECK_EQ(lstat(path, &st), 0);
	return st;
}

TEST(a_file_is_read_whole)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;

	enter_folder();
	CHECK_EQ(file_write_atomic("f", "a\0b", 3, 0600), 0);
	CHECK_EQ(file_read("f", 3, &text, &size), 0);
	CHECK_EQ(size, 3);
	CHECK(memcmp(text, "a\0b", 4) == 0);
}

TEST(a_large_file_is_read_whole)
{
	_cleanup_(freep) char *big = malloc(100000), *text = NULL;
	size_t size = 0;

	enter_folder();
	memset(big, 'x', 100000);
	CHECK_EQ(file_write_atomic("f", big, 100000, 0600), 0);
	CHECK_EQ(file_read("f", 100000, &text, &size), 0);
	CHECK_EQ(size, 100000);
	CHECK(memcmp(text, big, size) == 0);
}

TEST(an_empty_file_is_empty_text)
{
	_cleanup_(freep) char *text = NULL;

	enter_folder();
	put("f", "");
	CHECK_EQ(file_read("f", 0, &text, NULL), 0);
	CHECK_STR(text, "");
}

TEST(files_without_a_size_are_read_too)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;

	CHECK_EQ(file_read("/proc/self/stat", 4096, &text, &size), 0);
	CHECK(size > 20);
	CHECK_EQ(file_read("/proc/self/stat", 20, &text, NULL), -EFBIG);
}

TEST(what_cannot_be_read_is_an_error)
{
	char *text = NULL;

	enter_folder();
	put("f", "four");
	CHECK_EQ(file_read("f", 3, &text, NULL), -EFBIG);
	CHECK_EQ(file_read("missing", 10, &text, NULL), -ENOENT);
	CHECK_EQ(file_read(".", 10, &text, NULL), -EISDIR);
	CHECK_EQ(file_read("f/g", 10, &text, NULL), -ENOTDIR);
	CHECK(!text);
}

TEST(a_file_is_read_relative_to_a_folder)
{
	_cleanup_(close_fdp) int fd = open("/proc/self", O_PATH | O_CLOEXEC);
	_cleanup_(freep) char *text = NULL;

	CHECK_EQ(file_read_at(fd, "comm", 100, &text, NULL), 0);
	CHECK_STR(text, "test_files\n");
}

TEST(a_write_replaces_and_leaves_nothing_behind)
{
	enter_folder();
	put("f", "old and longer");
	put("f", "new");
	check_contents("f", "new");
	CHECK_EQ(count_entries("."), 1);
}

TEST(a_new_file_gets_the_mode_whatever_the_umask)
{
	enter_folder();
	umask(0777);
	CHECK_EQ(file_write_atomic("f", "x", 1, 0640), 0);
	CHECK_EQ(stat_of("f").st_mode & 07777, 0640);
}

TEST(an_existing_file_keeps_its_mode)
{
	enter_folder();
	put("f", "x");
	CHECK_EQ(chmod("f", 0604), 0);
	CHECK_EQ(file_write_atomic("f", "y", 1, 0640), 0);
	CHECK_EQ(stat_of("f").st_mode & 07777, 0604);
}

TEST(an_existing_file_keeps_its_owner)
{
	if (geteuid() != 0)
		test_skip("needs root");
	enter_folder();
	put("f", "x");
	CHECK_EQ(chown("f", 1234, 4321), 0);
	put("f", "y");
	CHECK_EQ(stat_of("f").st_uid, 1234);
	CHECK_EQ(stat_of("f").st_gid, 4321);
}

TEST(a_symlink_is_followed_and_stays_one)
{
	enter_folder();
	CHECK_EQ(mkdir("d", 0755), 0);
	put("d/real", "old");
	CHECK_EQ(symlink("real", "d/hop"), 0);
	CHECK_EQ(symlink("d/hop", "link"), 0);
	put("link", "new");
	check_contents("d/real", "new");
	CHECK(S_ISLNK(stat_of("link").st_mode));
	CHECK(S_ISLNK(stat_of("d/hop").st_mode));
}

TEST(a_symlink_to_nothing_is_filled)
{
	char target[64];

	enter_folder();
	snprintf(target, sizeof(target), "%s/real", folder);
	CHECK_EQ(symlink(target, "link"), 0);
	put("link", "new");
	check_contents("real", "new");
	CHECK(S_ISLNK(stat_of("link").st_mode));
}

TEST(a_circle_of_symlinks_is_an_error)
{
	enter_folder();
	CHECK_EQ(symlink("b", "a"), 0);
	CHECK_EQ(symlink("a", "b"), 0);
	CHECK_EQ(file_write_atomic("a", "x", 1, 0644), -ELOOP);
}

TEST(what_is_no_file_is_not_replaced)
{
	enter_folder();
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkfifo("pipe", 0644), 0);
	CHECK_EQ(file_write_atomic("d", "x", 1, 0644), -EISDIR);
	CHECK_EQ(file_write_atomic("pipe", "x", 1, 0644), -EINVAL);
	CHECK_EQ(file_write_atomic("missing/f", "x", 1, 0644), -ENOENT);
	CHECK_EQ(count_entries("."), 2);
}

/* RLIMIT_FSIZE stands in for every error that write(2) can end in. */
TEST(a_write_that_fails_leaves_the_old_file)
{
	struct rlimit limit = { .rlim_cur = 4096, .rlim_max = 4096 };
	char big[8192] = { 0 };

	enter_folder();
	put("f", "old");
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_EQ(file_write_atomic("f", big, sizeof(big), 0644), -EFBIG);
	check_contents("f", "old");
	CHECK_EQ(count_entries("."), 1);
}

/* Files in /proc are written in place. */
static void tell(const char *path, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void tell(const char *path, const char *fmt, ...)
{
	FILE *file = fopen(path, "we");
	va_list ap;

	CHECK(file);
	va_start(ap, fmt);
	vfprintf(file, fmt, ap);
	va_end(ap);
	CHECK_EQ(fclose(file), 0);
}

/* A mount namespace of its own; an ordinary user needs a user namespace for that. */
static void enter_mount_namespace(void)
{
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) < 0)
		test_skip("no mount namespace to be had");
	if (uid != 0) {
		tell("/proc/self/setgroups", "deny");
		tell("/proc/self/uid_map", "0 %u 1", uid);
		tell("/proc/self/gid_map", "0 %u 1", gid);
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		test_skip("no mount namespace to be had");
}

TEST(a_full_disk_leaves_the_old_file)
{
	_cleanup_(freep) char *big = calloc(1, 1 << 20);

	enter_folder();
	enter_mount_namespace();
	CHECK_EQ(mkdir("small", 0755), 0);
	CHECK_EQ(mount("tmpfs", "small", "tmpfs", 0, "size=64k"), 0);
	put("small/f", "old");
	CHECK_EQ(file_write_atomic("small/f", big, 1 << 20, 0644), -ENOSPC);
	check_contents("small/f", "old");
	CHECK_EQ(count_entries("small"), 1);
	CHECK_EQ(umount("small"), 0);
}

/* Runs the write in a child that stops at every system call. */
static pid_t start_traced_write(const char *path, const char *text)
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(file_write_atomic(path, text, strlen(text), 0644) < 0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD) < 0)
		test_skip("no ptrace to be had");
	return pid;
}

/* Lets it run to its next entry of or exit from a system call; false once it ended. */
static bool step(pid_t pid)
{
	int status;

	CHECK_EQ(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		CHECK_EQ(WEXITSTATUS(status), 0);
	return !WIFEXITED(status);
}

TEST(killed_at_any_system_call_it_leaves_old_or_new)
{
	bool finished = false;
	int stops = 0;

	enter_folder();
	while (!finished) {
		_cleanup_(freep) char *got = NULL;
		pid_t pid;

		put("f", "old");
		pid = start_traced_write("f", "new");
		finished = false;
		for (int i = 0; i <= stops && !finished; i++)
			finished = !step(pid);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		CHECK_EQ(file_read("f", 100, &got, NULL), 0);
		CHECK(streq(got, finished ? "new" : "old") || streq(got, "new"));
		stops++;
	}
	CHECK(stops > 10);
}

TEST(the_data_is_on_disk_before_the_name_and_the_name_before_the_answer)
{
	char order[32] = "";
	pid_t pid;

	enter_folder();
	put("f", "old");
	pid = start_traced_write("f", "new");
	while (step(pid)) {
		struct ptrace_syscall_info info = { 0 };
		size_t n = strlen(order);

		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY || n + 1 == sizeof(order))
			continue;
		if (info.entry.nr == SYS_write)
			order[n] = 'w';
		else if (info.entry.nr == SYS_fsync)
			order[n] = 's';
		else if (info.entry.nr == SYS_renameat2)
			order[n] = 'r';
#ifdef SYS_rename
		else if (info.entry.nr == SYS_rename)
			order[n] = 'r';
#endif
#ifdef SYS_renameat
		else if (info.entry.nr == SYS_renameat)
			order[n] = 'r';
#endif
	}
	CHECK_STR(order, "wsrs");
}

TEST(a_lock_keeps_others_out_until_it_is_closed)
{
	_cleanup_(close_fdp) int second = -EBADF;
	uint64_t start;
	int first;

	enter_folder();
	first = file_lock("f", 0);
	CHECK(first >= 0);
	CHECK_EQ(file_lock("f", 0), -EWOULDBLOCK);
	start = now_mono_ns();
	CHECK_EQ(file_lock("f", 30), -EWOULDBLOCK);
	CHECK(now_mono_ns() - start >= 30 * NS_PER_MS);
	close_fd(first);
	second = file_lock("f", 0);
	CHECK(second >= 0);
	CHECK_EQ(stat_of("f.lock").st_mode & 07777, 0600);
	CHECK(fcntl(second, F_GETFD) & FD_CLOEXEC);
}

TEST(a_lock_is_had_when_its_holder_lets_go_in_time)
{
	int ready[2], first;
	pid_t pid;

	enter_folder();
	CHECK_EQ(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		const struct timespec pause = { .tv_nsec = 50 * NS_PER_MS };

		first = file_lock("f", 0);
		if (write(ready[1], "x", 1) == 1)
			nanosleep(&pause, NULL);
		_exit(first < 0);
	}
	CHECK_EQ(read(ready[0], (char[1]){ 0 }, 1), 1);
	first = file_lock("f", 10000);
	CHECK(first >= 0);
	close_fd(first);
	waitpid(pid, NULL, 0);
}

TEST(a_lock_through_a_symlink_is_the_same_lock)
{
	_cleanup_(close_fdp) int fd = -EBADF;

	enter_folder();
	CHECK_EQ(symlink("f", "link"), 0);
	fd = file_lock("link", 0);
	CHECK(fd >= 0);
	CHECK_EQ(file_lock("f", 0), -EWOULDBLOCK);
}

TEST(folders_are_made_with_their_parents)
{
	enter_folder();
	CHECK_EQ(make_directories("a/b//c/", 0755), 0);
	CHECK(S_ISDIR(stat_of("a/b/c").st_mode));
	CHECK_EQ(make_directories("a/b/c", 0755), 0);
	CHECK_EQ(make_directories("/", 0755), 0);
	put("f", "");
	CHECK_EQ(make_directories("f", 0755), -ENOTDIR);
	CHECK_EQ(make_directories("f/g", 0755), -ENOTDIR);
	CHECK_EQ(make_directories("", 0755), -ENOENT);
}

TEST(closing_keeps_errno_and_accepts_nothing)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	errno = EPROTO;
	CHECK_EQ(close_fd(-EBADF), -EBADF);
	close_fdp(&fd);
	CHECK_EQ(fd, -EBADF);
	CHECK_EQ(errno, EPROTO);
}
