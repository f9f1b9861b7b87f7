/* SPDX-License-Identifier: GPL-2.0-only */
/* A stage for the alerts: a set, a clock, and a log of what was told. */
#ifndef PORTWATCH_TESTS_ALERTS_STAGE_H
#define PORTWATCH_TESTS_ALERTS_STAGE_H

#include "core/alerts.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>

#include "base/time.h"

enum { HOST = 1000, LOGGED = 64 };

/* A set of alerts, a clock, and what was told. */
struct stage {
	struct processes *procs;
	struct alerts *set;
	struct alert_moment now;
	struct {
		uint64_t id, repeats, latency_us;
		bool firing;
	} log[LOGGED];
	size_t told;
};

static inline void note(const struct alert *alert, void *arg)
{
	struct stage *s = arg;
	size_t i = s->told++ % LOGGED;

	s->log[i].id = alert->id;
	s->log[i].repeats = alert->repeats;
	s->log[i].latency_us = alert->latency_us;
	s->log[i].firing = alert->firing;
}

static inline void setup(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	CHECK_EQ(processes_new(100000, &s->procs), 0);
	CHECK_EQ(alerts_new(s->procs, note, s, &s->set), 0);
	s->now = (struct alert_moment){ .wall_ns = 5000 * NS_PER_S, .mono_ns = NS_PER_S };
}

static inline void teardown(struct stage *s)
{
	s->set = alerts_free(s->set);
	CHECK_EQ(processes_count(s->procs), 0);
	s->procs = processes_free(s->procs);
}

#define STAGE(s)                            \
	_cleanup_(teardown) struct stage s; \
	setup(&s)

static inline void pass(struct stage *s, uint64_t ns)
{
	s->now.mono_ns += ns;
	s->now.wall_ns += ns;
}

/* Borrowed by the caller for as long as something refers to it. */
static inline struct process *process(struct stage *s, pid_t pid, const char *comm)
{
	struct process_info info = { .id = { pid, 77 }, .uid = 1000 };
	struct process *p = NULL;

	snprintf(info.comm, sizeof(info.comm), "%s", comm);
	CHECK(processes_intern(s->procs, &info, NULL, &p) >= 0);
	return p;
}

static inline struct verdict verdict(enum alert_kind kind, const char *service,
				     uint16_t port)
{
	struct verdict v = {
		.kind = kind,
		.at = { .netns = HOST,
			.proto = IPPROTO_TCP,
			.family = AF_INET,
			.port = port },
	};

	snprintf(v.service, sizeof(v.service), "%s", service);
	return v;
}

static inline struct alert_scope port_scope(uint16_t port)
{
	return (struct alert_scope){ SCOPE_PORT, HOST, IPPROTO_TCP, port, "" };
}

static inline struct alert_scope service_scope(const char *service)
{
	struct alert_scope scope = { .kind = SCOPE_SERVICE };

	snprintf(scope.service, sizeof(scope.service), "%s", service);
	return scope;
}

/* Port 80 should have @n verdicts. */
static inline int update(struct stage *s, const struct verdict *verdicts, size_t n)
{
	struct alert_scope scope = port_scope(80);

	return alerts_update(s->set, &scope, verdicts, n, &s->now);
}

static inline const struct alert *only(const struct stage *s)
{
	uint64_t cursor = 0;
	const struct alert *alert = alerts_next(s->set, &cursor);

	CHECK(alert);
	CHECK_EQ(alerts_count(s->set), 1);
	CHECK(!alerts_next(s->set, &cursor));
	return alert;
}

#endif /* PORTWATCH_TESTS_ALERTS_STAGE_H */
