/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target - NAME, :PORT, :LOW-HIGH, :PORT/udp, pid:N: is it well-formed, and if not, why.
 *
 * The daemon takes targets as text; here they are only checked, so that a mistake is
 * told in words before anything is done.
 */
#ifndef PORTWATCH_CLI_TARGET_H
#define PORTWATCH_CLI_TARGET_H

#include <stddef.h>

enum { TARGET_ERROR = 160 };

enum target_kind { TARGET_SERVICE, TARGET_PORTS, TARGET_PROCESS };

/* -EINVAL with a sentence in @reterr (@size bytes). */
int target_check(const char *text, enum target_kind *ret, char *reterr, size_t size);
/* "80" or "8000-8100". */
int target_check_ports(const char *text, char *reterr, size_t size);
/* A service's name: [A-Za-z0-9._-]{1,64}. */
int target_check_name(const char *text, char *reterr, size_t size);

#endif /* PORTWATCH_CLI_TARGET_H */
