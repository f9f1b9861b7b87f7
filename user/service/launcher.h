/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launcher - starts services, keeps them up and stops them.
 *
 * A service that was started is a unit: its process, all that descends from it (a
 * cgroup), and what is to be done when it ends.  Starting several, with what they depend
 * on, is a launch: a plan of core/launch_plan.h that is carried out as units report.
 *
 * The walk of one `up`:
 *	launch_new()	 the plan; each command is looked at, each port is looked up
 *	launch_begin()	 steps that may go now: unit_start()
 *	unit		 conflict? by choice: kill the holder, or take another port, first
 *			 cgroup, log, command; an order to the spawner (SPAWNING)
 *	spawner		 "started, pid N" (STARTING; engine_launched())
 *	engine		 socket.listening of that process tree (UP: the step is started)
 *	engine		 service.healthy where that is checked (the step is ready)
 *	launch		 what waited for it goes next; when nothing is left: changed()
 * It is driven by one descriptor; the engine's events only set it.  Single-threaded, in
 * the engine's thread; not to be called from an engine callback.
 */
#ifndef PORTWATCH_SERVICE_LAUNCHER_H
#define PORTWATCH_SERVICE_LAUNCHER_H

#include "core/launch_plan.h"
#include "service/changes.h"
#include "service/kill.h"
#include "service/launch_spawn.h"

enum {
	LAUNCH_READY_MS = 60000, /* to listen, where start_period says nothing else */
	LAUNCHES_MAX = 64,       /* at a time */
};

struct launcher;

struct launcher_options {
	struct engine *engine;
	struct kills *kills;
	struct changes *changes;
	struct worker *worker;
	const char *state, *log; /* folders; copied */
	/* Of one command: nothing is remembered beyond it, and all ends with it. */
	bool embedded;
	/* Taken over; NULL: started when it is first needed. */
	struct spawner *spawner;
	uint64_t descriptors; /* as of spawner_options */
	/* Something went wrong that no caller is told of; may be NULL. */
	void (*complain)(const char *what, void *arg);
	void *arg;
};

/* Touches nothing yet.  -ENOMEM, or what epoll and timerfd say. */
int launcher_new(const struct launcher_options *options, struct launcher **ret);
/* Leaves the services alone.  Every launch must be freed, the worker finished. */
struct launcher *launcher_free(struct launcher *launcher);
DEFINE_CLEANUP(struct launcher, launcher_free)

int launcher_fd(const struct launcher *launcher);
void launcher_dispatch(struct launcher *launcher);
/* Find again what an earlier daemon started.  The engine is to have events. */
void launcher_adopt(struct launcher *launcher);
bool launcher_has_running(const struct launcher *launcher);

enum launch_action { LAUNCH_ACTION_UP, LAUNCH_ACTION_DOWN, LAUNCH_ACTION_RESTART };

/* What is done about a port that somebody else has. */
enum launch_choice {
	CHOICE_ENTRY,
	CHOICE_FAIL,
	CHOICE_NEXT_FREE,
	CHOICE_KILL,
	CHOICE_SKIP
};

struct launch_choices {
	const char *service; /* NULL ends the list */
	enum launch_choice choice;
};

struct launch_order {
	enum launch_action action;
	char *const *names; /* NULL-terminated; NULL: all */
	bool no_deps;
	const struct launch_choices *choices; /* NULL none */
};

/* Somebody else has a port of a service that is to start. */
struct launch_conflict {
	struct endpoint at;
	struct process *holder; /* referenced; NULL unknown */
};

struct launch_step_state {
	struct launch_conflict conflict; /* at.port 0: none */
	enum launch_choice choice;
	uint64_t due_ns; /* it has to be ready by then; CLOCK_MONOTONIC */
	bool is_running; /* before anything was done, whoever started it */
};

struct launch {
	enum launch_action action;
	struct launch_plan *plan;
	struct launch_step_state *states; /* of each step */
	size_t n_conflicts;
	bool is_over;
	/* private */
	struct launcher *launcher;
	void (*changed)(void *arg);
	void *arg;
	bool begun, is_detached;
	bool is_all; /* nobody was named */
	struct launch *next;
};

/*
 * What would be done.  -ENOENT: no service is called so; -EINVAL: something of it cannot
 * be; both with a sentence in @reterr (LAUNCH_REASON bytes); -EAGAIN where too many are
 * under way, -ENOMEM.
 */
int launch_new(struct launcher *launcher, const struct launch_order *order,
	       struct launch **ret, char *reterr);
/* Do it.  @changed is called whenever a step has, perhaps before this returns; it must
 * not free the launch. */
void launch_begin(struct launch *launch, void (*changed)(void *arg), void *arg);
/* Nobody waits for it any more; one that was begun goes on.  Accepts NULL, returns NULL.
 */
struct launch *launch_free(struct launch *launch);
DEFINE_CLEANUP(struct launch, launch_free)

enum launch_outcome {
	LAUNCH_DONE,     /* all of it */
	LAUNCH_PARTLY,   /* some failed or were skipped */
	LAUNCH_CONFLICT, /* nothing was done, for ports that others have */
	LAUNCH_FAILED,   /* nothing was done */
};
enum launch_outcome launch_outcome(const struct launch *launch);
const char *launch_outcome_name(enum launch_outcome outcome);
const char *launch_choice_name(enum launch_choice choice); /* NULL for CHOICE_ENTRY */

/* How a service is that portwatch started; NULL where it never did. */
struct launch_unit {
	const char *state; /* "starting", "running", "stopping", "restarting", … */
	const char *reason;
	pid_t pid; /* 0 none */
	uint32_t restarts;
};
bool launcher_look(const struct launcher *launcher, const char *name,
		   struct launch_unit *ret);
/* The path of its log; owned; NULL: no memory. */
char *launcher_log_path(const struct launcher *launcher, const char *name);

#endif /* PORTWATCH_SERVICE_LAUNCHER_H */
