// SPDX-License-Identifier: GPL-2.0-only
#include "base/strings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void freep(void *p)
{
	void **slot = p;

	free(*slot);
	*slot = NULL;
}

bool streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

char *format_text(const char *fmt, va_list ap)
{
	char *text;

	return vasprintf(&text, fmt, ap) < 0 ? NULL : text;
}

char **strv_free(char **strv)
{
	for (char **s = strv; s && *s; s++)
		free(*s);
	free(strv);
	return NULL;
}

size_t strv_length(char *const *strv)
{
	size_t n = 0;

	while (strv && strv[n])
		n++;
	return n;
}

bool strv_contains(char *const *strv, const char *word)
{
	for (; strv && *strv; strv++)
		if (streq(*strv, word))
			return true;
	return false;
}

char **strv_copy(char *const *strv)
{
	size_t n = strv_length(strv);
	_cleanup_(strv_freep) char **copy = calloc(n + 1, sizeof(*copy));

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(strv[i]);
		if (!copy[i])
			return NULL;
	}
	return take(copy);
}

/* Takes over @word, also where it fails. */
static int append_owned(char ***strv, char *word)
{
	size_t n = strv_length(*strv);
	char **grown = word ? reallocarray(*strv, n + 2, sizeof(*grown)) : NULL;

	if (!grown) {
		free(word);
		return -ENOMEM;
	}
	grown[n] = word;
	grown[n + 1] = NULL;
	*strv = grown;
	return 0;
}

int strv_append(char ***strv, const char *word)
{
	return append_owned(strv, strdup(word));
}

/* Hand the text over, "" where nothing was added; NULL for want of memory. */
static char *buffer_take(struct buffer *buf)
{
	char *text;

	buffer_puts(buf, "");
	if (buf->failed) {
		buffer_done(buf);
		return NULL;
	}
	text = take(buf->data);
	buffer_done(buf);
	return text;
}

char *strv_join(char *const *strv, const char *separator)
{
	struct buffer buf = { 0 };

	for (char *const *s = strv; s && *s; s++) {
		if (s != strv)
			buffer_puts(&buf, separator);
		buffer_puts(&buf, *s);
	}
	return buffer_take(&buf);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* What a backslash may hide between double quotes (POSIX XCU 2.2.3). */
static bool is_escapable(char c)
{
	return c && strchr("$`\"\\\n", c);
}

/* The character behind a backslash; an escaped newline is nothing at all. */
static const char *add_escaped(const char *p, struct buffer *word)
{
	if (!*p)
		buffer_add(word, "\\", 1);
	else if (*p != '\n')
		buffer_add(word, p, 1);
	return *p ? p + 1 : p;
}

/* From behind the opening @quote to behind the closing one; NULL where it stays open. */
static const char *add_quoted(const char *p, char quote, struct buffer *word)
{
	buffer_puts(word, "");
	while (*p && *p != quote) {
		if (quote == '"' && *p == '\\' && is_escapable(p[1]))
			p = add_escaped(p + 1, word);
		else
			buffer_add(word, p++, 1);
	}
	return *p ? p + 1 : NULL;
}

/* One word starting at *@p; *@p is left behind it. */
static int next_word(const char **p, char **ret)
{
	struct buffer word = { 0 };
	const char *at = *p;

	while (*at && !is_blank(*at)) {
		if (*at == '\'' || *at == '"')
			at = add_quoted(at + 1, *at, &word);
		else if (*at == '\\')
			at = add_escaped(at + 1, &word);
		else
			buffer_add(&word, at++, 1);
		if (!at) {
			buffer_done(&word);
			return -EINVAL;
		}
	}
	*p = at;
	*ret = buffer_take(&word);
	return *ret ? 0 : -ENOMEM;
}

int shell_split(const char *text, char ***ret)
{
	_cleanup_(strv_freep) char **words = NULL;
	char *word;
	int err;

	for (;;) {
		while (is_blank(*text) || (text[0] == '\\' && text[1] == '\n'))
			text += *text == '\\' ? 2 : 1;
		if (!*text)
			break;
		err = next_word(&text, &word);
		if (err < 0)
			return err;
		err = append_owned(&words, word);
		if (err < 0)
			return err;
	}
	*ret = take(words);
	return 0;
}

static bool is_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";

	return *word && word[strspn(word, plain)] == '\0';
}

