/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model - random lives of sockets, and what must have become of each.
 *
 * A cast of actors in several network namespaces makes sockets, binds, listens,
 * connects, shares, passes, closes and dies, all from one seed.  Every act is one that
 * the kernel answers the same way each time, so the model knows each socket by cookie:
 * whether it is bound by bind or listen, where, and who has it still.  It is what judges
 * the sockets that sock_diag does not show.
 */
#ifndef PORTWATCH_TESTS_KERNEL_MODEL_H
#define PORTWATCH_TESTS_KERNEL_MODEL_H

#include "kernel/actors.h"
#include "kernel/diag_compare.h"

enum { MODEL_NAMESPACES = 3 };

struct model;

struct model_options {
	unsigned seed;
	/* Binds by io_uring and 32-bit callers too; else by system call only. */
	bool every_path;
};

/* Starts the cast; the first namespace is the caller's.  Fails the test on trouble. */
struct model *model_new(const struct model_options *options);
struct model *model_free(struct model *m);
DEFINE_CLEANUP(struct model, model_free)

/* One act by each actor, side by side; now and then a fork, an exec, a death. */
void model_step(struct model *m);
/* Sockets made so far. */
size_t model_made(const struct model *m);

/* What it knows, for diag_compare(); borrowed until the next step. */
const struct knowledge *model_knowledge(struct model *m);
/* A NETLINK_SOCK_DIAG socket in the n-th namespace, and its inode number. */
int model_diag(const struct model *m, int n, uint32_t *ret_netns);

#endif /* PORTWATCH_TESTS_KERNEL_MODEL_H */
