/* SPDX-License-Identifier: GPL-2.0-only */
/* alert_columns - an alert as a row of `alerts` and `conflicts`. */
#ifndef PORTWATCH_CLI_ALERT_COLUMNS_H
#define PORTWATCH_CLI_ALERT_COLUMNS_H

#include "cli/columns.h"

extern const struct column alert_columns[];

#endif /* PORTWATCH_CLI_ALERT_COLUMNS_H */
