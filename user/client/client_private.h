/* SPDX-License-Identifier: GPL-2.0-only */
/* client_private - what the two halves of the library, requests and streams, share. */
#ifndef PORTWATCH_CLIENT_PRIVATE_H
#define PORTWATCH_CLIENT_PRIVATE_H

#include <sys/types.h>

#include "client/shape.h"
#include "client/wire.h"

struct pw_client {
	struct pw_options options; /* its strings are owned */
	struct wire wire;
	bool adopted;         /* the connection was handed in and cannot be made again */
	bool abandoned;       /* an engine is left to end by itself */
	bool streaming;       /* a stream has the connection */
	pid_t engine;         /* 0: none of its own */
	unsigned patience_ms; /* with its end; 0: as usual */
	struct buffer problem_text, problem_body;
	struct pw_problem problem;
};

#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"

/* Forget the last problem. */
void client_begin(struct pw_client *client);
/* Remember a sentence; answers @err. */
int client_fail(struct pw_client *client, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a connection that broke: the sentence is made from @err. */
int client_broken(struct pw_client *client, int err, const char *path);
/* The same for an answer with a status of 300 or more, from the message on the wire. */
int client_refused(struct pw_client *client);
/* Send and wait for the headers, with one more try where an idle connection had been
 * closed by the server. */
int client_ask(struct pw_client *client, const struct request *request);

/* pw_stream_open() after the event @after; NULL: from now on. */
int client_stream(struct pw_client *client, const char *path, const char *after,
		  struct pw_stream **ret);

/* A change that tells how it goes until it is done. */
int client_stream_post(struct pw_client *client, const char *path, const char *body,
		       size_t size, struct pw_stream **ret);
/* An engine of its own may take so long to end; instead of half a second. */
void client_be_patient(struct pw_client *client, unsigned ms);

/* -- For what is answered in structs --------------------------------------------------
 */

void client_reply_freep(struct pw_reply **reply);
struct span client_body(const struct pw_reply *reply);
/* @before and @after as they are, @segment percent-encoded; NULL is out of memory. */
void client_add_path(struct buffer *path, const char *before, const char *segment,
		     const char *after);
/* The body, or its @member, as by shape_decode(), which see. */
int client_decode(struct pw_client *client, const char *path,
		  const struct pw_reply *reply, const char *member,
		  const struct shape *shape, void *ret);
/* @err, with its sentence where it is -EPROTO. */
int client_not_understood(struct pw_client *client, int err, const char *path);

#endif /* PORTWATCH_CLIENT_PRIVATE_H */
