/* SPDX-License-Identifier: GPL-2.0-only */
/* watchdog_exec - a check that is a command: its exit code says. */
#ifndef PORTWATCH_SERVICE_WATCHDOG_EXEC_H
#define PORTWATCH_SERVICE_WATCHDOG_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct exec_run;

struct exec_order {
	char *const *argv;
	char *const *env;    /* "NAME=value" beside PATH and the like; NULL none */
	const char *user;    /* a name or a number; NULL: as this process */
	const char *dir;     /* NULL: / */
	const char *service; /* for PORTWATCH_SERVICE */
	uint16_t port;       /* for PORT and PORTWATCH_PORT; 0 none */
};

/* Start it, in a process group of its own.  *ret is good until @ended or exec_kill().
 * -ENOENT, -EACCES, -EPERM for a user that it may not become, -ESRCH for one that there
 * is not. */
int exec_start(uv_loop_t *loop, const struct exec_order *order,
	       void (*ended)(void *arg, bool passed, const char *text), void *arg,
	       struct exec_run **ret);
/* End it with its process group; nothing more is told. */
void exec_kill(struct exec_run *run);

#endif /* PORTWATCH_SERVICE_WATCHDOG_EXEC_H */
