// SPDX-License-Identifier: GPL-2.0-only
#include "service/allocations_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"

#define RETRY_NS (5 * NS_PER_S)

/* How often somebody else may be faster at a port that was about to be handed out. */
enum { TRIES_MAX = 8 };

static void start(struct allocations *a);
static void decide(struct allocations *a);

int allocations_new(const struct allocations_options *options, struct allocations **ret)
{
	_cleanup_(allocations_freep) struct allocations *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->options = *options;
	a->options.state = a->options.log = NULL;
	a->engine = options->engine;
	a->lock = -EBADF;
	err = state_new(options->state, &a->state);
	if (err == 0)
		err = audit_new(options->log, &a->audit);
	if (err < 0)
		return err;

	*ret = take(a);
	return 0;
}

static void drop_items(struct allocations *a)
{
	for (size_t i = 0; i < a->n_items; i++)
		allocation_free(a->items[i]);
	free(take(a->items));
	a->n_items = 0;
}

struct allocations *allocations_free(struct allocations *a)
{
	if (!a)
		return NULL;
	a->lock = close_fd(a->lock);
	registry_free(a->loaded);
	change_list_done(&a->changes);
	change_list_done(&a->debts);
	drop_items(a);
	audit_free(a->audit);
	state_free(a->state);
	free(a);
	return NULL;
}

static void tell_changed(struct allocations *a)
{
	if (a->options.changed)
		a->options.changed(a->options.arg);
}

/* -- A turn ---------------------------------------------------------------------------
 */

static void answer(struct allocation_request *request, int err,
		   const struct allocation *alloc, const struct refusal *why)
{
	request->answer(request, err, alloc, why);
}

static struct allocation_request *next_waiting(struct allocations *a)
{
	struct allocation_request *request = a->waiting;

	if (request) {
		a->waiting = request->next;
		request->begun = true;
	}
	return request;
}

static void put_back(struct allocations *a, struct allocation_request *request)
{
	request->begun = false;
	request->next = a->waiting;
	a->waiting = request;
}

static void end(struct allocations *a)
{
	a->lock = close_fd(a->lock);
	change_list_done(&a->changes);
	drop_items(a);
	a->phase = PHASE_IDLE;
	a->again |= engine_allocations_changed(a->engine);
	if (a->waiting || (a->again && !a->owing && allocations_has_unsettled(a)))
		start(a);
	a->again = false;
	/* Last: whoever is told may ask for more. */
	tell_changed(a);
}

/* Nothing was changed, for whomever. */
static void fail(struct allocations *a, int err, const struct refusal *why)
{
	struct allocation_request *request;

	for (size_t i = 0; i < a->changes.n; i++)
		if (a->changes.items[i].request)
			answer(a->changes.items[i].request, err, NULL, why);
	/* It would be no better for them. */
	while ((request = next_waiting(a)))
		answer(request, err, NULL, why);
	if (!a->owing && a->options.complain && allocations_has_unsettled(a))
		a->options.complain(why->what, a->options.arg);
	a->owing = allocations_has_unsettled(a);
	a->retry_ns = now_wall_ns() + RETRY_NS;
	end(a);
}

/* -- Putting in force -----------------------------------------------------------------
 */

/* The file has it, and nobody was told. */
static void owe(struct allocations *a, const struct allocation *alloc)
{
	const struct change debt = { .action = AUDIT_CLEANUP,
				     .reason = "taken by another meanwhile",
				     .is_debt = true };

	/* For want of memory it stays in the file until that is next written. */
	(void)change_list_add(&a->debts, &debt, allocation_copy(alloc));
	a->again = true;
}

/* Somebody was faster: another port, or why not. */
static void try_again(struct allocations *a, const struct change *change)
{
	struct allocation_request *request = change->request;
	struct refusal why;
	int err;

	owe(a, change->allocation);
	if (!request->wish.port && ++request->tries < TRIES_MAX) {
		put_back(a, request);
		return;
	}
	err = allocations_explain(a, &request->wish, change->allocation->port, &why);
	answer(request, err, NULL, &why);
}

/* Still, now that it is written? */
static bool is_free(const struct allocations *a, const struct change *change,
		    const uint8_t *free_ports)
{
	const struct allocation_wish *wish = &change->request->wish;

	if (allocations_is_own(a, wish))
		return allocations_own_is_free(a, wish);
	return port_is_set(free_ports, change->allocation->port);
}

