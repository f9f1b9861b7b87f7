// SPDX-License-Identifier: GPL-2.0-only
#include "probe/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

struct key {
	uint64_t cookie;
	uint64_t kind;
};

struct item {
	struct key key;
	uint64_t due_ns;
	struct pw_socket_event ev;
	UT_hash_handle hh;
	struct item *prev, *next; /* by the time of arrival, nearly by due_ns */
};

struct pending {
	struct item *by_key;
	struct item *queue;
	struct item *spare; /* a few kept, so that a storm does not allocate */
	size_t count;
};

int pending_new(struct pending **ret)
{
	struct pending *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	*ret = set;
	return 0;
}

struct pending *pending_free(struct pending *set)
{
	struct item *item, *next;

	if (!set)
		return NULL;
	HASH_CLEAR(hh, set->by_key);
	DL_FOREACH_SAFE(set->queue, item, next)
	free(item);
	LL_FOREACH_SAFE(set->spare, item, next)
	free(item);
	free(set);
	return NULL;
}

static struct item *find(const struct pending *set, uint32_t kind, uint64_t cookie)
{
	struct key key = { .cookie = cookie, .kind = kind };
	struct item *item;

	HASH_FIND(hh, set->by_key, &key, sizeof(key), item);
	return item;
}

int pending_add(struct pending *set, const struct pw_socket_event *ev, uint64_t due_ns)
{
	struct item *item = find(set, ev->h.kind, ev->cookie);

	if (item) {
		item->ev = *ev;
		return 0;
	}
	if (set->count >= PENDING_MAX)
		return -ENOSPC;
	item = set->spare;
	if (item)
		LL_DELETE(set->spare, item);
	else
		item = malloc(sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct item){ .key = { .cookie = ev->cookie, .kind = ev->h.kind },
			       .due_ns = due_ns,
			       .ev = *ev };
	HASH_ADD(hh, set->by_key, key, sizeof(item->key), item);
	DL_APPEND(set->queue, item);
	set->count++;
	return 0;
}

static void drop(struct pending *set, struct item *item, struct pw_socket_event *ret)
{
	*ret = item->ev;
	HASH_DEL(set->by_key, item);
	DL_DELETE(set->queue, item);
	LL_PREPEND(set->spare, item);
	set->count--;
}

bool pending_take(struct pending *set, uint32_t kind, uint64_t cookie,
		  struct pw_socket_event *ret)
{
	struct item *item = set->count ? find(set, kind, cookie) : NULL;

	if (!item)
		return false;
	drop(set, item, ret);
	return true;
}

bool pending_take_due(struct pending *set, uint64_t now_ns, struct pw_socket_event *ret)
{
	if (!set->queue || set->queue->due_ns > now_ns)
		return false;
	drop(set, set->queue, ret);
	return true;
}

uint64_t pending_deadline(const struct pending *set)
{
	return set->queue ? set->queue->due_ns : 0;
}
