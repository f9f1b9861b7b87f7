/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kill - ends the holders of bound sockets, and says what became of their ports.
 *
 * Whom an order means is asked of the kernel when it is made, and held by pidfd from then
 * on: a PID that was used again is never signalled.  What follows is driven by a single
 * descriptor, readable when a process has ended, a socket was released or time is up.
 * Single-threaded, in the engine's thread; not to be called from an engine callback.
 */
#ifndef PORTWATCH_SERVICE_KILL_H
#define PORTWATCH_SERVICE_KILL_H

#include "engine/engine.h"
#include "service/kill_process.h"

enum {
	KILLS_MAX = 64,          /* at a time */
	KILL_VICTIMS_MAX = 8192, /* of one order */
	KILL_FORCED_MS = 5000,   /* what SIGKILL is given to work */
	KILL_BEAT_MS = 10000,
};
#define KILL_GRACE_MAX_MS (3600 * 1000ull)

struct kills;

/* -ENOMEM, or what epoll and timerfd say.  @engine is borrowed. */
int kills_new(struct engine *engine, struct kills **ret);
/* Every order must be freed by then. */
struct kills *kills_free(struct kills *kills);
DEFINE_CLEANUP(struct kills, kills_free)

int kills_fd(const struct kills *kills);
void kills_dispatch(struct kills *kills);

enum kill_scope { KILL_SERVICE, KILL_PORTS, KILL_PROCESS };

struct kill_order {
	enum kill_scope scope;
	const struct service *service; /* borrowed while the order is planned */
	uint16_t low, high;            /* KILL_PORTS: of portwatch's own namespace */
	uint16_t proto;                /* KILL_PORTS; 0 any */
	pid_t pid;                     /* KILL_PROCESS */
	int signal;
	uint64_t grace_ms;
	bool force; /* SIGKILL after the grace */
	struct kill_caller caller;
};

enum kill_fate {
	FATE_MEANT,     /* not signalled yet, or in a dry run */
	FATE_SIGNALLED, /* and alive */
	FATE_ENDED,
	FATE_REFUSED, /* see rule */
};

/* A process that holds what is to be freed. */
struct kill_victim {
	struct process *process;
	enum kill_fate fate;
	enum kill_rule rule;
	int signal; /* the last one it was sent; 0 none */
	/* private */
	int pidfd;
	struct kill *kill;
	struct kill_victim *next;
};

/* A port of the order. */
struct kill_port {
	struct endpoint at; /* its namespace, protocol and port; an address of it */
	bool refused;       /* one of its holders may not be ended: none is */
	bool is_unheld;     /* no process has a descriptor of it, or none that is seen */
	bool free;          /* nobody holds it; false while that is not known */
	bool is_taken;      /* by a socket that was not there before */
	struct process *holder; /* referenced: who has it, or is in the way; NULL */
	struct kill_port *next;
};

/* Which process held which port, when it was first looked at. */
struct kill_hold {
	uint64_t cookie;
	struct kill_port *port;
	struct kill_victim *victim; /* NULL: nobody */
};

enum kill_outcome {
	KILL_PLANNED, /* nothing was done yet */
	KILL_WAITING,
	KILL_DONE,      /* all have ended, the ports are free */
	KILL_TIMED_OUT, /* some live */
	KILL_TAKEN,     /* all have ended, and somebody else has a port */
	KILL_PARTLY,    /* some were not to be ended, or still hold a port */
	/* Nothing is to be done: */
	KILL_NOTHING,  /* nobody holds it */
	KILL_STRANGER, /* of a service: port->holder is not the service */
	KILL_REFUSED,  /* all of it */
};

struct kill {
	struct kills *kills;
	struct engine *engine;   /* borrowed */
	struct kill_order order; /* without the service */
	char service[SERVICE_NAME_MAX + 1];
	enum kill_outcome outcome;
	struct kill_victim *victims; /* oldest first */
	struct kill_port *ports;
	struct kill_hold *holds;
	size_t n_victims, n_holds, holds_capacity;
	/* Connections that sit on a port and were left alone: at KILL_NOTHING a reason
	 * why it cannot be bound. */
	size_t n_connections;
	bool forced; /* SIGKILL was sent */
	uint64_t started_mono_ns, ended_mono_ns;
	/* private */
	uint64_t due_ns, settle_ns, beat_ns; /* CLOCK_MONOTONIC; 0 none */
	bool released;                       /* one of its sockets, since the last look */
	void (*changed)(void *arg);
	void *arg;
	struct kill *next;
};

/*
 * Look whom the order means, and whether each of them may be ended.  *ret is planned, or
 * has one of the outcomes by which nothing is to be done.  -EAGAIN where too many are
 * under way, -E2BIG past KILL_VICTIMS_MAX, -ENOMEM, or why the kernel cannot be asked.
 */
int kill_plan(struct kills *kills, const struct kill_order *order, struct kill **ret);
/* Carry a plan out.  @changed is called when the outcome is there, perhaps before this
 * returns, and every KILL_BEAT_MS meanwhile.  It must not free the order. */
void kill_start(struct kill *kill, void (*changed)(void *arg), void *arg);
/* Accepts NULL, returns NULL.  One that is under way signals nobody any more. */
struct kill *kill_free(struct kill *kill);
DEFINE_CLEANUP(struct kill, kill_free)

const char *kill_outcome_name(enum kill_outcome outcome); /* "done", "timed_out", … */
const char *kill_fate_name(enum kill_fate fate);

#endif /* PORTWATCH_SERVICE_KILL_H */