char *shell_quote(const char *word)
{
	struct buffer buf = { 0 };

	if (is_plain(word))
		return strdup(word);
	buffer_puts(&buf, "'");
	for (; *word; word++) {
		if (*word == '\'')
			buffer_puts(&buf, "'\\''");
		else
			buffer_add(&buf, word, 1);
	}
	buffer_puts(&buf, "'");
	return buffer_take(&buf);
}

char *format_int(int64_t value, char *end)
{
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		*--end = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0)
		*--end = '-';
	return end;
}

int parse_u64(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (const char *p = text; *p; p++)
		if (*p < '0' || *p > '9')
			return -EINVAL;
	for (; *text; text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return -ERANGE;
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

void buffer_done(struct buffer *buf)
{
	free(buf->data);
	*buf = (struct buffer){ 0 };
}

/* Room for @more bytes and the NUL behind them. */
bool buffer_reserve(struct buffer *buf, size_t more)
{
	size_t need, capacity;
	char *data;

	if (buf->failed)
		return false;
	if (__builtin_add_overflow(buf->size, more, &need) || need >= SIZE_MAX / 2) {
		buf->failed = true;
		return false;
	}
	if (need < buf->capacity)
		return true;
	capacity = buf->capacity ? buf->capacity : 64;
	while (capacity <= need)
		capacity *= 2;
	data = realloc(buf->data, capacity);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

void buffer_add(struct buffer *buf, const char *data, size_t size)
{
	if (!buffer_reserve(buf, size))
		return;
	if (size)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
}

void buffer_puts(struct buffer *buf, const char *text)
{
	buffer_add(buf, text, strlen(text));
}

void buffer_printf(struct buffer *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		buf->failed = true;
	if (n < 0 || !buffer_reserve(buf, n))
		return;
	va_start(ap, fmt);
	vsnprintf(buf->data + buf->size, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf->size += n;
}

/* The code point of a well-formed sequence of @n bytes. */
static uint32_t code_point(const char *p, size_t n)
{
	unsigned char first = (unsigned char)*p;
	uint32_t c = n == 1 ? first : first & (0x7f >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Characters that move the cursor, turn the text around, or cannot be seen. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) ||      /* C0, DEL, C1 */
	       c == 0x061c || c == 0x200e || c == 0x200f || /* direction marks */
	       (c >= 0x202a && c <= 0x202e) ||              /* embeddings, overrides */
	       (c >= 0x2066 && c <= 0x2069) ||              /* isolates */
	       c == 0x2028 || c == 0x2029 || /* line, paragraph separator */
	       c == 0x200b || c == 0x2060 || c == 0xfeff || /* zero width */
	       (c >= 0xfff9 && c <= 0xfffb) ||              /* interlinear annotation */
	       (c >= 0xe0000 && c <= 0xe007f);              /* tags */
}

char *terminal_escape(const char *text)
{
	struct buffer buf = { 0 };
	size_t left = strlen(text);

	while (left > 0) {
		size_t n = utf8_sequence(text, left), used = n ? n : 1;
		uint32_t c = code_point(text, used);

		if (n == 0 || (n == 1 && is_harmful(c)))
			buffer_printf(&buf, "\\x%02x", (unsigned char)*text);
		else if (is_harmful(c))
			buffer_printf(&buf, "\\u{%04x}", c);
		else
			buffer_add(&buf, text, n);
		text += used;
		left -= used;
	}
	return buffer_take(&buf);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Rows of fixed size: what is longer than any name here is not a misspelling of one. */
enum { DISTANCE_MAX = 64 };

size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][DISTANCE_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t la = strlen(a), lb = strlen(b);

	if (la > DISTANCE_MAX || lb > DISTANCE_MAX)
		return streq(a, b) ? 0 : la > lb ? la : lb;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *oldest = before;

		before = above;
		above = row;
		row = oldest;
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = min_size(above[j], row[j - 1]) + 1;
			row[j] = min_size(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = min_size(row[j], before[j - 2] + 1);
		}
	}
	return row[lb];
}

const char *nearest_name(const char *word, const char *const *names)
{
	size_t nearest = strlen(word) / 3;
	const char *found = NULL;

	for (; *names; names++) {
		size_t distance = edit_distance(word, *names);

		if (distance < nearest || (distance == nearest && !found)) {
			nearest = distance;
			found = *names;
		}
	}
	return found;
}
