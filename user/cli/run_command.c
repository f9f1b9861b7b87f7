// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void run_ports_done(struct run_ports *ports)
{
	for (size_t i = 0; i < ports->n; i++) {
		free(ports->items[i].name);
		free(ports->items[i].address);
	}
	ports->n = 0;
}

int run_ports_add(struct run_ports *ports, const struct run_port *port)
{
	_cleanup_(freep) char *name = port->name ? strdup(port->name) : NULL;
	_cleanup_(freep) char *address = port->address ? strdup(port->address) : NULL;
	struct run_port *item = &ports->items[ports->n];

	if ((port->name && !name) || (port->address && !address))
		return -ENOMEM;
	if (ports->n == RUN_PORTS_MAX)
		return 0;
	*item = *port;
	item->name = take(name);
	item->address = take(address);
	ports->n++;
	return 0;
}

/* -- Words ----------------------------------------------------------------------------
 */

/* How many bytes of @text are a placeholder, and for which port; 0: none. */
static size_t placeholder(const struct run_ports *ports, const char *text, uint16_t *ret)
{
	size_t n = strcspn(text, "}");

	if (!starts_with(text, "{port") || text[n] != '}' || ports->n == 0)
		return 0;
	*ret = ports->items[0].port;
	if (n == 5)
		return n + 1;
	for (size_t i = 0; text[5] == ':' && i < ports->n; i++) {
		const char *name = ports->items[i].name;

		if (!name || strlen(name) != n - 6 || strncmp(name, text + 6, n - 6) != 0)
			continue;
		*ret = ports->items[i].port;
		return n + 1;
	}
	return 0;
}

/* Owned; NULL for want of memory. */
static char *fill_in(const struct run_ports *ports, const char *text)
{
	struct buffer out = { 0 };

	buffer_puts(&out, "");
	while (*text) {
		uint16_t port;
		size_t n = *text == '{' ? placeholder(ports, text, &port) : 0;

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

int run_words(const struct run_ports *ports, char *const *words, char ***ret)
{
	_cleanup_(strv_freep) char **all = NULL;

	for (; words && *words; words++) {
		_cleanup_(freep) char *word = fill_in(ports, *words);

		if (!word || strv_append(&all, word) < 0)
			return -ENOMEM;
	}
	*ret = take(all);
	return 0;
}

/* -- The environment ------------------------------------------------------------------
 */

static bool is_ours(const char *line)
{
	static const char *const names[] = {
		"PORT=",       "PORTWATCH_PORT=", "PORTWATCH_SERVICE=", "LISTEN_FDS=",
		"LISTEN_PID=", "LISTEN_FDNAMES=", "LISTEN_PIDFDID=",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (starts_with(line, names[i]))
			return true;
	/* Of a run around this one. */
	return starts_with(line, "PORTWATCH_PORT_");
}

static int set(char ***env, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int set(char ***env, const char *fmt, ...)
{
	_cleanup_(freep) char *line = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&line, fmt, args);
	va_end(args);
	if (n < 0) {
		line = NULL;
		return -ENOMEM;
	}
	return strv_append(env, line);
}

static int set_named(const struct run_port *port, char ***env)
{
	_cleanup_(freep) char *name = port->name ? strdup(port->name) : NULL;

	if (!port->name)
		return 0;
	if (!name)
		return -ENOMEM;
	for (char *c = name; *c; c++)
		*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	return set(env, "PORTWATCH_PORT_%s=%u", name, port->port);
}

static int set_listener(const struct run_ports *ports, pid_t listener, char ***env)
{
	const char *name = ports->items[0].name;
	int err = set(env, "LISTEN_FDS=1");

	if (err == 0)
		err = set(env, "LISTEN_PID=%d", listener);
	if (err == 0)
		err = set(env, "LISTEN_FDNAMES=%s", name ? name : ports->service);
	return err;
}

int run_environment(const struct run_ports *ports, char *const *base, pid_t listener,
		    char ***ret)
{
	_cleanup_(strv_freep) char **env = NULL;
	int err = 0;

	for (; base && *base && err == 0; base++)
		if (!is_ours(*base))
			err = strv_append(&env, *base);
	if (err == 0)
		err = set(&env, "PORTWATCH_SERVICE=%s", ports->service);
	if (err == 0)
		err = set(&env, "PORT=%u", ports->items[0].port);
	if (err == 0)
		err = set(&env, "PORTWATCH_PORT=%u", ports->items[0].port);
	for (size_t i = 0; i < ports->n && err == 0; i++)
		err = set_named(&ports->items[i], &env);
	if (err == 0 && listener)
		err = set_listener(ports, listener, &env);
	if (err < 0)
		return err;
	*ret = take(env);
	return 0;
}
