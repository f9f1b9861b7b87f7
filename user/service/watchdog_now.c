// SPDX-License-Identifier: GPL-2.0-only
/* Checks that somebody asked for and waits for. */
#include "service/watchdog_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

const char *checkup_result_name(enum checkup_result result)
{
	static const char *const names[] = {
		[CHECKUP_WAITING] = "waiting",   [CHECKUP_PASSED] = "passed",
		[CHECKUP_FAILED] = "failed",     [CHECKUP_NOT_RUNNING] = "not_running",
		[CHECKUP_NO_CHECK] = "no_check", [CHECKUP_NOT_MADE] = "not_made",
	};

	return names[result];
}

static enum health_state health_of(const struct subject *s)
{
	const struct service_state *state = engine_state_of(s->dog->engine, &s->who);

	return state ? state->health : HEALTH_UNKNOWN;
}

void now_answer(struct subject *s, enum checkup_result result, const char *text,
		uint64_t latency_us)
{
	struct checkup_item *item = take(s->waiting), *next;

	for (; item; item = next) {
		struct checkup *checkup = item->checkup;

		next = item->next;
		item->result = result;
		item->health = health_of(s);
		item->latency_us = latency_us;
		item->text = text ? strdup(text) : NULL;
		if (--checkup->waiting == 0 && checkup->done)
			checkup->done(checkup, checkup->arg);
	}
}

void now_forget(struct subject *s)
{
	now_answer(s, CHECKUP_NOT_MADE,
		   "the registry has another check for it now, or none", 0);
}

static bool is_asked(char *const *names, const char *name)
{
	return !names || strv_contains(names, name);
}

static int add_item(struct checkup *checkup, struct subject *s, const char *name)
{
	struct checkup_item *item = &checkup->items[checkup->count];
	char target[TEXT_MAX];

	item->service = strdup(name);
	if (!item->service)
		return -ENOMEM;
	checkup->count++;
	item->checkup = checkup;
	item->result = CHECKUP_NO_CHECK;
	if (!s)
		return 0;
	item->proto = s->who.proto;
	item->port = s->who.port;
	item->kind = s->kind;
	item->health = health_of(s);
	item->result = CHECKUP_WAITING;
	item->next = s->waiting;
	s->waiting = item;
	checkup->waiting++;
	subject_serves(s, &s->port);
	item->target = strdup(target_describe(s, target, sizeof(target)));
	return item->target ? 0 : -ENOMEM;
}

/* Services that were named and have no check. */
static int add_others(struct watchdog *dog, struct checkup *checkup, char *const *names)
{
	int err = 0;

	for (size_t i = 0; err == 0 && names && names[i]; i++) {
		struct subject *s;

		HASH_FIND_STR(dog->subjects, names[i], s);
		if (!s)
			err = add_item(checkup, NULL, names[i]);
	}
	return err;
}

static int fill(struct watchdog *dog, struct checkup *checkup, char *const *names)
{
	struct subject *s, *next;
	int err;

	checkup->items = calloc(HASH_COUNT(dog->subjects) + strv_length(names) + 1,
				sizeof(*checkup->items));
	if (!checkup->items)
		return -ENOMEM;
	err = add_others(dog, checkup, names);
	HASH_ITER(hh, dog->subjects, s, next)
	{
		if (err == 0 && is_asked(names, s->name))
			err = add_item(checkup, s, s->name);
	}
	return err;
}

struct checkup *checkup_free(struct watchdog *dog, struct checkup *checkup)
{
	struct subject *s, *next;

	if (!checkup)
		return NULL;
	HASH_ITER(hh, dog->subjects, s, next)
	{
		struct checkup_item **link = &s->waiting;

		while (checkup->waiting && *link) {
			if ((*link)->checkup == checkup)
				*link = (*link)->next;
			else
				link = &(*link)->next;
		}
	}
	for (size_t i = 0; i < checkup->count; i++) {
		free(checkup->items[i].service);
		free(checkup->items[i].target);
		free(checkup->items[i].text);
	}
	free(checkup->items);
	free(checkup);
	return NULL;
}

int watchdog_check_now(struct watchdog *dog, char *const *names,
		       void (*done)(struct checkup *checkup, void *arg), void *arg,
		       struct checkup **ret)
{
	struct checkup *checkup = calloc(1, sizeof(*checkup));
	struct subject *s, *next;
	int err;

	if (!checkup)
		return -ENOMEM;
	if (dog->options.on_demand)
		watchdog_follow(dog);
	err = fill(dog, checkup, names);
	if (err < 0) {
		checkup_free(dog, checkup);
		return err;
	}
	checkup->arg = arg;
	HASH_ITER(hh, dog->subjects, s, next)
	{
		if (s->waiting)
			subject_check(s);
	}
	dog_set_timer(dog);
	dog->options.changed(dog->options.arg);
	/* What had its answer at once is no news. */
	checkup->done = done;

	*ret = checkup;
	return 0;
}
