// SPDX-License-Identifier: GPL-2.0-only
#include "http/server_private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/time.h"

enum { ACCEPTS_PER_TURN = 32, RUNS_PER_TURN = 16 };

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void on_timer(uv_timer_t *timer);

/* When something is to be done without anybody having knocked. */
static void arm(struct http_server *server, uint64_t expiry_ms, uint64_t hub_ms)
{
	MHD_UNSIGNED_LONG_LONG library_ms;
	uint64_t next_ms = expiry_ms;

	if (hub_ms && hub_ms < next_ms)
		next_ms = hub_ms;
	if (MHD_get_timeout(server->daemon, &library_ms) == MHD_YES &&
	    library_ms < next_ms)
		next_ms = library_ms;
	if (server->retry_accept_ms) {
		uint64_t now_ms = uv_now(server->loop);
		uint64_t left_ms = server->retry_accept_ms > now_ms
					   ? server->retry_accept_ms - now_ms
					   : 0;

		next_ms = left_ms < next_ms ? left_ms : next_ms;
	}
	if (next_ms == UINT64_MAX)
		uv_timer_stop(server->timer);
	else
		uv_timer_start(server->timer, on_timer, next_ms, 0);
}

static void drive(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	uint64_t hub_ms = 0;

	server->driving = true;
	connections_expire(server);
	for (int i = 0; i < RUNS_PER_TURN; i++) {
		server->dirty = false;
		MHD_run(server->daemon);
		hub_ms = hub_tick(server->api->hub, now_mono_ns());
		if (!server->dirty &&
		    (MHD_get_timeout(server->daemon, &wait_ms) != MHD_YES || wait_ms > 0))
			break;
	}
	arm(server, connections_expire(server), hub_ms);
	server->driving = false;
}

static void on_library(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	drive(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
	struct http_server *server = timer->data;

	if (server->retry_accept_ms && server->retry_accept_ms <= uv_now(server->loop))
		server_resume_accepting(server);
	drive(server);
}

void http_server_flush(struct http_server *server)
{
	/* A handler that changes something is part of a turn already. */
	if (server && server->dirty && !server->driving)
		drive(server);
}

static int wait_too(struct http_server *server, int fd, bool wait)
{
	struct epoll_event wanted = { .events = EPOLLIN };

	return epoll_ctl(server->waits, wait ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd,
			 &wanted) < 0
		       ? -errno
		       : 0;
}

static int start_library(struct http_server *server)
{
	const union MHD_DaemonInfo *info;
	int err;

	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, exchange_handle, server, MHD_OPTION_NOTIFY_COMPLETED,
		exchange_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
		connection_notify, server, MHD_OPTION_UNESCAPE_CALLBACK,
		exchange_unescape, server, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)HTTP_CONNECTIONS_MAX + 1, MHD_OPTION_CONNECTION_TIMEOUT,
		server->api->options.embedded ? 0u : (unsigned)HTTP_STALL_S,
		MHD_OPTION_END);
	if (!server->daemon)
		return -EIO;
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	err = wait_too(server, info->epoll_fd, true);
	if (err < 0)
		return err;
	server->poll = calloc(1, sizeof(*server->poll));
	if (!server->poll)
		return -ENOMEM;
	err = uv_poll_init(server->loop, server->poll, info->epoll_fd);
	if (err < 0) {
		free(take(server->poll));
		return err;
	}
	server->poll->data = server;
	return uv_poll_start(server->poll, UV_READABLE, on_library);
}

int http_server_new(uv_loop_t *loop, struct api *api, struct http_server **ret)
{
	_cleanup_(http_server_freep) struct http_server *server =
		calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->loop = loop;
	server->api = api;
	server->accepting = true;
	server->waits = epoll_create1(EPOLL_CLOEXEC);
	if (server->waits < 0)
		return -errno;
	server->timer = calloc(1, sizeof(*server->timer));
	if (!server->timer)
		return -ENOMEM;
	uv_timer_init(loop, server->timer);
	server->timer->data = server;
	err = start_library(server);
	if (err < 0)
		return err;

	*ret = take(server);
	return 0;
}

int http_server_fd(const struct http_server *server)
{
	return server->waits;
}

static void free_door(uv_handle_t *handle)
{
	free(handle->data);
}

