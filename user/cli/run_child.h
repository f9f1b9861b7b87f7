/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run_child - the process that `run` starts, and what it is told while it runs.
 *
 * It waits behind a gate until its port is known, so that its number can be registered
 * before it can bind.  It stays in the process group of `run`: what a terminal sends
 * reaches it by itself, and only what others send is passed on.
 */
#ifndef PORTWATCH_CLI_RUN_CHILD_H
#define PORTWATCH_CLI_RUN_CHILD_H

#include <signal.h>

#include "cli/run_command.h"
#include "cli/run_restart.h"

/* What does not change from one start to the next; borrowed. */
struct run_job {
	char *const *words;            /* with their placeholders */
	const struct run_ports *ports; /* told to the child as the gate opens */
	int listener;                  /* handed on as descriptor 3; -EBADF none */
	struct run_policy *policy; /* NULL: never started again, not by SIGHUP either */
};

struct run_child {
	pid_t pid; /* 0 none */
	int gate;  /* closing it without opening ends the child */
	int faults;
};
#define RUN_CHILD_NONE                           \
	{                                        \
		.gate = -EBADF, .faults = -EBADF \
	}

/* Negative errno, with *ret as it was. */
int run_child_fork(struct run_child *ret);
/* The child goes on once the parent does so; never returns there.  To be called at once
 * by the child (run_child_fork() answers 1), which borrows everything. */
void run_child_become(const struct run_child *child, const struct run_job *job)
	__attribute__((noreturn));
/* Ends one whose gate is closed. */
void run_child_drop(struct run_child *child);

/* Signals are ours to pass on from now on: a descriptor to read them from; negative
 * errno. */
int run_catch_signals(void);
/*
 * Open the gate and stay until the command, and whatever restarts of it @job asks for,
 * has ended.  The exit status as a shell has it: 128 and the signal; 126 and 127 where it
 * cannot be executed, after saying why.
 */
int run_child_follow(struct run_child *child, const struct run_job *job, int signals);

#endif /* PORTWATCH_CLI_RUN_CHILD_H */
