// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds the sockets of one port: their owners are asked first, and where the kernel
 * counts more references than those have, everybody.
 */
#include "engine/internal.h"

#include <errno.h>

enum { OWNERS_ASKED_MAX = 16 };

struct inquiry {
	struct engine *e;
	struct socket *first; /* of the port */
	uint16_t port;
	struct walk walk;
};

static bool is_asked(const struct inquiry *inquiry, const struct socket *until,
		     const struct process *owner)
{
	for (const struct socket *s = inquiry->first; s != until; s = s->next_in_port)
		if (s->owner == owner)
			return true;
	return false;
}

static int ask_owners(struct inquiry *inquiry)
{
	size_t asked = 0;

	for (const struct socket *s = inquiry->first; s; s = s->next_in_port) {
		struct snapshot_query query = { .port = inquiry->port };
		int err;

		if (!s->owner || s->owner->exited || is_asked(inquiry, s, s->owner))
			continue;
		if (asked++ == OWNERS_ASKED_MAX)
			return -E2BIG;
		query.pid = s->owner->info.id.pid;
		err = walk_more(inquiry->e, &query, &inquiry->walk);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Is each descriptor of each socket found? */
static bool is_complete(const struct inquiry *inquiry)
{
	for (const struct socket *s = inquiry->first; s; s = s->next_in_port) {
		struct group group = walk_find(&inquiry->walk, s->cookie);

		if (group.count == 0 || group_row(&group, 0)->refs != group.count)
			return false;
	}
	return true;
}

static int ask_everybody(struct inquiry *inquiry)
{
	struct snapshot_query query = { .port = inquiry->port };

	walk_done(&inquiry->walk);
	return walk_more(inquiry->e, &query, &inquiry->walk);
}

static void keep(const struct inquiry *inquiry)
{
	for (struct socket *s = inquiry->first; s; s = s->next_in_port) {
		struct group group = walk_find(&inquiry->walk, s->cookie);

		if (group.count > 0)
			group_keep_holders(inquiry->e, &group, s);
	}
}

int engine_find_holders(struct engine *engine, uint32_t netns, uint16_t proto,
			uint16_t port)
{
	struct inquiry inquiry = {
		.e = engine,
		.first = sockets_at(engine->sockets, netns, proto, port),
		.port = port,
	};
	int err;

	if (!inquiry.first)
		return 0;
	err = ask_owners(&inquiry);
	if (err == -E2BIG || (err == 0 && !is_complete(&inquiry)))
		err = ask_everybody(&inquiry);
	if (err == 0)
		keep(&inquiry);
	walk_done(&inquiry.walk);
	return err == -EOPNOTSUPP ? engine_refresh_holders(engine) : err;
}
