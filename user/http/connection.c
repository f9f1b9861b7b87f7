// SPDX-License-Identifier: GPL-2.0-only
#include "http/server_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/files.h"
#include "http/deferred.h"

static const char too_many[] =
	"{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
	"\"detail\":\"Too many connections of one user are open\"}";

/* Those of one user, or of all but root. */
static bool is_of(const struct connection *c, uid_t uid, bool any)
{
	return any ? c->peer.uid != 0 : c->peer.uid == uid;
}

static size_t count_of(const struct http_server *server, uid_t uid, bool any)
{
	size_t n = 0;

	for (const struct connection *c = server->connections; c; c = c->next)
		n += !c->leaving && is_of(c, uid, any);
	return n;
}

/* Has it sent something that was not looked at yet? */
static bool has_unread(const struct connection *c)
{
	int n = 0;

	return ioctl(c->fd, FIONREAD, &n) < 0 || n > 0;
}

void connection_end(struct connection *c)
{
	connection_unwait(c);
	c->leaving = true;
	shutdown(c->fd, SHUT_RDWR);
}

/* Ends the one of them that waits for a request for longest. */
static bool make_room(struct http_server *server, uid_t uid, bool any)
{
	struct connection *c = server->first_waiting;

	while (c && (!is_of(c, uid, any) || has_unread(c)))
		c = c->later;
	if (!c)
		return false;
	connection_end(c);
	return true;
}

static bool is_welcome(struct http_server *server, uid_t uid)
{
	if (count_of(server, uid, false) >= HTTP_CONNECTIONS_PER_USER &&
	    !make_room(server, uid, false))
		return false;
	if (uid == 0 || count_of(server, uid, true) <
				HTTP_CONNECTIONS_MAX - HTTP_CONNECTIONS_FOR_ROOT)
		return true;
	return make_room(server, uid, true);
}

static bool descriptors_run_low(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	       (rlim_t)fd + HTTP_SPARE_DESCRIPTORS >= limit.rlim_cur;
}

static void turn_away(int fd)
{
	char text[512], ignored[4096];
	int size = snprintf(text, sizeof(text),
			    "HTTP/1.1 503 Service Unavailable\r\n"
			    "Content-Type: application/problem+json\r\n"
			    "Connection: close\r\n"
			    "Content-Length: %zu\r\n\r\n%s",
			    sizeof(too_many) - 1, too_many);

	(void)!send(fd, text, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	/* What lies unread would reset the connection and take the answer with it. */
	(void)!recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT);
	close_fd(fd);
}

static void link_in(struct http_server *server, struct connection *c)
{
	c->next = server->connections;
	if (c->next)
		c->next->prev = c;
	server->connections = c;
	server->n_connections++;
}

static void unlink_from(struct http_server *server, struct connection *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		server->connections = c->next;
	if (c->next)
		c->next->prev = c->prev;
	server->n_connections--;
}

int connection_admit(struct http_server *server, const struct policy *policy, int fd,
		     gid_t group)
{
	struct sockaddr_storage addr = {
		.ss_family = policy->by_token ? AF_INET : AF_UNIX,
	};
	struct connection *c = calloc(1, sizeof(*c));
	int err = c ? 0 : -ENOMEM;

	if (c && policy->by_token)
		peer_read_tcp(fd, &c->peer);
	else if (c)
		err = peer_read(fd, group, &c->peer);
	if (err == 0 && policy->limited && !is_welcome(server, c->peer.uid)) {
		free(c);
		turn_away(fd);
		return -EUSERS;
	}
	if (err < 0) {
		free(c);
		close_fd(fd);
		return err;
	}
	c->server = server;
	c->policy = policy;
	c->fd = fd;
	link_in(server, c);

	/* The library tells connection_notify() from within, and closes @fd if it fails.
	 */
	server->arriving = c;
	if (MHD_add_connection(server->daemon, fd, (struct sockaddr *)&addr,
			       policy->by_token ? sizeof(struct sockaddr_in)
						: sizeof(addr.ss_family)) != MHD_YES) {
		err = errno ? -errno : -EIO;
		if (server->arriving) {
			unlink_from(server, c);
			free(c);
		}
		server->arriving = NULL;
		return err;
	}
	if (server->n_connections >= HTTP_CONNECTIONS_MAX)
		server_pause_accepting(server, 0);
	else if (policy->limited && descriptors_run_low(fd))
		server_pause_accepting(server, 1000);
	return 0;
}

