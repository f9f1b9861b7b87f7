/* SPDX-License-Identifier: GPL-2.0-only */
/* daemon - everything wired together for the life of the process. */
#ifndef PORTWATCH_DAEMON_DAEMON_H
#define PORTWATCH_DAEMON_DAEMON_H

#include "daemon/options.h"

/* Serve until told to stop, or embedded: until the peer has gone. */
enum exit_status daemon_run(const struct daemon_options *options);

#endif /* PORTWATCH_DAEMON_DAEMON_H */
