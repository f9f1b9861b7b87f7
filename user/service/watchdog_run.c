// SPDX-License-Identifier: GPL-2.0-only
/* One check, from the time when it is due to what the engine is told of it. */
#include "service/watchdog_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/port_words.h"
#include "base/strings.h"
#include "base/time.h"

/* Later than this nothing comes of a question any more. */
enum { FETCH_PATIENCE_MS = 5000 };

static struct queue *queue_of(struct subject *s)
{
	return s->kind == CHECK_EXEC ? &s->dog->children : &s->dog->net;
}

void subject_schedule(struct subject *s, uint64_t due_ns)
{
	s->due_ns = due_ns;
	if (agenda_put(&s->dog->agenda, s) < 0)
		dog_complain(s->dog, "there is not enough memory for all health checks");
}

/* -- Those that wait for others to end ------------------------------------------------
 */

static void enqueue(struct subject *s)
{
	struct queue *queue = queue_of(s);

	s->queued = true;
	s->next_queued = NULL;
	*queue->last = s;
	queue->last = &s->next_queued;
}

static void dequeue(struct subject *s)
{
	struct queue *queue = queue_of(s);
	struct subject **link = &queue->first;

	while (*link != s)
		link = &(*link)->next_queued;
	*link = s->next_queued;
	if (queue->last == &s->next_queued)
		queue->last = link;
	s->queued = false;
}

/* -- The end --------------------------------------------------------------------------
 */

static void leave(struct subject *s)
{
	struct watchdog *dog = s->dog;

	HASH_DELETE(hh_attempt, dog->attempts, s);
	s->attempt = 0;
	queue_of(s)->under_way--;
	agenda_remove(&dog->agenda, s);
	if (s->exec)
		command_kill(take(s->exec));
}

void subject_rest(struct subject *s)
{
	s->runs = false;
	s->has_last = false;
	s->streak = (struct health_streak){ 0 };
	if (s->queued)
		dequeue(s);
	if (s->attempt)
		leave(s);
	agenda_remove(&s->dog->agenda, s);
}

static void begin(struct subject *s);

/* There is room for another one. */
static void begin_queued(struct queue *queue)
{
	struct subject *s;

	while ((s = queue->first) && queue->under_way < queue->max) {
		dequeue(s);
		begin(s);
	}
}

/* In its rhythm, or as soon as that can be. */
static void schedule_next(struct subject *s, uint64_t was_due_ns)
{
	struct watchdog *dog = s->dog;
	uint64_t now_ns = now_mono_ns();
	uint64_t due_ns =
		was_due_ns + health_pause_ns(&s->streak, &s->limits, dog_chance(dog));

	if (dog->options.on_demand)
		return;
	subject_schedule(s, due_ns > now_ns ? due_ns : now_ns);
}

/* Also where it was told something and knew better: that nothing serves there now. */
static bool engine_knows_otherwise(const struct subject *s)
{
	const struct service_state *state = engine_state_of(s->dog->engine, &s->who);

	return state && state->health != s->streak.state;
}

static void tell_engine(struct subject *s, const char *text)
{
	char reason[3 * TEXT_MAX];

	if (s->streak.state == HEALTH_HEALTHY)
		snprintf(reason, sizeof(reason), "%s", text);
	else if (s->streak.failures == 1)
		snprintf(reason, sizeof(reason), "a check failed: %s", text);
	else
		snprintf(reason, sizeof(reason),
			 "%u checks running failed, the last one: %s", s->streak.failures,
			 text);
	engine_set_health(s->dog->engine, &s->who, s->streak.state, reason);
}

/* The check of @s has its result.  @text says how it was found, without what was asked.
 */
static void conclude(struct subject *s, bool passed, const char *text,
		     uint64_t latency_us)
{
	struct watchdog *dog = s->dog;
	struct queue *queue = queue_of(s);
	char target[TEXT_MAX], whole[2 * TEXT_MAX];

	s->exec = NULL;
	leave(s);
	dog->counters.performed++;
	s->has_last = true;
	s->last = (struct watchdog_finding){ passed, latency_us };
	if (!passed) {
		dog->counters.failed++;
		engine_check_failed(dog->engine, &s->who);
	}
	snprintf(whole, sizeof(whole), "%s%s %s",
		 target_describe(s, target, sizeof(target)), passed ? "" : ":", text);
	health_count(&s->streak, &s->limits, passed, now_mono_ns());
	if (engine_knows_otherwise(s))
		tell_engine(s, whole);
	now_answer(s, passed ? CHECKUP_PASSED : CHECKUP_FAILED, text, latency_us);
	schedule_next(s, s->begun_ns);
	begin_queued(queue);
}

/* It could not be made, which says nothing about the service. */
static void give_up(struct subject *s, const char *why)
{
	if (s->attempt)
		leave(s);
	dog_complain(s->dog, why);
	now_answer(s, CHECKUP_NOT_MADE, why, 0);
	schedule_next(s, now_mono_ns());
}

/* -- The beginning --------------------------------------------------------------------
 */

static int begin_fetch(struct subject *s)
{
	_cleanup_(freep) char *target = target_expand(s->target, s->port);

	if (!target)
		return -ENOMEM;
	return fetch_client_ask(s->dog->fetch, s->attempt, s->limits.timeout_ms,
				check_kind_name(s->kind), target);
}

