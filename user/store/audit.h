/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audit - allocations_YYYYMMDD.jsonl: who was handed which port, and gave it back when.
 *
 * Lines are gathered and written together; what was written can be taken back until the
 * next is begun, so that a change that comes to nothing leaves no line.
 */
#ifndef PORTWATCH_STORE_AUDIT_H
#define PORTWATCH_STORE_AUDIT_H

#include "json/codec.h"

enum audit_action { AUDIT_ALLOCATE, AUDIT_REGISTER_PID, AUDIT_RELEASE, AUDIT_CLEANUP };
const char *audit_action_name(enum audit_action action);

struct audit;

/* Touches no file.  @folder is copied.  -ENOMEM. */
int audit_new(const char *folder, struct audit **ret);
struct audit *audit_free(struct audit *audit);
DEFINE_CLEANUP(struct audit, audit_free)

/* One line more; @reason may be NULL.  -ENOMEM. */
int audit_add(struct audit *audit, enum audit_action action,
	      const struct allocation *alloc, const char *reason, uint64_t wall_ns);
/* Write the lines to the file of the day of @wall_ns (UTC); on the disk when this answers
 * 0.  Else none of them is in the file, and all are forgotten.  What a crash left of a
 * line is removed first. */
int audit_write(struct audit *audit, uint64_t wall_ns);
/* Take back what was last written. */
void audit_undo(struct audit *audit);
void audit_forget(struct audit *audit); /* the lines that were gathered */

#endif /* PORTWATCH_STORE_AUDIT_H */
