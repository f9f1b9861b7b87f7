// SPDX-License-Identifier: GPL-2.0-only
/* Who is checked: what the registry says, and what the kernel says of it. */
#include "service/watchdog_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/strings.h"
#include "base/time.h"

/* Checks that begin together are that far apart, for as long as an interval. */
enum { APART_MS = 5 };

const char *check_kind_name(enum check_kind kind)
{
	static const char *const names[] = { "http", "tcp", "exec" };

	return names[kind];
}

void dog_complain(struct watchdog *dog, const char *what)
{
	if (dog->complained)
		return;
	dog->complained = true;
	dog->options.complain(what, dog->options.arg);
}

/* xorshift64*: to keep checks apart, not to keep secrets. */
uint32_t dog_chance(struct watchdog *dog)
{
	dog->random ^= dog->random >> 12;
	dog->random ^= dog->random << 25;
	dog->random ^= dog->random >> 27;
	return (uint32_t)((dog->random * 0x2545f4914f6cdd1dull) >> 32);
}

bool subject_serves(const struct subject *s, uint16_t *ret_port)
{
	const struct service_state *state = engine_state_of(s->dog->engine, &s->who);
	const struct socket *sock =
		state ? matcher_serving_socket(engine_world(s->dog->engine), state)
		      : NULL;

	if (!sock)
		return false;
	*ret_port = sock->at.port;
	return true;
}

/* -- Subjects -------------------------------------------------------------------------
 */

static void free_subject(struct subject *s)
{
	struct watchdog *dog = s->dog;

	subject_rest(s);
	now_forget(s);
	HASH_DEL(dog->subjects, s);
	dog->n_net -= s->kind != CHECK_EXEC;
	free(s->target);
	strv_free(s->argv);
	strv_free(s->env);
	free(s->user);
	free(s->dir);
	free(s);
}

