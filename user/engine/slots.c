// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: where the states of services and allocations stand, and what the engine keeps
 * beside each.  Whom a state records is for the matcher to say.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"

static uint32_t port_number(uint16_t proto, uint16_t port)
{
	return (uint32_t)proto << 16 | port;
}

static void name_port(struct slots *slots, uint16_t proto, uint16_t port)
{
	slots->named[proto == IPPROTO_UDP][port / 8] |= 1u << port % 8;
}

bool slots_name_port(const struct engine *e, uint16_t proto, uint16_t port)
{
	return e->slots.named[proto == IPPROTO_UDP][port / 8] & 1u << port % 8;
}

static unsigned matched_by(const struct match *match)
{
	unsigned what = PROCFS_CMDLINE | PROCFS_EXE;

	if (match->unit || match->cgroup)
		what |= PROCFS_CGROUP;
	if (match->user)
		what |= PROCFS_USER;
	return what;
}

static void add_service(struct slots *slots, const struct service *svc)
{
	struct slot *slot = &slots->services[svc->index];

	slot->state = &slots->states[svc->index];
	slot->state->service = svc;
	slots->matched_by |= matched_by(&svc->match);
	for (size_t i = 0; svc->enabled && i < svc->n_claims; i++)
		name_port(slots, svc->claims[i].at.proto, svc->claims[i].at.port);
}

static void add_allocation(struct slots *slots, struct slot *slot,
			   const struct allocation *alloc)
{
	slot->state = &slot->own;
	slot->state->allocation = alloc;
	slot->key = port_number(alloc->proto, alloc->port);
	HASH_ADD(hh, slots->by_port, key, sizeof(slot->key), slot);
	name_port(slots, alloc->proto, alloc->port);
}

int slots_build(const struct registry *reg, struct slots *ret)
{
	struct slots slots = {
		.n_services = registry_count(reg),
		.n_allocations = registry_count_allocations(reg),
	};

	/* One more, so that an empty registry is no failure. */
	slots.states = calloc(slots.n_services + 1, sizeof(*slots.states));
	slots.services = calloc(slots.n_services + 1, sizeof(*slots.services));
	slots.allocations = calloc(slots.n_allocations + 1, sizeof(*slots.allocations));
	if (!slots.states || !slots.services || !slots.allocations) {
		free(slots.allocations);
		free(slots.services);
		free(slots.states);
		return -ENOMEM;
	}
	for (size_t i = 0; i < slots.n_services; i++)
		add_service(&slots, registry_service(reg, i));
	for (size_t i = 0; i < slots.n_allocations; i++)
		add_allocation(&slots, &slots.allocations[i],
			       registry_allocation(reg, i));
	*ret = slots;
	return 0;
}

void slots_done(struct engine *e, struct slots *slots)
{
	for (size_t i = 0; i < slots->n_services; i++)
		service_state_done(e->procs, &slots->states[i]);
	for (size_t i = 0; i < slots->n_allocations; i++)
		service_state_done(e->procs, &slots->allocations[i].own);
	HASH_CLEAR(hh, slots->by_port);
	free(slots->allocations);
	free(slots->services);
	free(slots->states);
	*slots = (struct slots){ 0 };
}

static struct slot *find_allocation(const struct slots *slots, uint16_t proto,
				    uint16_t port)
{
	uint32_t key = port_number(proto, port);
	struct slot *slot;

	HASH_FIND(hh, slots->by_port, &key, sizeof(key), slot);
	return slot;
}

/* The same port handed to the same name and process, as far as that was said. */
static bool same_allocation(const struct allocation *a, const struct allocation *b)
{
	return streq(a->service_name, b->service_name) &&
	       a->process.pid == b->process.pid &&
	       a->process.start_ticks == b->process.start_ticks;
}

static void inherit(struct slot *from, struct slot *to)
{
	to->running = from->running;
	to->stands = from->stands;
	service_state_move(from->state, to->state);
}

