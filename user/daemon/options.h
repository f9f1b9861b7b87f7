/* SPDX-License-Identifier: GPL-2.0-only */
/* options - the command line of portwatchd. */
#ifndef PORTWATCH_DAEMON_OPTIONS_H
#define PORTWATCH_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* SPEC section 4. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2, /* or a bad registry */
	EXIT_NOT_PERMITTED = 4,
	EXIT_CONFLICT = 5,
};

struct spawner;

struct daemon_options {
	const char *registry; /* a path; never NULL */
	bool registry_named;  /* by option or environment: it must exist */
	const char *socket;   /* NULL: in the folder `run` */
	const char *state, *log, *run;
	int serve_fd; /* embedded: the one connected socket to serve; negative: a daemon
		       */
	bool lean, no_bpf;
	const char *without; /* PORTWATCH_WITHOUT; NULL */
	/* Set by main: */
	struct spawner *spawner; /* taken over; NULL none */
	uint64_t descriptors;    /* the soft limit before it was raised */
};

/* Strings are borrowed from @argv and the environment.  1 where the options are good, 0
 * where help or the version was printed instead, -EINVAL where they are not and that was
 * said. */
int options_parse(int argc, char **argv, struct daemon_options *ret);

#endif /* PORTWATCH_DAEMON_OPTIONS_H */
