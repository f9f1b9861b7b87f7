/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run_command - what exactly `run` executes: words and environment.  Pure.
 */
#ifndef PORTWATCH_CLI_RUN_COMMAND_H
#define PORTWATCH_CLI_RUN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/strings.h"

enum { RUN_PORTS_MAX = 64 };

struct run_port {
	char *name; /* as the registry calls it; NULL none */
	uint16_t port, proto;
	char *address; /* NULL any */
};

/* What the command is given; the first port is the one that PORT names. */
struct run_ports {
	const char *service;
	struct run_port items[RUN_PORTS_MAX];
	size_t n;
};
void run_ports_done(struct run_ports *ports);
/* Copies the strings; past RUN_PORTS_MAX nothing is added.  -ENOMEM. */
int run_ports_add(struct run_ports *ports, const struct run_port *port);

/*
 * @words with each {port} replaced by the first port and {port:NAME} by that called NAME;
 * any other brace stays.  *ret is an owned strv.  -ENOMEM.
 */
int run_words(const struct run_ports *ports, char *const *words, char ***ret);

/*
 * @base, less what was meant for its own process by a service manager's sockets, with
 * PORTWATCH_SERVICE, PORT, PORTWATCH_PORT, and PORTWATCH_PORT_NAME for each port that has
 * a name.  With a @listener, the process that is handed the socket, also LISTEN_FDS,
 * LISTEN_PID and LISTEN_FDNAMES (sd_listen_fds(3)).  *ret is an owned strv.  -ENOMEM.
 */
int run_environment(const struct run_ports *ports, char *const *base, pid_t listener,
		    char ***ret);

#endif /* PORTWATCH_CLI_RUN_COMMAND_H */
