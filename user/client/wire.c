// SPDX-License-Identifier: GPL-2.0-only
#include "client/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/time.h"

enum {
	RECEIVE_BYTES = 64 * 1024,
	HEADERS_MAX = 64 * 1024,
	WAITING_MS = 100, /* between two calls of the waiting function */
};

void message_done(struct message *msg)
{
	buffer_done(&msg->headers);
	buffer_done(&msg->body);
	*msg = (struct message){ 0 };
}

const char *message_header(const struct message *msg, const char *name)
{
	const char *p = msg->headers.data;

	while (p && p < msg->headers.data + msg->headers.size) {
		const char *value = p + strlen(p) + 1;

		if (strcasecmp(p, name) == 0)
			return value;
		p = value + strlen(value) + 1;
	}
	return NULL;
}

void wire_init(struct wire *wire)
{
	*wire = (struct wire){ .fd = -EBADF };
}

void wire_done(struct wire *wire)
{
	wire_close(wire);
	message_done(&wire->msg);
}

void wire_attach(struct wire *wire, int fd)
{
	wire_close(wire);
	wire->fd = fd;
	wire->answered = 0;
	wire->reusable = true;
}

void wire_close(struct wire *wire)
{
	wire->fd = close_fd(wire->fd);
	wire->reusable = false;
}

static int stop(struct wire *wire, int err)
{
	wire->error = err;
	return -1;
}

/* A name or value may come in pieces; a NUL ends each once the next begins. */
static int add_header(struct http_parser *parser, int reading, const char *at,
		      size_t size)
{
	struct wire *wire = parser->data;
	struct buffer *headers = &wire->msg.headers;

	if (memchr(at, '\0', size))
		return stop(wire, -EPROTO);
	if (headers->size + size > HEADERS_MAX)
		return stop(wire, -EMSGSIZE);
	if (wire->reading != READING_NOTHING && (int)wire->reading != reading)
		buffer_add(headers, "", 1);
	wire->reading = reading;
	buffer_add(headers, at, size);
	return headers->failed ? stop(wire, -ENOMEM) : 0;
}

static int on_header_name(struct http_parser *parser, const char *at, size_t size)
{
	return add_header(parser, READING_NAME, at, size);
}

static int on_header_value(struct http_parser *parser, const char *at, size_t size)
{
	return add_header(parser, READING_VALUE, at, size);
}

static bool is_interim(const struct http_parser *parser)
{
	return parser->status_code / 100 == 1; /* RFC 9110, 15.2: the answer follows */
}

static int on_headers_complete(struct http_parser *parser)
{
	struct wire *wire = parser->data;

	if (wire->reading != READING_NOTHING)
		buffer_add(&wire->msg.headers, "", 1);
	if (wire->msg.headers.failed)
		return stop(wire, -ENOMEM);
	wire->reading = READING_NOTHING;
	if (is_interim(parser)) {
		message_done(&wire->msg);
		return 0;
	}
	wire->msg.status = parser->status_code;
	wire->msg.has_headers = true;
	return 0;
}

static int on_body(struct http_parser *parser, const char *at, size_t size)
{
	struct wire *wire = parser->data;

	if (size > wire->body_max - wire->msg.body.size)
		return stop(wire, -EMSGSIZE);
	buffer_add(&wire->msg.body, at, size);
	return wire->msg.body.failed ? stop(wire, -ENOMEM) : 0;
}

static int on_message_complete(struct http_parser *parser)
{
	struct wire *wire = parser->data;

	if (is_interim(parser))
		return 0;
	wire->msg.complete = true;
	wire->answered++;
	wire->reusable = http_should_keep_alive(parser);
	http_parser_pause(parser, 1);
	return 0;
}

