/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * client - libportwatch: portwatchd's API over a stream socket.
 *
 * A client speaks to the daemon on its Unix socket or, where none answers, to an engine
 * of its own: a portwatchd started on one end of a socket pair, which ends with the
 * client.  Functions answer 0 or a positive number, else a negative errno, and
 * pw_client_problem() then has the sentence.  A client is used by one thread at a time;
 * several clients are independent.  No function writes to stdout, stderr or a log, and
 * none raises SIGPIPE.
 */
#ifndef PORTWATCH_CLIENT_H
#define PORTWATCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define PW_SOCKET_DEFAULT "/run/portwatch/portwatch.sock"

struct pw_client;
struct pw_reply;
struct pw_stream;

enum pw_mode {
	PW_AUTO,   /* the daemon, else an engine of its own */
	PW_DAEMON, /* the daemon or nothing */
	PW_LOCAL,  /* an engine of its own, whoever listens on the socket */
};

/* Zeroes are the defaults.  Strings are copied. */
struct pw_options {
	enum pw_mode mode;
	const char *socket;   /* path; NULL: PW_SOCKET_DEFAULT */
	const char *registry; /* of an engine of its own; NULL: that engine's default */
	/* portwatchd; NULL: looked for beside this program, in ../sbin and ../libexec
	 * from there, then in PATH. */
	const char *engine;
	/* A server that is silent for so long in the midst of a request has failed;
	 * 0: 30,000.  Streams may be silent for ever once they have begun. */
	unsigned timeout_ms;
};

/* Why the last call failed; good until the next call. */
struct pw_problem {
	unsigned status;  /* of HTTP; 0 where no answer came */
	const char *text; /* one sentence, not escaped for a terminal; "" none */
	const char *body; /* what the server sent: application/problem+json; "" none */
	size_t size;      /* of body */
};

/* Connects to nobody yet.  -ENOMEM. */
int pw_client_new(const struct pw_options *options, struct pw_client **ret);
/* Over a connected stream socket, which is taken over, also on failure.  -ENOMEM. */
int pw_client_new_from_fd(int fd, const struct pw_options *options,
			  struct pw_client **ret);
/* Accepts NULL, returns NULL.  Ends an engine of its own, without waiting for it where
 * pw_client_abandon() was called. */
struct pw_client *pw_client_free(struct pw_client *client);
/* The caller is about to exit: pw_client_free() leaves the engine to end by itself. */
void pw_client_abandon(struct pw_client *client);

/*
 * Called while an answer is awaited, about ten times a second, with the milliseconds
 * waited so far; NULL: not at all.
 */
typedef void (*pw_waiting_fn)(unsigned elapsed_ms, void *arg);
void pw_client_on_waiting(struct pw_client *client, pw_waiting_fn fn, void *arg);

/*
 * Needed by nobody, since requests connect by themselves; it tells early who answers.
 * -ECONNREFUSED: nobody listens (PW_DAEMON).  -EACCES: the socket's mode forbids it
 * (PW_DAEMON).  -ENOPKG: portwatchd was not found.  Else what connect(2) or
 * posix_spawn(3) say.
 */
int pw_client_connect(struct pw_client *client);
/* True once connected to an engine of its own. */
bool pw_client_is_local(const struct pw_client *client);

/*
 * Ask and wait for the whole answer.  @path begins with '/' and may have a query, which
 * the caller has percent-encoded (pw_percent_encode()).  @body may be NULL, else it is
 * sent as application/json.  0 and *ret (owned) for a status of 200 to 299; else *ret is
 * not written, the problem has the answer, and the result is by status
 *
 *   400 -EINVAL   401, 403 -EPERM   404 -ENOENT   405, 501 -EOPNOTSUPP
 *   408, 504 -ETIMEDOUT   409 -EADDRINUSE   413 -E2BIG   422 -EBADMSG
 *   429, 503 -EAGAIN   other 4xx -EINVAL   any other -EIO
 *
 * Without an answer: those of pw_client_connect(); -ECONNRESET where the server closed
 * in the midst of it; -ETIMEDOUT; -EPROTO for what is not HTTP; -EMSGSIZE past 256 MiB;
 * -EBUSY while a stream is open; -ENOMEM.
 */
int pw_request(struct pw_client *client, const char *method, const char *path,
	       const char *body, size_t size, struct pw_reply **ret);
/* pw_request() with GET. */
int pw_get(struct pw_client *client, const char *path, struct pw_reply **ret);
const struct pw_problem *pw_client_problem(const struct pw_client *client);

struct pw_reply *pw_reply_free(struct pw_reply *reply); /* accepts NULL, returns NULL */
unsigned pw_reply_status(const struct pw_reply *reply);
/* NUL-terminated beyond *ret_size (may be NULL); borrowed from the reply. */
const char *pw_reply_body(const struct pw_reply *reply, size_t *ret_size);
/* The value of a header, its name in any case; NULL where it was not sent. */
const char *pw_reply_header(const struct pw_reply *reply, const char *name);

/* One event of a stream; everything is borrowed until the next call on the stream. */
struct pw_item {
	const char *id;   /* to resume after; "" none */
	const char *type; /* "alert.firing"; "message" where the server named none */
	const char *data; /* one JSON object, NUL-terminated */
	size_t size;      /* of data */
};

/*
 * Begin a stream of server-sent events (WHATWG HTML, 9.2).  The client is busy with it
 * until it is closed.  Errors as of pw_request(); -EPROTO for another content type.
 */
int pw_stream_open(struct pw_client *client, const char *path, struct pw_stream **ret);
/* Accepts NULL, returns NULL; before its client is freed. */
struct pw_stream *pw_stream_close(struct pw_stream *stream);
/* To wait on for reading, once pw_stream_next() has answered 0; not to be read from. */
int pw_stream_fd(const struct pw_stream *stream);
/* As pw_reply_header(). */
const char *pw_stream_header(const struct pw_stream *stream, const char *name);
/*
 * The next event, without waiting.  1 and *ret; 0 where the next is still to come;
 * -ENODATA where the server has ended the stream; -ECONNRESET where it broke off in the
 * midst of one; -EPROTO, -EMSGSIZE for an event past 16 MiB, -ENOMEM.
 */
int pw_stream_next(struct pw_stream *stream, struct pw_item *ret);

/* @text for use as one segment of a path or one value of a query (RFC 3986, 2.3).
 * Owned; NULL for want of memory. */
char *pw_percent_encode(const char *text);

#endif /* PORTWATCH_CLIENT_H */
