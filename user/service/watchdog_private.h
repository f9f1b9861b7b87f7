/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watchdog_private - what the files of the watchdog share.
 *
 * It is cut by what it does: watchdog (who is checked), agenda (who is due next), run
 * (one check from its beginning to its result), fetch and exec (how), now (for somebody
 * who waits).
 */
#ifndef PORTWATCH_SERVICE_WATCHDOG_PRIVATE_H
#define PORTWATCH_SERVICE_WATCHDOG_PRIVATE_H

#include "child/command.h"
#include "child/fetch_client.h"
#include "core/hash.h"
#include "service/watchdog.h"

enum { KEY_MAX = SERVICE_NAME_MAX + 16, TEXT_MAX = 256, KINDS = 3 };

/* Something with a check. */
struct subject {
	struct watchdog *dog;
	struct checked who; /* service is `name` */
	char name[SERVICE_NAME_MAX + 1];
	char key[KEY_MAX]; /* name, or name:port/proto of an allocation */
	enum check_kind kind;
	char *target;         /* a URL or HOST:PORT; NULL for a command */
	char **argv, **env;   /* of a command */
	char *user, *dir;     /* NULL none */
	struct health limits; /* without its strings */
	struct health_streak streak;
	bool runs;
	bool has_last; /* found since it began to run */
	struct watchdog_finding last;
	bool is_listed; /* in the registry that is followed */

	uint64_t due_ns; /* CLOCK_MONOTONIC; as it should be, however late it was */
	size_t place;    /* in the agenda, from 1; 0: not in it */

	uint64_t attempt; /* number of the check under way; 0 none */
	bool queued;      /* it waits for others to end */
	uint16_t port;    /* that the attempt is about */
	uint64_t begun_ns;
	struct command *exec; /* of a command under way */
	struct subject *next_queued;

	struct checkup_item *waiting;
	UT_hash_handle hh;         /* by key */
	UT_hash_handle hh_attempt; /* by attempt */
};

struct agenda {
	struct subject **heap;
	size_t count, capacity;
};

struct queue {
	struct subject *first, **last;
	unsigned under_way, max;
};

struct watchdog {
	struct watchdog_options options;
	struct engine *engine;
	struct engine_subscription *subscription;
	struct subject *subjects; /* hash */
	struct subject *attempts; /* hash */
	struct agenda agenda;
	uv_timer_t timer;
	bool stale;         /* allocations came or went: follow when the timer rings */
	bool has_templates; /* some entry says {port} */
	uint64_t last_attempt;
	struct queue net, children;
	struct fetch_client *fetch;
	unsigned n_net; /* subjects that need it */
	struct watchdog_counters counters;
	uint64_t random;
	bool complained;
};

/* watchdog_agenda.c: a heap by due_ns. */
/* Put @s in, or move it to its new due_ns.  -ENOMEM. */
int agenda_put(struct agenda *agenda, struct subject *s);
void agenda_remove(struct agenda *agenda, struct subject *s);
struct subject *agenda_first(const struct agenda *agenda); /* NULL: empty */

/* watchdog.c */
void dog_complain(struct watchdog *dog, const char *what);
uint32_t dog_chance(struct watchdog *dog);
void dog_set_timer(struct watchdog *dog);
/* The socket by which @s serves; its port in *ret. */
bool subject_serves(const struct subject *s, uint16_t *ret_port);

/* watchdog_run.c */
/* Due at @due_ns (CLOCK_MONOTONIC). */
void subject_schedule(struct subject *s, uint64_t due_ns);
/* It runs no more: neither a check under way nor the next one matters. */
void subject_rest(struct subject *s);
/* Check it now, unless it is being checked. */
void subject_check(struct subject *s);
void run_tick(struct watchdog *dog); /* what is due */
void run_answered(const struct fetch_result *result, void *arg);
void run_fetch_lost(const char *why, void *arg);
void run_exec_ended(void *arg, bool passed, const char *text);

/* watchdog_now.c: whoever waits for @s has the answer. */
void now_answer(struct subject *s, enum checkup_result result, const char *text,
		uint64_t latency_us);
/* @s goes. */
void now_forget(struct subject *s);

/* watchdog_target.c */
/* "{port}" replaced; owned; NULL for want of memory. */
char *target_expand(const char *text, uint16_t port);
bool target_is_template(const struct health *health);
/* What of a target may be told: without user, password and query.  Returns @buf. */
const char *target_describe(const struct subject *s, char *buf, size_t size);

#endif /* PORTWATCH_SERVICE_WATCHDOG_PRIVATE_H */
