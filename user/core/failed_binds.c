// SPDX-License-Identifier: GPL-2.0-only
#include "core/failed_binds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct failed_binds {
	struct processes *procs;
	/* Newest first. */
	struct failed_bind items[FAILED_BINDS_MAX];
	size_t count;
};

int failed_binds_new(struct processes *procs, struct failed_binds **ret)
{
	struct failed_binds *list = calloc(1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list->procs = procs;
	*ret = list;
	return 0;
}

static void forget(struct failed_binds *list, struct failed_bind *bind)
{
	processes_unref(list->procs, bind->caller);
	processes_unref(list->procs, bind->holder);
}

struct failed_binds *failed_binds_free(struct failed_binds *list)
{
	for (size_t i = 0; list && i < list->count; i++)
		forget(list, &list->items[i]);
	free(list);
	return NULL;
}

/* A service that is started again and again is another process each time. */
static bool is_same_caller(const struct failed_bind *a, const struct failed_bind *b)
{
	if (a->caller == b->caller)
		return true;
	return a->caller && b->caller &&
	       strcmp(a->caller->info.comm, b->caller->info.comm) == 0;
}

static struct failed_bind *find_same(struct failed_binds *list,
				     const struct failed_bind *bind)
{
	for (size_t i = 0; i < list->count; i++) {
		struct failed_bind *known = &list->items[i];

		if (known->at.port == bind->at.port && known->error == bind->error &&
		    known->uid == bind->uid && endpoint_equal(&known->at, &bind->at) &&
		    is_same_caller(known, bind))
			return known;
	}
	return NULL;
}

void failed_binds_add(struct failed_binds *list, const struct failed_bind *bind)
{
	struct failed_bind *known = find_same(list, bind), next = *bind;

	next.count = known ? known->count + 1 : 1;
	next.first_ns = known ? known->first_ns : bind->last_ns;
	if (next.caller)
		processes_ref(next.caller);
	if (next.holder)
		processes_ref(next.holder);
	if (!known && list->count < FAILED_BINDS_MAX)
		list->count++;
	else if (!known)
		known = &list->items[list->count - 1];
	if (known)
		forget(list, known);
	else
		known = &list->items[list->count - 1];
	memmove(&list->items[1], &list->items[0],
		(size_t)(known - list->items) * sizeof(list->items[0]));
	list->items[0] = next;
}

const struct failed_bind *failed_binds_next(const struct failed_binds *list,
					    uint32_t netns, uint16_t proto, uint16_t port,
					    size_t *cursor)
{
	while (*cursor < list->count) {
		const struct failed_bind *bind = &list->items[(*cursor)++];

		if (bind->at.port == port && bind->at.netns == netns &&
		    (!proto || bind->at.proto == proto))
			return bind;
	}
	return NULL;
}