static const struct http_parser_settings callbacks = {
	.on_header_field = on_header_name,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

/* Wait until @events happen on the connection.  -ETIMEDOUT after a silence. */
static int wait_for(struct wire *wire, short events, uint64_t began_ns)
{
	uint64_t silent_ns = now_mono_ns();

	for (;;) {
		struct pollfd pfd = { .fd = wire->fd, .events = events };
		uint64_t now = now_mono_ns();
		uint64_t waited_ms = (now - silent_ns) / NS_PER_MS;
		int n, slice;

		if (waited_ms >= wire->timeout_ms)
			return -ETIMEDOUT;
		slice = (int)(wire->timeout_ms - waited_ms);
		if (wire->waiting && slice > WAITING_MS)
			slice = WAITING_MS;
		n = poll(&pfd, 1, slice);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (wire->waiting)
			wire->waiting((now_mono_ns() - began_ns) / NS_PER_MS,
				      wire->waiting_arg);
	}
}

/* What a failed send or recv means; -EAGAIN where it is only early. */
static int transport_error(int error)
{
	if (error == EPIPE || error == ECONNRESET || error == ENOTCONN)
		return -ECONNRESET;
	return error == EWOULDBLOCK ? -EAGAIN : -error;
}

static int send_all(struct wire *wire, const char *data, size_t size)
{
	uint64_t began = now_mono_ns();

	while (size > 0) {
		ssize_t n = send(wire->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		int err = n < 0 ? transport_error(errno) : 0;

		if (err == -EAGAIN)
			err = wait_for(wire, POLLOUT, began);
		if (err < 0 && err != -EINTR)
			return err;
		if (n > 0) {
			data += n;
			size -= n;
		}
	}
	return 0;
}

/* A request line ends at a space or newline, whoever wrote it. */
static bool is_token(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

static void format_request(const struct request *request, struct buffer *ret)
{
	buffer_printf(ret,
		      "%s %s HTTP/1.1\r\nHost: localhost\r\n"
		      "User-Agent: portwatch/" PORTWATCH_VERSION "\r\nAccept: %s\r\n",
		      request->method, request->path, request->accept);
	if (request->last_event_id)
		buffer_printf(ret, "Last-Event-ID: %s\r\n", request->last_event_id);
	if (request->body)
		buffer_printf(ret,
			      "Content-Type: application/json\r\n"
			      "Content-Length: %zu\r\n",
			      request->size);
	buffer_puts(ret, "\r\n");
	if (request->body)
		buffer_add(ret, request->body, request->size);
}

int wire_send(struct wire *wire, const struct request *request)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	int err;

	if (request->path[0] != '/' || !is_token(request->path) ||
	    !is_token(request->method) ||
	    (request->last_event_id && !is_token(request->last_event_id)))
		return -EINVAL;
	message_done(&wire->msg);
	http_parser_init(&wire->parser, HTTP_RESPONSE);
	wire->parser.data = wire;
	wire->reading = READING_NOTHING;
	wire->error = 0;
	wire->begun = false;

	format_request(request, &text);
	if (text.failed)
		return -ENOMEM;
	err = send_all(wire, text.data, text.size);
	/* A server may refuse a body before it has read it; its answer is waiting. */
	return err == -ECONNRESET && request->body ? 0 : err;
}

/* @size 0: the server has closed. */
static int parse(struct wire *wire, const char *data, size_t size)
{
	size_t used = http_parser_execute(&wire->parser, &callbacks, data, size);
	enum http_errno why = HTTP_PARSER_ERRNO(&wire->parser);

	if (wire->error)
		return wire->error;
	if (wire->msg.complete) {
		if (used < size)
			wire->reusable = false; /* more than was asked for */
		return 1;
	}
	if (why == HPE_INVALID_EOF_STATE || (size == 0 && why == HPE_OK))
		return -ECONNRESET;
	return why != HPE_OK || wire->parser.upgrade ? -EPROTO : 1;
}

int wire_receive(struct wire *wire)
{
	char data[RECEIVE_BYTES];
	ssize_t n;
	int err;

	do {
		n = recv(wire->fd, data, sizeof(data), MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	err = n < 0 ? transport_error(errno) : 0;
	if (err == -EAGAIN)
		return 0;
	if (err < 0)
		return err;
	wire->begun = wire->begun || n > 0;
	if (n == 0)
		wire->reusable = false;
	return parse(wire, data, n);
}

static int await(struct wire *wire, const bool *there)
{
	uint64_t began = now_mono_ns();

	while (!*there) {
		int err = wire_receive(wire);

		if (err == 0)
			err = wait_for(wire, POLLIN, began);
		if (err < 0)
			return err;
	}
	return 0;
}

int wire_await_headers(struct wire *wire)
{
	return await(wire, &wire->msg.has_headers);
}

int wire_await_message(struct wire *wire)
{
	return await(wire, &wire->msg.complete);
}
