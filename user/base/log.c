// SPDX-License-Identifier: GPL-2.0-only
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"

static const char *program;
static int max_level = LOG_INFO;

void log_set_program(const char *name)
{
	program = name;
}

void log_set_level(int level)
{
	max_level = level;
}

/* systemd names the journal's end by device and inode; stderr may have been
 * redirected since (systemd.exec(5), JOURNAL_STREAM). */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[48];
	struct stat st;

	if (!stream || fstat(fd, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return streq(stream, own);
}

/* One write, so that lines of several processes do not mix. */
static void write_line(int level, const char *text, const char *reason)
{
	_cleanup_(buffer_done) struct buffer line = { 0 };
	_cleanup_(freep) char *safe = terminal_escape(text);

	if (is_journal(STDERR_FILENO))
		buffer_printf(&line, "<%d>", level);
	if (program)
		buffer_printf(&line, "%s: ", program);
	buffer_puts(&line, safe ? safe : "out of memory");
	if (reason)
		buffer_printf(&line, ": %s", reason);
	buffer_puts(&line, "\n");
	/* There is nobody left to tell when stderr itself fails. */
	if (!line.failed && write(STDERR_FILENO, line.data, line.size) < 0)
		return;
}

static void log_writev(int level, const char *reason, const char *fmt, va_list ap)
{
	int saved = errno;
	char *text = level <= max_level ? format_text(fmt, ap) : NULL;

	if (text)
		write_line(level, text, reason);
	free(text);
	errno = saved;
}

void log_write(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_writev(level, NULL, fmt, ap);
	va_end(ap);
}

int log_write_errno(int level, int err, const char *fmt, ...)
{
	const char *reason = strerrordesc_np(abs(err));
	va_list ap;

	va_start(ap, fmt);
	log_writev(level, reason ? reason : "unknown error", fmt, ap);
	va_end(ap);
	return -abs(err);
}
