// SPDX-License-Identifier: GPL-2.0-only
/* A service gets another port: the entry, and what names the old one. */
#include "store/registry_edit_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static int fail_which(const struct service *svc, const char *which,
		      struct decode_error *reterr)
{
	_cleanup_(buffer_done) struct buffer all = { 0 };

	for (size_t i = 0; i < svc->n_claims; i++) {
		const struct claim *claim = &svc->claims[i];

		buffer_printf(&all, "%s%s%s%u", i ? ", " : "",
			      claim->name ? claim->name : "", claim->name ? "=" : "",
			      claim->at.port);
	}
	if (!which)
		return edit_fail(reterr, -ENOTUNIQ, "say which",
				 "%s has several ports: %s", svc->name,
				 all.data ? all.data : "");
	return edit_fail(reterr, -ENOTUNIQ, "", "%s has no port %.80s; it has %s",
			 svc->name, which, all.data ? all.data : "none");
}

/* The claim that is meant; *ret is n_claims where a dynamic service gets its first. */
static int choose(const struct service *svc, const char *which, size_t *ret,
		  struct decode_error *reterr)
{
	uint16_t port = 0;

	if (!which && svc->n_claims < 2) {
		*ret = 0;
		return 0;
	}
	if (which)
		port_parse(which, &port);
	for (size_t i = 0; which && i < svc->n_claims; i++)
		if (streq(svc->claims[i].name, which) || svc->claims[i].at.port == port) {
			*ret = i;
			return 0;
		}
	return fail_which(svc, which, reterr);
}

/* The @index-th of a list of ports becomes @port, and stays what it is else. */
static struct doc *list_with(const struct doc *list, size_t index, uint16_t port)
{
	struct doc *array = doc_array();
	size_t at = 0;

	for (const struct doc *i = doc_first(list); i; i = doc_next(i), at++) {
		struct doc *item = at == index && doc_type(i) != DOC_OBJECT
					   ? doc_int_new(port)
					   : doc_copy(i);

		if (at == index && doc_type(i) == DOC_OBJECT)
			doc_replace(item, "port", doc_int_new(port));
		doc_append(array, item);
	}
	return array;
}

static bool is_local(const char *host, size_t size)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]",
					     "0.0.0.0",   "[::]",      NULL };

	for (size_t i = 0; names[i]; i++)
		if (strlen(names[i]) == size && memcmp(names[i], host, size) == 0)
			return true;
	return false;
}

/* "http://localhost:8765/health" or "localhost:8765" with another port; NULL where it is
 * of another host or port. */
static char *move_url(const char *url, uint16_t from, uint16_t to)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url, *end = host + strcspn(host, "/?#");
	const char *colon = memrchr(host, ':', (size_t)(end - host));
	struct buffer moved = { 0 };
	char old[8];

	snprintf(old, sizeof(old), ":%u", from);
	if (!colon || !is_local(host, (size_t)(colon - host)) ||
	    (size_t)(end - colon) != strlen(old) || memcmp(colon, old, strlen(old)) != 0)
		return NULL;
	buffer_add(&moved, url, (size_t)(colon + 1 - url));
	buffer_printf(&moved, "%u%s", to, end);
	if (moved.failed)
		buffer_done(&moved);
	return moved.data;
}

static int move_member(struct doc *object, const char *key, const char *label,
		       const struct edit_reassigning *r)
{
	const char *text = doc_get_string(object, key);
	_cleanup_(freep) char *moved = NULL;
	char note[128];

	if (text)
		moved = move_url(text, r->from, r->asked->port);
	if (!moved)
		return 0;
	doc_replace(object, key, doc_string_new(moved));
	snprintf(note, sizeof(note), "%s follows to port %u", label, r->asked->port);
	return strv_append(&r->change->notes, note);
}

static bool names_port(const char *text, uint16_t port)
{
	char digits[8];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%u", port);

	for (const char *p = text; (p = strstr(p, digits)); p++)
		if ((p == text || !isdigit((unsigned char)p[-1])) &&
		    !isdigit((unsigned char)p[n]))
			return true;
	return false;
}

static int note_mentions(const struct service *svc, const struct edit_reassigning *r)
{
	char note[160];
	int err = 0;

	if (svc->startup_cmd && names_port(svc->startup_cmd, r->from)) {
		snprintf(note, sizeof(note), "startup_cmd still says %u", r->from);
		err = strv_append(&r->change->notes, note);
	}
	for (char *const *v = svc->env; err == 0 && v && *v; v++) {
		const char *equals = strchr(*v, '=');

		if (!equals || !names_port(equals, r->from))
			continue;
		snprintf(note, sizeof(note), "%.*s of env still says %u",
			 (int)(equals - *v), *v, r->from);
		err = strv_append(&r->change->notes, note);
	}
	return err;
}

static int move_rest(struct doc *entry, const struct service *svc,
		     const struct edit_reassigning *r)
{
	struct doc *health = doc_find(entry, "health");
	int err = move_member(entry, "health_endpoint", "health_endpoint", r);

	if (err == 0 && doc_type(health) == DOC_OBJECT)
		err = move_member(health, "http", "health.http", r);
	if (err == 0 && doc_type(health) == DOC_OBJECT)
		err = move_member(health, "tcp", "health.tcp", r);
	return err == 0 ? note_mentions(svc, r) : err;
}

int edit_reassign(struct doc *document, const struct registry *current, void *arg,
		  struct decode_error *reterr)
{
	struct edit_reassigning *r = arg;
	const struct registry_reassign *asked = r->asked;
	const struct service *svc = registry_find(current, asked->name);
	struct edit_beside beside = { current, asked->in_force, svc, asked->force };
	_cleanup_(strv_freep) char **unheard = NULL;
	struct doc *entry, *port;
	size_t index = 0;
	int err;

	if (!svc)
		return edit_fail_missing(current, asked->name, reterr);
	err = choose(svc, asked->which, &index, reterr);
	if (err < 0)
		return err;
	r->from = index < svc->n_claims ? svc->claims[index].at.port : 0;
	r->change->from = r->from;
	if (r->from == asked->port)
		return 0;

	entry = edit_entry_of(document, svc);
	port = doc_find(entry, "port");
	doc_replace(entry, "port",
		    doc_type(port) == DOC_ARRAY ? list_with(port, index, asked->port)
						: doc_int_new(asked->port));
	err = edit_check(&beside, entry, &unheard, reterr);
	if (err == 0 && r->from)
		err = move_rest(entry, svc, r);
	if (err < 0)
		return err;
	edit_set_time(document);
	r->change->kind = REGISTRY_UPDATED;
	return 1;
}

int registry_edit_reassign(const char *path, const struct registry_reassign *asked,
			   uint64_t generation, struct registry_change *ret,
			   struct decode_error *reterr)
{
	struct registry_change change = { 0 };
	struct edit_reassigning arg = { .asked = asked, .change = &change };

	return edit_apply(path, edit_reassign, &arg, generation, &change, ret, reterr);
}
