// SPDX-License-Identifier: GPL-2.0-only
#include "core/registry_private.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "core/sink.h"

static int settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.port_low = 8000,
		.port_high = 8100,
		.env_prefix = strdup("PORTWATCH"),
		.unregistered = UNREGISTERED_OFF,
		.history_retain_ms = 30ull * 24 * 3600 * 1000,
		.health = default_health,
		.restart = restart_default,
		.stop = default_stop,
	};
	return settings->env_prefix ? 0 : -ENOMEM;
}

int registry_new(uint64_t generation, struct registry **ret)
{
	struct registry *reg = calloc(1, sizeof(*reg));

	if (!reg)
		return -ENOMEM;
	reg->generation = generation;
	if (settings_init(&reg->settings) < 0) {
		free(reg);
		return -ENOMEM;
	}

	*ret = reg;
	return 0;
}

static void free_names(struct registry *reg)
{
	struct service_node *node, *next;

	HASH_ITER(hh, reg->by_name, node, next)
	{
		HASH_DEL(reg->by_name, node);
		free(node);
	}
}

struct registry *registry_free(struct registry *reg)
{
	if (!reg)
		return NULL;

	free_names(reg);
	for (size_t i = 0; i < reg->n_services; i++)
		service_free(reg->services[i]);
	for (size_t i = 0; i < reg->n_allocations; i++)
		allocation_free(reg->allocations[i]);
	for (size_t i = 0; i < 2 * CLAIM_PAGES; i++)
		free(reg->claim_pages[i / CLAIM_PAGES][i % CLAIM_PAGES]);
	free(reg->services);
	free(reg->allocations);
	free(reg->claims);
	free(reg->startup_order);
	match_index_free(reg->matches);
	free(reg->settings.env_prefix);
	free(reg->settings.http_listen);
	free(reg->settings.http_token_file);
	strv_free(reg->settings.http_hosts);
	for (size_t i = 0; i < reg->settings.n_sinks; i++)
		sink_settings_free(reg->settings.sinks[i]);
	free(reg->settings.sinks);
	free(reg->settings.health.http);
	free(reg->settings.health.tcp);
	strv_free(reg->settings.health.exec);
	free(reg);
	return NULL;
}

struct settings *registry_settings(struct registry *reg)
{
	return &reg->settings;
}

/* @items with room for one more pointer; NULL for want of memory. */
static void *grown(void *items, size_t count, size_t *capacity)
{
	size_t wanted = *capacity ? *capacity * 2 : 16;

	if (count < *capacity)
		return items;
	items = reallocarray(items, wanted, sizeof(void *));
	if (items)
		*capacity = wanted;
	return items;
}

static struct service_node *find_node(const struct registry *reg, const char *name)
{
	struct service_node *node;

	HASH_FIND_STR(reg->by_name, name, node);
	return node;
}

