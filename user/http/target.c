// SPDX-License-Identifier: GPL-2.0-only
#include "http/target.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/strings.h"

/* "8080", "8000-8100", either with "/udp" or "/tcp". */
static int parse_ports(const char *text, struct target *ret)
{
	char copy[32], *slash, *dash;
	int err = 0;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash) {
		*slash = '\0';
		err = proto_parse(slash + 1, &ret->proto);
	}
	dash = strchr(copy, '-');
	if (dash)
		*dash = '\0';
	if (err < 0 || port_parse(copy, &ret->low) < 0 ||
	    port_parse(dash ? dash + 1 : copy, &ret->high) < 0 || ret->low > ret->high)
		return -EINVAL;
	return 0;
}

int target_parse(const char *text, struct target *ret)
{
	struct target target = { 0 };
	uint64_t pid;

	if (text[0] == ':') {
		target.kind = TARGET_PORTS;
		if (parse_ports(text + 1, &target) < 0)
			return -EINVAL;
	} else if (starts_with(text, "pid:")) {
		target.kind = TARGET_PROCESS;
		if (parse_u64(text + 4, INT_MAX, &pid) < 0 || pid == 0)
			return -EINVAL;
		target.pid = (pid_t)pid;
	} else {
		if (!service_name_is_valid(text))
			return -EINVAL;
		target.kind = TARGET_SERVICE;
		strcpy(target.service, text);
	}

	*ret = target;
	return 0;
}

static bool service_claims(const struct world *world, const char *name,
			   const struct subject *subject)
{
	const struct service *svc = registry_find(world->registry, name);

	for (size_t i = 0; svc && i < svc->n_claims; i++)
		if (claim_covers(&svc->claims[i], &subject->at, subject->v6only,
				 world->own_netns))
			return true;
	return false;
}

bool target_covers(const struct target *target, const struct subject *subject,
		   const struct world *world)
{
	switch (target->kind) {
	case TARGET_SERVICE:
		if (streq(target->service, subject->service))
			return true;
		return world && world->registry && subject->at.port &&
		       service_claims(world, target->service, subject);
	case TARGET_PORTS:
		return subject->at.port >= target->low &&
		       subject->at.port <= target->high &&
		       (!target->proto || target->proto == subject->at.proto);
	case TARGET_PROCESS:
		return subject->pid == target->pid;
	}
	return false;
}

static void alert_subject(const struct alert *alert, struct subject *ret)
{
	const struct process *p = alert->v.found ? alert->v.found : alert->v.holder;

	ret->service = alert->v.service[0] ? alert->v.service : NULL;
	ret->at = alert->v.at;
	ret->pid = p ? p->info.id.pid : 0;
}

bool target_subject(const struct event *event, struct subject *ret)
{
	struct subject subject = { .service = event->service };

	if (event->process)
		subject.pid = event->process->info.id.pid;
	if (event->socket) {
		subject.at = event->socket->at;
		subject.v6only = event->socket->flags & SOCKET_V6ONLY;
		if (event->socket->owner)
			subject.pid = event->socket->owner->info.id.pid;
	}
	if (event->alert)
		alert_subject(event->alert, &subject);
	if (event->allocation) {
		subject.service = event->allocation->service_name;
		subject.at.proto = event->allocation->proto;
		subject.at.port = event->allocation->port;
	}

	*ret = subject;
	return subject.service || subject.at.port || subject.pid;
}
