/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launch_command - what exactly is executed for a service: words, environment, folder.
 *
 * The environment is the daemon's own less what a service manager meant for the daemon,
 * then PORT, PORTWATCH_PORT and PORTWATCH_SERVICE, then env_file, then env.  {port} in
 * words and values is the service's port, {port:NAME} that of the claim NAME.
 */
#ifndef PORTWATCH_SERVICE_LAUNCH_COMMAND_H
#define PORTWATCH_SERVICE_LAUNCH_COMMAND_H

#include "core/registry.h"

enum { COMMAND_ERROR = 384 };

struct launch_command {
	char **argv, **env;
	char *dir;   /* absolute; NULL: / */
	char *netns; /* the file of its network namespace; NULL: the daemon's */
};
void launch_command_done(struct launch_command *command);

/*
 * Make it, and look whether it could work: the program is there and may be executed, the
 * folder and the network namespace exist, the file of variables can be read, the user is
 * known.  @mark is for the environment; "" none.  -EINVAL with a sentence in @reterr,
 * -ENOMEM.
 */
int launch_command_make(const struct service *svc, const char *mark,
			struct launch_command *ret, char *reterr);

#endif /* PORTWATCH_SERVICE_LAUNCH_COMMAND_H */
