// SPDX-License-Identifier: GPL-2.0-only
/* What services print is kept within a bound, while they go on writing. */
#include "service/launch_log.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

static char folder[] = "/tmp/portwatch-log-XXXXXX";
static char *path;
static int fd;

static void begin(void)
{
	CHECK(mkdtemp(folder));
	path = launch_log_path(folder, "api");
	fd = launch_log_open(path);
	CHECK(fd >= 0);
}

/* Lines "FROM\n" … "TO\n" of eight bytes each, by whoever holds the descriptor. */
static void print(unsigned from, unsigned to)
{
	char line[16];

	for (; from < to; from++) {
		snprintf(line, sizeof(line), "%07u\n", from);
		CHECK_EQ(write(fd, line, 8), 8);
	}
}

static void add_file(const char *name, struct buffer *ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t size;

	CHECK_EQ(file_read(name, 1 << 20, &text, &size), 0);
	buffer_add(ret, text, size);
}

static void clean(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CHECK_EQ(system(command), 0);
}

TEST(rotating_loses_and_repeats_no_line)
{
	_cleanup_(buffer_done) struct buffer all = { 0 };
	char old[128], want[16];

	begin();
	print(0, 5000);
	CHECK_EQ(launch_log_rotate(path), 0);
	print(5000, 5010);
	snprintf(old, sizeof(old), "%s.1", path);
	add_file(old, &all);
	add_file(path, &all);
	CHECK_EQ(all.size, 5010 * 8);
	for (unsigned i = 0; i < 5010; i++) {
		snprintf(want, sizeof(want), "%07u\n", i);
		CHECK(memcmp(all.data + i * 8, want, 8) == 0);
	}
	clean();
}

TEST(no_more_than_five_old_ones_are_kept)
{
	char old[128];

	begin();
	for (unsigned i = 0; i < 8; i++) {
		print(i * 1000, i * 1000 + 1000);
		CHECK_EQ(launch_log_rotate(path), 0);
	}
	snprintf(old, sizeof(old), "%s.%d", path, LAUNCH_LOGS_KEPT);
	CHECK_EQ(access(old, F_OK), 0);
	snprintf(old, sizeof(old), "%s.%d", path, LAUNCH_LOGS_KEPT + 1);
	CHECK(access(old, F_OK) < 0);
	clean();
}

TEST(nobody_else_may_read_it)
{
	struct stat st;

	begin();
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode & 07, 0);
	clean();
}
