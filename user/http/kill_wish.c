// SPDX-License-Identifier: GPL-2.0-only
#include "http/kill_wish.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"

enum { GRACE_MS = 10000 };

struct kill_wish kill_wish_default(enum kill_scope scope)
{
	return (struct kill_wish){
		.order = { .scope = scope, .signal = SIGTERM, .grace_ms = GRACE_MS },
	};
}

static const struct {
	int signal;
	const char *why;
} useless[] = {
	{ SIGSTOP, "it stops a process" },      { SIGTSTP, "it stops a process" },
	{ SIGTTIN, "it stops a process" },      { SIGTTOU, "it stops a process" },
	{ SIGCONT, "it continues a process" },  { SIGCHLD, "it is ignored by default" },
	{ SIGURG, "it is ignored by default" }, { SIGWINCH, "it is ignored by default" },
};

/* "TERM", "SIGTERM", "sigterm", "15"; 0 where there is none. */
static int parse_signal(const char *text)
{
	uint64_t number;

	if (parse_u64(text, SIGRTMAX, &number) == 0)
		return (int)number;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(name, text) == 0)
			return i;
	}
	return 0;
}

static int take_signal(const struct doc *value, struct kill_wish *wish,
		       struct reply *reply)
{
	const char *text = doc_string(value);
	int64_t number = 0;
	int signal = 0;

	if (text)
		signal = parse_signal(text);
	else if (doc_int(value, &number) && number > 0 && number <= SIGRTMAX)
		signal = (int)number;
	if (signal == 0) {
		reply_problem(reply, 400, "%s is no signal: TERM, INT, KILL, 15, …",
			      text ? text : "signal");
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
		if (useless[i].signal != signal)
			continue;
		reply_problem(reply, 400, "SIG%s ends nothing: %s", sigabbrev_np(signal),
			      useless[i].why);
		return -EINVAL;
	}
	wish->order.signal = signal;
	return 0;
}

static int take_grace(const struct doc *value, struct kill_wish *wish,
		      struct reply *reply)
{
	const char *text = doc_string(value);
	uint64_t ms = KILL_GRACE_MAX_MS + 1;
	int64_t s;

	if (text) {
		if (duration_parse(text, &ms) < 0)
			ms = KILL_GRACE_MAX_MS + 1;
	} else if (doc_int(value, &s) && s >= 0 && s <= 3600) {
		ms = (uint64_t)s * 1000;
	}
	if (ms > KILL_GRACE_MAX_MS) {
		reply_problem(reply, 400,
			      "grace is a time of an hour at most: \"10s\", \"1m30s\" or "
			      "a number of seconds");
		return -EINVAL;
	}
	wish->order.grace_ms = ms;
	return 0;
}

static int take_flag(const struct doc *value, bool *ret, struct reply *reply)
{
	if (doc_type(value) != DOC_BOOL) {
		reply_problem(reply, 400, "%s is true or false", doc_key(value));
		return -EINVAL;
	}
	*ret = doc_bool(value);
	return 0;
}

static int take_proto(const struct doc *value, struct kill_wish *wish,
		      struct reply *reply)
{
	const char *text = doc_string(value);

	if (text && wish->order.scope == KILL_PORTS &&
	    proto_parse(text, &wish->order.proto) == 0)
		return 0;
	reply_problem(reply, 400, "proto is \"tcp\" or \"udp\", and belongs to a port");
	return -EINVAL;
}

static int take_only(const struct doc *value, struct kill_wish *wish, struct reply *reply)
{
	if (doc_type(value) != DOC_ARRAY) {
		reply_problem(reply, 400, "only is a list of PIDs");
		return -EINVAL;
	}
	wish->only = value;
	return 0;
}

static int take_member(const struct doc *value, struct kill_wish *wish,
		       struct reply *reply)
{
	static const char *const known[] = { "signal",  "grace", "force", "sockets",
					     "dry_run", "proto", "only",  NULL };
	const char *key = doc_key(value), *near;

	if (streq(key, "signal"))
		return take_signal(value, wish, reply);
	if (streq(key, "grace"))
		return take_grace(value, wish, reply);
	if (streq(key, "force"))
		return take_flag(value, &wish->order.force, reply);
	if (streq(key, "sockets"))
		return take_flag(value, &wish->sockets, reply);
	if (streq(key, "dry_run"))
		return take_flag(value, &wish->dry_run, reply);
	if (streq(key, "proto"))
		return take_proto(value, wish, reply);
	if (streq(key, "only"))
		return take_only(value, wish, reply);
	near = nearest_name(key, known);
	reply_problem(reply, 400, "No member of the body is called %.64s%s%s", key,
		      near ? "; did you mean " : "", near ? near : "");
	return -EINVAL;
}

int kill_wish_parse(const struct request *req, struct doc **body, struct kill_wish *wish,
		    struct reply *reply)
{
	if (!req->body || req->body_size == 0)
		return 0;
	*body = doc_parse(req->body, req->body_size, NULL);
	if (doc_type(*body) != DOC_OBJECT) {
		reply_problem(reply, 400, "The body is no JSON object");
		return -EINVAL;
	}
	for (const struct doc *m = doc_first(*body); m; m = doc_next(m))
		if (take_member(m, wish, reply) < 0)
			return -EINVAL;
	return 0;
}
