/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kill_wish - the body of POST …/kill: {"signal", "grace", "force", "sockets", "proto",
 * "dry_run", "only"}, all of which may be missing, as may the body.
 */
#ifndef PORTWATCH_HTTP_KILL_WISH_H
#define PORTWATCH_HTTP_KILL_WISH_H

#include "http/api.h"
#include "service/kill.h"

enum { KILL_TARGET_TEXT = 80 };

struct kill_wish {
	struct kill_order order;
	bool dry_run, sockets;
	/* The PIDs that somebody agreed to; NULL: whoever it is. */
	const struct doc *only;
	char target[KILL_TARGET_TEXT];
};

struct kill_wish kill_wish_default(enum kill_scope scope);
/* *body is the caller's to free, after the wish is done with, also on failure.  -EINVAL
 * with *reply filled in. */
int kill_wish_parse(const struct request *req, struct doc **body, struct kill_wish *wish,
		    struct reply *reply);

#endif /* PORTWATCH_HTTP_KILL_WISH_H */
