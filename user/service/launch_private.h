/* SPDX-License-Identifier: GPL-2.0-only */
/* launch_private - what the files of the launcher share. */
#ifndef PORTWATCH_SERVICE_LAUNCH_PRIVATE_H
#define PORTWATCH_SERVICE_LAUNCH_PRIVATE_H

#include "base/restart.h"
#include "service/launch_group.h"
#include "service/launcher.h"
#include "store/launch_state.h"

enum unit_phase {
	UNIT_DOWN,
	UNIT_CLEARING, /* its port is being freed, or another one entered for it */
	UNIT_SPAWNING,
	UNIT_STARTING, /* it runs and does not listen yet */
	UNIT_UP,
	UNIT_STOPPING,
	UNIT_BACKOFF, /* until it is started again */
	UNIT_BLOCKED, /* until somebody lets go of its port */
	UNIT_COMPLETED,
	UNIT_FAILED,
};

struct unit {
	struct launcher *launcher;
	char name[SERVICE_NAME_MAX + 1];
	enum unit_phase phase;
	char reason[LAUNCH_REASON]; /* why it is so; "" */
	struct process_id process;  /* pid 0: none */
	int pidfd;                  /* -EBADF none */
	bool is_adopted;            /* its end is told by pidfd alone */
	struct launch_group group;
	uint32_t restarts;
	struct restart_memory memory;
	uint64_t spawn_id;                    /* of the order under way */
	uint64_t started_ns, started_wall_ns; /* the process was */
	uint64_t due_ns;                      /* of what the phase waits for; 0 never */
	uint64_t health_due_ns;               /* it has to be healthy by then */
	bool is_conflict;                     /* it failed for somebody else's port */
	bool was_ready;                       /* since it was started */
	bool killed;                          /* SIGKILL was sent */
	bool starts_again;                    /* once it has stopped */
	enum launch_choice choice;            /* about conflicts, for this start */
	struct endpoint wanted;               /* the port that it waits for */
	struct kill *kill;                    /* under way; NULL */
	struct change_request change;         /* likewise, where it is_changing */
	bool is_changing;
	bool is_withdrawn; /* it is stopped while its port is being changed */
	struct unit *next;
};

struct launcher {
	struct launcher_options options; /* its strings are not kept */
	struct engine *engine;
	struct spawner *spawner;          /* NULL: not needed yet */
	char *log, *state_path, *cgroups; /* the last: NULL none to be had */
	bool cgroups_known;
	int epoll, timer;
	uint64_t due_ns; /* what the timer is set to */
	uint64_t spawn_ids;
	int inotify;          /* of logs; -EBADF: none yet */
	uint64_t logs_due_ns; /* when to look how large logs are; 0: nobody wrote */
	struct unit *units;
	struct launch *launches;
	size_t n_launches;
	struct engine_subscription *events;
	uint32_t wants; /* of those */

	/* The worker's, while it is saving. */
	struct job job;
	struct launch_records records;
	int save_error;
	bool is_saving, is_dirty, save_failed;
};

/* launcher.c */
void launcher_complain(struct launcher *launcher, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const struct service *unit_service(const struct unit *unit); /* NULL: none any more */
struct unit *launcher_find(const struct launcher *launcher, const char *name);
/* Made where it is new; NULL for want of memory. */
struct unit *launcher_unit(struct launcher *launcher, const char *name);
/* Something has changed: look at everything, by way of the loop. */
void launcher_wake(struct launcher *launcher);
int launcher_watch_pidfd(struct unit *unit);
/* Look how large its log is, some time after it was next written to. */
void launcher_watch_log(const struct unit *unit);
int launcher_watch_spawner(struct launcher *launcher);
void launcher_find_cgroups(struct launcher *launcher);

/* launch_unit.c */
void unit_set(struct unit *unit, enum unit_phase phase, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool unit_has_process(const struct unit *unit);
bool unit_is_busy(const struct unit *unit); /* on its way up */
/* By hand: what was remembered of restarts is forgotten. */
void unit_start(struct unit *unit, enum launch_choice choice);
void unit_stop(struct unit *unit);
void unit_restart(struct unit *unit, enum launch_choice choice);
void unit_free(struct unit *unit);
void unit_note_started(struct unit *unit, const struct spawn_news *news);
void unit_note_failed(struct unit *unit, const struct spawn_news *news);
void unit_note_exit(struct unit *unit, int status);
/* What is due, and whether it listens by now. */
void unit_advance(struct unit *unit, uint64_t now_ns);
/* The port is free, or is dealt with. */
void unit_spawn(struct unit *unit);

/* launch_conflict.c */
/* The first port of @svc that somebody else has; false: none. */
bool launch_find_conflict(struct launcher *launcher, const struct service *svc,
			  struct launch_conflict *ret);
void launch_conflict_done(struct launcher *launcher, struct launch_conflict *conflict);
void launch_describe_conflict(const struct launch_conflict *conflict, char *buf,
			      size_t size);
/* Deal with it as the choice or the entry says; CLEARING, or failed. */
void unit_clear(struct unit *unit, const struct service *svc,
		const struct launch_conflict *conflict);
void unit_advance_clearing(struct unit *unit);
void unit_drop_clearing(struct unit *unit);

/* launch_ready.c */
/* Do all ports of @svc have a listener that is of the unit? */
bool unit_is_listening(const struct unit *unit, const struct service *svc);

/* launch_save.c */
void launcher_save(struct launcher *launcher); /* soon */
void launch_saved(struct job *job);
void launch_save(struct job *job);
const char *unit_phase_name(enum unit_phase phase);

/* launch.c */
void launches_advance(struct launcher *launcher);
uint64_t launches_deadline(const struct launcher *launcher);

#endif /* PORTWATCH_SERVICE_LAUNCH_PRIVATE_H */
