/* SPDX-License-Identifier: GPL-2.0-only */
/* service_columns - a service as `status` and `check` show it. */
#ifndef PORTWATCH_CLI_SERVICE_COLUMNS_H
#define PORTWATCH_CLI_SERVICE_COLUMNS_H

#include "cli/columns.h"

extern const struct column service_status_columns[];

#endif /* PORTWATCH_CLI_SERVICE_COLUMNS_H */
