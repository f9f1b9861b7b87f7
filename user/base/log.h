/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log - one line on stderr, "<3>" prefixed for journald where that reads it.
 *
 * For daemon and cli; lower layers return errors instead.  Control characters are
 * escaped.
 */
#ifndef PORTWATCH_BASE_LOG_H
#define PORTWATCH_BASE_LOG_H

#include <syslog.h>

void log_set_program(const char *name); /* borrowed; prefixes each line "name: " */
void log_set_level(int level);          /* LOG_INFO at first */

void log_write(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends ": reason" and returns @err (negative errno). */
int log_write_errno(int level, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_error_errno(err, ...) log_write_errno(LOG_ERR, err, __VA_ARGS__)
#define log_warning_errno(err, ...) log_write_errno(LOG_WARNING, err, __VA_ARGS__)

#endif /* PORTWATCH_BASE_LOG_H */