static int begin_exec(struct subject *s)
{
	_cleanup_(strv_freep) char **argv = NULL;
	_cleanup_(strv_freep) char **env = NULL;
	const struct named_port port = { .port = s->port };
	const struct port_words words = { s->name, &port, s->port ? 1 : 0 };
	struct command_order order = { .user = s->user, .dir = s->dir };
	int err = port_words_export(&words, &env);

	for (char *const *e = s->env; err == 0 && e && *e; e++)
		err = env_set(&env, *e);

	for (size_t i = 0; err == 0 && s->argv[i]; i++) {
		_cleanup_(freep) char *word = target_expand(s->argv[i], s->port);

		err = word ? strv_append(&argv, word) : -ENOMEM;
	}
	if (err < 0)
		return err;
	order.argv = argv;
	order.env = env;
	return command_start(s->dog->options.loop, &order, run_exec_ended, s, &s->exec);
}

static void say_not_made(const struct subject *s, int err, char *buf, size_t size)
{
	if (s->kind != CHECK_EXEC && err == -ENOENT)
		snprintf(buf, size, "portwatch-fetch, which makes them, is missing");
	else if (s->kind != CHECK_EXEC)
		snprintf(buf, size, "portwatch-fetch cannot be asked: %s",
			 strerror(-err));
	else if (err == -ESRCH)
		snprintf(buf, size, "user %s does not exist", s->user);
	else if (err == -EPERM && s->user)
		snprintf(buf, size, "CAP_SETUID is missing to become user %s", s->user);
	else
		snprintf(buf, size, "cannot start it: %s", strerror(-err));
}

/* The time by which it is over, whatever happens. */
static uint64_t limit_ns(const struct subject *s)
{
	uint64_t ms = s->limits.timeout_ms;

	return now_mono_ns() +
	       (s->kind == CHECK_EXEC ? ms : ms + FETCH_PATIENCE_MS) * NS_PER_MS;
}

static void begin(struct subject *s)
{
	struct watchdog *dog = s->dog;
	char why[TEXT_MAX];
	int err;

	s->attempt = ++dog->last_attempt;
	HASH_ADD(hh_attempt, dog->attempts, attempt, sizeof(s->attempt), s);
	queue_of(s)->under_way++;
	err = s->kind == CHECK_EXEC ? begin_exec(s) : begin_fetch(s);
	if (err == 0) {
		subject_schedule(s, limit_ns(s));
		return;
	}
	say_not_made(s, err, why, sizeof(why));
	/* A command that is not there is its own fault. */
	if (s->kind == CHECK_EXEC && (err == -ENOENT || err == -EACCES))
		conclude(s, false, why, 0);
	else
		give_up(s, why);
}

void subject_check(struct subject *s)
{
	struct queue *queue = queue_of(s);

	if (s->attempt || s->queued)
		return;
	agenda_remove(&s->dog->agenda, s);
	if (!subject_serves(s, &s->port)) {
		now_answer(s, CHECKUP_NOT_RUNNING, NULL, 0);
		subject_rest(s);
		/* No event tells that an allocation is bound once more. */
		if (s->who.port && !s->dog->options.on_demand)
			subject_schedule(s, now_mono_ns() +
						    s->limits.interval_ms * NS_PER_MS);
		return;
	}
	if (!s->runs) {
		s->runs = true;
		s->streak = (struct health_streak){ .began_ns = now_mono_ns() };
	}
	s->begun_ns = now_mono_ns();
	if (queue->under_way >= queue->max)
		enqueue(s);
	else
		begin(s);
}

/* -- What happens ---------------------------------------------------------------------
 */

static void overrun(struct subject *s)
{
	char text[TEXT_MAX];

	if (s->kind != CHECK_EXEC) {
		/* It answers nothing at all. */
		fetch_client_rest(s->dog->fetch);
		run_fetch_lost("portwatch-fetch does not answer", s->dog);
		return;
	}
	snprintf(text, sizeof(text), "no end within %g s",
		 (double)s->limits.timeout_ms / 1000);
	command_kill(take(s->exec));
	conclude(s, false, text, s->limits.timeout_ms * 1000);
}

void run_tick(struct watchdog *dog)
{
	uint64_t now_ns = now_mono_ns();
	struct subject *s;
	bool any = false;

	while ((s = agenda_first(&dog->agenda)) && s->due_ns <= now_ns) {
		any = true;
		if (s->attempt) {
			overrun(s);
			continue;
		}
		if (now_ns - s->due_ns > dog->counters.late_max_ns)
			dog->counters.late_max_ns = now_ns - s->due_ns;
		subject_check(s);
	}
	if (any)
		dog->options.changed(dog->options.arg);
}

void run_answered(const struct fetch_result *result, void *arg)
{
	struct watchdog *dog = arg;
	struct subject *s;

	HASH_FIND(hh_attempt, dog->attempts, &result->id, sizeof(result->id), s);
	if (!s)
		return;
	dog->complained = false;
	conclude(s, result->passed, result->text, result->latency_us);
	dog_set_timer(dog);
	dog->options.changed(dog->options.arg);
}

void run_fetch_lost(const char *why, void *arg)
{
	struct watchdog *dog = arg;
	struct subject *s, *next;

	HASH_ITER(hh_attempt, dog->attempts, s, next)
	{
		if (s->kind != CHECK_EXEC)
			give_up(s, why);
	}
	begin_queued(&dog->net);
	dog_set_timer(dog);
	dog->options.changed(dog->options.arg);
}

void run_exec_ended(void *arg, bool passed, const char *text)
{
	struct subject *s = arg;
	struct watchdog *dog = s->dog;

	s->exec = NULL; /* it goes by itself */
	conclude(s, passed, text, (now_mono_ns() - s->begun_ns) / 1000);
	dog_set_timer(dog);
	dog->options.changed(dog->options.arg);
}
