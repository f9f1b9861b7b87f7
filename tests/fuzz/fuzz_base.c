// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parsers of base: none may crash, leak, or give an answer that its inverse denies.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* What is quoted splits into itself. */
static void check_quoting(const char *text)
{
	_cleanup_(strv_freep) char **words = NULL, **back = NULL;
	_cleanup_(freep) char *quoted = NULL;

	if (shell_split(text, &words) < 0)
		return;
	for (char **word = words; word && *word; word++) {
		quoted = shell_quote(*word);
		must(shell_split(quoted, &back) == 0);
		must(strv_length(back) == 1 && streq(back[0], *word));
		back = strv_free(back);
		freep(&quoted);
	}
}

/* What is escaped has nothing left to escape. */
static void check_escaping(const char *text)
{
	_cleanup_(freep) char *once = terminal_escape(text);
	_cleanup_(freep) char *twice = terminal_escape(once);

	must(streq(once, twice));
	for (const char *p = once; *p; p++)
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void check_times(const char *text)
{
	char buf[TIME_TEXT];
	uint64_t ns, again, ms;

	if (time_parse(text, &ns) == 0) {
		must(time_parse(time_format(ns, buf), &again) == 0);
		must(ns == again);
	}
	if (duration_parse(text, &ms) == 0 && ms < UINT64_MAX / NS_PER_MS)
		must(*duration_format(ms * NS_PER_MS, buf, sizeof(buf)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = malloc(size + 1);
	uint64_t number;

	memcpy(text, data, size);
	text[size] = '\0';
	check_quoting(text);
	check_escaping(text);
	check_times(text);
	if (parse_u64(text, 65535, &number) == 0)
		must(number <= 65535);
	must(edit_distance(text, "port") <= size + 4);
	return 0;
}
