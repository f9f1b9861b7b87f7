/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iterators - the BPF programs that list sockets, loaded without those of the events.
 *
 * Loading is most of what one look at the host costs.  So the kernel is asked to relocate
 * the programs by its own types (Linux 5.17 can), through the loader that bpftool made of
 * them; where it refuses, libbpf reads all types of the kernel and does it, 50 ms.
 */
#ifndef PORTWATCH_PROBE_ITERATORS_H
#define PORTWATCH_PROBE_ITERATORS_H

#include <stddef.h>

#include "base/cleanup.h"
#include "portwatch/control.h"

struct bpf_program;

/* Descriptors of loaded programs, owned; -EBADF: not there. */
struct iterators {
	int descriptors;
	int port; /* of the events' object alone */
	int tcp, udp;
};

#define ITERATORS_NONE       \
	((struct iterators){ \
		.descriptors = -EBADF, .port = -EBADF, .tcp = -EBADF, .udp = -EBADF })

/*
 * Of @without "light" and "unheld" count: do without the kernel's own relocation, and
 * without tcp and udp; NULL none.  Those two are missing where the kernel has no such
 * iterators.  1 where the kernel relocated the programs, 0 where libbpf did, or what
 * libbpf says.
 */
int iterators_load(const char *without, struct iterators *ret);
/* A descriptor of a program that somebody else has loaded; -EBADF where that did not. */
int iterators_copy(const struct bpf_program *program);
void iterators_done(struct iterators *programs);

/* Non-zero ends the reading and is returned. */
typedef int (*rows_fn)(const struct pw_snapshot_row *rows, size_t n, void *arg);

/* Run an iterator by its link, in the namespace of the calling thread.  0, what @fn
 * answered, or negative errno. */
int iterators_read(int link, rows_fn fn, void *arg);

#endif /* PORTWATCH_PROBE_ITERATORS_H */
