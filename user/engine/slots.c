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

int slots_add(struct slots *slots, const struct allocation *alloc, struct slot **ret)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	slot->state = &slot->own;
	slot->state->allocation = alloc;
	slot->key = port_number(alloc->proto, alloc->port);
	HASH_ADD(hh, slots->by_port, key, sizeof(slot->key), slot);
	if (!hash_was_added(slot)) {
		free(slot);
		return -ENOMEM;
	}
	name_port(slots, alloc->proto, alloc->port);
	*ret = slot;
	return 0;
}

static bool is_claimed(const struct engine *e, uint16_t proto, uint16_t port)
{
	const struct claim *const *claims;

	return registry_claims_at(e->registry, proto, port, &claims) > 0;
}

void slots_remove(struct engine *e, struct slot *slot)
{
	uint16_t proto = slot->key >> 16, port = slot->key & 0xffff;

	service_state_done(e->procs, &slot->own);
	HASH_DEL(e->slots.by_port, slot);
	free(slot);
	if (!is_claimed(e, proto, port))
		e->slots.named[proto == IPPROTO_UDP][port / 8] &= ~(1u << port % 8);
}

/* @e is NULL while they have no states yet. */
static void free_allocations(struct engine *e, struct slots *slots)
{
	struct slot *slot, *next;

	HASH_ITER(hh, slots->by_port, slot, next)
	{
		if (e)
			service_state_done(e->procs, &slot->own);
		HASH_DEL(slots->by_port, slot);
		free(slot);
	}
}

int slots_build(const struct registry *reg, struct slots *ret)
{
	struct slots slots = {
		.n_services = registry_count(reg),
	};
	const struct allocation *alloc;
	struct slot *slot;
	int err = 0;

	/* One more, so that an empty registry is no failure. */
	slots.states = calloc(slots.n_services + 1, sizeof(*slots.states));
	slots.services = calloc(slots.n_services + 1, sizeof(*slots.services));
	for (size_t i = 0; err == 0 && (alloc = registry_allocation(reg, i)); i++)
		err = slots_add(&slots, alloc, &slot);
	if (err < 0 || !slots.states || !slots.services) {
		free_allocations(NULL, &slots);
		free(slots.services);
		free(slots.states);
		return -ENOMEM;
	}
	for (size_t i = 0; i < slots.n_services; i++)
		add_service(&slots, registry_service(reg, i));
	*ret = slots;
	return 0;
}

void slots_done(struct engine *e, struct slots *slots)
{
	for (size_t i = 0; i < slots->n_services; i++)
		service_state_done(e->procs, &slots->states[i]);
	free_allocations(e, slots);
	free(slots->services);
	free(slots->states);
	*slots = (struct slots){ 0 };
}

struct slot *slots_find(const struct slots *slots, uint16_t proto, uint16_t port)
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
	to->state->is_counted = false; /* its ports may be others */
}

void slots_inherit(struct engine *e, struct slots *from, struct slots *to)
{
	struct slot *slot, *next;

	for (size_t i = 0; i < to->n_services; i++) {
		const struct service *old =
			registry_find(e->registry, to->states[i].service->name);

		if (old)
			inherit(&from->services[old->index], &to->services[i]);
	}
	HASH_ITER(hh, to->by_port, slot, next)
	{
		const struct allocation *alloc = slot->state->allocation;
		struct slot *old = slots_find(from, alloc->proto, alloc->port);

		if (old && same_allocation(old->state->allocation, alloc))
			inherit(old, slot);
	}
}

struct slot *slots_of_state(struct engine *e, const struct service_state *state)
{
	if (state->service)
		return &e->slots.services[state->service->index];
	return slots_find(&e->slots, state->allocation->proto, state->allocation->port);
}

struct service_state *slots_allocation_state(const struct allocation *alloc, void *arg)
{
	const struct engine *e = arg;
	struct slot *slot = slots_find(&e->slots, alloc->proto, alloc->port);

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
	counts_choose(e);
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

void slots_verify_allocation(struct engine *e, struct slot *slot)
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
	if (alloc->kept && p->parent) {
		p->parent->keeps = true;
		who_watch(e, p->parent);
	}
	evaluate_slot(e, slot);
	processes_unref(e->procs, p);
}

void slots_lose_keeper(struct engine *e, const struct process *keeper)
{
	struct slot *slot, *next;

	HASH_ITER(hh, e->slots.by_port, slot, next)
	{
		const struct process *p = slot->state->recorded;

		if (p && p->parent == keeper)
			evaluate_slot(e, slot);
	}
}

void slots_verify(struct engine *e)
{
	struct slot *slot, *next;

	for (size_t i = 0; i < e->slots.n_services; i++)
		verify_recorded(e, e->slots.services[i].state);
	HASH_ITER(hh, e->slots.by_port, slot, next)
	{
		verify_recorded(e, slot->state);
		slots_verify_allocation(e, slot);
	}
}
