// SPDX-License-Identifier: GPL-2.0-only
/* One entry of the registry: its defaults, its end, its claims, the names of values. */
#include "core/registry_private.h"

#include <signal.h>
#include <string.h>

#include "base/strings.h"

const struct health default_health = {
	.interval_ms = 30000,
	.timeout_ms = 2000,
	.failure_threshold = 3,
	.success_threshold = 1,
};

const struct stop default_stop = { .signal = SIGTERM, .grace_ms = 10000 };

struct service *service_new(void)
{
	struct service *svc = calloc(1, sizeof(*svc));

	if (!svc)
		return NULL;
	svc->enabled = true;
	svc->match.derived = true;
	svc->health = default_health;
	svc->restart = restart_default;
	svc->stop = default_stop;
	svc->on_conflict = ON_CONFLICT_FAIL;
	return svc;
}

static void match_done(struct match *match)
{
	free(match->process_name);
	free(match->exe);
	strv_free(match->cmdline);
	free(match->user);
	free(match->unit);
	free(match->cgroup);
}

static void health_done(struct health *health)
{
	free(health->http);
	free(health->tcp);
	strv_free(health->exec);
}

struct service *service_free(struct service *svc)
{
	if (!svc)
		return NULL;

	for (size_t i = 0; i < svc->n_claims; i++)
		free(svc->claims[i].name);
	for (size_t i = 0; i < svc->n_depends_on; i++)
		free(svc->depends_on[i].name);
	free(svc->claims);
	free(svc->depends_on);
	match_done(&svc->match);
	health_done(&svc->health);
	free(svc->name);
	free(svc->environment);
	free(svc->description);
	free(svc->startup_cmd);
	strv_free(svc->startup_argv);
	free(svc->working_dir);
	free(svc->env_file);
	free(svc->user);
	strv_free(svc->env);
	free(svc->health_endpoint);
	strv_free(svc->tags);
	free(svc->netns);
	free(svc);
	return NULL;
}

struct allocation *allocation_free(struct allocation *alloc)
{
	if (!alloc)
		return NULL;

	free(alloc->service_name);
	free(alloc->started_by);
	free(alloc->purpose);
	free(alloc->health_status);
	free(alloc);
	return NULL;
}

/* NULL stays NULL, and false is for want of memory. */
static bool copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return *ret || !text;
}

struct allocation *allocation_copy(const struct allocation *alloc)
{
	_cleanup_(allocation_freep) struct allocation *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *alloc;
	copy->service_name = copy->started_by = copy->purpose = copy->health_status =
		NULL;
	if (!copy_text(alloc->service_name, &copy->service_name) ||
	    !copy_text(alloc->started_by, &copy->started_by) ||
	    !copy_text(alloc->purpose, &copy->purpose) ||
	    !copy_text(alloc->health_status, &copy->health_status))
		return NULL;
	return take(copy);
}

bool service_name_is_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t size = name ? strnlen(name, SERVICE_NAME_MAX + 1) : 0;

	return size > 0 && size <= SERVICE_NAME_MAX && strspn(name, allowed) == size;
}

bool service_can_recognise(const struct service *svc)
{
	const struct match *m = &svc->match;

	return m->process_name || m->exe || strv_length(m->cmdline) || m->user ||
	       m->unit || m->cgroup;
}

bool claim_covers(const struct claim *claim, const struct endpoint *at, bool v6only,
		  uint32_t own_netns)
{
	const struct service *svc = claim->service;
	struct endpoint claimed = claim->at;

	if (svc && svc->netns && !svc->netns_inode && !claimed.netns)
		return false; /* a namespace that is not there */
	if (!claimed.netns)
		claimed.netns = svc && svc->netns_inode ? svc->netns_inode : own_netns;

	if (!claim->any_address)
		return endpoint_overlap(&claimed, false, at, v6only);
	return claimed.netns == at->netns && claimed.proto == at->proto &&
	       claimed.port == at->port;
}

const char *on_conflict_name(enum on_conflict value)
{
	static const char *const names[] = {
		[ON_CONFLICT_FAIL] = "fail",
		[ON_CONFLICT_NEXT_FREE] = "next_free",
		[ON_CONFLICT_KILL] = "kill",
	};

	return (unsigned)value <= ON_CONFLICT_KILL ? names[value] : "unknown";
}

const char *restart_policy_name(enum restart_policy value)
{
	static const char *const names[] = {
		[RESTART_NO] = "no",
		[RESTART_ON_FAILURE] = "on_failure",
		[RESTART_ALWAYS] = "always",
	};

	return (unsigned)value <= RESTART_ALWAYS ? names[value] : "unknown";
}
