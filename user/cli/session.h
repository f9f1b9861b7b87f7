/* SPDX-License-Identifier: GPL-2.0-only */
/* session - a verb's talk with the daemon, or with an engine of its own. */
#ifndef PORTWATCH_CLI_SESSION_H
#define PORTWATCH_CLI_SESSION_H

#include <portwatch/client.h>

#include "cli/cli.h"

#define API "/api/ports"

struct session {
	const struct command *cmd;
	struct pw_client *client;
	bool progress; /* a line of it stands on stderr */
};

/* 0, or an enum exit_status after saying why. */
int session_open(struct session *session, const struct command *cmd);
/* Always an engine of its own, for this registry (NULL: the one of the options). */
int session_open_local(struct session *session, const struct command *cmd,
		       const char *registry);
/* An engine of its own is left to end by itself, which saves the time it takes; or waited
 * for, so that what it had attached is gone. */
void session_close(struct session *session);
void session_end(struct session *session);

/* 0 and *ret (owned), or an enum exit_status after saying why. */
int session_get(struct session *session, const char *path, struct pw_reply **ret);
int session_post(struct session *session, const char *path, const char *body, size_t size,
		 struct pw_reply **ret);
int session_request(struct session *session, const char *method, const char *path,
		    const char *body, size_t size, struct pw_reply **ret);
int session_stream(struct session *session, const char *path, struct pw_stream **ret);
/* A change that tells how it goes. */
int session_stream_post(struct session *session, const char *path, const char *body,
			size_t size, struct pw_stream **ret);
/* Say why the last call failed with @err; answers an enum exit_status. */
int session_complain(struct session *session, int err);

void reply_freep(struct pw_reply **reply); /* for _cleanup_ */

/* Open, get, close, for a verb with one question: as of session_get(). */
int session_ask(const struct command *cmd, const char *path, struct pw_reply **ret);
/* The same, and render rows: a whole verb in most cases.  *ret_count as of
 * render_rows(). */
struct selection;
int session_show(const struct command *cmd, const char *path,
		 const struct selection *selection, size_t *ret_count);

#endif /* PORTWATCH_CLI_SESSION_H */
