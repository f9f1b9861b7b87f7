// SPDX-License-Identifier: GPL-2.0-only
#include "base/port_words.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

/* How many bytes of @text are a placeholder, and for which port; 0: none. */
static size_t placeholder(const struct port_words *words, const char *text, uint16_t *ret)
{
	size_t n = strcspn(text, "}");

	if (!starts_with(text, "{port") || text[n] != '}' || words->n == 0)
		return 0;
	*ret = words->ports[0].port;
	if (n == 5)
		return n + 1;
	for (size_t i = 0; text[5] == ':' && i < words->n; i++) {
		const char *name = words->ports[i].name;

		if (!name || strlen(name) != n - 6 || strncmp(name, text + 6, n - 6) != 0)
			continue;
		*ret = words->ports[i].port;
		return n + 1;
	}
	return 0;
}

char *port_words_fill_in(const struct port_words *words, const char *text)
{
	struct buffer out = { 0 };

	while (*text) {
		uint16_t port;
		size_t n = *text == '{' ? placeholder(words, text, &port) : 0;

		if (n > 0)
			buffer_printf(&out, "%u", port);
		else
			buffer_add(&out, text, n = 1);
		text += n;
	}
	if (out.failed) {
		buffer_done(&out);
		return NULL;
	}
	return out.data ? out.data : strdup("");
}

int port_words_fill_in_all(const struct port_words *words, char *const *texts,
			   char ***ret)
{
	_cleanup_(strv_freep) char **all = NULL;

	for (; texts && *texts; texts++) {
		_cleanup_(freep) char *text = port_words_fill_in(words, *texts);

		if (!text || strv_append(&all, text) < 0)
			return -ENOMEM;
	}
	*ret = take(all);
	return 0;
}

static bool is_same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

int env_set(char ***env, const char *line)
{
	for (char **at = *env; at && *at; at++) {
		char *copy;

		if (!is_same_name(*at, line))
			continue;
		copy = strdup(line);
		if (!copy)
			return -ENOMEM;
		free(*at);
		*at = copy;
		return 0;
	}
	return strv_append(env, line);
}

int env_printf(char ***env, const char *fmt, ...)
{
	_cleanup_(freep) char *line = NULL;
	va_list args;

	va_start(args, fmt);
	line = format_text(fmt, args);
	va_end(args);
	return line ? env_set(env, line) : -ENOMEM;
}

static int export_named(const struct named_port *port, char ***env)
{
	_cleanup_(freep) char *name = port->name ? strdup(port->name) : NULL;

	if (!port->name)
		return 0;
	if (!name)
		return -ENOMEM;
	for (char *c = name; *c; c++)
		*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	return env_printf(env, "PORTWATCH_PORT_%s=%u", name, port->port);
}

int port_words_export(const struct port_words *words, char ***env)
{
	int err = env_printf(env, "PORTWATCH_SERVICE=%s", words->service);

	if (err == 0 && words->n > 0)
		err = env_printf(env, "PORT=%u", words->ports[0].port);
	if (err == 0 && words->n > 0)
		err = env_printf(env, "PORTWATCH_PORT=%u", words->ports[0].port);
	for (size_t i = 0; err == 0 && i < words->n; i++)
		err = export_named(&words->ports[i], env);
	return err;
}
