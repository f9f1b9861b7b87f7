// SPDX-License-Identifier: GPL-2.0-only
#include "json/env.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "core/hash.h"
#include "json/doc.h"

const char *const env_format_names[] = {
	"sh", "fish", "json", "dotenv", "systemd", NULL
};

/* One variable, as far as it is known before it is quoted. */
struct variable {
	char *name, *value; /* owned */
	bool is_url;
	UT_hash_handle hh; /* by name, in the order of adding */
};

struct variables {
	const char *prefix;
	struct variable *all;
	bool failed; /* memory ran out */
};

static void variables_done(struct variables *vars)
{
	struct variable *v, *next;

	HASH_ITER(hh, vars->all, v, next)
	{
		HASH_DEL(vars->all, v);
		free(v->name);
		free(v->value);
		free(v);
	}
}

static void add_upper(const char *text, struct buffer *ret)
{
	for (; *text; text++) {
		char c = *text == '-' || *text == '.'
				 ? '_'
				 : (char)toupper((unsigned char)*text);

		buffer_add(ret, &c, 1);
	}
}

/* Takes over @name and @value. */
static void add(struct variables *vars, struct buffer *name, struct buffer *value,
		bool is_url)
{
	struct variable *v = NULL;

	if (!name->failed && !value->failed)
		HASH_FIND_STR(vars->all, name->data, v);
	if (v)
		return;
	v = calloc(1, sizeof(*v));
	if (!v || name->failed || value->failed) {
		vars->failed = true;
		free(v);
		return;
	}
	v->name = take(name->data);
	v->value = take(value->data);
	v->is_url = is_url;
	HASH_ADD_KEYPTR(hh, vars->all, v->name, strlen(v->name), v);
	if (hash_was_added(v))
		return;
	vars->failed = true;
	free(v->name);
	free(v->value);
	free(v);
}

/* Does the service say that it speaks TLS on this port? */
static bool is_https(const struct service *svc, uint16_t port)
{
	const char *url = svc->health_endpoint;
	char mark[8];

	if (!url || !starts_with(url, "https://"))
		return false;
	snprintf(mark, sizeof(mark), ":%u", port);
	url = strstr(url + strlen("https://"), mark);
	return url ? !isdigit((unsigned char)url[strlen(mark)]) : port == 443;
}

static void add_host(const struct claim *claim, struct buffer *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (claim->any_address || endpoint_is_wildcard(&claim->at)) {
		buffer_puts(ret, "localhost");
		return;
	}
	endpoint_format_address(&claim->at, text);
	buffer_printf(ret, claim->at.family == AF_INET6 ? "[%s]" : "%s", text);
}

static void begin_name(const struct variables *vars, const struct service *svc,
		       const char *part, struct buffer *ret)
{
	buffer_printf(ret, "%s_", vars->prefix);
	add_upper(svc->name, ret);
	if (!part)
		return;
	buffer_puts(ret, "_");
	add_upper(part, ret);
}

/* @part tells it from the service's first port; NULL for that. */
static void add_claim(struct variables *vars, const struct claim *claim, const char *part,
		      bool is_url)
{
	_cleanup_(buffer_done) struct buffer name = { 0 }, value = { 0 };
	const struct service *svc = claim->service;

	if (is_url && claim->at.proto != IPPROTO_TCP)
		return;
	begin_name(vars, svc, part, &name);
	buffer_puts(&name, is_url ? "_URL" : "_PORT");
	if (is_url) {
		buffer_puts(&value,
			    is_https(svc, claim->at.port) ? "https://" : "http://");
		add_host(claim, &value);
		buffer_puts(&value, ":");
	}
	buffer_printf(&value, "%u", claim->at.port);
	add(vars, &name, &value, is_url);
}

static void add_service(struct variables *vars, const struct service *svc, bool is_url)
{
	char number[24];

	for (size_t i = 0; i < svc->n_claims; i++) {
		const struct claim *claim = &svc->claims[i];

		snprintf(number, sizeof(number), "%zu", i + 1);
		if (i == 0)
			add_claim(vars, claim, NULL, is_url);
		if (i > 0 || claim->name)
			add_claim(vars, claim, claim->name ? claim->name : number,
				  is_url);
	}
}

