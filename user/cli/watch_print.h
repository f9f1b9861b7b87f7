/* SPDX-License-Identifier: GPL-2.0-only */
/* watch_print - events of the stream in the format that was asked for. */
#ifndef PORTWATCH_CLI_WATCH_PRINT_H
#define PORTWATCH_CLI_WATCH_PRINT_H

#include <portwatch/client.h>

#include "cli/render.h"

struct watch_print {
	const struct command *cmd;
	bool all;
	struct selection selection;
	struct buffer out; /* what is to be written to stdout */
};

/* 0, or an enum exit_status after saying why. */
int watch_print_init(struct watch_print *print, const struct command *cmd, bool all);
void watch_print_done(struct watch_print *print);
/* What stands above the first event. */
void watch_print_begin(struct watch_print *print);
/* Adds to @out; what is no alert goes to stderr as a message, unless all was asked for.
 */
void watch_print_add(struct watch_print *print, const struct pw_item *item);

#endif /* PORTWATCH_CLI_WATCH_PRINT_H */
