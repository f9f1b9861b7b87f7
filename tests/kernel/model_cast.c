// SPDX-License-Identifier: GPL-2.0-only
/* Actors that come and go: between two steps, one at a time. */
#include "kernel/model_private.h"

#include "harness.h"

#include <string.h>

/* The namespaces are those of the servers, whose children share them. */
void model_join(struct model *m, struct member *who, int place)
{
	*who = (struct member){ .actor = actor_fork(m->server[place]), .place = place };
	/* It is none of the cast's business to hold the server's listeners. */
	actor_must(who->actor, "close 0");
	actor_must(who->actor, "close 1");
}

static struct member *free_place(struct model *m)
{
	for (int i = 0; i < CAST_MAX; i++)
		if (!m->cast[i].actor)
			return &m->cast[i];
	return NULL;
}

static struct member *somebody(struct model *m)
{
	struct member *who;

	do
		who = &m->cast[model_random(m, CAST_MAX)];
	while (!who->actor);
	return who;
}

static void let_go(struct model *m, struct member *who, unsigned slot)
{
	model_drop(m, who->slots[slot]);
	who->slots[slot] = NULL;
	who->inherited[slot] = false;
}

/* Direct descriptors belong to a ring, which neither forks nor survives an exec, and is
 * torn down some time after its owner's end. */
static void close_direct(struct model *m, struct member *who)
{
	for (unsigned i = 0; i < PLAY_SLOTS; i++) {
		if (who->slots[i] && who->slots[i]->direct) {
			actor_must(who->actor, "close %u", i);
			let_go(m, who, i);
		}
	}
}

static void turn_fork(struct model *m)
{
	struct member *who = somebody(m), *child = free_place(m);

	if (!child)
		return;
	close_direct(m, who);
	*child = *who;
	child->actor = actor_fork(who->actor);
	for (unsigned i = 0; i < PLAY_SLOTS; i++)
		if (child->slots[i])
			child->slots[i]->refs++;
}

static void turn_exec(struct model *m)
{
	struct member *who = somebody(m);

	close_direct(m, who);
	for (unsigned i = 0; i < PLAY_SLOTS; i++) {
		if (!who->slots[i] || model_random(m, 2))
			continue;
		actor_must(who->actor, "inherit %u", i);
		who->inherited[i] = true;
	}
	actor_must(who->actor, "exec again");
	for (unsigned i = 0; i < PLAY_SLOTS; i++)
		if (who->slots[i] && !who->inherited[i])
			let_go(m, who, i);
}

static void turn_die(struct model *m)
{
	struct member *who = somebody(m);
	int place = who->place;

	close_direct(m, who);
	if (model_random(m, 2))
		actor_kill(who->actor);
	who->actor = actor_stop(who->actor);
	for (unsigned i = 0; i < PLAY_SLOTS; i++)
		if (who->slots[i])
			let_go(m, who, i);
	for (int i = 0, n = 0; i < CAST_MAX; i++) {
		n += m->cast[i].actor != NULL;
		if (i == CAST_MAX - 1 && n < CAST_MIN)
			model_join(m, who, place);
	}
}

static void turn_pass(struct model *m)
{
	struct member *from = somebody(m), *to = somebody(m);
	unsigned slot = model_random(m, PLAY_SLOTS);

	if (!from->slots[slot] || from->slots[slot]->direct)
		return;
	for (unsigned i = 0; i < PLAY_SLOTS; i++) {
		struct prop *p = from->slots[slot];
		uint64_t cookie;

		if (to->slots[i])
			continue;
		cookie = actor_pass(from->actor, slot, to->actor, i);
		if (p->known.cookie)
			CHECK_EQ(cookie, p->known.cookie);
		p->known.cookie = cookie;
		to->slots[i] = p;
		p->refs++;
		return;
	}
}

void model_turn(struct model *m)
{
	static void (*const turns[])(struct model *) = { turn_fork, turn_exec, turn_die,
							 turn_pass, turn_pass };

	turns[model_random(m, sizeof(turns) / sizeof(*turns))](m);
}
