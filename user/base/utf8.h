/* SPDX-License-Identifier: GPL-2.0-only */
/* utf8 - well-formed text, as RFC 3629 has it. */
#ifndef PORTWATCH_BASE_UTF8_H
#define PORTWATCH_BASE_UTF8_H

#include <stddef.h>

/*
 * Bytes of the well-formed sequence at @p, which has @left bytes (at least one); 0 where
 * there is none: a stray continuation, an overlong form, a surrogate, past U+10FFFF.
 */
size_t utf8_sequence(const char *p, size_t left);

/* The length of the well-formed beginning of @text. */
size_t utf8_valid_prefix(const char *text, size_t size);

/* A copy with each byte that belongs to no sequence replaced by U+FFFD; NULL for want of
 * memory. */
char *utf8_repair(const char *text);

#endif /* PORTWATCH_BASE_UTF8_H */
