/* SPDX-License-Identifier: GPL-2.0-only */
/* server_private - what server.c, connection.c and exchange.c share. */
#ifndef PORTWATCH_HTTP_SERVER_PRIVATE_H
#define PORTWATCH_HTTP_SERVER_PRIVATE_H

#include <microhttpd.h>

#include "http/routes.h"
#include "http/server.h"

/* Older libmicrohttpd than this answers int, and nothing here is tried with it. */
_Static_assert(MHD_VERSION >= 0x00097100, "libmicrohttpd 0.9.71 or later is needed");

struct door { /* a listener in the loop */
	struct http_server *server;
	struct listener listener;
	gid_t group;
	uv_poll_t poll;
};

/* Sees the peer hang up while the library does not look: a handle of its own, since
 * libuv frees nothing before the next turn of the loop. */
struct hangup {
	uv_poll_t poll;
	struct connection *connection; /* NULL once that has gone */
};

/* A body on its way.  The response that sends it may outlive the connection. */
struct outflow {
	struct producer *producer;     /* NULL once closed */
	struct connection *connection; /* NULL once gone */
};

struct connection {
	struct http_server *server;
	const struct policy *policy;
	struct peer peer;
	int fd;
	struct connection *prev, *next; /* all of them */

	/* Waiting for a request to be complete; in order of deadline. */
	bool waiting;
	uint64_t deadline_ms;
	struct connection *earlier, *later;

	/* The request in hand. */
	struct buffer body;
	uint64_t body_seen;
	struct access_verdict
		refused;           /* its body is read, not kept, and this the answer */
	struct outflow *outflow;   /* borrowed from the response that sends it; NULL */
	struct deferred *deferred; /* the answer that is waited for; NULL */
	struct MHD_Connection *native;
	struct hangup *hangup;
	bool suspended, hung_up;
	bool leaving; /* it made room for another */
};

struct http_server {
	uv_loop_t *loop;
	struct api *api;
	struct MHD_Daemon *daemon;
	uv_poll_t *poll; /* the library's epoll descriptor */
	int waits;       /* an epoll descriptor of that one and of those who knock */
	uv_timer_t *timer;
	struct door *doors[HTTP_LISTENERS_MAX];
	size_t n_doors;
	bool accepting;
	uint64_t retry_accept_ms; /* 0: when a connection closes */

	struct access_rules rules;
	struct connection *arriving; /* being handed to the library */
	struct connection *connections;
	size_t n_connections;
	struct connection *first_waiting, *last_waiting;
	bool dirty;   /* something was resumed: the library is to run */
	bool driving; /* the library runs: it is not to be called from below itself */
	bool stopping;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* connection.c: takes over @fd, also on failure. */
int connection_admit(struct http_server *server, const struct policy *policy, int fd,
		     gid_t group);
void connection_notify(void *cls, struct MHD_Connection *native, void **context,
		       enum MHD_ConnectionNotificationCode code);
void connection_wait(struct connection *c, uint64_t ms);
void connection_unwait(struct connection *c);
/* Ends those that waited too long.  In how many ms the next is due; UINT64_MAX never. */
uint64_t connections_expire(struct http_server *server);
/* The library sees that as the end of the peer, on its next turn. */
void connection_end(struct connection *c);
void connection_suspend(struct connection *c);
void connection_resume(void *arg); /* a struct connection */

/* exchange.c */
void outflow_detach(struct outflow *outflow); /* accepts NULL */
enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *native, const char *url,
				const char *method, const char *version,
				const char *upload, size_t *upload_size, void **context);
void exchange_completed(void *cls, struct MHD_Connection *native, void **context,
			enum MHD_RequestTerminationCode code);
size_t exchange_unescape(void *cls, struct MHD_Connection *native, char *text);

/* server.c */
void server_pause_accepting(struct http_server *server, uint64_t retry_ms);
void server_resume_accepting(struct http_server *server);

#endif /* PORTWATCH_HTTP_SERVER_PRIVATE_H */
