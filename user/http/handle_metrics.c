// SPDX-License-Identifier: GPL-2.0-only
/*
 * /metrics, made while it is sent: with 65,536 services it is many megabytes.
 *
 * Whom it speaks of is settled at the beginning, by name; what is said of each is as it
 * is when its line is made, and one that has gone meanwhile has no more lines.
 */
#include <errno.h>
#include <string.h>

#include "http/metrics.h"
#include "http/routes.h"
#include "service/allocations.h"
#include "service/watchdog.h"

struct listed {
	uint32_t name;        /* where it begins in `names` */
	uint16_t proto, port; /* of an allocation; port 0: a service */
	unsigned families;    /* 1 << those in which it has something to say */
};

struct page {
	struct producer producer;
	struct api *api;
	struct buffer names; /* each with its NUL */
	struct listed *all;
	size_t n_all, next; /* in the family */
	unsigned family;
	struct buffer text; /* made and not sent yet, from `sent` on */
	size_t sent;
};

static struct page *of(struct producer *producer)
{
	return (struct page *)producer; /* its first member */
}

static void close_page(struct producer *producer)
{
	struct page *page = of(producer);

	buffer_done(&page->names);
	buffer_done(&page->text);
	free(page->all);
	free(page);
}

/* -- The host -------------------------------------------------------------------------
 */

static const char *allocation_state(size_t index, void *arg)
{
	const struct allocation *alloc = registry_allocation(arg, index);

	if (!alloc)
		return NULL;
	return alloc->health_status ? alloc->health_status : "";
}

static void add_host(struct api *api, struct buffer *out)
{
	struct engine *engine = api->engine;
	const struct alerts *alerts = engine_alerts(engine);
	struct allocations_summary summary;
	struct engine_counters counters;
	struct metrics_host host = {
		.version = PORTWATCH_VERSION,
		.backend = probe_backend(engine_probe(engine)),
		.counters = &counters,
		.listeners =
			sockets_count_state(engine_sockets(engine), SOCKET_LISTENING),
		.allocation_state = allocation_state,
		.arg = (void *)engine_world(engine)->registry,
		.sink_stats = api->options.sink_stats,
		.sink_arg = api->options.arg,
	};

	engine_counters(engine, &counters);
	allocations_summary(engine, &summary);
	host.available = summary.available;
	for (unsigned kind = 0; kind < ALERT_KINDS; kind++) {
		host.alerts[kind] = alerts_count_kind(alerts, (enum alert_kind)kind);
		host.alerts_ever[kind] = alerts_fired(alerts, (enum alert_kind)kind);
	}
	metrics_add_host(out, &host);
}

/* -- Services and allocations ---------------------------------------------------------
 */

static void set_numbers(const struct page *page, const struct service_state *state,
			struct metrics_row *row)
{
	const struct world *world = engine_world(page->api->engine);
	const struct allocation *alloc = state->allocation;

	row->is_counted = state->is_counted;
	row->connections = alloc ? alloc->request_count : state->request_count;
	row->restarts = state->restarts;
	if (page->family == METRICS_SERVICE_UP && !alloc)
		row->is_up = matcher_serving_socket(world, state) ||
			     matcher_status(world, state->service,
					    engine_alerts(page->api->engine)) ==
				     STATUS_RUNNING;
}

static void add_row(struct page *page, const struct listed *one)
{
	const struct checked who = {
		.service = page->names.data + one->name,
		.proto = one->proto,
		.port = one->port,
	};
	const struct service_state *state = engine_state_of(page->api->engine, &who);
	struct metrics_row row = { .service = who.service,
				   .proto = who.proto,
				   .port = who.port };
	struct watchdog_finding finding;

	if (!state || (state->service && !state->service->enabled))
		return;
	if (page->family == METRICS_PROBE_SUCCESS ||
	    page->family == METRICS_PROBE_DURATION) {
		row.is_probed =
			watchdog_last(page->api->options.watchdog, &who, &finding) == 0;
		row.probe_passed = row.is_probed && finding.passed;
		row.probe_us = row.is_probed ? finding.latency_us : 0;
	} else {
		set_numbers(page, state, &row);
	}
	metrics_add(&page->text, (enum metrics_family)page->family, &row);
}

static bool has_line(const struct page *page, const struct listed *one)
{
	return one->families & 1u << page->family;
}

/* False at the end. */
static bool make_more(struct page *page)
{
	if (page->family == METRICS_FAMILIES)
		return false;
	if (page->next == 0)
		metrics_begin(&page->text, (enum metrics_family)page->family);
	while (page->next < page->n_all && !has_line(page, &page->all[page->next]))
		page->next++;
	if (page->next < page->n_all)
		add_row(page, &page->all[page->next++]);
	if (page->next == page->n_all) {
		page->next = 0;
		page->family++;
	}
	return true;
}

static ssize_t read_page(struct producer *producer, char *buf, size_t size)
{
	struct page *page = of(producer);
	size_t n;

	if (page->sent == page->text.size) {
		page->sent = page->text.size = 0;
		while (page->text.size < size && make_more(page))
			;
	}
	if (page->text.failed)
		return -ENOMEM;
	n = page->text.size - page->sent;
	if (n == 0)
		return -ENODATA;
	n = n < size ? n : size;
	memcpy(buf, page->text.data + page->sent, n);
	page->sent += n;
	return (ssize_t)n;
}

static void list(struct page *page, const char *name, struct listed one)
{
	one.name = (uint32_t)page->names.size;
	buffer_add(&page->names, name, strlen(name) + 1);
	page->all[page->n_all++] = one;
}

enum {
	OF_SERVICE = 1 << METRICS_SERVICE_UP | 1 << METRICS_SERVICE_RESTARTS,
	OF_CHECK = 1 << METRICS_PROBE_SUCCESS | 1 << METRICS_PROBE_DURATION,
};

static unsigned families_of(const struct service_state *state)
{
	return OF_SERVICE | (unsigned)state->is_counted << METRICS_CONNECTIONS |
	       (health_has_check(&state->service->health) ? OF_CHECK : 0);
}

static int list_all(struct page *page, const struct world *world)
{
	const struct registry *reg = world->registry;
	size_t n = registry_count(reg) + registry_count_allocations(reg);
	const struct allocation *alloc;

	page->all = calloc(n + 1, sizeof(*page->all));
	if (!page->all)
		return -ENOMEM;
	for (size_t i = 0; i < registry_count(reg); i++)
		list(page, registry_service(reg, i)->name,
		     (struct listed){ .families = families_of(&world->services[i]) });
	for (size_t i = 0; (alloc = registry_allocation(reg, i)); i++)
		if (alloc->service_name)
			list(page, alloc->service_name,
			     (struct listed){ .proto = alloc->proto,
					      .port = alloc->port,
					      .families = 1 << METRICS_CONNECTIONS |
							  OF_CHECK });
	return page->names.failed ? -ENOMEM : 0;
}

int handle_metrics(const struct request *req, struct reply *reply)
{
	struct page *page = calloc(1, sizeof(*page));
	int err;

	if (!page)
		return -ENOMEM;
	page->producer = (struct producer){ .read = read_page, .close = close_page };
	page->api = req->api;
	engine_read_counts(req->api->engine);
	err = list_all(page, engine_world(req->api->engine));
	if (err < 0) {
		close_page(&page->producer);
		return err;
	}
	add_host(req->api, &page->text);
	*reply = (struct reply){
		.status = 200,
		.type = METRICS_TYPE,
		.producer = &page->producer,
	};
	return 0;
}
