/* SPDX-License-Identifier: GPL-2.0-only */
/* time - clocks, RFC 3339, durations. */
#ifndef PORTWATCH_BASE_TIME_H
#define PORTWATCH_BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

uint64_t now_mono_ns(void);
uint64_t now_wall_ns(void);
uint64_t now_boot_ns(void); /* CLOCK_BOOTTIME */

enum { TIME_TEXT = 32 };
/* "2026-01-17T12:00:00.123456789Z"; @buf has TIME_TEXT bytes; returns @buf. */
const char *time_format(uint64_t wall_ns, char *buf);
/* RFC 3339, the zone may be missing (then UTC), the fraction too.  -EINVAL. */
int time_parse(const char *text, uint64_t *ret_wall_ns);

/* "500ms", "30s", "5m", "2h", "30d", "1h30m", a bare number is seconds.  -EINVAL,
 * -ERANGE. */
int duration_parse(const char *text, uint64_t *ret_ms);
/* "3d 4h", "12m 5s", "840ms": two units at most, for people.  Returns @buf. */
const char *duration_format(uint64_t ns, char *buf, size_t size);

#endif /* PORTWATCH_BASE_TIME_H */
