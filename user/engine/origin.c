// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where connected sockets were bound before.  connect(2) gives a socket that was bound to
 * a wildcard an address of its own, and disconnecting takes it away again, which no
 * event tells.  Kept for those alone.
 */
#include "engine/internal.h"

#include <stdlib.h>

static struct origin *find(const struct engine *e, uint64_t cookie)
{
	struct origin *origin;

	HASH_FIND(hh, e->origins, &cookie, sizeof(cookie), origin);
	return origin;
}

static void keep(struct engine *e, const struct socket *sock)
{
	struct origin *origin;

	if (find(e, sock->cookie))
		return;
	origin = calloc(1, sizeof(*origin));
	if (!origin)
		return;
	origin->cookie = sock->cookie;
	origin->at = sock->at;
	HASH_ADD(hh, e->origins, cookie, sizeof(origin->cookie), origin);
	if (!hash_was_added(origin))
		free(origin);
}

void origin_drop(struct engine *e, uint64_t cookie)
{
	struct origin *origin = e->origins ? find(e, cookie) : NULL;

	if (!origin)
		return;
	HASH_DEL(e->origins, origin);
	free(origin);
}

void origin_note(struct engine *e, const struct socket *known, const struct endpoint *at)
{
	bool was_wildcard = endpoint_is_wildcard(&known->at);

	if (was_wildcard == endpoint_is_wildcard(at))
		return;
	if (was_wildcard)
		keep(e, known);
	else
		origin_drop(e, known->cookie);
}

bool origin_take(struct engine *e, uint64_t cookie, struct endpoint *ret)
{
	struct origin *origin = e->origins ? find(e, cookie) : NULL;

	if (!origin)
		return false;
	*ret = origin->at;
	origin_drop(e, cookie);
	return true;
}

void origin_done(struct engine *e)
{
	struct origin *origin, *next;

	HASH_ITER(hh, e->origins, origin, next)
	{
		HASH_DEL(e->origins, origin);
		free(origin);
	}
}
