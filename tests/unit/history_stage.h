/* SPDX-License-Identifier: GPL-2.0-only */
/* history_stage - a history in a folder of the test's own, and events to put into it. */
#ifndef PORTWATCH_TESTS_UNIT_HISTORY_STAGE_H
#define PORTWATCH_TESTS_UNIT_HISTORY_STAGE_H

#include "folder.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/time.h"
#include "store/history.h"

/* A time of which there is nothing too old, and nothing yet to come. */
#define STAGE_NS (now_wall_ns() / NS_PER_S * NS_PER_S - 1000 * NS_PER_S)

struct stage {
	struct history *history;
	uint64_t base_ns; /* the moment 0 of what is told */
	struct process process, holder;
	struct doc *answer;
	char reterr[HISTORY_FAULT];
	char complaints[4096];
};

static void stage_complain(const char *what, void *arg)
{
	struct stage *s = arg;
	size_t n = strlen(s->complaints);

	snprintf(s->complaints + n, sizeof(s->complaints) - n, "%s\n", what);
}

/* As a daemon has it, but for its pace. */
static inline void stage_open_with(struct stage *s, struct history_options options)
{
	options.folder = "state";
	options.complain = stage_complain;
	options.arg = s;
	options.gather_ms = options.gather_ms ? options.gather_ms : 20;
	if (!options.retain_ms)
		options.retain_ms = 3600 * 1000;
	CHECK_EQ(history_new(&options, &s->history), 0);
	history_begin(s->history);
}

static inline void stage_open(struct stage *s)
{
	stage_open_with(s, (struct history_options){ .writes = true });
}

static inline void stage_close(struct stage *s)
{
	s->history = history_free(s->history);
}

static inline void stage_prepare(struct stage *s)
{
	static char *words[] = { "python3", "-m", "wizard", NULL };

	*s = (struct stage){ .base_ns = STAGE_NS };
	s->process.info = (struct process_info){
		.id = { .pid = 4711, .start_ticks = 99 },
		.ppid = 1,
		.start_ns = s->base_ns,
		.uid = 1000,
		.comm = "python3",
		.exe = "/usr/bin/python3.11",
		.user = "ann",
		.cmdline = words,
	};
	s->holder.info = (struct process_info){
		.id = { .pid = 12, .start_ticks = 5 },
		.uid = 0,
		.comm = "nginx",
	};
	folder_enter();
}

static inline void stage_begin(struct stage *s)
{
	stage_prepare(s);
	stage_open(s);
}

static inline void stage_end(struct stage *s)
{
	doc_free(s->answer);
	stage_close(s);
	folder_leave();
}

/* -- What happens ---------------------------------------------------------------------
 */

static inline struct socket stage_socket(struct stage *s, uint16_t port)
{
	struct socket sock = {
		.cookie = port,
		.at = { .netns = 7,
			.family = AF_INET,
			.proto = IPPROTO_TCP,
			.port = port },
		.owner = &s->process,
	};

	inet_pton(AF_INET, "127.0.0.1", sock.at.addr);
	return sock;
}

static inline void stage_tell(struct stage *s, struct event event, uint16_t port,
			      uint64_t ms)
{
	struct socket sock = stage_socket(s, port);

	if (!event.socket && port)
		event.socket = &sock;
	event.wall_ns = s->base_ns + ms * NS_PER_MS;
	history_add(s->history, &event);
}

static inline void stage_bind(struct stage *s, uint16_t port, uint64_t ms)
{
	stage_tell(s, (struct event){ .type = EVENT_SOCKET_BOUND, .service = "wizard" },
		   port, ms);
}

static inline void stage_fail(struct stage *s, uint16_t port, uint64_t ms)
{
	struct socket held = stage_socket(s, port);
	const struct socket *const holders[] = { &held };

	held.owner = &s->holder;
	stage_tell(s,
		   (struct event){ .type = EVENT_SOCKET_BIND_FAILED,
				   .error = -EADDRINUSE,
				   .holders = holders,
				   .n_holders = 1 },
		   port, ms);
}

static inline void stage_alert(struct stage *s, uint16_t port, uint64_t ms)
{
	struct alert alert = {
		.id = 3,
		.severity = SEVERITY_CRITICAL,
		.firing = true,
		.since_ns = s->base_ns,
		.latency_us = 77,
		.v = { .kind = ALERT_OCCUPIED,
		       .service = "goblin",
		       .at = stage_socket(s, port).at,
		       .found = &s->process,
		       .holder = &s->holder,
		       .expected = "goblin",
		       .message = "python3 holds it: python3 -m wizard" },
	};

	snprintf(alert.v.fix, sizeof(alert.v.fix), "portwatch kill :%u", port);
	stage_tell(s,
		   (struct event){ .type = EVENT_ALERT_FIRING,
				   .service = "goblin",
				   .alert = &alert },
		   0, ms);
}

/* -- What becomes of it ---------------------------------------------------------------
 */

static inline struct history_counters stage_counters(struct stage *s)
{
	struct history_counters counters;

	history_counters(s->history, &counters);
	return counters;
}

/* Until all that was added is written or dropped. */
static inline void stage_settle(struct stage *s)
{
	while (stage_counters(s).waiting > 0) {
		history_mark(s->history);
		usleep(1000);
	}
}

/* -- What is answered -----------------------------------------------------------------
 */

static inline int stage_try(struct stage *s, const struct history_query *query,
			    const struct viewer *viewer)
{
	static const struct viewer everybody = { .all = true };
	struct history_query marked = *query;
	struct history_answer answer = { 0 };
	int err;

	marked.mark = history_mark(s->history);
	err = history_read(s->history, &marked, viewer ? viewer : &everybody, &answer,
			   s->reterr);
	doc_free(s->answer);
	s->answer = err == 0 ? doc_parse(answer.text, answer.size, NULL) : NULL;
	CHECK_EQ(err == 0, s->answer != NULL);
	free(answer.text);
	return err;
}

static inline void stage_ask(struct stage *s, const struct history_query *query)
{
	int err;

	stage_settle(s);
	err = stage_try(s, query, NULL);

	if (err < 0)
		test_fail(__FILE__, __LINE__, "%s (%d)", s->reterr, err);
}

static inline size_t stage_count(const struct stage *s)
{
	return doc_count(doc_get(s->answer, "entries"));
}

static inline const struct doc *stage_entry(const struct stage *s, size_t index)
{
	const struct doc *entry = doc_first(doc_get(s->answer, "entries"));

	for (; entry && index > 0; index--)
		entry = doc_next(entry);
	CHECK(entry);
	return entry;
}

static inline int64_t stage_port(const struct stage *s, size_t index)
{
	return doc_get_int(stage_entry(s, index), "port", 0);
}

static inline const char *stage_text(const struct stage *s, size_t index,
				     const char *member)
{
	const char *text = doc_get_string(stage_entry(s, index), member);

	return text ? text : "(null)";
}

static inline const char *stage_process(const struct stage *s, size_t index,
					const char *who, const char *member)
{
	const struct doc *process = doc_get(stage_entry(s, index), who);
	const char *text = doc_get_string(process, member);

	return text ? text : "(null)";
}

/* @ports ends with 0. */
static inline void stage_expect_ports(const struct stage *s, const int *ports)
{
	size_t n = 0;

	for (; ports[n]; n++)
		CHECK_EQ(stage_port(s, n), ports[n]);
	CHECK_EQ(stage_count(s), n);
}

#endif /* PORTWATCH_TESTS_UNIT_HISTORY_STAGE_H */
