/* SPDX-License-Identifier: GPL-2.0-only */
/* capability - what this process may do. */
#ifndef PORTWATCH_PROBE_CAPABILITY_H
#define PORTWATCH_PROBE_CAPABILITY_H

#include <stdbool.h>

/* The first capability that watching needs and this process lacks ("CAP_BPF"), or NULL.
 * CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as the kernel has it. */
const char *capability_missing(void);
bool capability_has(unsigned capability);

#endif /* PORTWATCH_PROBE_CAPABILITY_H */
