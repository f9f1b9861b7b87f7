// SPDX-License-Identifier: GPL-2.0-only
#include "base/time.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

uint64_t now_mono_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t now_wall_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

uint64_t now_boot_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

const char *time_format(uint64_t wall_ns, char *buf)
{
	time_t seconds = wall_ns / NS_PER_S;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_TEXT - n, ".%09uZ", (unsigned)(wall_ns % NS_PER_S));
	return buf;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly @width digits and, where it is not NUL, @end behind them. */
static int take_number(const char **p, int width, char end, int *ret)
{
	int value = 0;

	for (; width > 0; width--, (*p)++) {
		if (!is_digit(**p))
			return -EINVAL;
		value = value * 10 + (**p - '0');
	}
	if (end && **p != end)
		return -EINVAL;
	*p += end != '\0';
	*ret = value;
	return 0;
}

/* Digits past the nanoseconds are cut. */
static int take_fraction(const char **p, uint64_t *ret_ns)
{
	uint64_t ns = 0, weight = NS_PER_S / 10;

	*ret_ns = 0;
	if (**p != '.')
		return 0;
	if (!is_digit(*++*p))
		return -EINVAL;
	for (; is_digit(**p); (*p)++, weight /= 10)
		ns += (**p - '0') * weight;
	*ret_ns = ns;
	return 0;
}

static int take_zone(const char **p, int *ret_seconds)
{
	int hours, minutes, sign;

	*ret_seconds = 0;
	if (**p == 'Z' || **p == 'z')
		(*p)++;
	else if (**p) {
		if (**p != '+' && **p != '-')
			return -EINVAL;
		sign = *(*p)++ == '-' ? -1 : 1;
		if (take_number(p, 2, ':', &hours) < 0 ||
		    take_number(p, 2, '\0', &minutes) < 0 || hours > 23 || minutes > 59)
			return -EINVAL;
		*ret_seconds = sign * (hours * 3600 + minutes * 60);
	}
	return **p ? -EINVAL : 0;
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Up to the seconds; 60 is a leap second and counts as the next minute's first. */
static int take_date_time(const char **p, struct tm *tm)
{
	int year, month, day, hour, minute, second;

	if (take_number(p, 4, '-', &year) < 0 || take_number(p, 2, '-', &month) < 0 ||
	    take_number(p, 2, '\0', &day) < 0)
		return -EINVAL;
	if (!**p || !strchr("Tt ", **p))
		return -EINVAL;
	(*p)++;
	if (take_number(p, 2, ':', &hour) < 0 || take_number(p, 2, ':', &minute) < 0 ||
	    take_number(p, 2, '\0', &second) < 0)
		return -EINVAL;
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
	    hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	*tm = (struct tm){ .tm_year = year - 1900,
			   .tm_mon = month - 1,
			   .tm_mday = day,
			   .tm_hour = hour,
			   .tm_min = minute,
			   .tm_sec = second };
	return 0;
}

int time_parse(const char *text, uint64_t *ret_wall_ns)
{
	uint64_t fraction, ns;
	struct tm tm;
	time_t seconds;
	int zone;

	if (take_date_time(&text, &tm) < 0 || take_fraction(&text, &fraction) < 0 ||
	    take_zone(&text, &zone) < 0)
		return -EINVAL;
	seconds = timegm(&tm) - zone;
	if (seconds < 0 || __builtin_mul_overflow(seconds, NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, fraction, &ns))
		return -EINVAL;
	*ret_wall_ns = ns;
	return 0;
}

/* The unit at *@p in milliseconds; 0 for none.  "ms" stands before "m". */
static uint64_t take_unit(const char **p)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 },      { "s", 1000 },     { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*p, units[i].name, n) == 0) {
			*p += n;
			return units[i].ms;
		}
	}
	return 0;
}

int duration_parse(const char *text, uint64_t *ret_ms)
{
	uint64_t total = 0;
	bool overflow = false, first = true;

	do {
		uint64_t value = 0, unit;

		if (!is_digit(*text))
			return -EINVAL;
		for (; is_digit(*text); text++)
			overflow |= __builtin_mul_overflow(value, 10, &value) ||
				    __builtin_add_overflow(value, *text - '0', &value);
		unit = take_unit(&text);
		if (!unit && first && !*text)
			unit = 1000;
		if (!unit)
			return -EINVAL;
		overflow |= __builtin_mul_overflow(value, unit, &value) ||
			    __builtin_add_overflow(total, value, &total);
		first = false;
	} while (*text);
	if (overflow)
		return -ERANGE;
	*ret_ms = total;
	return 0;
}

const char *duration_format(uint64_t ns, char *buf, size_t size)
{
	static const struct {
		char name;
		uint64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t seconds = ns / NS_PER_S;
	size_t i = 0;

	if (seconds == 0) {
		bool small = ns > 0 && ns < NS_PER_MS;

		snprintf(buf, size, "%u%s", (unsigned)(ns / (small ? 1000 : NS_PER_MS)),
			 small ? "us" : "ms");
		return buf;
	}
	while (seconds < units[i].seconds)
		i++;
	if (units[i].seconds > 1 && seconds % units[i].seconds >= units[i + 1].seconds)
		snprintf(buf, size, "%llu%c %llu%c",
			 (unsigned long long)(seconds / units[i].seconds), units[i].name,
			 (unsigned long long)(seconds % units[i].seconds /
					      units[i + 1].seconds),
			 units[i + 1].name);
	else
		snprintf(buf, size, "%llu%c",
			 (unsigned long long)(seconds / units[i].seconds), units[i].name);
	return buf;
}
