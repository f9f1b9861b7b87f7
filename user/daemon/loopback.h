/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loopback - serving over TCP as settings.http has it, and as it has it next.
 *
 * What cannot be served is said and left out: watching goes on, and so does the socket.
 */
#ifndef PORTWATCH_DAEMON_LOOPBACK_H
#define PORTWATCH_DAEMON_LOOPBACK_H

#include "core/registry.h"
#include "http/server.h"

struct loopback;

/* @server is borrowed.  @state: the folder of a token that no setting names; copied.
 * -ENOMEM. */
int loopback_new(struct http_server *server, const char *state, struct loopback **ret);
/* Accepts NULL, returns NULL; what the server listens on stays. */
struct loopback *loopback_free(struct loopback *loopback);

/* Read the token, and open, keep or close what the settings ask for. */
void loopback_apply(struct loopback *loopback, const struct settings *settings);
/* "http://127.0.0.1:8700", or NULL where nothing is served. */
const char *loopback_url(const struct loopback *loopback);

#endif /* PORTWATCH_DAEMON_LOOPBACK_H */
