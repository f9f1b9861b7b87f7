/* SPDX-License-Identifier: GPL-2.0-only */
/* why_private - the parts of why: why_look.c gathers, why_bind.c judges, why_advice.c
 * advises. */
#ifndef PORTWATCH_SERVICE_WHY_PRIVATE_H
#define PORTWATCH_SERVICE_WHY_PRIVATE_H

#include "service/why.h"

/* Room for "python3 (pid 4711, user bob)". */
enum { WHY_NAME = 128 };

/* Fills in the sitters of @port. */
int why_look(struct why *why, uint32_t netns, struct why_port *port);
/* Fills in its binds. */
void why_judge(struct why *why, const struct why_question *question,
	       struct why_port *port);
/* Summary, advice and command, of all ports. */
void why_advise(struct why *why, const struct why_question *question);

/* "python3 (pid 12, user bob)"; what its comm holds goes in as it is.  Returns @buf. */
const char *why_name_process(const struct process *p, char *buf);
/* The best known of whoever sits there. */
const char *why_name_sitter(const struct why_sitter *sitter, char *buf);
/* The first that listens or is bound, or NULL. */
const struct why_sitter *why_holder(const struct why_port *port);
/* The first outgoing connection; NULL. */
const struct why_sitter *why_outgoing(const struct why_port *port);
/* Would the kernel choose this port for a connection? */
bool why_is_ephemeral(const struct why *why, uint16_t port);
/* "12:03:10", local time.  Returns @buf, which has 32 bytes. */
const char *why_clock(uint64_t wall_ns, char *buf);

#endif /* PORTWATCH_SERVICE_WHY_PRIVATE_H */
