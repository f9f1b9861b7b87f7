/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry - which service should own which port: the parsed configuration.
 *
 * Pure data with indexes.  user/json decodes it, user/store loads and saves it.
 * A registry is built once (registry_new, registry_add…, registry_seal) and then
 * only read; a reload builds another one with a higher generation.
 */
#ifndef PORTWATCH_CORE_REGISTRY_H
#define PORTWATCH_CORE_REGISTRY_H

#include "base/restart.h"
#include "core/endpoint.h"
#include "core/process.h"

enum {
	REGISTRY_SERVICES_MAX = 65536,
	REGISTRY_BYTES_MAX = 16 * 1024 * 1024,
	SERVICE_NAME_MAX = 64,
};

/* One port that a service should own. */
struct claim {
	char *name; /* NULL unless the entry named it */
	struct endpoint
		at; /* port, proto; addr where !any_address; netns 0 = the daemon's */
	bool any_address;
	const struct service *service; /* set by registry_seal() */
};

struct match {
	char *process_name;
	char *exe;
	char **cmdline; /* NULL-terminated: all these words in argv, in order; NULL none
			 */
	char *user;     /* a name or a number */
	char *unit;
	char *cgroup; /* this cgroup or one below it */
	/*
	 * The entry has no `match`: registry_add() makes one of process_name (which the
	 * decoder leaves in process_name above) and startup_argv.  service_new() sets it;
	 * a decoder that finds a `match` clears it.
	 */
	bool derived;
	/* Derived without a process_name: process_name is the program of startup_argv, as
	 * which a script run by its interpreter counts too.  Set by registry_add(). */
	bool by_command;
};

enum dependency_condition { DEPENDS_STARTED, DEPENDS_HEALTHY, DEPENDS_COMPLETED };
struct dependency {
	char *name;
	enum dependency_condition condition;
};

enum on_conflict { ON_CONFLICT_FAIL, ON_CONFLICT_NEXT_FREE, ON_CONFLICT_KILL };

struct health {
	char *http;  /* URL; at most one of these three, none: no check */
	char *tcp;   /* "host:port" */
	char **exec; /* argv */
	uint64_t interval_ms, timeout_ms, start_period_ms;
	unsigned failure_threshold, success_threshold;
};

struct stop {
	int signal;
	uint64_t grace_ms;
};

struct service {
	char *name;
	struct claim *claims; /* none for a dynamic port */
	size_t n_claims;
	bool dynamic;
	bool enabled;
	char *environment, *description; /* NULL where not given */
	struct match match;
	char *startup_cmd; /* as written where it was a string, else joined; NULL */
	char **startup_argv;
	char *working_dir, *env_file, *user;
	char **env; /* "NAME=value", NULL-terminated; NULL none */
	struct dependency *depends_on;
	size_t n_depends_on;
	char *health_endpoint; /* as written */
	struct health health;
	struct restart restart;
	struct stop stop;
	enum on_conflict on_conflict;
	char **tags;
	char *netns;          /* a name or path, as written; NULL the daemon's */
	uint32_t netns_inode; /* set by whoever resolves it; 0 = the daemon's */
	size_t index;         /* position in the registry; set by registry_add() */
};

/* A port handed out, or taken over from a document of the second form. */
struct allocation {
	uint16_t port;
	uint16_t proto;
	char *service_name, *started_by, *purpose;
	struct process_id process; /* pid 0 unknown; start_ticks 0 not verified yet */
	uint64_t allocated_ns;     /* wall clock */
	uint64_t claimed_ns;       /* wall clock: the port is bound since; 0 never was */
	uint64_t expires_ns;       /* 0 never */
	char *health_status;
	uint64_t request_count, error_count;
	bool kept;      /* the parent of its process sees to it when that ends */
	bool unwritten; /* its process is not in the state file yet */
	bool managed;   /* handed out by portwatch: kept with the state, not in the
			 * registry's file */
};

struct sink_settings;
enum unregistered { UNREGISTERED_OFF, UNREGISTERED_PUBLIC, UNREGISTERED_ALL };

struct settings {
	uint16_t port_low, port_high; /* the managed range, 8000-8100 */
	char *env_prefix;             /* "PORTWATCH" */
	enum unregistered unregistered;
	char *http_listen, *http_token_file; /* NULL none */
	char **http_hosts; /* names served besides loopback; NULL none */
	bool http_read_only;
	uint64_t history_retain_ms;
	struct health health; /* defaults for services */
	struct restart restart;
	struct stop stop;
	struct sink_settings **sinks; /* core/sink.h */
	size_t n_sinks;
};

