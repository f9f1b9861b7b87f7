/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * codec - the domain as JSON, field by field as SPEC names them.
 *
 * The rest of the program holds a document as struct doc, built and read by the
 * functions of json/doc.h; cJSON is seen by this folder alone.
 */
#ifndef PORTWATCH_JSON_CODEC_H
#define PORTWATCH_JSON_CODEC_H

#include "core/alerts.h"
#include "core/event.h"
#include "core/matcher.h"
#include "core/registry.h"
#include "core/sockets.h"
#include "json/doc.h"

/* What a caller may see: without it, the cmdline of another user's process is null. */
struct viewer {
	uid_t uid;
	bool all; /* root and members of the group */
};

/* Each answers an owned document, or NULL for want of memory.  NULL arguments give a
 * JSON null; a NULL viewer sees no command line at all. */
struct doc *codec_encode_process(const struct process *p, const struct viewer *viewer);
struct doc *codec_encode_alert(const struct alert *alert, const struct viewer *viewer);
/*
 * One row of `ls`: cookie (a decimal string: it may pass 2^53), proto, address, port,
 * netns, state, reuseport, reuseaddr, v6only, mptcp, scope, since, age_s, source,
 * process, holders (an array of processes), service, unit, container, user, uid, pid,
 * comm (the last two as in process).
 * @fields NULL: all, else only the named ones, which is what makes `ls` fast.
 */
struct doc *codec_encode_socket(const struct socket *sock, const char *service,
				uint64_t wall_ns, const char *const *fields,
				const struct viewer *viewer);
/* The same as compact text, behind what @ret has; @members stands for the fields. */
struct buffer;
struct socket_row {
	const struct socket *sock;
	const char *service;
	uint64_t wall_ns;
	const struct viewer *viewer;
};
uint32_t codec_socket_members(const char *const *fields);
void codec_print_socket(const struct socket_row *row, uint32_t members,
			struct buffer *ret);
/* The entry as the registry has it, defaults filled in. */
struct doc *codec_encode_service(const struct service *svc);
/* The entry as `status` shows it: name, port, ports, proto, address, environment,
 * description, status, enabled, pid, process, health, health_endpoint, since, uptime_s,
 * restarts, request_count, error_count, alerts (ids). */
struct doc *codec_encode_service_status(const struct world *world,
					const struct service *svc,
					const struct alerts *alerts, uint64_t wall_ns,
					const struct viewer *viewer);
/* Is it a member of an entry that portwatch knows? */
bool codec_is_service_field(const char *name);
struct doc *codec_encode_allocation(const struct allocation *alloc);
/* SPEC section 2: schema portwatch.event/v1, seq, time, type, source and what the type
 * has. */
struct doc *codec_encode_event(const struct event *event, const struct viewer *viewer);
/* "exit_code" or "signal" of a status as wait(2) has it; below 0: unknown. */
void codec_put_exit(struct doc *doc, int status);
struct doc *codec_encode_settings(const struct settings *settings);
struct sink_stats;
/* name, type, sent, failed, dropped, queued, last_error, last_error_at. */
struct doc *codec_encode_sink_stats(const struct sink_stats *stats);

/*
 * Make a document that was encoded for all fit for one viewer: command lines that they
 * may not see become null, and go from the messages of alerts too.
 */
void codec_redact(struct doc *doc, const struct viewer *viewer);
/*
 * Make the entry or status of a service, or settings, fit for somebody who may change
 * nothing: values of env, command lines, and what a URL has before its '@' or behind its
 * '?'.
 */
void codec_hide_secrets(struct doc *doc);

/* Where and why a document was refused. */
struct decode_error {
	unsigned line, column; /* from 1; 0 where the fault has no place */
	char path[256];        /* "services[3].port"; "" */
	char what[1024];       /* what is wrong; a circle is named in full */
	char remedy[256];      /* what to do; "" */
};
struct decode_warnings {
	char **items; /* owned sentences with their place */
	size_t count;
};
void decode_warnings_done(struct decode_warnings *list);

/* Port and protocol of a member of "allocations" by its name ("8000", "8000/udp") and its
 * own words.  -EINVAL where it would be refused. */
int codec_allocation_place(const struct doc *member, uint16_t *ret_port,
			   uint16_t *ret_proto);

/*
 * Either form of SPEC section 3, or one with both.  -EINVAL with *reterr filled in;
 * -E2BIG past a limit (also with *reterr); -ENOMEM.  @ret_warnings may be NULL.  The
 * registry is sealed.
 */
int codec_decode_registry(const char *text, size_t size, uint64_t generation,
			  struct registry **ret, struct decode_warnings *ret_warnings,
			  struct decode_error *reterr);

#endif /* PORTWATCH_JSON_CODEC_H */
