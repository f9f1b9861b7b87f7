/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire - one HTTP/1.1 connection: a request out, an answer in.
 *
 * Knows nothing of who is at the other end.  All input and output is non-blocking
 * underneath; waiting is wire_wait(), bounded by silence.
 */
#ifndef PORTWATCH_CLIENT_WIRE_H
#define PORTWATCH_CLIENT_WIRE_H

#include <http_parser.h>
#include <portwatch/client.h>

#include "base/strings.h"

/* An answer, as far as it has arrived. */
struct message {
	unsigned status;
	struct buffer headers; /* name, NUL, value, NUL, … */
	struct buffer body;    /* what has arrived and was not consumed */
	bool has_headers, complete;
};
void message_done(struct message *msg);
/* NULL where it was not sent. */
const char *message_header(const struct message *msg, const char *name);

struct wire {
	int fd; /* -EBADF: not connected */
	unsigned timeout_ms;
	pw_waiting_fn waiting; /* NULL: nobody is told */
	void *waiting_arg;
	size_t body_max;
	unsigned answered; /* on this connection */
	bool reusable;     /* another request may follow */
	bool begun;        /* a byte of this answer has come */
	/* Of the answer that is being read. */
	struct http_parser parser;
	struct message msg;
	enum { READING_NOTHING, READING_NAME, READING_VALUE } reading;
	int error; /* set by a callback of the parser */
};

void wire_init(struct wire *wire);
void wire_done(struct wire *wire);
/* Takes over @fd, a connected stream socket. */
void wire_attach(struct wire *wire, int fd);
void wire_close(struct wire *wire);

struct request {
	const char *method, *path;
	const char *accept;
	const char *last_event_id; /* to resume a stream after; NULL none */
	const char *body;          /* NULL none */
	size_t size;
};
/*
 * Send it all and forget the answer before.  -ECONNRESET, -ETIMEDOUT, -ENOMEM, -EINVAL
 * for a path that cannot stand in a request line.
 */
int wire_send(struct wire *wire, const struct request *request);
/*
 * Read what there is, once, into wire->msg.  1 where something changed, 0 where it would
 * have to wait; -ECONNRESET at an end too early, -EPROTO, -EMSGSIZE, -ENOMEM.
 */
int wire_receive(struct wire *wire);
/* Until the headers, or the whole message, are there.  As wire_receive(); -ETIMEDOUT. */
int wire_await_headers(struct wire *wire);
int wire_await_message(struct wire *wire);

#endif /* PORTWATCH_CLIENT_WIRE_H */