struct registry;

/* An empty registry with default settings.  -ENOMEM. */
int registry_new(uint64_t generation, struct registry **ret);
struct registry *registry_free(struct registry *reg);
DEFINE_CLEANUP(struct registry, registry_free)

/* To be filled in by the decoder before registry_seal(). */
struct settings *registry_settings(struct registry *reg);
/* Takes over @svc (heap), also on failure, and completes a derived match.  -EEXIST for a
 * name that is there, -E2BIG past REGISTRY_SERVICES_MAX, -ENOMEM. */
int registry_add(struct registry *reg, struct service *svc);
/* Takes over @alloc (heap), also on failure.  -EEXIST for a port and protocol that
 * is there, -ENOMEM.  Like removing one, also after registry_seal(). */
int registry_add_allocation(struct registry *reg, struct allocation *alloc);
/* Removes and frees.  -ENOENT. */
int registry_remove_allocation(struct registry *reg, uint16_t port, uint16_t proto);
/* For writing; borrowed; NULL. */
struct allocation *registry_find_allocation(struct registry *reg, uint16_t proto,
					    uint16_t port);
/* Builds the indexes; once, after the last registry_add().  -ELOOP where depends_on goes
 * in a circle or -ENOENT where it names nobody: *reterr is then a heap sentence naming
 * them ("a -> b -> a"); -ENOMEM. */
int registry_seal(struct registry *reg, char **reterr);

struct service *service_new(void); /* with defaults; NULL for want of memory */
struct service *service_free(struct service *svc);
DEFINE_CLEANUP(struct service, service_free)
struct allocation *allocation_free(struct allocation *alloc);
struct allocation *allocation_copy(const struct allocation *alloc); /* NULL: no memory */
DEFINE_CLEANUP(struct allocation, allocation_free)

bool service_name_is_valid(const char *name); /* [A-Za-z0-9._-]{1,64} */
/* False for an entry with nothing to recognise it by: it accepts any process. */
bool service_can_recognise(const struct service *svc);

uint64_t registry_generation(const struct registry *reg);
const struct settings *registry_get_settings(const struct registry *reg);
size_t registry_count(const struct registry *reg);
const struct service *registry_service(const struct registry *reg, size_t index);
const struct service *registry_find(const struct registry *reg, const char *name);

/*
 * The claims of enabled services on one port: *ret is an array of borrowed pointers;
 * the answer is its length.  Claims are looked up by protocol and port; the caller
 * compares namespace and address.
 */
size_t registry_claims_at(const struct registry *reg, uint16_t proto, uint16_t port,
			  const struct claim *const **ret);
const struct allocation *registry_allocation_at(const struct registry *reg,
						uint16_t proto, uint16_t port);
/* The @index-th allocation in order of port; NULL past the end. */
const struct allocation *registry_allocation(const struct registry *reg, size_t index);
size_t registry_count_allocations(const struct registry *reg);
bool registry_is_managed(const struct registry *reg, uint16_t port);

/* Does an endpoint lie under a claim: same namespace (@own_netns for the daemon's),
 * protocol and port, and an overlapping address? */
bool claim_covers(const struct claim *claim, const struct endpoint *at, bool v6only,
		  uint32_t own_netns);

/*
 * Enabled services whose match holds for @p or one of its ancestors, without regard
 * to ports; the first in registry order, or NULL.  A service that gives nothing to
 * recognise it by is never the answer.  Found through indexes on what the entries give,
 * so that the cost does not grow with the registry.
 */
const struct service *registry_match(const struct registry *reg, const struct process *p);
/* Does this one service's match hold for @p or one of its ancestors?  True where the
 * service gives nothing to recognise it by. */
bool service_matches(const struct service *svc, const struct process *p);

/* Order in which services start: dependencies first, registry order otherwise; disabled
 * services left out.  @ret has registry_count() places; the answer is how many it got. */
size_t registry_startup_order(const struct registry *reg, const struct service **ret);

const char *on_conflict_name(enum on_conflict value);
const char *restart_policy_name(enum restart_policy value);

#endif /* PORTWATCH_CORE_REGISTRY_H */
