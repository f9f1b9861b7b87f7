/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * why - who sits on a port, what a bind would get there now and for which reason, and
 * what to do about it.
 *
 * Facts and sentences; whose process chain and command lines may be shown is for whoever
 * encodes them.  Only the daemon's own network namespace can be asked for connections and
 * TIME_WAIT; of the others the sockets of the table are known.
 */
#ifndef PORTWATCH_SERVICE_WHY_H
#define PORTWATCH_SERVICE_WHY_H

#include "core/bind_rules.h"
#include "engine/engine.h"

enum {
	WHY_PORTS_MAX = 16,
	WHY_BINDS_MAX = 24,
	WHY_SITTERS_MAX = 1024, /* of one port; more are not read */
	WHY_TEXT = 384,
};

enum why_reason {
	WHY_FREE,
	WHY_PRIVILEGED,
	WHY_LISTENER,
	WHY_BOUND,
	WHY_WILDCARD,
	WHY_OTHER_FAMILY,
	WHY_REUSEPORT,
	WHY_TIME_WAIT,
	WHY_OUTGOING,
	WHY_CONNECTION,
};

/* A socket on the port. */
struct why_sitter {
	struct port_socket sock;
	struct endpoint peer;     /* family 0: none */
	uint64_t cookie;          /* 0 TIME_WAIT */
	uint32_t inode;           /* of its descriptors; 0 none */
	const struct socket *row; /* in the table; borrowed; NULL */
	struct process *process;  /* referenced; NULL unknown */
	uint64_t until_ns;        /* wall clock: TIME_WAIT ends; 0 */
	bool accepted;            /* by a listener that is there */
};

struct why_bind {
	struct bind_wish wish;
	const char *as; /* borrowed: "root", "uid 1000", "an ordinary user" */
	struct bind_answer answer;
	enum why_reason reason;
	const struct why_sitter *culprit; /* NULL none */
	uint64_t until_ns;                /* when that ends by itself; 0 unknown */
	char text[WHY_TEXT];
};

struct why_port {
	uint16_t proto, port;
	const struct service *service; /* that claims it; NULL */
	struct why_sitter *sitters;    /* as the kernel has them */
	size_t n_sitters;
	bool has_more;
	size_t n_accepted, n_waiting, n_outgoing;
	struct why_bind binds[WHY_BINDS_MAX];
	size_t n_binds;
};

struct why_question {
	struct {
		uint16_t proto, port;
		const struct service *service; /* that claims it; NULL */
	} ports[WHY_PORTS_MAX];
	size_t n_ports;
	uint32_t netns;
	const struct service *service; /* who is asked about; NULL a port or process */
	uid_t uid;                     /* who asks and would bind; (uid_t)-1 unknown */
};

struct why {
	struct engine *engine;
	uint64_t wall_ns;
	struct why_port ports[WHY_PORTS_MAX];
	size_t n_ports;
	char summary[WHY_TEXT + WHY_TEXT]; /* one sentence */
	char advice[WHY_TEXT + WHY_TEXT];
	char command[WHY_TEXT]; /* the one to run; "" none */
	char user[32];
};

/* Calls @fn for each socket of the table that process @pid has a descriptor of, as the
 * kernel says now.  0, or negative errno. */
int why_each_held(struct engine *engine, pid_t pid,
		  void (*fn)(const struct socket *sock, void *arg), void *arg);

/* -ENOMEM, or why the kernel cannot be asked.  Reads /proc. */
int why_ask(struct engine *engine, const struct why_question *question, struct why *ret);
void why_done(struct why *why);

const char *why_reason_name(enum why_reason reason); /* "time_wait" */

#endif /* PORTWATCH_SERVICE_WHY_H */
