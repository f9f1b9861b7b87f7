// SPDX-License-Identifier: GPL-2.0-only
#include "json/scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

struct scan {
	const char *text, *end, *p;
	const char *open; /* the innermost bracket that is not closed yet; NULL */
	unsigned depth;
	bool odd_numbers;
	struct scan_fault *fault;
};

__attribute__((format(printf, 4, 5))) static int fail(struct scan *s, const char *at,
						      const char *remedy, const char *fmt,
						      ...)
{
	va_list ap;

	s->fault->offset = (size_t)(at - s->text);
	va_start(ap, fmt);
	vsnprintf(s->fault->what, sizeof(s->fault->what), fmt, ap);
	va_end(ap);
	snprintf(s->fault->remedy, sizeof(s->fault->remedy), "%s", remedy);
	return -EINVAL;
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end &&
	       (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

static bool at_char(const struct scan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

static bool at_word(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, word, n) == 0;
}

/* A character that cannot stand where it stands, whatever was expected there. */
static int fail_character(struct scan *s, const char *expected)
{
	unsigned char c = (unsigned char)*s->p;

	if (c == '\0')
		return fail(s, s->p, "the file is damaged, or no text; restore it",
			    "a NUL byte stands where %s should", expected);
	if (at_word(s, "\xe2\x80\x9c") || at_word(s, "\xe2\x80\x9d"))
		return fail(s, s->p, "write \" instead",
			    "a typographic quote stands where %s should", expected);
	if (c == '/' || c == '#')
		return fail(s, s->p, "take the comment out",
			    "JSON has no comments; %s should be here", expected);
	if (c == '\'')
		return fail(s, s->p, "write \" instead of '",
			    "a single quote stands where %s should", expected);
	if (c > ' ' && c < 0x7f)
		return fail(s, s->p, "", "'%c' stands where %s should", c, expected);
	return fail(s, s->p, "", "byte 0x%02x stands where %s should", c, expected);
}

static int fail_end(struct scan *s, const char *expected)
{
	struct scan_finder finder;
	unsigned line, column;

	if (!s->open)
		return fail(s, s->end, "is the file complete?",
			    "the document ends where %s should be", expected);

	scan_finder_init(&finder, s->text, (size_t)(s->end - s->text));
	scan_place(&finder, (size_t)(s->open - s->text), &line, &column);
	return fail(s, s->end, "is the file complete?",
		    "the document ends, but the %c of line %u, column %u is not closed",
		    *s->open, line, column);
}

static int fail_value(struct scan *s)
{
	static const struct {
		const char *word, *remedy;
	} mistakes[] = {
		{ "True", "write true" },
		{ "False", "write false" },
		{ "None", "write null" },
		{ "NaN", "JSON has no NaN; write null" },
		{ "Infinity", "write a number" },
		{ "undefined", "write null" },
		{ "+", "write it without the +" },
		{ ".", "write a 0 before the point" },
	};

	if (s->p >= s->end)
		return fail_end(s, "a value");
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
		if (at_word(s, mistakes[i].word))
			return fail(s, s->p, mistakes[i].remedy, "%s is no JSON value",
				    mistakes[i].word);
	if (isalpha((unsigned char)*s->p))
		return fail(s, s->p, "put text in double quotes",
			    "a bare word stands where a value should");
	return fail_character(s, "a value");
}

static int hex4(const char *p, unsigned *ret)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)p[i]))
			return -EINVAL;
		value = value * 16 +
			(unsigned)(isdigit((unsigned char)p[i])
					   ? p[i] - '0'
					   : tolower((unsigned char)p[i]) - 'a' + 10);
	}
	*ret = value;
	return 0;
}

