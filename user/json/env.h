/* SPDX-License-Identifier: GPL-2.0-only */
/* env - the registry as environment variables, for whatever is to read them. */
#ifndef PORTWATCH_JSON_ENV_H
#define PORTWATCH_JSON_ENV_H

#include "core/registry.h"

enum env_format { ENV_SH, ENV_FISH, ENV_JSON, ENV_DOTENV, ENV_SYSTEMD };
extern const char *const env_format_names[]; /* by enum env_format; NULL-terminated */

/*
 * PREFIX_NAME_PORT and PREFIX_NAME_URL of every enabled service that has a port, in
 * registry order; of a further port PREFIX_NAME_PORTNAME_PORT, or PREFIX_NAME_2_PORT
 * where that has no name.  Of two services whose names make one variable, the first has
 * it. Owned; NULL for want of memory.
 */
char *env_render(const struct registry *reg, enum env_format format);

#endif /* PORTWATCH_JSON_ENV_H */
