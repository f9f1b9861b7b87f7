/* SPDX-License-Identifier: GPL-2.0-only */
/* socket_columns - a socket as a row of `ls` and of `check`. */
#ifndef PORTWATCH_CLI_SOCKET_COLUMNS_H
#define PORTWATCH_CLI_SOCKET_COLUMNS_H

#include "cli/columns.h"

extern const struct column socket_columns[];

#endif /* PORTWATCH_CLI_SOCKET_COLUMNS_H */
