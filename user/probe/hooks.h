/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hooks - the BPF programs: which the kernel lets be loaded and attached.
 *
 * A feature is tried, never guessed from a version.  The table in hooks.c names each
 * hook once; doctor prints from it.
 */
#ifndef PORTWATCH_PROBE_HOOKS_H
#define PORTWATCH_PROBE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "portwatch/control.h"

struct hooks;
struct bpf_program;

/* How failed binds are learned. */
enum bind_failures { FAILURES_NONE, FAILURES_FEXIT, FAILURES_TRACEPOINT, FAILURES_LEAN };

struct hooks_options {
	bool lean;
	const char *without; /* families to treat as missing; NULL none */
	size_t ring_bytes;
};

int hooks_new(const struct hooks_options *options, struct hooks **ret);
struct hooks *hooks_free(struct hooks *hooks);
DEFINE_CLEANUP(struct hooks, hooks_free)

/* Load and attach the event programs.  -EPERM, or what libbpf says. */
int hooks_attach(struct hooks *hooks);

int hooks_ring_fd(const struct hooks *hooks);
int hooks_owners_fd(const struct hooks *hooks);
/* The shared page; NULL before hooks_attach(). */
struct pw_control *hooks_control(const struct hooks *hooks);
enum bind_failures hooks_bind_failures(const struct hooks *hooks);
/* Accepted connections are counted from now on, or why not: they have no records. */
void hooks_note_accepts(struct hooks *hooks, int err);
/* Some close may have gone unseen: no hook tells of every release. */
bool hooks_must_look(const struct hooks *hooks);
/* listen(2) is known to have succeeded when it is told. */
bool hooks_confirm_listen(const struct hooks *hooks);

/* After hooks_attach(): the programs that others attach, and their maps. */
struct bpf_program *hooks_program(const struct hooks *hooks, const char *name);
int hooks_map_fd(const struct hooks *hooks, const char *name);

/* The root of cgroup v2: a borrowed descriptor, negative where there is none, and its
 * mount point ("" where it is mounted nowhere). */
int hooks_cgroup(struct hooks *hooks, const char **ret_path);

struct hook_state {
	const char *name;
	const char *serves;
	bool tried, attached;
	int err;       /* of the attempt */
	bool optional; /* another hook serves as well */
};
/* One for each row of the table; borrowed. */
size_t hooks_states(const struct hooks *hooks, const struct hook_state **ret);

#endif /* PORTWATCH_PROBE_HOOKS_H */