static void hangup_freed(uv_handle_t *handle)
{
	free(handle->data);
}

static void hangup_close(struct hangup *hangup)
{
	if (!hangup)
		return;
	hangup->connection = NULL;
	uv_close((uv_handle_t *)&hangup->poll, hangup_freed);
}

static void connection_gone(struct connection *c)
{
	struct http_server *server = c->server;
	bool embedded = !c->policy->limited;

	connection_unwait(c);
	outflow_detach(c->outflow);
	deferred_close(c->deferred);
	hangup_close(c->hangup);
	buffer_done(&c->body);
	unlink_from(server, c);
	free(c);
	if (!server->stopping)
		server_resume_accepting(server);
	if (embedded && server->closed && !server->stopping)
		server->closed(server->closed_arg);
}

void connection_notify(void *cls, struct MHD_Connection *native, void **context,
		       enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = cls;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context)
			connection_gone(*context);
		*context = NULL;
		return;
	}
	*context = take(server->arriving);
	((struct connection *)*context)->native = native;
	connection_wait(*context, HTTP_FIRST_MS);
}

/* Into the list of those who wait, behind the last who is due sooner. */
static void link_waiting(struct http_server *server, struct connection *c)
{
	struct connection *before = server->last_waiting;

	while (before && before->deadline_ms > c->deadline_ms)
		before = before->earlier;
	c->earlier = before;
	c->later = before ? before->later : server->first_waiting;
	if (c->later)
		c->later->earlier = c;
	else
		server->last_waiting = c;
	if (before)
		before->later = c;
	else
		server->first_waiting = c;
}

void connection_wait(struct connection *c, uint64_t ms)
{

	if (!c->policy->limited)
		return;
	connection_unwait(c);
	if (c->leaving)
		return;
	c->waiting = true;
	c->deadline_ms = uv_now(c->server->loop) + ms;
	link_waiting(c->server, c);
}

void connection_unwait(struct connection *c)
{
	struct http_server *server = c->server;

	if (!c->waiting)
		return;
	c->waiting = false;
	if (c->earlier)
		c->earlier->later = c->later;
	else
		server->first_waiting = c->later;
	if (c->later)
		c->later->earlier = c->earlier;
	else
		server->last_waiting = c->earlier;
}

uint64_t connections_expire(struct http_server *server)
{
	uint64_t now_ms = uv_now(server->loop);

	while (server->first_waiting && server->first_waiting->deadline_ms <= now_ms)
		connection_end(server->first_waiting);
	return server->first_waiting ? server->first_waiting->deadline_ms - now_ms
				     : UINT64_MAX;
}

static void on_hangup(uv_poll_t *poll, int status, int events)
{
	struct hangup *hangup = poll->data;

	(void)status;
	(void)events;
	uv_poll_stop(poll);
	if (!hangup->connection)
		return;
	hangup->connection->hung_up = true;
	connection_resume(hangup->connection);
	http_server_flush(hangup->connection->server);
}

/*
 * The library takes a suspended connection out of its epoll set, so that nobody would
 * see the peer go.  UV_PRIORITIZED: the kernel reports EPOLLHUP and EPOLLERR unasked, and
 * a peer that only ended its own side of the talk is still listening.
 */
static void watch_hangup(struct connection *c)
{
	struct hangup *hangup = calloc(1, sizeof(*hangup));

	if (!hangup)
		return;
	if (uv_poll_init(c->server->loop, &hangup->poll, c->fd) < 0) {
		free(hangup);
		return;
	}
	hangup->poll.data = hangup;
	hangup->connection = c;
	c->hangup = hangup;
	uv_poll_start(&hangup->poll, UV_PRIORITIZED, on_hangup);
}

void connection_suspend(struct connection *c)
{
	if (!c->hangup)
		watch_hangup(c);
	c->suspended = true;
	MHD_suspend_connection(c->native);
}

void connection_resume(void *arg)
{
	struct connection *c = arg;

	if (!c->suspended)
		return;
	c->suspended = false;
	c->server->dirty = true;
	MHD_resume_connection(c->native);
}
