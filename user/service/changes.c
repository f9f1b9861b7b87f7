// SPDX-License-Identifier: GPL-2.0-only
#include "service/changes.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"

enum { TOGETHER_MAX = 64 };

struct changes {
	struct changes_options options;
	char *path;
	struct change_request *waiting;

	/* The worker's, while it has the job. */
	struct job job;
	bool busy;
	struct change_request *begun[TOGETHER_MAX];
	struct registry_order *orders[TOGETHER_MAX];
	size_t n, n_made;
	struct registry *in_force; /* the allocations of the engine's registry */
	uint64_t generation;
};

static void run(struct job *job);
static void done(struct job *job);

int changes_new(const struct changes_options *options, struct changes **ret)
{
	_cleanup_(changes_freep) struct changes *changes = calloc(1, sizeof(*changes));

	if (!changes)
		return -ENOMEM;
	changes->options = *options;
	changes->options.path = NULL;
	changes->job = (struct job){ .run = run, .done = done };
	changes->path = strdup(options->path);
	if (!changes->path)
		return -ENOMEM;

	*ret = take(changes);
	return 0;
}

struct changes *changes_free(struct changes *changes)
{
	if (!changes)
		return NULL;
	registry_free(changes->in_force);
	free(changes->path);
	free(changes);
	return NULL;
}

/* A copy, since the engine's goes on changing.  NULL for want of memory: then only the
 * file's count. */
static struct registry *copy_allocations(const struct registry *from)
{
	_cleanup_(registry_freep) struct registry *to = NULL;
	const struct allocation *alloc;

	if (registry_new(0, &to) < 0)
		return NULL;
	for (size_t i = 0; (alloc = registry_allocation(from, i)); i++) {
		struct allocation *copy = allocation_copy(alloc);

		if (!copy || registry_add_allocation(to, copy) < 0)
			return NULL;
	}
	return take(to);
}

static void begin(struct changes *changes)
{
	const struct registry *reg = engine_world(changes->options.engine)->registry;

	if (changes->busy || !changes->waiting)
		return;
	changes->n = changes->n_made = 0;
	while (changes->waiting && changes->n < TOGETHER_MAX) {
		struct change_request *request = changes->waiting;

		changes->waiting = request->next;
		request->begun = true;
		changes->orders[changes->n] = &request->order;
		changes->begun[changes->n++] = request;
	}
	changes->in_force = copy_allocations(reg);
	changes->generation = registry_generation(reg);
	changes->busy = true;
	worker_submit(changes->options.worker, &changes->job);
}

static struct changes *of(struct job *job)
{
	return (struct changes *)((char *)job - offsetof(struct changes, job));
}

/* In the worker's thread. */
static void run(struct job *job)
{
	struct changes *changes = of(job);

	changes->n_made = registry_orders_make(changes->path, changes->orders, changes->n,
					       changes->in_force, changes->generation);
}

static int put_in_force(const struct changes *changes)
{
	for (size_t i = 0; i < changes->n_made; i++)
		if (changes->orders[i]->result > 0)
			return changes->options.reload(changes->options.arg);
	return 0;
}

static void done(struct job *job)
{
	struct changes *changes = of(job);
	int err = put_in_force(changes);

	changes->in_force = registry_free(changes->in_force);
	/* What was too much for one go is the first of the next. */
	for (size_t i = changes->n; i > changes->n_made; i--) {
		struct change_request *request = changes->begun[i - 1];

		request->begun = false;
		request->next = changes->waiting;
		changes->waiting = request;
	}
	changes->busy = false;
	for (size_t i = 0; i < changes->n_made; i++) {
		struct change_request *request = changes->begun[i];

		request->answer(request, request->order.result > 0 ? err : 0);
	}
	begin(changes);
}

void changes_submit(struct changes *changes, struct change_request *request)
{
	struct change_request **last = &changes->waiting;

	while (*last)
		last = &(*last)->next;
	request->next = NULL;
	request->begun = false;
	*last = request;
	begin(changes);
}

bool changes_withdraw(struct changes *changes, struct change_request *request)
{
	struct change_request **at = &changes->waiting;

	if (request->begun)
		return false;
	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	return true;
}
