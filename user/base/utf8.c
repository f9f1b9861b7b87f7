// SPDX-License-Identifier: GPL-2.0-only
#include "base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_between(char c, unsigned char low, unsigned char high)
{
	return (unsigned char)c >= low && (unsigned char)c <= high;
}

static size_t three(const char *p, size_t left)
{
	unsigned char first = (unsigned char)p[0];

	if (left < 3 || !is_between(p[2], 0x80, 0xbf))
		return 0;
	if (first == 0xe0)
		return is_between(p[1], 0xa0, 0xbf) ? 3 : 0;
	if (first == 0xed) /* D800 to DFFF are surrogates */
		return is_between(p[1], 0x80, 0x9f) ? 3 : 0;
	return is_between(p[1], 0x80, 0xbf) ? 3 : 0;
}

static size_t four(const char *p, size_t left)
{
	unsigned char first = (unsigned char)p[0];

	if (left < 4 || !is_between(p[2], 0x80, 0xbf) || !is_between(p[3], 0x80, 0xbf))
		return 0;
	if (first == 0xf0)
		return is_between(p[1], 0x90, 0xbf) ? 4 : 0;
	if (first == 0xf4)
		return is_between(p[1], 0x80, 0x8f) ? 4 : 0;
	return is_between(p[1], 0x80, 0xbf) ? 4 : 0;
}

size_t utf8_sequence(const char *p, size_t left)
{
	unsigned char first = (unsigned char)p[0];

	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return left >= 2 && is_between(p[1], 0x80, 0xbf) ? 2 : 0;
	if (first >= 0xe0 && first <= 0xef)
		return three(p, left);
	if (first >= 0xf0 && first <= 0xf4)
		return four(p, left);
	return 0;
}

size_t utf8_valid_prefix(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t n = utf8_sequence(text + at, size - at);

		if (n == 0)
			break;
		at += n;
	}
	return at;
}

char *utf8_repair(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t left = strlen(text), used = 0;
	char *copy = malloc(left * 3 + 1);

	if (!copy)
		return NULL;

	while (left > 0) {
		size_t n = utf8_sequence(text, left);

		memcpy(copy + used, n ? text : replacement, n ? n : 3);
		used += n ? n : 3;
		text += n ? n : 1;
		left -= n ? n : 1;
	}
	copy[used] = '\0';
	return copy;
}
