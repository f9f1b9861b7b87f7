/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alerts - the difference between what stood and what should stand.
 *
 * Pure state.  The matcher says which verdicts hold in a scope (one port, one
 * service, the registry); alerts_update() fires what is new, resolves what is gone
 * and leaves the rest alone.  An alert fires once and resolves once; one that comes
 * back within FLAP_WINDOW_NS of having resolved is the same alert, told as firing with
 * the same id and `repeats` counted.  From then on it resolves only after it has been
 * quiet for that long, and what it does until then is counted and not told.
 */
#ifndef PORTWATCH_CORE_ALERTS_H
#define PORTWATCH_CORE_ALERTS_H

#include "core/endpoint.h"
#include "core/process.h"

enum alert_kind {
	ALERT_OCCUPIED,
	ALERT_BLOCKED,
	ALERT_SHARED,
	ALERT_SHADOWED,
	ALERT_DRIFTED,
	ALERT_DEAD_OWNER,
	ALERT_ORPHANED,
	ALERT_NOT_LISTENING,
	ALERT_UNHEALTHY,
	ALERT_EPHEMERAL,
	ALERT_DUPLICATE,
	ALERT_UNREGISTERED,
	ALERT_KINDS,
};

enum alert_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };
enum { ALERTS_MAX = 65536, ALERTS_RESOLVED_KEPT = 256 };
#define FLAP_WINDOW_NS 10000000000ull
#define BLOCKED_QUIET_NS 60000000000ull

/* What one evaluation covers; alerts of other scopes are not touched by it. */
enum alert_scope_kind { SCOPE_PORT, SCOPE_SERVICE, SCOPE_ALLOCATION, SCOPE_REGISTRY };
struct alert_scope {
	enum alert_scope_kind kind;
	uint32_t netns;   /* SCOPE_PORT */
	uint16_t proto;   /* SCOPE_PORT and SCOPE_ALLOCATION */
	uint16_t port;    /* the same */
	char service[65]; /* SCOPE_SERVICE */
};

/*
 * One thing that should stand.  Its identity, within its scope, is kind, service,
 * netns, protocol and port of at, and the pid and start of found (blocked: comm and uid
 * of found, so that a restart loop is one alert; duplicate: expected).  The address is
 * not part of it: v4 and v6 sockets of one process are one alert.  What else changes
 * while it stands is taken over without a word.  Strings are copied by alerts_update(),
 * processes are referenced.
 */
struct verdict {
	enum alert_kind kind;
	char service[65]; /* "" none */
	bool allocation;  /* `service` names an allocation, not a registry entry */
	uint64_t cookie;  /* the socket that it is about; 0 none.  Where the holders of
			     that are not known yet, ask and evaluate again. */
	struct endpoint at;
	struct process *found;  /* NULL unknown */
	struct process *holder; /* NULL */
	char expected[72];      /* a target: NAME, or :PORT where drifted; "" none */
	char message[512];      /* one sentence, understood alone */
	char fix[256];          /* a portwatch command */
};

struct alert {
	uint64_t id;
	enum alert_severity severity;
	bool firing; /* else resolved */
	struct verdict v;
	struct alert_scope scope;
	uint64_t since_ns, resolved_ns; /* wall clock; 0 */
	uint64_t latency_us;            /* kernel event to alert */
	uint64_t repeats;
};

struct alerts;

/* Told of every change.  @alert is good until the callback returns. */
typedef void (*alerts_changed_fn)(const struct alert *alert, void *arg);

/* @procs is borrowed.  -ENOMEM. */
int alerts_new(struct processes *procs, alerts_changed_fn changed, void *arg,
	       struct alerts **ret);
struct alerts *alerts_free(struct alerts *set);
DEFINE_CLEANUP(struct alerts, alerts_free)

struct alert_moment {
	uint64_t wall_ns;       /* now */
	uint64_t mono_ns;       /* now */
	uint64_t event_mono_ns; /* of the kernel event that led here; 0 none */
};

/*
 * @verdicts is all that should stand in @scope, ALERT_BLOCKED aside: acts are told by
 * alerts_blocked() and end by alerts_unblock() or by time.  0, or -ENOSPC past
 * ALERTS_MAX (the rest is still treated), -ENOMEM.
 */
int alerts_update(struct alerts *set, const struct alert_scope *scope,
		  const struct verdict *verdicts, size_t n,
		  const struct alert_moment *now);

/* A bind failed: fires, or counts one more of the same. */
int alerts_blocked(struct alerts *set, const struct verdict *verdict,
		   const struct alert_moment *now);
/* Blocked alerts at this namespace, protocol and port for which @ended (NULL: all)
 * answers true resolve.  See matcher_unblock(). */
void alerts_unblock(struct alerts *set, const struct endpoint *at,
		    bool (*ended)(const struct alert *alert, void *arg), void *arg,
		    const struct alert_moment *now);

/* When alerts_tick() has something to do next, CLOCK_MONOTONIC; 0 never. */
uint64_t alerts_deadline(const struct alerts *set);
void alerts_tick(struct alerts *set, const struct alert_moment *now);

/* Firing alerts in order of id, then NULL; @cursor starts at 0. */
const struct alert *alerts_next(const struct alerts *set, uint64_t *cursor);
/* The last resolved ones, newest first, then NULL; @cursor starts at 0. */
const struct alert *alerts_next_resolved(const struct alerts *set, size_t *cursor);
const struct alert *alerts_find(const struct alerts *set, uint64_t id);
/* The first firing alert of a kind for a service name, or NULL. */
const struct alert *alerts_of_service(const struct alerts *set, enum alert_kind kind,
				      const char *service);
/* All firing alerts of a service name: start with NULL; NULL at the end. */
const struct alert *alerts_next_of_service(const struct alerts *set, const char *service,
					   const struct alert *after);
size_t alerts_count(const struct alerts *set);                            /* firing */
size_t alerts_count_kind(const struct alerts *set, enum alert_kind kind); /* firing */
uint64_t alerts_fired(const struct alerts *set, enum alert_kind kind);    /* ever */

const char *alert_kind_name(enum alert_kind kind);
int alert_kind_parse(const char *text, enum alert_kind *ret); /* -EINVAL */
enum alert_severity alert_kind_severity(enum alert_kind kind);
const char *severity_name(enum alert_severity severity);
/* occupied, blocked, shared, shadowed, drifted, orphaned, duplicate: what `conflicts`
 * shows. */
bool alert_kind_is_conflict(enum alert_kind kind);

#endif /* PORTWATCH_CORE_ALERTS_H */