static bool same_words(char *const *a, char *const *b)
{
	size_t n = strv_length(a);

	if (n != strv_length(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!streq(a[i], b[i]))
			return false;
	return true;
}

static const char *target_of(const struct health *health)
{
	return health->http ? health->http : health->tcp;
}

static enum check_kind kind_of(const struct health *health)
{
	if (health->exec)
		return CHECK_EXEC;
	return health->http ? CHECK_HTTP : CHECK_TCP;
}

/* Does it still check the same in the same way? */
static bool is_as(const struct subject *s, const struct service *svc)
{
	const struct health *a = &s->limits, *b = &svc->health;

	return s->kind == kind_of(b) && streq(s->target, target_of(b)) &&
	       same_words(s->argv, b->exec) && same_words(s->env, svc->env) &&
	       streq(s->user, svc->user) && streq(s->dir, svc->working_dir) &&
	       a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
	       a->start_period_ms == b->start_period_ms &&
	       a->failure_threshold == b->failure_threshold &&
	       a->success_threshold == b->success_threshold;
}

static int copy_text(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static int copy_words(char *const *from, char ***to)
{
	*to = from ? strv_copy(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static int fill(struct subject *s, const struct service *svc)
{
	s->kind = kind_of(&svc->health);
	s->limits = svc->health;
	s->limits.http = s->limits.tcp = NULL;
	s->limits.exec = NULL;
	if (copy_text(target_of(&svc->health), &s->target) < 0 ||
	    copy_words(svc->health.exec, &s->argv) < 0 ||
	    copy_words(svc->env, &s->env) < 0 || copy_text(svc->user, &s->user) < 0 ||
	    copy_text(svc->working_dir, &s->dir) < 0)
		return -ENOMEM;
	return 0;
}

static void make_key(const struct checked *who, char *buf)
{
	if (who->port)
		snprintf(buf, KEY_MAX, "%s:%u/%u", who->service, who->port, who->proto);
	else
		snprintf(buf, KEY_MAX, "%s", who->service);
}

static struct subject *find(const struct watchdog *dog, const struct checked *who)
{
	struct subject *s;
	char key[KEY_MAX];

	make_key(who, key);
	HASH_FIND_STR(dog->subjects, key, s);
	return s;
}

static int add(struct watchdog *dog, const struct checked *who, const struct service *svc,
	       struct subject **ret)
{
	struct subject *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->dog = dog;
	s->who = *who;
	strcpy(s->name, svc->name);
	s->who.service = s->name;
	make_key(who, s->key);
	HASH_ADD_STR(dog->subjects, key, s);
	if (!hash_was_added(s)) {
		free(s);
		return -ENOMEM;
	}
	if (fill(s, svc) < 0) {
		dog->n_net += s->kind != CHECK_EXEC;
		free_subject(s);
		return -ENOMEM;
	}
	dog->n_net += s->kind != CHECK_EXEC;
	*ret = s;
	return 0;
}

/* -- The registry ---------------------------------------------------------------------
 */

/* @who is to be checked as @svc says.  What was known of it is kept while that stays. */
static int list(struct watchdog *dog, const struct checked *who,
		const struct service *svc)
{
	struct subject *s = find(dog, who);
	int err;

	if (s && !is_as(s, svc)) {
		free_subject(s);
		engine_set_health(dog->engine, who, HEALTH_UNKNOWN, NULL);
		s = NULL;
	}
	if (!s) {
		err = add(dog, who, svc, &s);
		if (err < 0)
			return err;
	}
	s->is_listed = true;
	return 0;
}

static int list_services(struct watchdog *dog, const struct registry *reg)
{
	int err = 0;

	dog->has_templates = false;
	for (size_t i = 0; err == 0 && i < registry_count(reg); i++) {
		const struct service *svc = registry_service(reg, i);
		struct checked who = { .service = svc->name };

		if (!svc->enabled || !health_has_check(&svc->health))
			continue;
		dog->has_templates |= target_is_template(&svc->health);
		err = list(dog, &who, svc);
	}
	return err;
}

static int list_allocations(struct watchdog *dog, const struct registry *reg)
{
	const struct allocation *alloc;
	int err = 0;

	if (!dog->has_templates)
		return 0;
	for (size_t i = 0; err == 0 && (alloc = registry_allocation(reg, i)); i++) {
		const struct service *svc = registry_find(reg, alloc->service_name);
		struct checked who = { alloc->service_name, alloc->proto, alloc->port };

		if (svc && svc->enabled && target_is_template(&svc->health))
			err = list(dog, &who, svc);
	}
	return err;
}

static void forget_unlisted(struct watchdog *dog)
{
	struct subject *s, *next;

	HASH_ITER(hh, dog->subjects, s, next)
	{
		struct checked who = s->who;
		char name[SERVICE_NAME_MAX + 1];

		if (s->is_listed)
			continue;
		strcpy(name, s->name);
		who.service = name;
		free_subject(s);
		engine_set_health(dog->engine, &who, HEALTH_UNKNOWN, NULL);
	}
}

static void begin_running(struct subject *s, uint64_t due_ns)
{
	if (s->attempt || s->queued)
		subject_rest(s);
	s->runs = true;
	s->streak = (struct health_streak){ .began_ns = now_mono_ns() };
	subject_schedule(s, due_ns);
}

/* Those that run already and have no rhythm yet: not all at once. */
static void begin_all(struct watchdog *dog)
{
	uint64_t now_ns = now_mono_ns(), after_ns = 0;
	struct subject *s, *next;
	uint16_t port;

	HASH_ITER(hh, dog->subjects, s, next)
	{
		if (s->runs || (s->who.port == 0 && !subject_serves(s, &port)))
			continue;
		after_ns = (after_ns + APART_MS * NS_PER_MS) %
			   (s->limits.interval_ms * NS_PER_MS);
		begin_running(s, now_ns + after_ns);
	}
}

static void on_event(const struct event *event, void *arg);

/* Events cost nothing while nothing is to be checked. */
static int listen_to_engine(struct watchdog *dog)
{
	uint32_t wants = 1u << EVENT_SERVICE_RUNNING | 1u << EVENT_SERVICE_STOPPED |
			 1u << EVENT_ALLOCATION_CREATED | 1u << EVENT_ALLOCATION_CLAIMED |
			 1u << EVENT_ALLOCATION_RELEASED;

	if (dog->options.on_demand || !!dog->subjects == !!dog->subscription)
		return 0;
	if (dog->subjects)
		return engine_subscribe(dog->engine, wants, on_event, dog,
					&dog->subscription);
	dog->subscription = engine_unsubscribe(dog->engine, dog->subscription);
	return 0;
}

void watchdog_follow(struct watchdog *dog)
{
	const struct registry *reg = engine_world(dog->engine)->registry;
	struct subject *s, *next;
	int err;

	dog->stale = false;
	HASH_ITER(hh, dog->subjects, s, next)
	s->is_listed = false;
	err = list_services(dog, reg);
	if (err == 0)
		err = list_allocations(dog, reg);
	forget_unlisted(dog);
	if (err == 0)
		err = listen_to_engine(dog);
	if (err < 0)
		dog_complain(dog, "there is not enough memory for all health checks");
	if (dog->n_net == 0)
		fetch_client_rest(dog->fetch);
	if (!dog->options.on_demand)
		begin_all(dog);
	dog->counters.subjects = HASH_COUNT(dog->subjects);
	dog_set_timer(dog);
	dog->options.changed(dog->options.arg);
}

void watchdog_begin(struct watchdog *dog)
{
	if (!dog->options.on_demand)
		return;
	dog->options.on_demand = false;
	watchdog_follow(dog);
}

/* Changes nothing of the engine: what is to be done is done when the timer rings. */
static void on_event(const struct event *event, void *arg)
{
	struct watchdog *dog = arg;
	struct checked who = { .service = event->service };
	struct subject *s;

	if (event->allocation) {
		dog->stale |= dog->has_templates;
		who = (struct checked){ event->allocation->service_name,
					event->allocation->proto,
					event->allocation->port };
	}
	s = find(dog, &who);
	if (s && (event->type == EVENT_SERVICE_RUNNING ||
		  event->type == EVENT_ALLOCATION_CLAIMED))
		begin_running(s, now_mono_ns());
	else if (s && event->type != EVENT_ALLOCATION_CREATED)
		subject_rest(s);
	dog_set_timer(dog);
}

/* -- Time -----------------------------------------------------------------------------
 */

static void on_timer(uv_timer_t *timer)
{
	struct watchdog *dog = timer->data;

	if (dog->stale)
		watchdog_follow(dog);
	run_tick(dog);
	dog_set_timer(dog);
}

void dog_set_timer(struct watchdog *dog)
{
	const struct subject *first = agenda_first(&dog->agenda);
	uint64_t now_ns, wait_ns;

	if (!first && !dog->stale) {
		uv_timer_stop(&dog->timer);
		return;
	}
	now_ns = now_mono_ns();
	wait_ns = dog->stale || first->due_ns <= now_ns ? 0 : first->due_ns - now_ns;
	/* The loop's idea of now may be old. */
	uv_update_time(dog->options.loop);
	uv_timer_start(&dog->timer, on_timer, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

void watchdog_counters(const struct watchdog *dog, struct watchdog_counters *ret)
{
	*ret = dog->counters;
}

int watchdog_last(const struct watchdog *dog, const struct checked *who,
		  struct watchdog_finding *ret)
{
	const struct subject *s = find(dog, who);

	if (!s || !s->has_last)
		return -ENOENT;
	*ret = s->last;
	return 0;
}

int watchdog_new(const struct watchdog_options *options, struct watchdog **ret)
{
	struct watchdog *dog = calloc(1, sizeof(*dog));
	struct fetch_callbacks callbacks = {
		.answered = run_answered,
		.lost = run_fetch_lost,
		.arg = dog,
	};
	int err;

	if (!dog)
		return -ENOMEM;
	dog->options = *options;
	dog->engine = options->engine;
	dog->net = (struct queue){ .max = 512, .last = &dog->net.first };
	dog->children = (struct queue){ .max = 32, .last = &dog->children.first };
	if (getrandom(&dog->random, sizeof(dog->random), GRND_NONBLOCK) < 0)
		dog->random = now_mono_ns();
	dog->random |= 1;
	err = fetch_client_new(options->loop, options->fetch, &callbacks, &dog->fetch);
	if (err < 0) {
		free(dog);
		return err;
	}
	uv_timer_init(options->loop, &dog->timer);
	dog->timer.data = dog;

	*ret = dog;
	return 0;
}

static void dog_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct watchdog *watchdog_free(struct watchdog *dog)
{
	struct subject *s, *next;

	if (!dog)
		return NULL;
	dog->subscription = engine_unsubscribe(dog->engine, dog->subscription);
	HASH_ITER(hh, dog->subjects, s, next)
	free_subject(s);
	dog->fetch = fetch_client_free(dog->fetch);
	free(dog->agenda.heap);
	uv_close((uv_handle_t *)&dog->timer, dog_closed);
	return NULL;
}
