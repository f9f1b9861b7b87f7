/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run_port - the port that a command runs under: found, kept for it, given back.
 *
 * Without a daemon an engine of one's own keeps it in the state file, and ends at once:
 * nothing watches the port then.  Who may not write that file shares the managed range
 * with the other `run` of this network namespace alone.
 */
#ifndef PORTWATCH_CLI_RUN_PORT_H
#define PORTWATCH_CLI_RUN_PORT_H

#include "cli/run_command.h"
#include "cli/run_restart.h"
#include "cli/session.h"

struct run_wish {
	uint16_t port; /* 0 any */
	uint16_t proto;
	const char *purpose;
	pid_t pid; /* that the allocation is for */
};

struct run_grant {
	struct run_ports ports;
	struct run_policy policy; /* of the registry's entry, where there is one */
	bool is_registered;       /* with a port of its own */
	bool is_allocated;
	char *since; /* of the allocation: which one it is */
	bool is_local;
	int mark; /* keeps the port from other `run`; -EBADF none */
};
void run_grant_done(struct run_grant *grant);

/* Each 0, or an enum exit_status after saying why.  First what the registry says of
 * @name, which is borrowed; then the port itself. */
int run_grant_find(struct session *session, const char *name, struct run_grant *ret);
int run_grant_take(struct session *session, const struct run_wish *wish,
		   struct run_grant *grant);
/* Says what went wrong; asks whoever answers by now. */
void run_grant_give_back(const struct command *cmd, struct run_grant *grant);

/* A socket that is bound to the first port, on @address (NULL: the registry's, else any),
 * and listens where it is TCP.  0 and *ret, or an enum exit_status after saying why. */
int run_listen(const struct command *cmd, const struct run_grant *grant,
	       const char *address, int *ret);

#endif /* PORTWATCH_CLI_RUN_PORT_H */
