/* SPDX-License-Identifier: GPL-2.0-only */
/* signals - signals that are read, not suffered. */
#ifndef PORTWATCH_CLI_SIGNALS_H
#define PORTWATCH_CLI_SIGNALS_H

#include <stddef.h>

/* A non-blocking signalfd(2) of @numbers, which are blocked from here on; or -errno. */
int signals_open(const int *numbers, size_t n);
/* Of those that end a command: INT, TERM, HUP. */
int signals_open_ending(void);

#endif /* PORTWATCH_CLI_SIGNALS_H */
