/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fact - one thing that the probe saw, in the words of the domain.
 *
 * Plain data, good until the handler returns.  Facts of one socket arrive in the
 * order in which they happened; a process is told before its first socket.
 */
#ifndef PORTWATCH_CORE_FACT_H
#define PORTWATCH_CORE_FACT_H

#include "core/sockets.h"

enum fact_type {
	FACT_PROCESS,      /* info: new, or it executed another program */
	FACT_EXIT,         /* caller, status: the process is gone */
	FACT_BOUND,        /* cookie, at, flags, caller, uid */
	FACT_LISTENING,    /* cookie, at, flags, caller: listen(2) has succeeded */
	FACT_UNLISTENED,   /* cookie: bound still */
	FACT_CONNECTED,    /* cookie, at: a bound socket set out to connect */
	FACT_RELEASED,     /* cookie, exiting */
	FACT_BIND_FAILED,  /* cookie, at (as asked for), caller, error, inferred */
	FACT_OUTGOING,     /* cookie, at: an outgoing connection sits on a watched port */
	FACT_OUTGOING_END, /* cookie */
};

struct fact {
	enum fact_type type;
	enum source source;
	uint64_t mono_ns; /* CLOCK_MONOTONIC of the kernel event */
	uint64_t wall_ns; /* the same as wall clock */
	uint64_t cookie;
	struct endpoint at;
	enum socket_state state;  /* snapshot and resync */
	unsigned flags;           /* SOCKET_* */
	struct process_id caller; /* pid 0 unknown */
	uid_t uid;
	int error; /* negative errno; 0 with `inferred`: the cause is for the table to say
		    */
	bool inferred; /* learned from a bind that was tried and did not follow */
	bool exiting;  /* released because its holder was exiting */
	int status;    /* FACT_EXIT: as wait(2) reports it; -1 unknown */
	struct process_info
		*info; /* FACT_PROCESS: may be taken over by processes_intern() */
};

#endif /* PORTWATCH_CORE_FACT_H */
