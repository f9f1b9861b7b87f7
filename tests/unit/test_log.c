// SPDX-License-Identifier: GPL-2.0-only
#include "base/log.h"
#include "base/strings.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* stderr becomes a pipe; returns its other end. */
static int catch_stderr(void)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	unsetenv("JOURNAL_STREAM");
	return fds[0];
}

static void check_caught(int fd, const char *want)
{
	char text[512] = "";

	close(STDERR_FILENO);
	CHECK(read(fd, text, sizeof(text) - 1) >= 0);
	CHECK_STR(text, want);
}

TEST(a_message_is_one_line_with_the_program)
{
	int fd = catch_stderr();

	log_set_program("portwatchd");
	log_error("Cannot open %s", "x");
	log_info("Ready");
	check_caught(fd, "portwatchd: Cannot open x\nportwatchd: Ready\n");
}

TEST(an_error_names_its_reason_and_is_returned)
{
	int fd = catch_stderr();

	CHECK_EQ(log_error_errno(-ENOENT, "Cannot open %s", "x"), -ENOENT);
	CHECK_EQ(log_warning_errno(EACCES, "Cannot read"), -EACCES);
	CHECK_EQ(log_error_errno(-4095, "Cannot think"), -4095);
	check_caught(fd, "Cannot open x: No such file or directory\n"
			 "Cannot read: Permission denied\n"
			 "Cannot think: unknown error\n");
}

TEST(what_is_below_the_level_is_not_said)
{
	int fd = catch_stderr();

	log_debug("by default not");
	log_set_level(LOG_WARNING);
	log_info("not");
	CHECK_EQ(log_write_errno(LOG_INFO, -EIO, "not"), -EIO);
	log_warning("this");
	log_set_level(LOG_DEBUG);
	log_debug("and this");
	check_caught(fd, "this\nand this\n");
}

TEST(control_characters_are_escaped)
{
	int fd = catch_stderr();

	log_error("from argv: %s", "a\n\x1b[2J");
	check_caught(fd, "from argv: a\\x0a\\x1b[2J\n");
}

TEST(the_journal_gets_the_level)
{
	int fd = catch_stderr();
	struct stat st;
	char stream[64];

	CHECK_EQ(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_warning("hot");
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_warning("elsewhere");
	check_caught(fd, "<4>hot\nelsewhere\n");
}

TEST(errno_survives)
{
	int fd = catch_stderr();

	errno = EPROTO;
	log_error("x");
	CHECK_EQ(errno, EPROTO);
	close(fd);
}
