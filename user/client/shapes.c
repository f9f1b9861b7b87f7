// SPDX-License-Identifier: GPL-2.0-only
#include "client/shapes.h"

#include <portwatch/client.h>

#define SHAPE(type, table)                 \
	{                                  \
		sizeof(struct type), table \
	}

/* clang-format off */
#define AT(member) offsetof(struct pw_process, member)
static const struct field process_fields[] = {
	{ "pid", FIELD_PID, AT(pid), NULL },
	{ "ppid", FIELD_PID, AT(ppid), NULL },
	{ "start_time", FIELD_TIME, AT(start_time_ns), NULL },
	{ "comm", FIELD_TEXT, AT(comm), NULL },
	{ "exe", FIELD_TEXT, AT(exe), NULL },
	{ "cmdline", FIELD_WORDS, AT(cmdline), NULL },
	{ "uid", FIELD_COUNT, AT(uid), NULL },
	{ "user", FIELD_TEXT, AT(user), NULL },
	{ "cwd", FIELD_TEXT, AT(cwd), NULL },
	{ "cgroup", FIELD_TEXT, AT(cgroup), NULL },
	{ "unit", FIELD_TEXT, AT(unit), NULL },
	{ "container", FIELD_TEXT, AT(container), NULL },
	{ 0 },
};
#undef AT
static const struct shape process_shape = SHAPE(pw_process, process_fields);

#define AT(member) offsetof(struct pw_alert, member)
static const struct field alert_fields[] = {
	{ "id", FIELD_U64, AT(id), NULL },
	{ "kind", FIELD_TEXT, AT(kind), NULL },
	{ "severity", FIELD_TEXT, AT(severity), NULL },
	{ "state", FIELD_TEXT, AT(state), NULL },
	{ "service", FIELD_TEXT, AT(service), NULL },
	{ "port", FIELD_PORT, AT(port), NULL },
	{ "proto", FIELD_TEXT, AT(proto), NULL },
	{ "address", FIELD_TEXT, AT(address), NULL },
	{ "netns", FIELD_U32, AT(netns), NULL },
	{ "since", FIELD_TIME, AT(since_ns), NULL },
	{ "resolved_at", FIELD_TIME, AT(resolved_ns), NULL },
	{ "latency_us", FIELD_COUNT, AT(latency_us), NULL },
	{ "expected", FIELD_TEXT, AT(expected), NULL },
	{ "found", FIELD_OBJECT, AT(found), &process_shape },
	{ "holder", FIELD_OBJECT, AT(holder), &process_shape },
	{ "message", FIELD_TEXT, AT(message), NULL },
	{ "fix", FIELD_TEXT, AT(fix), NULL },
	{ "repeats", FIELD_U64, AT(repeats), NULL },
	{ 0 },
};
#undef AT
const struct shape alert_shape = SHAPE(pw_alert, alert_fields);

#define AT(member) offsetof(struct pw_claim, member)
static const struct field claim_fields[] = {
	{ "name", FIELD_TEXT, AT(name), NULL },
	{ "port", FIELD_PORT, AT(port), NULL },
	{ "proto", FIELD_TEXT, AT(proto), NULL },
	{ "address", FIELD_TEXT, AT(address), NULL },
	{ 0 },
};
#undef AT
static const struct shape claim_shape = SHAPE(pw_claim, claim_fields);