static int scan_unicode(struct scan *s)
{
	const char *at = s->p - 2; /* the backslash */
	unsigned unit, second;

	if (s->end - s->p < 4 || hex4(s->p, &unit) < 0)
		return fail(s, at, "\\u takes four hexadecimal digits",
			    "an incomplete \\u escape");
	s->p += 4;
	if (unit == 0)
		return fail(s, at, "take it out", "\\u0000 in a string");
	if (unit < 0xd800 || unit > 0xdfff)
		return 0;

	if (unit > 0xdbff || !at_word(s, "\\u") || s->end - s->p < 6 ||
	    hex4(s->p + 2, &second) < 0 || second < 0xdc00 || second > 0xdfff)
		return fail(s, at, "write the character itself",
			    "half a surrogate pair in a string");
	s->p += 6;
	return 0;
}

static int scan_escape(struct scan *s)
{
	const char *at = s->p++;

	if (s->p >= s->end)
		return fail_end(s, "the rest of an escape");
	if (*s->p == 'u') {
		s->p++;
		return scan_unicode(s);
	}
	if (*s->p == '\0' || !strchr("\"\\/bfnrt", *s->p))
		return fail(s, at, "write \\\\ for a backslash",
			    "an escape that JSON does not know");
	s->p++;
	return 0;
}

static int fail_control(struct scan *s)
{
	unsigned char c = (unsigned char)*s->p;

	if (c == '\0')
		return fail(s, s->p, "the file is damaged, or no text; restore it",
			    "a NUL byte in a string");
	if (c == '\n' || c == '\r')
		return fail(s, s->p, "close it with \", or write \\n for a line break",
			    "the string is not closed on its line");
	return fail(s, s->p, c == '\t' ? "write \\t" : "take it out or write \\u00XX",
		    "a control character (0x%02x) in a string", c);
}

/* ASCII that stands for itself, nearly all there is. */
static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

static void skip_plain(struct scan *s)
{
	const char *p = s->p;

	while (p < s->end && is_plain((unsigned char)*p))
		p++;
	s->p = p;
}

/* At the opening quote. */
static int scan_string(struct scan *s)
{
	const char *open = s->p++;
	int err;

	for (skip_plain(s); s->p < s->end; skip_plain(s)) {
		unsigned char c = (unsigned char)*s->p;
		size_t n;

		if (c == '"') {
			s->p++;
			return 0;
		}
		if (c == '\\') {
			err = scan_escape(s);
			if (err < 0)
				return err;
			continue;
		}
		if (c < ' ')
			return fail_control(s);
		n = utf8_sequence(s->p, (size_t)(s->end - s->p));
		if (n == 0)
			return fail(s, s->p, "save the file as UTF-8",
				    "byte 0x%02x is not UTF-8", c);
		s->p += n;
	}
	return fail(s, open, "close it with \"",
		    "the string that begins here never ends");
}

static bool skip_digits(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && isdigit((unsigned char)*s->p))
		s->p++;
	return s->p > start;
}

bool scan_is_odd_number(const char *text, size_t size)
{
	size_t sign = size > 0 && text[0] == '-';

	for (size_t i = sign; i < size; i++)
		if (!isdigit((unsigned char)text[i]))
			return true;
	return size - sign > 15 || (sign && text[1] == '0');
}

static int scan_number(struct scan *s)
{
	const char *start = s->p;

	if (*s->p == '-')
		s->p++;
	if (at_char(s, '0') && s->p + 1 < s->end && isdigit((unsigned char)s->p[1]))
		return fail(s, start, "write it without the leading zero",
			    "a number with a leading zero");
	if (!skip_digits(s))
		return fail(s, start, "", "a minus sign without a number");
	if (at_char(s, '.')) {
		s->p++;
		if (!skip_digits(s))
			return fail(s, start, "",
				    "a number without digits after its point");
	}
	if (at_char(s, 'e') || at_char(s, 'E')) {
		s->p++;
		if (at_char(s, '+') || at_char(s, '-'))
			s->p++;
		if (!skip_digits(s))
			return fail(s, start, "", "a number with an empty exponent");
	}
	if (s->p - start > SCAN_NUMBER_MAX)
		return fail(s, start, "", "a number of more than %d characters",
			    SCAN_NUMBER_MAX);

	if (scan_is_odd_number(start, (size_t)(s->p - start)))
		s->odd_numbers = true;
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	if (!at_word(s, word))
		return fail_value(s);
	s->p += strlen(word);
	return 0;
}

