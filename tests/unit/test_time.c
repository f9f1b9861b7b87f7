// SPDX-License-Identifier: GPL-2.0-only
#include "base/time.h"
#include "harness.h"

#include <errno.h>

TEST(clocks_go_forward)
{
	uint64_t mono = now_mono_ns(), boot = now_boot_ns();

	CHECK(mono > 0);
	CHECK(now_mono_ns() >= mono);
	CHECK(now_boot_ns() >= boot);
	CHECK(now_wall_ns() > 1700000000 * NS_PER_S);
}

TEST(times_are_written_in_utc_with_nanoseconds)
{
	char buf[TIME_TEXT];

	CHECK_STR(time_format(0, buf), "1970-01-01T00:00:00.000000000Z");
	CHECK_STR(time_format(1768651200 * NS_PER_S + 123456789, buf),
		  "2026-01-17T12:00:00.123456789Z");
	CHECK_STR(time_format(951782400 * NS_PER_S, buf),
		  "2000-02-29T00:00:00.000000000Z");
	CHECK_STR(time_format(UINT64_MAX, buf), "2554-07-21T23:34:33.709551615Z");
}

TEST(times_are_read_in_every_form_of_rfc_3339)
{
	static const struct {
		const char *text;
		uint64_t seconds, ns;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2026-01-17T12:00:00", 1768651200, 0 },
		{ "2026-01-17T12:00:00Z", 1768651200, 0 },
		{ "2026-01-17t12:00:00z", 1768651200, 0 },
		{ "2026-01-17 12:00:00Z", 1768651200, 0 },
		{ "2026-01-17T12:00:00.5Z", 1768651200, 500000000 },
		{ "2026-01-17T12:00:00.123456789", 1768651200, 123456789 },
		{ "2026-01-17T12:00:00.1234567899999Z", 1768651200, 123456789 },
		{ "2026-01-17T13:30:00+01:30", 1768651200, 0 },
		{ "2026-01-17T04:00:00-08:00", 1768651200, 0 },
		{ "2000-02-29T00:00:00Z", 951782400, 0 },
		{ "2016-12-31T23:59:60Z", 1483228800, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t ns = 1;

		CHECK_EQ(time_parse(cases[i].text, &ns), 0);
		CHECK(ns == cases[i].seconds * NS_PER_S + cases[i].ns);
	}
}

TEST(what_is_no_time_is_refused)
{
	static const char *const bad[] = {
		"",
		"now",
		"2026",
		"2026-01-17",
		"2026-01-17T",
		"2026-01-17T12:00",
		"2026-01-17X12:00:00",
		"2026-1-17T12:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"2026-01-17T24:00:00Z",
		"2026-01-17T12:60:00Z",
		"2026-01-17T12:00:61Z",
		"2026-01-17T12:00:00.Z",
		"2026-01-17T12:00:00+1",
		"2026-01-17T12:00:00+24:00",
		"2026-01-17T12:00:00+0100",
		"2026-01-17T12:00:00Zx",
		" 2026-01-17T12:00:00Z",
		"2026-01-17T12:00:00Z ",
		"1969-12-31T23:59:59Z",
		"9999-12-31T23:59:59Z",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t ns = 1;

		CHECK_EQ(time_parse(bad[i], &ns), -EINVAL);
		CHECK_EQ(ns, 1);
	}
}

TEST(what_is_written_is_read_back)
{
	static const uint64_t times[] = { 0, 1, 999999999, 1768651200123456789,
					  4102444800000000000 };

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		char buf[TIME_TEXT];
		uint64_t back;

		CHECK_EQ(time_parse(time_format(times[i], buf), &back), 0);
		CHECK(back == times[i]);
	}
}

TEST(durations_are_numbers_with_units)
{
	static const struct {
		const char *text;
		int err;
		uint64_t ms;
	} cases[] = {
		{ "0", 0, 0 },
		{ "30", 0, 30000 },
		{ "500ms", 0, 500 },
		{ "30s", 0, 30000 },
		{ "5m", 0, 300000 },
		{ "2h", 0, 7200000 },
		{ "30d", 0, 2592000000 },
		{ "1h30m", 0, 5400000 },
		{ "1m500ms", 0, 60500 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "+1s", -EINVAL, 0 },
		{ " 1s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "1h30", -EINVAL, 0 },
		{ "1w", -EINVAL, 0 },
		{ "10sx", -EINVAL, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "18446744073709551615ms1ms", -ERANGE, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t ms = 7;

		CHECK_EQ(duration_parse(cases[i].text, &ms), cases[i].err);
		CHECK(ms == (cases[i].err ? 7 : cases[i].ms));
	}
}

TEST(durations_are_told_in_two_units_at_most)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0ms" },
		{ 85 * 1000, "85us" },
		{ 840 * NS_PER_MS, "840ms" },
		{ 1 * NS_PER_S, "1s" },
		{ 59 * NS_PER_S + 999999999, "59s" },
		{ 60 * NS_PER_S, "1m" },
		{ 725 * NS_PER_S, "12m 5s" },
		{ 3600 * NS_PER_S, "1h" },
		{ 3659 * NS_PER_S, "1h" },
		{ 7260 * NS_PER_S, "2h 1m" },
		{ 86400 * NS_PER_S, "1d" },
		{ (3 * 86400 + 4 * 3600 + 59) * NS_PER_S, "3d 4h" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char buf[32];

		CHECK_STR(duration_format(cases[i].ns, buf, sizeof(buf)), cases[i].text);
	}
}

TEST(a_short_buffer_cuts_a_duration)
{
	char buf[4];

	CHECK_STR(duration_format(725 * NS_PER_S, buf, sizeof(buf)), "12m");
}