#define AT(member) offsetof(struct pw_service, member)
static const struct field service_fields[] = {
	{ "name", FIELD_TEXT, AT(name), NULL },
	{ "port", FIELD_PORT, AT(port), NULL },
	{ "ports", FIELD_LIST, AT(ports), &claim_shape },
	{ "proto", FIELD_TEXT, AT(proto), NULL },
	{ "address", FIELD_TEXT, AT(address), NULL },
	{ "environment", FIELD_TEXT, AT(environment), NULL },
	{ "description", FIELD_TEXT, AT(description), NULL },
	{ "status", FIELD_TEXT, AT(status), NULL },
	{ "enabled", FIELD_FLAG, AT(enabled), NULL },
	{ "pid", FIELD_PID, AT(pid), NULL },
	{ "process", FIELD_OBJECT, AT(process), &process_shape },
	{ "health", FIELD_TEXT, AT(health), NULL },
	{ "health_endpoint", FIELD_TEXT, AT(health_endpoint), NULL },
	{ "since", FIELD_TIME, AT(since_ns), NULL },
	{ "uptime_s", FIELD_COUNT, AT(uptime_s), NULL },
	{ "restarts", FIELD_COUNT, AT(restarts), NULL },
	{ "request_count", FIELD_COUNT, AT(request_count), NULL },
	{ "error_count", FIELD_COUNT, AT(error_count), NULL },
	{ 0 },
};
#undef AT
const struct shape service_shape = SHAPE(pw_service, service_fields);

#define AT(member) offsetof(struct pw_allocation, member)
static const struct field allocation_fields[] = {
	{ "port", FIELD_PORT, AT(port), NULL },
	{ "proto", FIELD_TEXT, AT(proto), NULL },
	{ "service_name", FIELD_TEXT, AT(service_name), NULL },
	{ "started_by", FIELD_TEXT, AT(started_by), NULL },
	{ "purpose", FIELD_TEXT, AT(purpose), NULL },
	{ "pid", FIELD_PID, AT(pid), NULL },
	{ "allocated_at", FIELD_TIME, AT(allocated_ns), NULL },
	{ "claimed_at", FIELD_TIME, AT(claimed_ns), NULL },
	{ "expires_at", FIELD_TIME, AT(expires_ns), NULL },
	{ "health_status", FIELD_TEXT, AT(health_status), NULL },
	{ "request_count", FIELD_COUNT, AT(request_count), NULL },
	{ "error_count", FIELD_COUNT, AT(error_count), NULL },
	{ 0 },
};
#undef AT
const struct shape allocation_shape = SHAPE(pw_allocation, allocation_fields);

#define AT(member) offsetof(struct pw_status, member)
static const struct field range_fields[] = {
	{ "port_range", FIELD_TEXT, AT(port_range), NULL },
	{ "total_ports", FIELD_U32, AT(total_ports), NULL },
	{ "allocated_ports", FIELD_U32, AT(allocated_ports), NULL },
	{ "available_ports", FIELD_U32, AT(available_ports), NULL },
	{ "allocations", FIELD_LIST, AT(allocations), &allocation_shape },
	{ 0 },
};
static const struct shape range_shape = SHAPE(pw_status, range_fields);

static const struct field kernel_fields[] = {
	{ "backend", FIELD_TEXT, AT(backend), NULL },
	{ "bind_failures", FIELD_TEXT, AT(bind_failures), NULL },
	{ "realtime", FIELD_FLAG, AT(realtime), NULL },
	{ "events_seen", FIELD_U64, AT(events_seen), NULL },
	{ "events_lost", FIELD_U64, AT(events_lost), NULL },
	{ "resyncs", FIELD_U64, AT(resyncs), NULL },
	{ 0 },
};
static const struct shape kernel_shape = SHAPE(pw_status, kernel_fields);

static const struct field daemon_fields[] = {
	{ "version", FIELD_TEXT, AT(version), NULL },
	{ "registry", FIELD_TEXT, AT(registry), NULL },
	{ "pid", FIELD_PID, AT(daemon_pid), NULL },
	{ "embedded", FIELD_FLAG, AT(embedded), NULL },
	{ 0 },
};
static const struct shape daemon_shape = SHAPE(pw_status, daemon_fields);