/* The library panics when it is stopped with connections suspended. */
static void wake_all(struct http_server *server)
{
	for (struct connection *c = server->connections; c; c = c->next) {
		c->hung_up = true;
		connection_resume(c);
	}
	for (int i = 0; i < RUNS_PER_TURN && server->dirty; i++) {
		server->dirty = false;
		MHD_run(server->daemon);
	}
}

struct http_server *http_server_free(struct http_server *server)
{
	if (!server)
		return NULL;
	server->stopping = true;
	for (size_t i = 0; i < server->n_doors; i++) {
		uv_close((uv_handle_t *)&server->doors[i]->poll, free_door);
		listener_close(&server->doors[i]->listener);
	}
	if (server->poll)
		uv_close((uv_handle_t *)server->poll, free_handle);
	if (server->timer)
		uv_close((uv_handle_t *)server->timer, free_handle);
	if (server->daemon) {
		wake_all(server);
		MHD_stop_daemon(server->daemon);
	}
	close_fd(server->waits);
	access_rules_done(&server->rules);
	free(server);
	return NULL;
}

static void on_knock(uv_poll_t *poll, int status, int events)
{
	struct door *door = poll->data;
	struct http_server *server = door->server;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN && server->accepting; i++) {
		int fd = accept4(door->listener.fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			connection_admit(server, door->listener.policy, fd, door->group);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			 errno == ENOBUFS)
			server_pause_accepting(server, 1000);
		else if (errno != ECONNABORTED && errno != EINTR)
			break;
	}
	drive(server);
}

/* Look for whoever knocks there, or leave them waiting.  -errno. */
static int attend(struct door *door, bool wait)
{
	/* Without, they are answered a batch of records later. */
	(void)wait_too(door->server, door->listener.fd, wait);
	return wait ? uv_poll_start(&door->poll, UV_READABLE, on_knock)
		    : uv_poll_stop(&door->poll);
}

void server_pause_accepting(struct http_server *server, uint64_t retry_ms)
{
	server->accepting = false;
	server->retry_accept_ms = retry_ms ? uv_now(server->loop) + retry_ms : 0;
	for (size_t i = 0; i < server->n_doors; i++)
		attend(server->doors[i], false);
}

void server_resume_accepting(struct http_server *server)
{
	if (server->accepting)
		return;
	server->accepting = true;
	server->retry_accept_ms = 0;
	for (size_t i = 0; i < server->n_doors; i++)
		attend(server->doors[i], true);
}

int http_server_listen(struct http_server *server, struct listener *listener, gid_t group)
{
	struct door *door = calloc(1, sizeof(*door));
	int err = -ENOMEM;

	if (door)
		err = server->n_doors == HTTP_LISTENERS_MAX ? -ENOSPC : 0;
	if (err == 0)
		err = uv_poll_init(server->loop, &door->poll, listener->fd);
	if (err < 0) {
		free(door);
		listener_close(listener);
		return err;
	}
	door->server = server;
	door->listener = *listener;
	door->group = group;
	door->poll.data = door;
	*listener = (struct listener){ .fd = -EBADF };
	server->doors[server->n_doors++] = door;
	return server->accepting ? attend(door, true) : 0;
}

void http_server_unlisten(struct http_server *server, const struct policy *policy)
{
	size_t left = 0;

	for (size_t i = 0; i < server->n_doors; i++) {
		struct door *door = server->doors[i];

		if (door->listener.policy != policy) {
			server->doors[left++] = door;
			continue;
		}
		uv_close((uv_handle_t *)&door->poll, free_door);
		listener_close(&door->listener);
	}
	server->n_doors = left;
	for (struct connection *c = server->connections; c; c = c->next)
		if (c->policy == policy)
			connection_end(c);
}

void http_server_set_rules(struct http_server *server, struct access_rules *rules)
{
	access_rules_done(&server->rules);
	server->rules = *rules;
	*rules = (struct access_rules){ 0 };
}

int http_server_adopt(struct http_server *server, int fd, gid_t group,
		      void (*closed)(void *arg), void *arg)
{
	int err = connection_admit(server, &policy_embedded, fd, group);

	if (err < 0)
		return err;
	server->closed = closed;
	server->closed_arg = arg;
	drive(server);
	return 0;
}
