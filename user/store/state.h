/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state - port_registry.json: the ports that were handed out, and to whom.
 *
 * The file is read whole and replaced whole, under a lock that every portwatch respects,
 * so that several of them may hand out ports of one host.
 */
#ifndef PORTWATCH_STORE_STATE_H
#define PORTWATCH_STORE_STATE_H

#include "json/codec.h"

struct state;

/* Touches no file.  @folder is copied.  -ENOMEM. */
int state_new(const char *folder, struct state **ret);
struct state *state_free(struct state *state);
DEFINE_CLEANUP(struct state, state_free)
const char *state_path(const struct state *state);

/* The answer is a descriptor whose closing ends the lock; the folder is made.
 * -EWOULDBLOCK where another portwatch keeps it for two seconds; what open says. */
int state_lock(struct state *state);

/* Is the file another than the one that was last loaded or saved? */
bool state_is_newer(const struct state *state);

/*
 * What the file has, as the allocations of a registry; none where it is missing.  A
 * process that was recorded before the host was started anew can be none of today: it
 * has a start that no process has.  -EINVAL or -E2BIG with *reterr where the file is
 * refused; what open and read say, -ENOMEM.
 */
int state_load(struct state *state, struct registry **ret, struct decode_error *reterr);

/* Replace the file; on the disk when this answers 0.  What writing says, -ENOMEM. */
int state_save(struct state *state, const struct allocation *const *items, size_t n);

#endif /* PORTWATCH_STORE_STATE_H */