void slots_inherit(struct engine *e, struct slots *from, struct slots *to)
{
	for (size_t i = 0; i < to->n_services; i++) {
		struct slot *slot = &to->services[i];
		const struct service *old =
			registry_find(e->registry, slot->state->service->name);

		if (old)
			inherit(&from->services[old->index], slot);
	}
	for (size_t i = 0; i < to->n_allocations; i++) {
		struct slot *slot = &to->allocations[i];
		const struct allocation *alloc = slot->state->allocation;
		struct slot *old = find_allocation(from, alloc->proto, alloc->port);

		if (old && same_allocation(old->state->allocation, alloc))
			inherit(old, slot);
	}
}

struct slot *slots_of_state(struct engine *e, const struct service_state *state)
{
	if (state->service)
		return &e->slots.services[state->service->index];
	return find_allocation(&e->slots, state->allocation->proto,
			       state->allocation->port);
}

struct service_state *slots_allocation_state(const struct allocation *alloc, void *arg)
{
	const struct engine *e = arg;
	struct slot *slot = find_allocation(&e->slots, alloc->proto, alloc->port);

	return slot ? slot->state : NULL;
}

void slots_scope(const struct slot *slot, struct alert_scope *ret)
{
	const struct service_state *state = slot->state;

	*ret = (struct alert_scope){ .kind = SCOPE_SERVICE };
	if (state->service) {
		memccpy(ret->service, state->service->name, 0, sizeof(ret->service) - 1);
		return;
	}
	ret->kind = SCOPE_ALLOCATION;
	ret->proto = state->allocation->proto;
	ret->port = state->allocation->port;
}

void slots_watch_ports(struct engine *e)
{
	_cleanup_(freep) uint16_t *ports = NULL;
	size_t n = 0;

	if (!engine_is_told(e))
		return;
	ports = calloc(65536, sizeof(*ports));
	if (!ports)
		return;
	/* Connections leave from TCP ports; the netns is compared when one is told. */
	for (unsigned port = 1; port < 65536; port++) {
		if (slots_name_port(e, IPPROTO_TCP, port) ||
		    slots_name_port(e, IPPROTO_UDP, port))
			ports[n++] = port;
	}
	e->senses.watch_ports(e->probe, ports, n);
}

/* A process that had gone before it was first looked for. */
static struct process *gone_before(struct engine *e, struct process_id id)
{
	struct process_info info = { .id = id, .uid = (uid_t)-1 };
	struct process *p;

	if (processes_intern(e->procs, &info, NULL, &p) < 0)
		return NULL;
	p->complete = true;
	p->exited = true;
	p->status = -1;
	return p;
}

/* The process that an allocation names by its pid; a reference; NULL. */
static struct process *find_registered(struct engine *e, struct process_id id)
{
	_cleanup_(process_info_done) struct process_info info = { 0 };
	struct process *p;

	if (e->senses.read(id.pid, PROCFS_ALL, &info) < 0 ||
	    (id.start_ticks != 0 && info.id.start_ticks != id.start_ticks) ||
	    !e->senses.is_alive(info.id))
		return gone_before(e, id);
	if (e->senses.intern(e->procs, &info, &p) < 0)
		return NULL;
	p->complete = true;
	return p;
}

static void verify_recorded(struct engine *e, const struct service_state *state)
{
	struct process *p = state->recorded;

	if (p && !p->exited && !e->senses.is_alive(p->info.id))
		deaths_vanished(e, p);
}

static void verify_allocation(struct engine *e, struct slot *slot)
{
	const struct allocation *alloc = slot->state->allocation;
	struct process *p;

	if (slot->state->recorded || alloc->process.pid <= 0)
		return;
	p = find_registered(e, alloc->process);
	if (!p)
		return;
	service_state_record(e->procs, slot->state, p, alloc->allocated_ns);
	who_watch(e, p);
	evaluate_slot(e, slot);
	processes_unref(e->procs, p);
}

void slots_verify(struct engine *e)
{
	for (size_t i = 0; i < e->slots.n_services; i++)
		verify_recorded(e, e->slots.services[i].state);
	for (size_t i = 0; i < e->slots.n_allocations; i++) {
		verify_recorded(e, e->slots.allocations[i].state);
		verify_allocation(e, &e->slots.allocations[i]);
	}
}
