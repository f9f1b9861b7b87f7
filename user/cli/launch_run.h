/* SPDX-License-Identifier: GPL-2.0-only */
/* launch_run - up, down and restart: asked for, followed, and the table at the end. */
#ifndef PORTWATCH_CLI_LAUNCH_RUN_H
#define PORTWATCH_CLI_LAUNCH_RUN_H

#include "cli/session.h"
#include "json/doc.h"

struct launch_ask {
	const char *path; /* "/api/ports/up" */
	char *const *names;
	size_t n_names;
	const char *services; /* "a,b", beside the names; NULL */
	bool no_deps, check_only;
	struct doc *on_conflict; /* an object; borrowed; NULL */
};

/* The body of a request; owned; NULL for want of memory. */
char *launch_body(const struct launch_ask *ask, size_t *ret_size);

/*
 * Ask, say how each goes, and print the status of those that were meant.  With an engine
 * of its own the services end with it: where any runs, stay until a signal comes, and
 * have them stopped then.  Closes the session.  An enum exit_status.
 */
int launch_run(struct session *session, const struct launch_ask *ask);

#endif /* PORTWATCH_CLI_LAUNCH_RUN_H */
