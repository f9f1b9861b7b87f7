// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_command.h"

#include <errno.h>
#include <string.h>

#include "base/port_words.h"

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

static void name_ports(const struct run_ports *ports, struct named_port *items,
		       struct port_words *ret)
{
	for (size_t i = 0; i < ports->n; i++)
		items[i] =
			(struct named_port){ ports->items[i].name, ports->items[i].port };
	*ret = (struct port_words){ ports->service, items, ports->n };
}

int run_words(const struct run_ports *ports, char *const *words, char ***ret)
{
	struct named_port items[RUN_PORTS_MAX];
	struct port_words given;

	name_ports(ports, items, &given);
	return port_words_fill_in_all(&given, words, ret);
}

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

static int set_listener(const struct run_ports *ports, pid_t listener, char ***env)
{
	const char *name = ports->items[0].name;
	int err = env_set(env, "LISTEN_FDS=1");

	if (err == 0)
		err = env_printf(env, "LISTEN_PID=%d", listener);
	if (err == 0)
		err = env_printf(env, "LISTEN_FDNAMES=%s", name ? name : ports->service);
	return err;
}

int run_environment(const struct run_ports *ports, char *const *base, pid_t listener,
		    char ***ret)
{
	_cleanup_(strv_freep) char **env = NULL;
	struct named_port items[RUN_PORTS_MAX];
	struct port_words given;
	int err = 0;

	for (; base && *base && err == 0; base++)
		if (!is_ours(*base))
			err = strv_append(&env, *base);
	name_ports(ports, items, &given);
	if (err == 0)
		err = port_words_export(&given, &env);
	if (err == 0 && listener)
		err = set_listener(ports, listener, &env);
	if (err < 0)
		return err;
	*ret = take(env);
	return 0;
}