static int add_node(struct registry *reg, struct service *svc)
{
	struct service_node *node = calloc(1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->service = svc;
	HASH_ADD_KEYPTR(hh, reg->by_name, svc->name, strlen(svc->name), node);
	if (!hash_was_added(node)) {
		free(node);
		return -ENOMEM;
	}
	return 0;
}

int registry_add(struct registry *reg, struct service *svc)
{
	_cleanup_(service_freep) struct service *owned = svc;
	struct service **services;
	int err;

	if (find_node(reg, svc->name))
		return -EEXIST;
	if (reg->n_services >= REGISTRY_SERVICES_MAX)
		return -E2BIG;
	err = service_derive_match(svc);
	if (err < 0)
		return err;
	services = grown(reg->services, reg->n_services, &reg->services_capacity);
	if (!services)
		return -ENOMEM;
	reg->services = services;
	err = add_node(reg, svc);
	if (err < 0)
		return err;

	svc->index = reg->n_services;
	reg->services[reg->n_services++] = take(owned);
	return 0;
}

/* Where an allocation of @port and @proto is, or is to be put. */
static size_t allocation_position(const struct registry *reg, uint16_t port,
				  uint16_t proto)
{
	uint32_t key = (uint32_t)port << 16 | proto;
	size_t low = 0, high = reg->n_allocations;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct allocation *a = reg->allocations[middle];

		if (((uint32_t)a->port << 16 | a->proto) < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_allocation_at(const struct registry *reg, size_t at, uint16_t port,
			     uint16_t proto)
{
	return at < reg->n_allocations && reg->allocations[at]->port == port &&
	       reg->allocations[at]->proto == proto;
}

int registry_add_allocation(struct registry *reg, struct allocation *alloc)
{
	_cleanup_(allocation_freep) struct allocation *owned = alloc;
	size_t at = allocation_position(reg, alloc->port, alloc->proto);
	struct allocation **items;

	if (is_allocation_at(reg, at, alloc->port, alloc->proto))
		return -EEXIST;
	items = grown(reg->allocations, reg->n_allocations, &reg->allocations_capacity);
	if (!items)
		return -ENOMEM;

	reg->allocations = items;
	memmove(reg->allocations + at + 1, reg->allocations + at,
		(reg->n_allocations - at) * sizeof(*reg->allocations));
	reg->allocations[at] = take(owned);
	reg->n_allocations++;
	return 0;
}

int registry_remove_allocation(struct registry *reg, uint16_t port, uint16_t proto)
{
	size_t at = allocation_position(reg, port, proto);

	if (!is_allocation_at(reg, at, port, proto))
		return -ENOENT;

	allocation_free(reg->allocations[at]);
	reg->n_allocations--;
	memmove(reg->allocations + at, reg->allocations + at + 1,
		(reg->n_allocations - at) * sizeof(*reg->allocations));
	return 0;
}

struct allocation *registry_find_allocation(struct registry *reg, uint16_t proto,
					    uint16_t port)
{
	size_t at = allocation_position(reg, port, proto);

	return is_allocation_at(reg, at, port, proto) ? reg->allocations[at] : NULL;
}

static size_t proto_index(uint16_t proto)
{
	return proto == IPPROTO_UDP;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = *(const struct claim *const *)a;
	const struct claim *y = *(const struct claim *const *)b;

	if (x->at.proto != y->at.proto)
		return proto_index(x->at.proto) < proto_index(y->at.proto) ? -1 : 1;
	if (x->at.port != y->at.port)
		return x->at.port < y->at.port ? -1 : 1;
	if (x->service != y->service)
		return x->service->index < y->service->index ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int enter_claim(struct registry *reg, const struct claim *claim, size_t position)
{
	struct claim_slot **page = &reg->claim_pages[proto_index(claim->at.proto)]
						    [claim->at.port / CLAIM_PAGE];
	struct claim_slot *slot;

	if (!*page)
		*page = calloc(CLAIM_PAGE, sizeof(**page));
	if (!*page)
		return -ENOMEM;

	slot = *page + claim->at.port % CLAIM_PAGE;
	if (!slot->count++)
		slot->first = position;
	return 0;
}

static size_t gather_claims(struct registry *reg, const struct claim **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < reg->n_services; i++) {
		struct service *svc = reg->services[i];

		for (size_t j = 0; j < svc->n_claims; j++) {
			svc->claims[j].service = svc;
			if (svc->enabled && ret)
				ret[n] = &svc->claims[j];
			n += svc->enabled;
		}
	}
	return n;
}

static int index_claims(struct registry *reg)
{
	size_t n = gather_claims(reg, NULL);
	int err;

	reg->claims = calloc(n + 1, sizeof(*reg->claims));
	if (!reg->claims)
		return -ENOMEM;
	gather_claims(reg, reg->claims);
	qsort(reg->claims, n, sizeof(*reg->claims), compare_claims);

	for (size_t i = 0; i < n; i++) {
		err = enter_claim(reg, reg->claims[i], i);
		if (err < 0)
			return err;
	}
	return 0;
}

int registry_seal(struct registry *reg, char **reterr)
{
	int err = registry_order(reg, reterr);

	if (err < 0)
		return err;
	err = index_claims(reg);
	if (err < 0)
		return err;
	return match_index_new(reg, &reg->matches);
}

uint64_t registry_generation(const struct registry *reg)
{
	return reg->generation;
}

const struct settings *registry_get_settings(const struct registry *reg)
{
	return &reg->settings;
}

size_t registry_count(const struct registry *reg)
{
	return reg->n_services;
}

const struct service *registry_service(const struct registry *reg, size_t index)
{
	return index < reg->n_services ? reg->services[index] : NULL;
}

const struct service *registry_find(const struct registry *reg, const char *name)
{
	struct service_node *node = find_node(reg, name);

	return node ? node->service : NULL;
}

size_t registry_claims_at(const struct registry *reg, uint16_t proto, uint16_t port,
			  const struct claim *const **ret)
{
	const struct claim_slot *page =
		reg->claim_pages[proto_index(proto)][port / CLAIM_PAGE];
	const struct claim_slot *slot = page ? page + port % CLAIM_PAGE : NULL;

	if (!slot || !slot->count)
		return 0;
	*ret = reg->claims + slot->first;
	return slot->count;
}

const struct allocation *registry_allocation_at(const struct registry *reg,
						uint16_t proto, uint16_t port)
{
	size_t at = allocation_position(reg, port, proto);

	return is_allocation_at(reg, at, port, proto) ? reg->allocations[at] : NULL;
}

const struct allocation *registry_allocation(const struct registry *reg, size_t index)
{
	return index < reg->n_allocations ? reg->allocations[index] : NULL;
}

size_t registry_count_allocations(const struct registry *reg)
{
	return reg->n_allocations;
}

bool registry_is_managed(const struct registry *reg, uint16_t port)
{
	return port >= reg->settings.port_low && port <= reg->settings.port_high;
}

const struct service *registry_match(const struct registry *reg, const struct process *p)
{
	return reg->matches ? match_index_find(reg->matches, p) : NULL;
}

size_t registry_startup_order(const struct registry *reg, const struct service **ret)
{
	memcpy(ret, reg->startup_order, reg->n_startup_order * sizeof(*ret));
	return reg->n_startup_order;
}
