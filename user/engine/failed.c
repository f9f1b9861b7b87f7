// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bind that was refused: told with whoever stood in its way, and an alert where the
 * port is one that the registry speaks of.
 */
#include "engine/internal.h"

#include <errno.h>

struct failure {
	const struct fact *fact;
	struct process *caller;
	int error; /* 0 unknown */
	const struct socket *holders[HOLDERS_TOLD];
	size_t n_holders;
};

/* For whoever asks later what was tried there. */
static void remember(struct engine *e, const struct failure *failure)
{
	const struct fact *fact = failure->fact;
	const struct failed_bind bind = {
		.at = fact->at,
		.error = failure->error,
		.inferred = fact->inferred,
		.uid = fact->uid,
		.caller = failure->caller,
		.holder = failure->n_holders > 0 ? failure->holders[0]->owner : NULL,
		.last_ns = engine_wall_ns(e),
	};

	if (fact->at.port != 0)
		failed_binds_add(e->failed_binds, &bind);
}

/* Where the kernel did not say why, the table may. */
static int infer(const struct engine *e, const struct failure *failure)
{
	const struct fact *fact = failure->fact;

	if (fact->error != 0)
		return fact->error;
	if (failure->n_holders > 0)
		return -EADDRINUSE;
	if (fact->at.port != 0 && fact->at.port < e->unprivileged_port && fact->uid != 0)
		return -EACCES;
	return 0;
}

static void tell(struct engine *e, const struct failure *failure)
{
	const struct fact *fact = failure->fact;
	struct socket sock = {
		.cookie = fact->cookie,
		.at = fact->at,
		.flags = fact->flags,
		.source = fact->source,
		.owner = failure->caller,
		.uid = fact->uid,
	};
	struct event event = {
		.type = EVENT_SOCKET_BIND_FAILED,
		.socket = &sock,
		.error = failure->error,
		.inferred = fact->inferred,
		.holders = failure->holders,
		.n_holders = failure->n_holders,
	};
	const struct service *svc = engine_service_of(e, &sock);

	event.service = svc ? svc->name : NULL;
	who_complete(e, failure->caller);
	for (size_t i = 0; i < failure->n_holders; i++)
		who_complete(e, failure->holders[i]->owner);
	publish_event(e, &event);
}

static void alert(struct engine *e, const struct failure *failure)
{
	struct alert_moment now = engine_moment(e);
	struct verdict verdict = { 0 };

	who_complete(e, failure->caller);
	for (size_t i = 0; i < failure->n_holders; i++)
		who_complete(e, failure->holders[i]->owner);
	if (matcher_blocked(&e->world, &failure->fact->at, failure->caller, &verdict) > 0)
		alerts_blocked(e->alerts, &verdict, &now);
}

static void count(struct engine *e, int error)
{
	bool is_known = error < 0 && error > -ERRNO_MAX;

	e->counters.bind_failures[is_known ? -error : 0]++;
}

void fold_bind_failed(struct engine *e, const struct fact *fact)
{
	struct failure failure = { .fact = fact };
	bool is_told = publish_wanted(e, EVENT_SOCKET_BIND_FAILED);
	bool is_ours = fact->at.port != 0 &&
		       (slots_name_port(e, fact->at.proto, fact->at.port) ||
			registry_is_managed(e->registry, fact->at.port));

	if (is_told || is_ours || fact->error == 0 || fact->error == -EADDRINUSE)
		failure.n_holders = matcher_holders(&e->world, &fact->at, failure.holders,
						    HOLDERS_TOLD);
	if (failure.n_holders > HOLDERS_TOLD)
		failure.n_holders = HOLDERS_TOLD;
	failure.error = infer(e, &failure);
	count(e, failure.error);
	/* Nobody may ever ask about the other ports: finding out has its budget. */
	failure.caller = is_told || is_ours ? who_is(e, fact->caller, fact->uid)
					    : who_may_be(e, fact->caller, fact->uid);
	remember(e, &failure);
	if (is_told)
		tell(e, &failure);
	if (is_ours && failure.error == -EADDRINUSE)
		alert(e, &failure);
}