static void hand_out(struct allocations *a, const struct change *change,
		     const uint8_t *free_ports)
{
	const struct allocation *made = change->allocation;
	struct allocation *copy = allocation_copy(made);
	const struct registry *reg;

	if (!is_free(a, change, free_ports) || !copy ||
	    engine_allocate(a->engine, take(copy)) < 0) {
		allocation_free(copy);
		try_again(a, change);
		return;
	}
	reg = engine_world(a->engine)->registry;
	answer(change->request, 0, registry_allocation_at(reg, made->proto, made->port),
	       NULL);
}

static bool hands_out(const struct change_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].action == AUDIT_ALLOCATE)
			return true;
	return false;
}

static void put_in_force(struct allocations *a)
{
	_cleanup_(change_list_done) struct change_list list = a->changes;
	uint8_t free_ports[PORT_BITMAP] = { 0 };

	a->changes = (struct change_list){ 0 };
	/* All of them are written by now. */
	if (list.n > 0 && !list.items[0].request)
		change_list_done(&a->debts);
	/* The disk took its time. */
	if (hands_out(&list))
		(void)allocations_look_again(a, free_ports);
	for (size_t i = 0; i < list.n; i++) {
		const struct change *change = &list.items[i];

		if (!change->request) {
			allocations_settled(a, change);
		} else if (change->action == AUDIT_ALLOCATE) {
			hand_out(a, change, free_ports);
		} else {
			engine_release(a->engine, change->allocation->proto,
				       change->allocation->port);
			answer(change->request, 0, change->allocation, NULL);
		}
	}
}

static void on_written(struct job *job)
{
	struct allocations *a =
		(struct allocations *)((char *)job - offsetof(struct allocations, job));
	struct refusal why;
	int err = allocations_written(a, &why);
	bool settled = !a->changes.items[0].request;

	drop_items(a);
	if (err < 0) {
		fail(a, err, &why);
		return;
	}
	put_in_force(a);
	if (settled) /* what was given back may be handed out */
		decide(a);
	else
		end(a);
}

/* -- Deciding -------------------------------------------------------------------------
 */

static char *copy_text(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed |= text && !copy;
	return copy;
}

static struct allocation *make(const struct allocation_wish *wish, uint16_t port,
			       struct process_id process)
{
	_cleanup_(allocation_freep) struct allocation *alloc = calloc(1, sizeof(*alloc));
	uint64_t now_ns = now_wall_ns();
	bool failed = false;

	if (!alloc)
		return NULL;
	alloc->port = port;
	alloc->proto = wish->proto;
	alloc->service_name = copy_text(wish->service_name, &failed);
	alloc->started_by = copy_text(wish->started_by, &failed);
	alloc->purpose = copy_text(wish->purpose, &failed);
	alloc->health_status = copy_text("pending", &failed);
	alloc->process = process;
	alloc->allocated_ns = now_ns;
	if (wish->ttl_ms)
		alloc->expires_ns = now_ns + wish->ttl_ms * NS_PER_MS;
	alloc->kept = wish->kept;
	alloc->managed = true;
	return failed ? NULL : take(alloc);
}

static int identify(struct allocations *a, pid_t pid, struct process_id *ret,
		    struct refusal *reterr)
{
	int err;

	*ret = (struct process_id){ 0 };
	if (!pid)
		return 0;
	err = engine_identify(a->engine, pid, ret);
	return err < 0 ? refuse(reterr, -ESRCH, "No process has the PID %d", pid) : 0;
}

static int plan_allocate(struct allocations *a, struct picking *picking,
			 struct allocation_request *request, struct refusal *reterr)
{
	const struct allocation_wish *wish = &request->wish;
	const struct change change = { .action = AUDIT_ALLOCATE, .request = request };
	struct process_id process;
	uint16_t port;
	int err = identify(a, wish->pid, &process, reterr);

	if (err == 0)
		err = allocations_pick(a, picking, wish, &port, reterr);
	if (err < 0)
		return err;
	err = change_list_add(&a->changes, &change, make(wish, port, process));
	return err < 0 ? refuse(reterr, err, "Out of memory") : 0;
}

static bool is_going(const struct allocations *a, const struct allocation *alloc)
{
	for (size_t i = 0; i < a->changes.n; i++)
		if (a->changes.items[i].allocation->port == alloc->port &&
		    a->changes.items[i].allocation->proto == alloc->proto)
			return true;
	return false;
}