static void collect(const struct registry *reg, struct variables *ret)
{
	ret->prefix = registry_get_settings(reg)->env_prefix;
	for (int is_url = 0; is_url < 2; is_url++)
		for (size_t i = 0; i < registry_count(reg); i++)
			if (registry_service(reg, i)->enabled)
				add_service(ret, registry_service(reg, i), is_url);
}

static void add_quoted(const char *value, char quote, const char *escaped,
		       struct buffer *ret)
{
	buffer_add(ret, &quote, 1);
	for (; *value; value++) {
		if (strchr(escaped, *value))
			buffer_puts(ret, "\\");
		buffer_add(ret, value, 1);
	}
	buffer_add(ret, &quote, 1);
}

static bool is_plain(const char *value)
{
	for (; *value; value++)
		if (!isalnum((unsigned char)*value) && !strchr("_-./:", *value))
			return false;
	return true;
}

static void add_sh(const struct variable *v, struct buffer *ret)
{
	_cleanup_(freep) char *quoted = shell_quote(v->value);

	ret->failed |= !quoted;
	buffer_printf(ret, "export %s=%s\n", v->name, quoted ? quoted : "");
}

/* Within single quotes, fish knows \' and \\ (fish-doc, "Quotes"). */
static void add_fish(const struct variable *v, struct buffer *ret)
{
	buffer_printf(ret, "set -gx %s ", v->name);
	if (is_plain(v->value))
		buffer_puts(ret, v->value);
	else
		add_quoted(v->value, '\'', "'\\", ret);
	buffer_puts(ret, "\n");
}

/* The least that the readers of .env files agree on, and systemd.exec(5): double quotes,
 * within which a backslash escapes. */
static void add_assignment(const struct variable *v, struct buffer *ret)
{
	buffer_printf(ret, "%s=", v->name);
	if (is_plain(v->value))
		buffer_puts(ret, v->value);
	else
		add_quoted(v->value, '"', "\"\\$`", ret);
	buffer_puts(ret, "\n");
}

static char *render_json(const struct variables *vars)
{
	_cleanup_(doc_freep) struct doc *doc = doc_schema("env");
	struct doc *object = doc_object();

	for (const struct variable *v = vars->all; v; v = v->hh.next)
		doc_set_string(object, v->name, v->value);
	doc_set(doc, "variables", object);
	return doc_print(doc, false, NULL);
}

/* As those write the name who have been using this prefix. */
static const char *title_of(const char *prefix)
{
	return streq(prefix, "UDOS")        ? "uDOS"
	       : streq(prefix, "PORTWATCH") ? "portwatch"
					    : prefix;
}

static char *render_lines(const struct variables *vars, enum env_format format)
{
	static void (*const adders[])(const struct variable *, struct buffer *) = {
		[ENV_SH] = add_sh,
		[ENV_FISH] = add_fish,
		[ENV_DOTENV] = add_assignment,
		[ENV_SYSTEMD] = add_assignment,
	};
	static const char *const first[] = {
		[ENV_SH] = "#!/bin/bash\n",
		[ENV_FISH] = "#!/usr/bin/env fish\n",
		[ENV_DOTENV] = "",
		[ENV_SYSTEMD] = "",
	};
	struct buffer text = { 0 };
	bool urls = false;

	buffer_printf(&text, "%s# %s Service Port Environment - Auto-generated\n",
		      first[format], title_of(vars->prefix));
	if (vars->all)
		buffer_puts(&text, "\n");
	for (const struct variable *v = vars->all; v; v = v->hh.next) {
		if (v->is_url && !urls)
			buffer_puts(&text, "\n# Service URLs\n");
		urls |= v->is_url;
		adders[format](v, &text);
	}
	if (text.failed)
		buffer_done(&text);
	return text.data;
}

char *env_render(const struct registry *reg, enum env_format format)
{
	_cleanup_(variables_done) struct variables vars = { 0 };

	collect(reg, &vars);
	if (vars.failed)
		return NULL;
	return format == ENV_JSON ? render_json(&vars) : render_lines(&vars, format);
}