static const struct field status_fields[] = {
	{ "timestamp", FIELD_TIME, AT(time_ns), NULL },
	{ "services", FIELD_LIST, AT(services), &service_shape },
	{ "conflicts", FIELD_LIST, AT(conflicts), &alert_shape },
	{ "alerts", FIELD_LIST, AT(alerts), &alert_shape },
	{ "startup_order", FIELD_WORDS, AT(startup_order), NULL },
	{ "shutdown_order", FIELD_WORDS, AT(shutdown_order), NULL },
	{ "port_manager", FIELD_INLINE, 0, &range_shape },
	{ "kernel", FIELD_INLINE, 0, &kernel_shape },
	{ "daemon", FIELD_INLINE, 0, &daemon_shape },
	{ 0 },
};
#undef AT
const struct shape status_shape = SHAPE(pw_status, status_fields);

#define AT(member) offsetof(struct pw_victim, member)
static const struct field victim_fields[] = {
	{ "process", FIELD_OBJECT, AT(process), &process_shape },
	{ "result", FIELD_TEXT, AT(result), NULL },
	{ "signal", FIELD_TEXT, AT(signal), NULL },
	{ "reason", FIELD_TEXT, AT(reason), NULL },
	{ 0 },
};
#undef AT
static const struct shape victim_shape = SHAPE(pw_victim, victim_fields);

#define AT(member) offsetof(struct pw_freed_port, member)
static const struct field freed_port_fields[] = {
	{ "port", FIELD_PORT, AT(port), NULL },
	{ "proto", FIELD_TEXT, AT(proto), NULL },
	{ "netns", FIELD_U32, AT(netns), NULL },
	{ "free", FIELD_FLAG, AT(free), NULL },
	{ "taken", FIELD_FLAG, AT(taken), NULL },
	{ "holder", FIELD_OBJECT, AT(holder), &process_shape },
	{ 0 },
};
#undef AT
static const struct shape freed_port_shape = SHAPE(pw_freed_port, freed_port_fields);

#define AT(member) offsetof(struct pw_killed, member)
static const struct field killed_fields[] = {
	{ "outcome", FIELD_TEXT, AT(outcome), NULL },
	{ "message", FIELD_TEXT, AT(message), NULL },
	{ "service", FIELD_TEXT, AT(service), NULL },
	{ "dry_run", FIELD_FLAG, AT(dry_run), NULL },
	{ "forced", FIELD_FLAG, AT(forced), NULL },
	{ "processes", FIELD_LIST, AT(processes), &victim_shape },
	{ "ports", FIELD_LIST, AT(ports), &freed_port_shape },
	{ 0 },
};
#undef AT
const struct shape killed_shape = SHAPE(pw_killed, killed_fields);

#define AT(member) offsetof(struct pw_event_data, member)
static const struct field event_fields[] = {
	{ "seq", FIELD_U64, AT(seq), NULL },
	{ "time", FIELD_TIME, AT(time_ns), NULL },
	{ "type", FIELD_TEXT, AT(type), NULL },
	{ "source", FIELD_TEXT, AT(source), NULL },
	{ "cookie", FIELD_TEXT, AT(cookie), NULL },
	{ "proto", FIELD_TEXT, AT(proto), NULL },
	{ "address", FIELD_TEXT, AT(address), NULL },
	{ "port", FIELD_PORT, AT(port), NULL },
	{ "netns", FIELD_U32, AT(netns), NULL },
	{ "service", FIELD_TEXT, AT(service), NULL },
	{ "process", FIELD_OBJECT, AT(process), &process_shape },
	{ "holders", FIELD_LIST, AT(holders), &process_shape },
	{ "errno", FIELD_TEXT, AT(errno_name), NULL },
	{ "cause", FIELD_TEXT, AT(cause), NULL },
	{ "exit_code", FIELD_COUNT, AT(exit_code), NULL },
	{ "signal", FIELD_TEXT, AT(signal), NULL },
	{ "alert", FIELD_OBJECT, AT(alert), &alert_shape },
	{ "allocation", FIELD_OBJECT, AT(allocation), &allocation_shape },
	{ "reason", FIELD_TEXT, AT(reason), NULL },
	{ "count", FIELD_U64, AT(count), NULL },
	{ 0 },
};
#undef AT
const struct shape event_shape = SHAPE(pw_event_data, event_fields);
/* clang-format on */
