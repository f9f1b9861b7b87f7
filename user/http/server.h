/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server - HTTP/1.1 in a libuv loop, on any number of listeners or one given socket.
 *
 * While nobody is connected it has no timer and costs no wake-up.  The number of
 * connections is bounded, in all and for each user; who has as many as that, and idle
 * ones among them, loses the one that is idle for longest.  Who is slow to ask, or slow
 * to read, is closed; accepting pauses while descriptors run low.
 */
#ifndef PORTWATCH_HTTP_SERVER_H
#define PORTWATCH_HTTP_SERVER_H

#include <uv.h>

#include "http/access.h"
#include "http/api.h"
#include "http/listener.h"

struct http_server;

enum {
	HTTP_LISTENERS_MAX = 8,
	HTTP_CONNECTIONS_MAX = 1024,
	HTTP_CONNECTIONS_FOR_ROOT = 64, /* of these nobody else gets */
	HTTP_CONNECTIONS_PER_USER = 256,
	HTTP_SPARE_DESCRIPTORS = 32,
	HTTP_FIRST_MS = 10000, /* for the first request to arrive in full */
	HTTP_WAIT_MS = 30000,  /* for each one after it */
	HTTP_STALL_S = 30,     /* without a byte of an answer being taken */
};

/* @loop and @api are borrowed.  -ENOMEM, -EIO. */
int http_server_new(uv_loop_t *loop, struct api *api, struct http_server **ret);
/* Closes everything; socket files are removed.  The loop must run once more before it
 * is closed. */
struct http_server *http_server_free(struct http_server *server);
DEFINE_CLEANUP(struct http_server, http_server_free)

/* Takes over @listener, also on failure.  @group: who counts as privileged; may be
 * (gid_t)-1.  -ENOSPC, or what libuv says. */
int http_server_listen(struct http_server *server, struct listener *listener,
		       gid_t group);
/* Stop listening by @policy, and end the connections that came by it. */
void http_server_unlisten(struct http_server *server, const struct policy *policy);
/* Takes over what is in @rules; they hold from the next request on. */
void http_server_set_rules(struct http_server *server, struct access_rules *rules);
/* Serve one connected stream socket, unbounded in time; takes over @fd, also on failure.
 * @closed is called when it has ended.  -errno. */
int http_server_adopt(struct http_server *server, int fd, gid_t group,
		      void (*closed)(void *arg), void *arg);

/* Readable while somebody knocks or a connection has something to be looked at. */
int http_server_fd(const struct http_server *server);
/* Send what streams have been given since; to be called after the engine published. */
void http_server_flush(struct http_server *server);

#endif /* PORTWATCH_HTTP_SERVER_H */
