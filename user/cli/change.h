/* SPDX-License-Identifier: GPL-2.0-only */
/* change - what the verbs that edit the registry ask, and how they tell what was done. */
#ifndef PORTWATCH_CLI_CHANGE_H
#define PORTWATCH_CLI_CHANGE_H

#include "cli/session.h"
#include "json/doc.h"

struct change {
	const char *method; /* "PUT" */
	const char *suffix; /* behind the service's name: "?update=1"; "" none */
	const struct doc *body;
	const char *done; /* what it is then: "registered" */
};

/*
 * Ask that of each of the @n @names and print what came of it.  An enum exit_status:
 * partly done where one of several failed, after saying why.
 */
int change_run(const struct command *cmd, const struct change *change, char *const *names,
	       size_t n);

#endif /* PORTWATCH_CLI_CHANGE_H */
