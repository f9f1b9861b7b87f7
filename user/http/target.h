/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target - NAME, :PORT, :LOW-HIGH, :PORT/udp, pid:N: what a request is about.
 *
 * Plain data.
 */
#ifndef PORTWATCH_HTTP_TARGET_H
#define PORTWATCH_HTTP_TARGET_H

#include "core/event.h"
#include "core/matcher.h"

enum target_kind { TARGET_SERVICE, TARGET_PORTS, TARGET_PROCESS };

struct target {
	enum target_kind kind;
	char service[SERVICE_NAME_MAX + 1]; /* TARGET_SERVICE */
	uint16_t low, high;                 /* TARGET_PORTS */
	uint16_t proto;                     /* 0: any */
	pid_t pid;                          /* TARGET_PROCESS */
};

/* -EINVAL. */
int target_parse(const char *text, struct target *ret);

/* What an event or a retained one is about. */
struct subject {
	const char *service; /* NULL none */
	struct endpoint at;  /* port 0: none */
	bool v6only;
	pid_t pid; /* 0 unknown */
};

/* A service covers its name and, where @world is not NULL, the ports that it claims. */
bool target_covers(const struct target *target, const struct subject *subject,
		   const struct world *world);
/* What @event is about.  False for what concerns every target: losses and the
 * registry. */
bool target_subject(const struct event *event, struct subject *ret);

#endif /* PORTWATCH_HTTP_TARGET_H */
