/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scene - an engine that watches, in each mode that this kernel allows, and what it said.
 *
 * A program gets it by `const char *test_variant(int n) { return scene_variant(n); }`.
 * The engine is loaded once a mode, in the parent and in a network namespace of its own;
 * each test inherits it running.  Nothing here waits for time to pass: a wait ends with
 * what it waits for, and fails the test past a deadline (PW_TEST_SECONDS, 10).
 */
#ifndef PORTWATCH_TESTS_KERNEL_SCENE_H
#define PORTWATCH_TESTS_KERNEL_SCENE_H

#include "engine/engine.h"

enum mode_trait {
	MODE_SEES_EVERY_BIND = 1 << 0,    /* by io_uring and 32-bit callers too */
	MODE_SEES_EVERY_FAILURE = 1 << 1, /* likewise */
	MODE_KNOWS_ERRNO = 1 << 2,        /* of binds by system call; else inferred */
	MODE_KNOWS_EVERY_ERRNO = 1 << 3,  /* by io_uring and 32-bit callers too */
	MODE_SEES_UDP_DISCONNECT = 1 << 5,
	MODE_TELLS_EACH = 1 << 4, /* as it happens; else the table follows looks */
};

struct mode {
	const char *name;
	struct probe_options options;
};

/*
 * The next mode to try, from number *@n on, which moves behind it; NULL past the last.
 * Those that use the same hooks here as an earlier one are passed over, and those that
 * PW_MODES (names with commas) does not name.
 */
const struct mode *scene_next_mode(int *n);
/* Why events cannot be had here at all ("needs root"), or NULL. */
const char *scene_unavailable(void);

const char *scene_variant(int n);
struct engine *scene_engine(void);
/* MODE_* of the mode that runs. */
unsigned scene_traits(void);

/* A socket event as it was told.  Events of other network namespaces than the test's
 * own ones are recorded as well: ask by cookie or port. */
struct seen {
	enum event_type type;
	enum source source;
	uint64_t wall_ns, lifetime_ns;
	struct socket socket; /* its pointers are NULL */
	enum release_cause cause;
	int error;
	bool inferred;
	size_t n_holders;
	uint64_t holder; /* cookie of the first */
	/* The socket's owner, or who exited; pid 0 unknown. */
	struct process_info who; /* its strings are copies, good for the test's life */
	int status;
};

/* Handle what there is, and wait up to @timeout_ms for more.  */
void scene_run(int timeout_ms);
/* Everything that happened before this call has been handled, looks included. */
void scene_settle(void);

/* The row, once it is there in this state. */
const struct socket *scene_row(uint64_t cookie, enum socket_state state);
void scene_gone(uint64_t cookie);

/* The first event of this type about this socket, once it is there. */
const struct seen *scene_event(enum event_type type, uint64_t cookie);
/* The first failed bind to that port of that network namespace. */
const struct seen *scene_failure(uint32_t netns, uint16_t port);
/* How many there have been so far. */
size_t scene_events(enum event_type type, uint64_t cookie);

/* All of them, in order. */
size_t scene_seen_count(void);
const struct seen *scene_seen(size_t i);

/* 0, 1, … for the tests of a program: what one leaves behind is not in another's way. */
unsigned scene_serial(void);

/* CLOCK_MONOTONIC by which something has to have happened. */
uint64_t scene_deadline(void);

#endif /* PORTWATCH_TESTS_KERNEL_SCENE_H */
