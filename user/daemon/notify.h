/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notify - tell systemd how things stand: sd_notify(3), where there is one to tell.
 *
 * libsystemd is loaded only then.  Linked, it costs every command that runs an engine of
 * its own seven shared libraries.
 */
#ifndef PORTWATCH_DAEMON_NOTIFY_H
#define PORTWATCH_DAEMON_NOTIFY_H

#include <uv.h>

struct notify;

/* *ret is NULL where nobody listens.  Answers the watchdog for as long as @loop turns.
 * -ENOMEM, -ENOPKG where the library is missing. */
int notify_new(uv_loop_t *loop, struct notify **ret);
/* Accepts NULL, returns NULL. */
struct notify *notify_free(struct notify *notify);

/* All accept NULL. */
void notify_ready(struct notify *notify, const char *status);
void notify_reloading(struct notify *notify);
void notify_stopping(struct notify *notify);

#endif /* PORTWATCH_DAEMON_NOTIFY_H */
