// SPDX-License-Identifier: GPL-2.0-only
/* A service as `status` shows it: the entry beside what is known of its process. */
#include "json/codec.h"

#include "base/time.h"

struct status {
	const struct service *svc;
	enum service_status value;
	const struct socket *sock;         /* by which it serves; NULL */
	const struct service_state *state; /* NULL */
	const struct process *process;     /* alive; NULL */
};

static struct status look(const struct world *world, const struct service *svc,
			  const struct alerts *alerts)
{
	struct status status = {
		.svc = svc,
		.value = matcher_status(world, svc, alerts),
		.sock = svc->enabled ? matcher_service_socket(world, svc) : NULL,
		.state = world->services ? &world->services[svc->index] : NULL,
	};

	if (status.sock && status.sock->owner && !status.sock->owner->exited)
		status.process = status.sock->owner;
	else if (status.state && status.state->recorded &&
		 !status.state->recorded->exited)
		status.process = status.state->recorded;
	return status;
}

static struct doc *encode_ports(const struct service *svc)
{
	struct doc *array = doc_array();
	char address[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < svc->n_claims; i++) {
		const struct claim *claim = &svc->claims[i];
		struct doc *doc = doc_object();

		doc_put_string(doc, "name", claim->name);
		doc_put_int(doc, "port", claim->at.port);
		doc_put_string(doc, "proto", proto_name(claim->at.proto));
		doc_put_string(doc, "address",
			       claim->any_address
				       ? NULL
				       : endpoint_format_address(&claim->at, address));
		doc_append(array, doc);
	}
	return array;
}

/* The port of the first claim; of a dynamic service the one that it listens on. */
static void set_port(struct doc *doc, const struct status *status)
{
	const struct claim *claim = status->svc->n_claims ? status->svc->claims : NULL;
	const struct endpoint *at = claim ? &claim->at : NULL;
	char address[INET6_ADDRSTRLEN];

	if (!at && status->sock)
		at = &status->sock->at;
	if (at)
		doc_put_int(doc, "port", at->port);
	else
		doc_put_null(doc, "port");
	doc_put(doc, "ports", encode_ports(status->svc));
	doc_put_string(doc, "proto", at ? proto_name(at->proto) : "tcp");
	doc_put_string(doc, "address",
		       at && !(claim && claim->any_address)
			       ? endpoint_format_address(at, address)
			       : NULL);
}

static void set_process(struct doc *doc, const struct status *status, uint64_t wall_ns,
			const struct viewer *viewer)
{
	const struct process *p = status->process;

	if (p)
		doc_put_int(doc, "pid", p->info.id.pid);
	else
		doc_put_null(doc, "pid");
	doc_put(doc, "process", codec_encode_process(p, viewer));
	doc_put_string(doc, "health",
		       status->state ? health_state_name(status->state->health) : NULL);
	doc_put_string(doc, "health_endpoint", status->svc->health_endpoint);
	doc_put_time(doc, "since", p && status->state ? status->state->since_ns : 0);
	if (p && p->info.start_ns && wall_ns >= p->info.start_ns)
		doc_put_int(doc, "uptime_s",
			    (int64_t)((wall_ns - p->info.start_ns) / NS_PER_S));
	else
		doc_put_null(doc, "uptime_s");
}

static struct doc *encode_alert_ids(const struct alerts *alerts, const char *service)
{
	const struct alert *alert = NULL;
	struct doc *array = doc_array();

	while (alerts && (alert = alerts_next_of_service(alerts, service, alert)))
		if (!alert->v.allocation)
			doc_append(array, doc_int_new((int64_t)alert->id));
	return array;
}

struct doc *codec_encode_service_status(const struct world *world,
					const struct service *svc,
					const struct alerts *alerts, uint64_t wall_ns,
					const struct viewer *viewer)
{
	struct status status;
	struct doc *doc;

	if (!svc)
		return doc_string_new(NULL);
	status = look(world, svc, alerts);
	doc = doc_object();
	doc_put_string(doc, "name", svc->name);
	set_port(doc, &status);
	doc_put_string(doc, "environment", svc->environment);
	doc_put_string(doc, "description", svc->description);
	doc_put_string(doc, "status", service_status_name(status.value));
	doc_put_bool(doc, "enabled", svc->enabled);
	set_process(doc, &status, wall_ns, viewer);
	doc_put_int(doc, "restarts", status.state ? status.state->restarts : 0);
	if (status.state && status.state->is_counted)
		doc_put_int(doc, "request_count", (int64_t)status.state->request_count);
	else
		doc_put_null(doc, "request_count");
	doc_put_int(doc, "error_count",
		    status.state ? (int64_t)status.state->error_count : 0);
	doc_put(doc, "alerts", encode_alert_ids(alerts, svc->name));
	return doc;
}
