/* SPDX-License-Identifier: GPL-2.0-only */
/* strings - vectors of strings, a growing buffer, shell words, terminal escaping. */
#ifndef PORTWATCH_BASE_STRINGS_H
#define PORTWATCH_BASE_STRINGS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

void freep(void *p); /* for _cleanup_(freep) char *s = NULL; */

bool streq(const char *a, const char *b); /* NULL equals NULL */
bool starts_with(const char *text, const char *prefix);

/* @ap as @fmt says, owned; NULL for want of memory.  The caller ends @ap. */
char *format_text(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* A strv is an owned, NULL-terminated array of owned strings; NULL is an empty one. */
char **strv_free(char **strv);
DEFINE_CLEANUP(char *, strv_free)
size_t strv_length(char *const *strv);
bool strv_contains(char *const *strv, const char *word);
char **strv_copy(char *const *strv);                       /* NULL for want of memory */
int strv_append(char ***strv, const char *word);           /* copies; -ENOMEM */
char *strv_join(char *const *strv, const char *separator); /* NULL for want of memory */

/* Words as a POSIX shell splits them: quotes and backslashes, no expansion.
 * -EINVAL for an open quote, -ENOMEM. */
int shell_split(const char *text, char ***ret);
/* One word quoted for a POSIX shell where it needs to be; NULL for want of memory. */
char *shell_quote(const char *word);

/* @value in decimal, without a NUL, such that it ends at @end, of at most 20 bytes;
 * answers where it begins.  For what printf(3) is too slow. */
char *format_int(int64_t value, char *end);
/* An unsigned decimal number that fills the whole of @text.  -EINVAL, -ERANGE. */
int parse_u64(const char *text, uint64_t max, uint64_t *ret);

struct buffer {
	char *data; /* NUL-terminated once anything was added; NULL before */
	size_t size, capacity;
	bool failed; /* memory ran out; everything after is ignored */
};
void buffer_done(struct buffer *buf);
void buffer_add(struct buffer *buf, const char *data, size_t size);
/* Room for @more bytes and a NUL behind what is there; false: out of memory. */
bool buffer_reserve(struct buffer *buf, size_t more);
void buffer_puts(struct buffer *buf, const char *text);
void buffer_printf(struct buffer *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* @text made safe for a terminal: control characters, C1 controls, invalid UTF-8 and bidi
 * overrides become \xNN or \u{NNNN}; printable UTF-8 stays.  NULL for want of memory. */
char *terminal_escape(const char *text);

/* How far @a is from @b (Damerau-Levenshtein), for "did you mean". */
size_t edit_distance(const char *a, const char *b);
/* The nearest of @names (NULL-terminated) within a third of its length, or NULL. */
const char *nearest_name(const char *word, const char *const *names);

#endif /* PORTWATCH_BASE_STRINGS_H */