static int scan_value(struct scan *s);

/* After a value: 1 at the end of the container, 0 where another follows. */
static int scan_separator(struct scan *s, char close)
{
	const char *comma;

	skip_space(s);
	if (s->p >= s->end)
		return fail_end(s, "");
	comma = s->p;
	if (*s->p == close) {
		s->p++;
		return 1;
	}
	if (*s->p != ',') {
		if (*s->p == '"' || *s->p == '{' || *s->p == '[' ||
		    isdigit((unsigned char)*s->p))
			return fail(s, s->p, "put a comma before it",
				    "a comma is missing");
		return fail_character(s, close == '}' ? "',' or '}'" : "',' or ']'");
	}
	s->p++;
	skip_space(s);
	if (at_char(s, close))
		return fail(s, comma, "take the comma out",
			    "a comma follows the last item");
	return 0;
}

static int scan_name(struct scan *s)
{
	int err;

	skip_space(s);
	if (s->p >= s->end)
		return fail_end(s, "a name");
	if (*s->p != '"') {
		if (isalpha((unsigned char)*s->p) || *s->p == '_')
			return fail(s, s->p, "put the name in double quotes",
				    "a name without quotes");
		return fail_character(s, "a name in double quotes");
	}
	err = scan_string(s);
	if (err < 0)
		return err;

	skip_space(s);
	if (s->p >= s->end)
		return fail_end(s, "':'");
	if (*s->p != ':')
		return fail_character(s, "':'");
	s->p++;
	return 0;
}

static int scan_items(struct scan *s, char close)
{
	int err;

	do {
		err = close == '}' ? scan_name(s) : 0;
		if (err < 0)
			return err;
		err = scan_value(s);
		if (err < 0)
			return err;
		err = scan_separator(s, close);
	} while (err == 0);
	return err < 0 ? err : 0;
}

static int scan_container(struct scan *s)
{
	const char *outer = s->open;
	char close = *s->p == '{' ? '}' : ']';
	int err = 0;

	if (++s->depth > SCAN_DEPTH_MAX)
		return fail(s, s->p, "", "nested more than %d levels deep",
			    SCAN_DEPTH_MAX);
	s->open = s->p++;
	skip_space(s);
	if (at_char(s, close))
		s->p++;
	else
		err = scan_items(s, close);

	s->open = outer;
	s->depth--;
	return err;
}

static int scan_value(struct scan *s)
{
	skip_space(s);
	if (s->p >= s->end)
		return fail_value(s);

	switch (*s->p) {
	case '{':
	case '[':
		return scan_container(s);
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		if (*s->p == '-' || isdigit((unsigned char)*s->p))
			return scan_number(s);
		return fail_value(s);
	}
}

size_t scan_mark(const char *text, size_t size)
{
	return size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

int scan_check(const char *text, size_t size, bool *ret_odd_numbers,
	       struct scan_fault *reterr)
{
	struct scan s = { .text = text, .end = text + size, .fault = reterr };
	int err;

	if (size >= 2 &&
	    (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return fail(&s, text, "save it as UTF-8", "the document is UTF-16");

	s.p = text + scan_mark(text, size);
	skip_space(&s);
	if (s.p >= s.end)
		return fail(&s, s.end, "an empty one is {}", "the document is empty");
	err = scan_value(&s);
	if (err < 0)
		return err;
	skip_space(&s);
	if (s.p < s.end)
		return *s.p ? fail(&s, s.p, "take out what follows",
				   "the document has ended, but more follows")
			    : fail_character(&s, "the end of the document");

	*ret_odd_numbers = s.odd_numbers;
	return 0;
}
