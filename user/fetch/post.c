// SPDX-License-Identifier: GPL-2.0-only
#include "fetch/post.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "fetch/sign.h"

/* What stands behind @word and a space in a line; NULL: another line. */
static char *after(char *line, const char *word)
{
	size_t n = strlen(word);

	return strncmp(line, word, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

/* Cut off at the next space: the word before it; NULL: there is none. */
static char *word_of(char **at)
{
	char *word = *at, *space = strchr(word, ' ');

	if (!space)
		return NULL;
	*space = '\0';
	*at = space + 1;
	return word;
}

static int add_header(struct post *post, const char *name, const char *value)
{
	_cleanup_(buffer_done) struct buffer line = { 0 };

	buffer_printf(&line, "%s: %s", name, value);
	return line.failed ? -ENOMEM : strv_append(&post->headers, line.data);
}

struct signing {
	const char *id, *timestamp;
	const char *secrets[POST_SECRETS_MAX];
	size_t n;
};

static int take_secret(struct signing *signing, char *at)
{
	signing->id = word_of(&at);
	signing->timestamp = signing->id ? word_of(&at) : NULL;
	if (!signing->timestamp || signing->n >= POST_SECRETS_MAX)
		return -EPROTO;
	signing->secrets[signing->n++] = at;
	return 0;
}

static int add_signatures(struct post *post, const struct signing *signing)
{
	_cleanup_(buffer_done) struct buffer all = { 0 };
	char one[SIGN_TEXT];
	int err = 0;

	for (size_t i = 0; err == 0 && i < signing->n; i++) {
		err = sign_webhook(signing->secrets[i], signing->id, signing->timestamp,
				   post->body, post->body_size, one);
		if (err == 0)
			buffer_printf(&all, "%s%s", i ? " " : "", one);
	}
	if (err < 0 || signing->n == 0)
		return err;
	return all.failed ? -ENOMEM : add_header(post, "webhook-signature", all.data);
}

static int take_line(struct post *post, struct signing *signing, char *line)
{
	char *rest = after(line, "url");

	if (rest) {
		post->url = rest;
		return 0;
	}
	rest = after(line, "header");
	if (rest)
		return strv_append(&post->headers, rest);
	rest = after(line, "sign");
	return rest ? take_secret(signing, rest) : -EPROTO;
}

static int parse(struct post *post, char *text, size_t size)
{
	struct signing signing = { 0 };
	char *line = text, *end;
	int err = 0;

	for (; (end = memchr(line, '\n', size - (size_t)(line - text))); line = end + 1) {
		*end = '\0';
		if (end == line)
			break;
		err = take_line(post, &signing, line);
		if (err < 0)
			return err;
	}
	if (!end || !post->url)
		return -EPROTO;
	post->body = end + 1;
	post->body_size = size - (size_t)(post->body - text);
	return add_signatures(post, &signing);
}

int post_parse(char *text, size_t size, struct post *ret)
{
	struct post post = { 0 };
	int err = parse(&post, text, size);

	if (err < 0) {
		post_done(&post);
		return err;
	}
	*ret = post;
	return 0;
}

void post_done(struct post *post)
{
	post->headers = strv_free(post->headers);
}
