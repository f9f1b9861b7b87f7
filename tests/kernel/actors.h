/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * actors - processes of the test's own that make socket calls to order.
 *
 * The other end of helpers/actor.h, which lists the commands.  What goes wrong between
 * test and actor fails the test; what a command answers is for the test to judge.
 */
#ifndef PORTWATCH_TESTS_KERNEL_ACTORS_H
#define PORTWATCH_TESTS_KERNEL_ACTORS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct actor;

/* A new process, in the network namespace of the test. */
struct actor *actor_start(void);
/* A copy of it, with all its sockets. */
struct actor *actor_fork(struct actor *a);
/* Ends the process; accepts NULL, returns NULL. */
struct actor *actor_stop(struct actor *a);
DEFINE_CLEANUP(struct actor, actor_stop)
/* Ends it with SIGKILL, by itself or from outside; it can only be stopped after. */
void actor_kill(struct actor *a);

/* Do this, and what is the answer? */
int64_t actor_ask(struct actor *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same where a negative answer fails the test. */
int64_t actor_must(struct actor *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The word that came with the last answer; the descriptor, which is the caller's. */
const char *actor_word(const struct actor *a);
int actor_take_fd(struct actor *a);

/* The two halves of actor_ask(), so that several can be at work at once. */
void actor_tell(struct actor *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int64_t actor_answer(struct actor *a);

/* Hand a socket on by SCM_RIGHTS; the giver keeps its own.  Answers the cookie. */
uint64_t actor_pass(struct actor *from, unsigned slot, struct actor *to,
		    unsigned to_slot);

/* Readable when an answer has come. */
int actor_fd(const struct actor *a);
pid_t actor_pid(const struct actor *a);
/* The program that actors run; borrowed. */
const char *actor_program(void);

#endif /* PORTWATCH_TESTS_KERNEL_ACTORS_H */