static int plan_release(struct allocations *a, struct allocation_request *request,
			struct refusal *reterr)
{
	const struct registry *reg = engine_world(a->engine)->registry;
	const struct allocation *alloc =
		registry_allocation_at(reg, request->proto, request->port);
	const struct change change = { .action = AUDIT_RELEASE, .request = request };
	int err;

	if (!alloc || is_going(a, alloc) ||
	    (request->allocated_ns && request->allocated_ns != alloc->allocated_ns))
		return refuse(reterr, -ENOENT, "Port %u is not allocated", request->port);
	if (!alloc->managed)
		return refuse(reterr, -EEXIST,
			      "Port %u is allocated to %s by the registry's file; take "
			      "it out there",
			      request->port, alloc->service_name);
	engine_read_counts(a->engine);
	err = change_list_add(&a->changes, &change, allocation_copy(alloc));
	return err < 0 ? refuse(reterr, err, "Out of memory") : 0;
}

/* What waits becomes changes, or is refused at once. */
static void plan(struct allocations *a)
{
	_cleanup_(picking_done) struct picking picking = { 0 };
	struct allocation_request *request;

	while (a->changes.n < TOGETHER_MAX && (request = next_waiting(a))) {
		struct refusal why = { 0 };
		int err = request->kind == REQUEST_ALLOCATE
				  ? plan_allocate(a, &picking, request, &why)
				  : plan_release(a, request, &why);

		if (err < 0)
			answer(request, err, NULL, &why);
	}
}

static void write_changes(struct allocations *a)
{
	struct refusal why;

	if (allocations_prepare(a) < 0) {
		drop_items(a);
		fail(a, refuse(&why, -ENOMEM, "Out of memory"), &why);
		return;
	}
	a->phase = PHASE_WRITING;
	a->job = (struct job){ .run = allocations_write, .done = on_written };
	worker_submit(a->options.worker, &a->job);
}

/* The state is locked, and the engine's is as it has it. */
static void decide(struct allocations *a)
{
	struct refusal why;

	/* All that there is to be settled is gathered now. */
	(void)engine_allocations_changed(a->engine);
	a->again = false;
	if (allocations_gather(a) < 0) {
		fail(a, refuse(&why, -ENOMEM, "Out of memory"), &why);
		return;
	}
	if (a->changes.n == 0) {
		a->owing = false;
		plan(a);
	}
	if (a->changes.n > 0)
		write_changes(a);
	else
		end(a);
}

static void on_locked(struct job *job)
{
	struct allocations *a =
		(struct allocations *)((char *)job - offsetof(struct allocations, job));
	struct refusal why;
	int err = allocations_take_over(a, &why);

	if (err < 0)
		fail(a, err, &why);
	else
		decide(a);
}

static void start(struct allocations *a)
{
	a->phase = PHASE_LOCKING;
	a->job = (struct job){ .run = allocations_lock, .done = on_locked };
	worker_submit(a->options.worker, &a->job);
}

/* -- Asking ---------------------------------------------------------------------------
 */

void allocations_submit(struct allocations *a, struct allocation_request *request)
{
	struct allocation_request **last = &a->waiting;

	while (*last)
		last = &(*last)->next;
	request->next = NULL;
	request->begun = false;
	request->tries = 0;
	*last = request;
	if (a->phase == PHASE_IDLE)
		start(a);
}

bool allocations_withdraw(struct allocations *a, struct allocation_request *request)
{
	struct allocation_request **at = &a->waiting;

	if (request->begun)
		return false;
	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	return true;
}

void allocations_settle(struct allocations *a)
{
	if (!a->owing && engine_allocations_changed(a->engine))
		allocations_run(a);
}

void allocations_run(struct allocations *a)
{
	if (a->phase != PHASE_IDLE)
		a->again = true;
	else if (a->owing || allocations_has_unsettled(a))
		start(a);
}

uint64_t allocations_deadline(const struct allocations *a)
{
	const struct allocation *alloc;
	uint64_t due_ns = 0;
	size_t i = 0;

	/* The end of this turn asks again. */
	if (a->phase != PHASE_IDLE)
		return 0;
	if (a->owing)
		return a->retry_ns;
	while ((alloc = allocations_next(a, &i)))
		if (alloc->expires_ns && (!due_ns || alloc->expires_ns < due_ns))
			due_ns = alloc->expires_ns;
	return due_ns;
}
