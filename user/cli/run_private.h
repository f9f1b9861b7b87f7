/* SPDX-License-Identifier: GPL-2.0-only */
/* run_private - what the files of run_child share. */
#ifndef PORTWATCH_CLI_RUN_PRIVATE_H
#define PORTWATCH_CLI_RUN_PRIVATE_H

#include "cli/run_child.h"

/* Open the gate.  0 once it is the command; else the exit status after saying why. */
int run_child_start(struct run_child *child, const struct run_job *job);

#endif /* PORTWATCH_CLI_RUN_PRIVATE_H */
