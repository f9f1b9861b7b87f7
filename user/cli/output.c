// SPDX-License-Identifier: GPL-2.0-only
#include "cli/output.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/log.h"
#include "base/utf8.h"
#include "cli/cli.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MAX = 10000 };

static size_t find_width(bool is_terminal)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width;

	if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	if (columns && parse_u64(columns, WIDTH_MAX, &width) == 0 && width > 0)
		return width;
	return WIDTH_DEFAULT;
}

void terminal_init(struct terminal *ret, bool no_color)
{
	const char *term = getenv("TERM"), *never = getenv("NO_COLOR");

	ret->is_terminal = isatty(STDOUT_FILENO);
	ret->has_messages = isatty(STDERR_FILENO);
	/* no-color.org: set and not empty. */
	ret->colour = ret->is_terminal && !no_color && !(never && *never) && term &&
		      !streq(term, "dumb");
	ret->utf8 = streq(nl_langinfo(CODESET), "UTF-8");
	ret->width = find_width(ret->is_terminal);
}

const char *tone_begin(const struct terminal *terminal, enum tone tone)
{
	static const char *const sequences[] = {
		[TONE_NONE] = "",           [TONE_GOOD] = "\033[32m",
		[TONE_NOTICE] = "\033[36m", [TONE_WARNING] = "\033[33m",
		[TONE_BAD] = "\033[1;31m",  [TONE_DIM] = "\033[2m",
		[TONE_BOLD] = "\033[1m",
	};

	return terminal->colour ? sequences[tone] : "";
}

const char *tone_end(const struct terminal *terminal, enum tone tone)
{
	return terminal->colour && tone != TONE_NONE ? "\033[0m" : "";
}

enum tone tone_of(const char *word, size_t size)
{
	static const struct {
		const char *word;
		enum tone tone;
	} tones[] = {
		{ "running", TONE_GOOD },    { "healthy", TONE_GOOD },
		{ "passed", TONE_GOOD },     { "failed", TONE_BAD },
		{ "resolved", TONE_GOOD },   { "conflict", TONE_BAD },
		{ "critical", TONE_BAD },    { "unhealthy", TONE_WARNING },
		{ "warning", TONE_WARNING }, { "starting", TONE_WARNING },
		{ "info", TONE_NOTICE },     { "public", TONE_NOTICE },
		{ "stopped", TONE_DIM },     { "disabled", TONE_DIM },
	};

	for (size_t i = 0; i < sizeof(tones) / sizeof(*tones); i++)
		if (strlen(tones[i].word) == size &&
		    memcmp(tones[i].word, word, size) == 0)
			return tones[i].tone;
	return TONE_NONE;
}

int output_write(const char *data, size_t size, bool *ret_gone)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (ret_gone)
		*ret_gone = false;
	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, data, size);

		if (n >= 0) {
			data += n;
			size -= n;
		} else if (errno == EAGAIN) {
			poll(&pfd, 1, -1); /* somebody else made it non-blocking */
		} else if (errno == EPIPE) {
			if (ret_gone)
				*ret_gone = true;
			return STATUS_DONE;
		} else if (errno != EINTR) {
			log_error_errno(-errno, "Cannot write to stdout");
			return STATUS_FAILED;
		}
	}
	return STATUS_DONE;
}

int output_buffer(const struct buffer *text)
{
	if (text->failed) {
		log_error_errno(-ENOMEM, "Cannot print");
		return STATUS_FAILED;
	}
	return output_write(text->data, text->size, NULL);
}

static bool is_ascii(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] & 0x80)
			return false;
	return true;
}

size_t text_width(const char *text, size_t size)
{
	mbstate_t state = { 0 };
	size_t width = 0;

	if (is_ascii(text, size))
		return size;
	while (size > 0) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, size, &state);
		int columns;

		if (n == 0 || n > size)
			return width + size; /* not of this locale: a byte, a column */
		columns = wcwidth(c);
		width += columns > 0 ? (size_t)columns : 0;
		text += n;
		size -= n;
	}
	return width;
}

static void add_code_point(struct buffer *ret, unsigned long c)
{
	if (c >= 0x10000)
		buffer_printf(ret, "\\u%04lx\\u%04lx", 0xd7c0 + (c >> 10),
			      0xdc00 + (c & 0x3ff));
	else
		buffer_printf(ret, "\\u%04lx", c);
}

/* terminal_escape() knows what does harm: it says "\u{202e}" of that, and "\xff" of a
 * byte that is part of no character. */
static void add_character(struct buffer *ret, const char *p, size_t n)
{
	char text[8] = { 0 };
	_cleanup_(freep) char *escaped = NULL;

	memcpy(text, p, n ? n : 1);
	escaped = terminal_escape(text);
	if (!escaped)
		ret->failed = true;
	else if (n == 0)
		add_code_point(ret, 0xfffd);
	else if (streq(escaped, text))
		buffer_add(ret, p, n);
	else
		add_code_point(ret, strtoul(escaped + (n == 1 ? 2 : 3), NULL, 16));
}

void output_add_safe_json(struct buffer *ret, const char *json, size_t size)
{
	const char *p = json, *end = json + size;

	while (p < end) {
		size_t n = utf8_sequence(p, end - p);

		/* The newlines and tabs of an indented document stay. */
		if ((*p >= ' ' && *p < 0x7f) || *p == '\n' || *p == '\t')
			buffer_add(ret, p, 1);
		else
			add_character(ret, p, n);
		p += n ? n : 1;
	}
}
