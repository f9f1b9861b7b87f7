/* SPDX-License-Identifier: GPL-2.0-only */
/* door - the Unix socket that the daemon serves. */
#ifndef PORTWATCH_DAEMON_DOOR_H
#define PORTWATCH_DAEMON_DOOR_H

#include "daemon/options.h"
#include "http/server.h"

/* Why it cannot be served is said. */
enum exit_status door_open(struct http_server *server, const char *path);

#endif /* PORTWATCH_DAEMON_DOOR_H */
