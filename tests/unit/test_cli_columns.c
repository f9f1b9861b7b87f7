// SPDX-License-Identifier: GPL-2.0-only
#include "cli/columns.h"
#include "harness.h"

#include <time.h>

static void check_shown(show_fn show, const char *json, const char *want)
{
	_cleanup_(buffer_done) struct buffer got = { 0 };

	show((struct span){ json, strlen(json) }, &got);
	CHECK_STR(got.data, want);
}

TEST(text_is_shown_unescaped_and_then_made_safe)
{
	check_shown(show_text, "\"nginx: worker\"", "nginx: worker");
	check_shown(show_text, "\"a\\\"b\\\\c\"", "a\"b\\c");
	check_shown(show_text, "\"\\u001b]0;x\\u0007\"", "\\x1b]0;x\\x07");
	check_shown(show_text, "\"\\u202e\"", "\\u{202e}");
	check_shown(show_text, "8080", "8080");
	check_shown(show_text, "null", "-");
}

TEST(lists_are_joined)
{
	check_shown(show_list, "[]", "-");
	check_shown(show_list, "null", "-");
	check_shown(show_list, "[1, 2]", "1,2");
	check_shown(show_list, "{\"db\":{\"condition\":\"x\"},\"web\":{}}", "db,web");
	check_shown(show_words, "[\"python3\",\"-m\",\"a\\tb\"]", "python3 -m a\\x09b");
	check_shown(show_words, "\"as one string\"", "as one string");
}

TEST(ports_name_what_is_not_tcp)
{
	check_shown(show_ports, "8080", "8080");
	check_shown(show_ports, "\"dynamic\"", "dynamic");
	check_shown(show_ports,
		    "[{\"port\":80,\"proto\":\"tcp\"},{\"port\":53,\"proto\":\"udp\"}]",
		    "80,53/udp");
}

TEST(a_service_without_ports_is_dynamic_until_it_listens)
{
	check_shown(show_service_ports, "{\"port\":null,\"ports\":[]}", "dynamic");
	check_shown(show_service_ports, "{\"port\":4000,\"proto\":\"udp\",\"ports\":[]}",
		    "4000/udp");
	check_shown(show_service_ports,
		    "{\"port\":80,\"ports\":[{\"port\":80},"
		    "{\"port\":81,\"proto\":\"tcp\"}]}",
		    "80,81");
}

TEST(ages_are_for_people)
{
	check_shown(show_age, "0", "0s");
	check_shown(show_age, "0.25", "0s");
	check_shown(show_age, "59", "59s");
	check_shown(show_age, "3725", "1h 2m");
	check_shown(show_age, "null", "-");
	check_shown(show_age, "-5", "-5");
}

TEST(times_are_shown_in_the_zone_of_the_reader)
{
	setenv("TZ", "UTC-2", 1);
	tzset();
	check_shown(show_time, "\"2026-01-17T12:00:00.123456789Z\"",
		    "2026-01-17 14:00:00");
	check_shown(show_time, "\"not a time\"", "not a time");
	check_shown(show_time, "null", "-");
}

TEST(processes_are_named_with_their_numbers)
{
	check_shown(show_processes,
		    "[{\"comm\":\"a\",\"pid\":1},{\"comm\":null,\"pid\":2}]",
		    "a(1),-(2)");
}

TEST(booleans_are_words)
{
	check_shown(show_bool, "true", "yes");
	check_shown(show_bool, "false", "no");
	check_shown(show_bool, "null", "-");
}
