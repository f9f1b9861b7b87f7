/* SPDX-License-Identifier: GPL-2.0-only */
/* command - a program that is run for its exit code, and not longer than it may. */
#ifndef PORTWATCH_CHILD_COMMAND_H
#define PORTWATCH_CHILD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct command;

struct command_order {
	char *const *argv;
	char *const *env;  /* "NAME=value" beside PATH and the like; NULL none */
	const char *user;  /* a name or a number; NULL: as this process */
	const char *dir;   /* NULL: / */
	const char *input; /* its standard input; NULL: /dev/null */
	size_t input_size;
};

/* Start it, in a process group of its own.  *ret is good until @ended or command_kill();
 * with it ends what is left of its group.  -ENOENT, -EACCES, -EPERM for a user that it
 * may not become, -ESRCH for one that there is not. */
int command_start(uv_loop_t *loop, const struct command_order *order,
		  void (*ended)(void *arg, bool passed, const char *text), void *arg,
		  struct command **ret);
/* End it with its process group and its descendants; nothing more is told. */
void command_kill(struct command *command);

#endif /* PORTWATCH_CHILD_COMMAND_H */
