/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watchdog - the health checks of services and allocations: when, how, and what of it.
 *
 * Whether something lives and listens is never asked: the kernel says so, and only what
 * serves is checked.  A service has the check of its entry; an allocation that of the
 * service by whose name it goes, where that says {port}, which stands for its own port.
 *
 * HTTP and TCP checks are made by portwatch-fetch, a process that is started with the
 * first of them, and commands by a child each.  Nothing is awake while nothing is to be
 * checked.
 */
#ifndef PORTWATCH_SERVICE_WATCHDOG_H
#define PORTWATCH_SERVICE_WATCHDOG_H

#include <uv.h>

#include "engine/engine.h"

struct watchdog;

struct watchdog_options {
	uv_loop_t *loop; /* borrowed, as is the engine */
	struct engine *engine;
	bool on_demand;    /* only watchdog_check_now() checks, until watchdog_begin() */
	const char *fetch; /* path of portwatch-fetch; NULL: near this program */
	/* The engine was changed. */
	void (*changed)(void *arg);
	/* Something keeps checks from being made; once. */
	void (*complain)(const char *what, void *arg);
	void *arg;
};

/* -ENOMEM. */
int watchdog_new(const struct watchdog_options *options, struct watchdog **ret);
/* Those who wait for a checkup are told nothing.  The loop must run once more before it
 * is closed. */
struct watchdog *watchdog_free(struct watchdog *dog);
DEFINE_CLEANUP(struct watchdog, watchdog_free)

/* The registry is another one, or what runs has become known.  Checks that stayed as they
 * were keep their rhythm. */
void watchdog_follow(struct watchdog *dog);

/* Check on and on from now, as long as it lives. */
void watchdog_begin(struct watchdog *dog);

struct watchdog_counters {
	uint64_t performed, failed;
	uint64_t late_max_ns; /* that a check began after it was due */
	size_t subjects;      /* what has a check */
};
void watchdog_counters(const struct watchdog *dog, struct watchdog_counters *ret);

/* What the last check of @who found.  -ENOENT where there is none that it still speaks
 * for: never checked, or not running. */
struct watchdog_finding {
	bool passed;
	uint64_t latency_us; /* 0 unknown */
};
int watchdog_last(const struct watchdog *dog, const struct checked *who,
		  struct watchdog_finding *ret);

enum check_kind { CHECK_HTTP, CHECK_TCP, CHECK_EXEC };
const char *check_kind_name(enum check_kind kind);

enum checkup_result {
	CHECKUP_WAITING, /* its check is being made */
	CHECKUP_PASSED,
	CHECKUP_FAILED,
	CHECKUP_NOT_RUNNING, /* so that it was not checked */
	CHECKUP_NO_CHECK,    /* the entry has none */
	CHECKUP_NOT_MADE,    /* for a reason that says nothing about it: text */
};
const char *checkup_result_name(enum checkup_result result);

struct checkup_item {
	char *service;        /* a name */
	uint16_t proto, port; /* of an allocation; port 0: the service */
	enum checkup_result result;
	enum health_state health; /* after it */
	enum check_kind kind;
	char *target;        /* what was asked: a URL without secrets; NULL none */
	char *text;          /* how it was found: "answered 500"; NULL */
	uint64_t latency_us; /* 0 unknown */
	/* private */
	struct checkup *checkup;
	struct checkup_item *next;
};

/* Checks made because somebody asked for them. */
struct checkup {
	struct checkup_item *items;
	size_t count;
	size_t waiting; /* items that wait for their check */
	/* The last of them has its result; may free it. */
	void (*done)(struct checkup *checkup, void *arg);
	void *arg;
};

/*
 * Check these services (NULL: all that have a check) and their allocations now; they
 * count as any other check does.  *ret is owned; where nothing of it is `waiting` the
 * answer is there, else done() is called, never before this returns.  -ENOMEM.
 */
int watchdog_check_now(struct watchdog *dog, char *const *names,
		       void (*done)(struct checkup *checkup, void *arg), void *arg,
		       struct checkup **ret);
/* Nobody waits for it any more.  Accepts NULL, returns NULL. */
struct checkup *checkup_free(struct watchdog *dog, struct checkup *checkup);

#endif /* PORTWATCH_SERVICE_WATCHDOG_H */
