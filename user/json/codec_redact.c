// SPDX-License-Identifier: GPL-2.0-only
/* SPEC section 5: the full command line is for root, the group and its owner only. */
#include "json/encode.h"

#include <string.h>

#include "base/strings.h"

bool viewer_sees(const struct viewer *viewer, uid_t uid)
{
	return viewer->all || (uid != (uid_t)-1 && uid == viewer->uid);
}

static bool is_end(const char *text)
{
	return !*text || streq(text, "…");
}

/* Is @text, to its end, these words or their beginning? */
static bool is_words(const char *text, const char *const *words)
{
	for (const char *const *word = words; *word; word++) {
		size_t same = 0;

		if (word != words && *text++ != ' ')
			return is_end(text - 1);
		while ((*word)[same] && text[same] == (*word)[same])
			same++;
		text += same;
		if ((*word)[same])
			return is_end(text);
	}
	return is_end(text);
}

void message_hide_words(char *message, const char *const *words)
{
	char *rest;

	if (!words || !*words)
		return;
	for (rest = strstr(message, ": "); rest; rest = strstr(rest + 1, ": "))
		if (rest[2] && is_words(rest + 2, words)) {
			*rest = '\0';
			return;
		}
	/* Words of another moment: rather too much is hidden than too little. */
	for (rest = strstr(message, ": "); rest && **words; rest = strstr(rest + 1, ": "))
		if (starts_with(rest + 2, *words)) {
			*rest = '\0';
			return;
		}
}

/* A process that is not the viewer's own. */
static bool must_hide(const struct doc *process, const struct viewer *viewer)
{
	int64_t uid = doc_get_int(process, "uid", -1);

	return doc_get(process, "cmdline") && doc_get(process, "pid") &&
	       !viewer_sees(viewer, uid < 0 ? (uid_t)-1 : (uid_t)uid);
}

static void hide_in_message(struct doc *alert, const struct doc *process)
{
	const struct doc *cmdline = doc_get(process, "cmdline"), *word;
	const char *message = doc_get_string(alert, "message");
	_cleanup_(freep) const char **words = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t n = 0;

	if (!message || doc_type(cmdline) != DOC_ARRAY)
		return;
	words = calloc(doc_count(cmdline) + 1, sizeof(*words));
	text = strdup(message);
	for (word = doc_first(cmdline); words && word; word = doc_next(word))
		words[n++] = doc_string(word) ? doc_string(word) : "";
	if (words && text)
		message_hide_words(text, words);
	/* For want of memory a document that cannot be printed, rather than one that
	 * tells. */
	doc_replace(alert, "message", words && text ? doc_string_new(text) : NULL);
}

void codec_redact(struct doc *doc, const struct viewer *viewer)
{
	static const char *const named[] = { "found", "holder" };

	for (size_t i = 0; i < 2; i++)
		if (must_hide(doc_get(doc, named[i]), viewer))
			hide_in_message(doc, doc_get(doc, named[i]));
	for (const struct doc *item = doc_first(doc); item; item = doc_next(item))
		if (doc_first(item))
			codec_redact((struct doc *)item, viewer);
	if (must_hide(doc, viewer))
		doc_replace(doc, "cmdline", doc_string_new(NULL));
}

/* -- What an entry gives away ---------------------------------------------------------
 */

/* The end of what names the host: user and password stand before it. */
static const char *userinfo_end(const char *authority)
{
	return memrchr(authority, '@', strcspn(authority, "/?#"));
}

static void hide_in_url(struct doc *object, const char *key)
{
	const char *url = doc_get_string(object, key), *authority, *at, *query;
	_cleanup_(buffer_done) struct buffer text = { 0 };

	authority = url ? strstr(url, "://") : NULL;
	if (!authority)
		return;
	authority += 3;
	at = userinfo_end(authority);
	query = strchr(authority, '?');
	if (!at && !query)
		return;
	buffer_add(&text, url, (size_t)(authority - url));
	if (at) {
		buffer_puts(&text, "…");
		authority = at;
	}
	buffer_add(&text, authority,
		   query ? (size_t)(query - authority) : strlen(authority));
	if (query)
		buffer_puts(&text, "?…");
	doc_replace(object, key, text.failed ? NULL : doc_string_new(text.data));
}

static void hide_member(struct doc *object, const char *key)
{
	if (object && doc_get(object, key))
		doc_replace(object, key, doc_string_new(NULL));
}

static void hide_env(struct doc *entry)
{
	const struct doc *env = doc_get(entry, "env");
	struct doc *names;

	if (doc_type(env) != DOC_OBJECT)
		return;
	names = doc_object();
	for (const struct doc *m = doc_first(env); m; m = doc_next(m))
		doc_set_null(names, doc_key(m));
	doc_replace(entry, "env", names);
}

/* Whoever knows the address of a webhook may often write to it. */
static void hide_sink(struct doc *sink)
{
	const char *url = doc_get_string(sink, "url"),
		   *host = url ? strstr(url, "://") : NULL;
	_cleanup_(buffer_done) struct buffer text = { 0 };

	hide_member(sink, "argv");
	if (!host)
		return;
	hide_in_url(sink, "url");
	url = doc_get_string(sink, "url");
	host = url ? strstr(url, "://") + 3 : "";
	host += strcspn(host, "/?#");
	if (!*host || streq(host, "/"))
		return;
	buffer_add(&text, url, (size_t)(host - url));
	buffer_puts(&text, "/…");
	doc_replace(sink, "url", text.failed ? NULL : doc_string_new(text.data));
}

void codec_hide_secrets(struct doc *doc)
{
	struct doc *health = doc_find(doc, "health"), *sinks = doc_find(doc, "sinks");

	hide_env(doc);
	hide_member(doc, "startup_cmd");
	hide_member(doc_find(doc, "match"), "cmdline");
	hide_member(health, "exec");
	if (doc_type(health) == DOC_OBJECT)
		hide_in_url(health, "http");
	hide_in_url(doc, "health_endpoint");
	for (const struct doc *sink = doc_first(sinks); sink; sink = doc_next(sink))
		hide_sink((struct doc *)sink);
}
