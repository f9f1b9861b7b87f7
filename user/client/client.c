// SPDX-License-Identifier: GPL-2.0-only
#include "client/client_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/files.h"
#include "client/reader.h"
#include "client/spawn.h"

enum {
	TIMEOUT_DEFAULT_MS = 30000,
	BODY_MAX = 256 * 1024 * 1024,
	ENGINE_PATIENCE_MS = 2000,
};

struct pw_reply {
	struct message msg;
};

/* NULL stays NULL. */
static int copy_string(const char *text, const char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

const char *pw_version(void)
{
	return PORTWATCH_VERSION;
}

int pw_client_new(const struct pw_options *options, struct pw_client **ret)
{
	struct pw_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	wire_init(&client->wire);
	client->options.mode = options->mode;
	client->wire.timeout_ms =
		options->timeout_ms ? options->timeout_ms : TIMEOUT_DEFAULT_MS;
	if (copy_string(options->socket ? options->socket : PW_SOCKET_DEFAULT,
			&client->options.socket) < 0 ||
	    copy_string(options->registry, &client->options.registry) < 0 ||
	    copy_string(options->engine, &client->options.engine) < 0) {
		pw_client_free(client);
		return -ENOMEM;
	}
	client_begin(client);

	*ret = client;
	return 0;
}

int pw_client_new_from_fd(int fd, const struct pw_options *options,
			  struct pw_client **ret)
{
	int err = pw_client_new(options, ret);

	if (err < 0) {
		close_fd(fd);
		return err;
	}
	(*ret)->adopted = true;
	wire_attach(&(*ret)->wire, fd);
	return 0;
}

struct pw_client *pw_client_free(struct pw_client *client)
{
	if (!client)
		return NULL;
	wire_done(&client->wire);
	if (client->engine > 0 && !client->abandoned)
		spawn_reap(client->engine, client->patience_ms ? client->patience_ms
							       : ENGINE_PATIENCE_MS);
	free((char *)client->options.socket);
	free((char *)client->options.registry);
	free((char *)client->options.engine);
	buffer_done(&client->problem_text);
	buffer_done(&client->problem_body);
	free(client);
	return NULL;
}

void pw_client_abandon(struct pw_client *client)
{
	client->abandoned = true;
}

void pw_client_on_waiting(struct pw_client *client, pw_waiting_fn fn, void *arg)
{
	client->wire.waiting = fn;
	client->wire.waiting_arg = arg;
}

bool pw_client_is_local(const struct pw_client *client)
{
	return client->engine > 0;
}

const struct pw_problem *pw_client_problem(const struct pw_client *client)
{
	return &client->problem;
}

void client_begin(struct pw_client *client)
{
	buffer_done(&client->problem_text);
	buffer_done(&client->problem_body);
	client->problem = (struct pw_problem){ .text = "", .body = "" };
}

static void publish_text(struct pw_client *client)
{
	if (client->problem_text.data && !client->problem_text.failed)
		client->problem.text = client->problem_text.data;
}

int client_fail(struct pw_client *client, int err, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buffer_done(&client->problem_text);
	buffer_puts(&client->problem_text, text);
	publish_text(client);
	return err;
}

/* An engine that has gone says more by how it went than a broken connection does. */
static int engine_gone(struct pw_client *client)
{
	char how[80];

	if (spawn_describe_end(client->engine, how, sizeof(how)))
		client->engine = 0;
	return client_fail(client, -ECONNRESET, "portwatchd closed the connection %s",
			   how);
}

int client_broken(struct pw_client *client, int err, const char *path)
{
	if (err == -EINVAL)
		return client_fail(client, err, "%s cannot be asked for", path);
	wire_close(&client->wire);
	switch (err) {
	case -ECONNRESET:
		if (client->engine > 0)
			return engine_gone(client);
		return client_fail(client, err, "The daemon closed the connection");
	case -ETIMEDOUT:
		return client_fail(client, err, "No answer to %s within %u ms", path,
				   client->wire.timeout_ms);
	case -EPROTO:
		return client_fail(client, err, "What answers %s does not speak HTTP",
				   path);
	case -EMSGSIZE:
		return client_fail(client, err, "The answer to %s is too large", path);
	default:
		return client_fail(client, err, "Cannot ask for %s: %s", path,
				   strerror(-err));
	}
}

static int errno_of_status(unsigned status)
{
	switch (status) {
	case 401:
	case 403:
		return -EPERM;
	case 404:
		return -ENOENT;
	case 405:
	case 501:
		return -EOPNOTSUPP;
	case 408:
	case 504:
		return -ETIMEDOUT;
	case 409:
		return -EADDRINUSE;
	case 413:
		return -E2BIG;
	case 422:
		return -EBADMSG;
	case 429:
	case 503:
		return -EAGAIN;
	default:
		return status >= 400 && status < 500 ? -EINVAL : -EIO;
	}
}

int client_refused(struct pw_client *client)
{
	struct message *msg = &client->wire.msg;
	struct span body, text;

	client->problem.status = msg->status;
	client->problem_body = msg->body;
	msg->body = (struct buffer){ 0 };
	if (client->problem_body.data) {
		client->problem.body = client->problem_body.data;
		client->problem.size = client->problem_body.size;
	}
	body = (struct span){ client->problem.body, client->problem.size };
	text = span_member(body, "detail");
	if (!span_is_string(text))
		text = span_member(body, "title");
	if (span_is_string(text))
		span_unescape(text, &client->problem_text);
	else
		buffer_printf(&client->problem_text, "The daemon answered %u %s",
			      msg->status, http_status_str(msg->status));
	publish_text(client);
	return errno_of_status(msg->status);
}

/* -ENOENT, -ENOTDIR, -ECONNREFUSED, -EACCES: nobody answers there for us. */
static int connect_socket(const char *path, unsigned timeout_ms, int *ret)
{
	_cleanup_(close_fdp) int fd = -EBADF;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	/* Bounds how long connect(2) waits for room in the listener's backlog. */
	struct timeval timeout = { .tv_sec = timeout_ms / 1000,
				   .tv_usec = timeout_ms % 1000 * 1000 };

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		if (errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret = fd;
	fd = -EBADF;
	return 0;
}

static bool is_nobody(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ECONNREFUSED ||
	       err == -EACCES;
}

static int connect_daemon(struct pw_client *client)
{
	const char *path = client->options.socket;
	int fd = -EBADF, err;

	err = connect_socket(path, client->wire.timeout_ms, &fd);
	if (err == 0) {
		wire_attach(&client->wire, fd);
		return 0;
	}
	if (err == -EACCES)
		return client_fail(client, err,
				   "Not permitted to connect to %s: become root or join "
				   "its group",
				   path);
	client_fail(client, err, "Nobody answers on %s: %s", path, strerror(-err));
	return is_nobody(err) ? -ECONNREFUSED : err;
}

static int connect_engine(struct pw_client *client)
{
	_cleanup_(freep) char *engine = NULL;
	int fd = -EBADF, err;

	if (client->engine > 0)
		spawn_reap(client->engine, ENGINE_PATIENCE_MS);
	client->engine = 0;
	if (client->options.engine)
		engine = strdup(client->options.engine);
	err = client->options.engine ? engine ? 0 : -ENOMEM : spawn_find_engine(&engine);
	if (err == -ENOPKG)
		return client_fail(client, err,
				   "portwatchd is neither beside portwatch, nor in "
				   "../sbin, ../libexec or PATH: install it");
	if (err == 0)
		err = spawn_engine(engine, client->options.registry, &client->engine,
				   &fd);
	if (err < 0)
		return client_fail(client, err, "Cannot start %s: %s",
				   engine ? engine : "portwatchd", strerror(-err));
	wire_attach(&client->wire, fd);
	return 0;
}

int pw_client_connect(struct pw_client *client)
{
	int err;

	if (client->wire.fd >= 0)
		return 0;
	if (client->adopted)
		return client_fail(client, -ENOTCONN, "The connection was closed");
	if (client->options.mode == PW_LOCAL)
		return connect_engine(client);
	err = connect_daemon(client);
	if (client->options.mode == PW_AUTO && (err == -ECONNREFUSED || err == -EACCES)) {
		client_begin(client);
		err = connect_engine(client);
	}
	return err;
}

static int send_and_await(struct pw_client *client, const struct request *request)
{
	int err = wire_send(&client->wire, request);

	return err < 0 ? err : wire_await_headers(&client->wire);
}

int client_ask(struct pw_client *client, const struct request *request)
{
	struct wire *wire = &client->wire;
	bool idle, again;
	int err;

	if (client->streaming)
		return client_fail(client, -EBUSY, "A stream is open");
	client_begin(client);
	if (!wire->reusable)
		wire_close(wire);
	err = pw_client_connect(client);
	if (err < 0)
		return err;

	idle = wire->answered > 0;
	err = send_and_await(client, request);
	/* A server closes what is idle for too long.  What changes nothing is asked again
	 * on a new connection; of the rest nobody knows whether it was done. */
	again = err == -ECONNRESET && idle && !wire->begun && !client->adopted &&
		client->engine == 0 && strcmp(request->method, "GET") == 0;
	if (again) {
		wire_close(wire);
		err = pw_client_connect(client);
		if (err < 0)
			return err;
		err = send_and_await(client, request);
	}
	return err < 0 ? client_broken(client, err, request->path) : 0;
}

int pw_request(struct pw_client *client, const char *method, const char *path,
	       const char *body, size_t size, struct pw_reply **ret)
{
	struct request request = { .method = method,
				   .path = path,
				   .accept = JSON_TYPE ", " PROBLEM_TYPE,
				   .body = body,
				   .size = size };
	struct pw_reply *reply;
	int err;

	client->wire.body_max = BODY_MAX;
	err = client_ask(client, &request);
	if (err < 0)
		return err;
	err = wire_await_message(&client->wire);
	if (err < 0)
		return client_broken(client, err, path);
	if (client->wire.msg.status >= 300)
		return client_refused(client);

	reply = malloc(sizeof(*reply));
	if (!reply)
		return -ENOMEM;
	reply->msg = client->wire.msg;
	client->wire.msg = (struct message){ 0 };
	*ret = reply;
	return 0;
}

int pw_get(struct pw_client *client, const char *path, struct pw_reply **ret)
{
	return pw_request(client, "GET", path, NULL, 0, ret);
}

struct pw_reply *pw_reply_free(struct pw_reply *reply)
{
	if (reply)
		message_done(&reply->msg);
	free(reply);
	return NULL;
}

unsigned pw_reply_status(const struct pw_reply *reply)
{
	return reply->msg.status;
}

const char *pw_reply_body(const struct pw_reply *reply, size_t *ret_size)
{
	if (ret_size)
		*ret_size = reply->msg.body.size;
	return reply->msg.body.data ? reply->msg.body.data : "";
}

const char *pw_reply_header(const struct pw_reply *reply, const char *name)
{
	return message_header(&reply->msg, name);
}

char *pw_percent_encode(const char *text)
{
	static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-._~";
	struct buffer encoded = { 0 };

	buffer_puts(&encoded, "");
	for (; *text; text++) {
		if (strchr(kept, *text))
			buffer_add(&encoded, text, 1);
		else
			buffer_printf(&encoded, "%%%02X", (unsigned char)*text);
	}
	if (encoded.failed)
		buffer_done(&encoded);
	return encoded.data;
}

void client_be_patient(struct pw_client *client, unsigned ms)
{
	client->patience_ms = ms;
}
