// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET /sockets - row by row, encoded while it is sent: 100,000 rows would be a document
 * larger than everything else in the daemon together.
 */
#include <errno.h>
#include <string.h>

#include "base/time.h"
#include "http/routes.h"
#include "http/socket_filter.h"

enum { FIELDS_MAX = 32 };

struct row {
	uint64_t cookie;
	uint16_t port;
};

struct rows {
	struct producer producer;
	struct engine *engine;
	struct viewer viewer;
	uint64_t wall_ns;
	char *names;                        /* what the fields point into */
	const char *fields[FIELDS_MAX + 1]; /* ends with NULL */
	size_t n_fields;                    /* 0: all of them */
	uint32_t members;                   /* the same for the codec */
	bool needs_service, needs_process, needs_holders;
	struct socket_filter filter; /* while they are collected */
	struct row *items;
	size_t count, next;
	struct buffer text; /* made and not yet read, from offset on */
	size_t offset;
	bool begun, ended;
};

static struct rows *rows_free(struct rows *rows)
{
	if (!rows)
		return NULL;
	buffer_done(&rows->text);
	free(rows->names);
	free(rows->items);
	free(rows);
	return NULL;
}
DEFINE_CLEANUP(struct rows, rows_free)

static struct rows *of(struct producer *producer)
{
	return (struct rows *)producer; /* its first member */
}

static void close_rows(struct producer *producer)
{
	rows_free(of(producer));
}

/* What is not asked for is not looked up either. */
static void note_needs(struct rows *rows)
{
	static const char *const of_process[] = { "process", "unit",    "container",
						  "user",    "holders", NULL };

	rows->needs_service = rows->needs_process = rows->needs_holders = !rows->n_fields;
	for (size_t i = 0; i < rows->n_fields; i++) {
		const char *field = rows->fields[i];

		rows->needs_service |= streq(field, "service");
		rows->needs_holders |= streq(field, "holders");
		for (size_t k = 0; of_process[k]; k++)
			rows->needs_process |= streq(field, of_process[k]);
	}
}

/* -EINVAL with *reply filled in. */
static int parse_fields(struct rows *rows, const char *text, struct reply *reply)
{
	static const char *const known[] = {
		"cookie",    "proto",     "address", "port",    "netns",   "state",
		"reuseport", "reuseaddr", "v6only",  "mptcp",   "scope",   "since",
		"age_s",     "source",    "process", "holders", "service", "unit",
		"container", "user",      "uid",     "pid",     "comm",    NULL,
	};
	char *state, *word;

	if (!text)
		return 0;
	rows->names = strdup(text);
	if (!rows->names)
		return -ENOMEM;
	for (word = strtok_r(rows->names, ",", &state); word;
	     word = strtok_r(NULL, ",", &state)) {
		size_t k = 0;

		while (known[k] && !streq(known[k], word))
			k++;
		if (!known[k] || rows->n_fields == FIELDS_MAX) {
			reply_problem(reply, 400, "No field of a socket is called %s",
				      word);
			return -EINVAL;
		}
		rows->fields[rows->n_fields++] = word;
	}
	if (rows->n_fields == 0) {
		reply_problem(reply, 400, "fields names none");
		return -EINVAL;
	}
	return 0;
}

static const char *service_name_of(struct rows *rows, const struct socket *sock)
{
	const struct service *svc = engine_service_of(rows->engine, sock);

	return svc ? svc->name : NULL;
}

static int collect(struct socket *sock, void *arg)
{
	struct rows *rows = arg;
	const char *service = NULL;

	if (rows->filter.service)
		service = service_name_of(rows, sock);
	if (rows->filter.user && sock->owner)
		engine_complete_process(rows->engine, sock->owner);
	if (socket_filter_passes(&rows->filter, sock, service))
		rows->items[rows->count++] = (struct row){ sock->cookie, sock->at.port };
	return 0;
}

static int by_port(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->port != right->port)
		return left->port < right->port ? -1 : 1;
	return (left->cookie > right->cookie) - (left->cookie < right->cookie);
}

static void complete(struct rows *rows, struct socket *sock)
{
	if (sock->owner)
		engine_complete_process(rows->engine, sock->owner);
	for (size_t i = 0; rows->needs_holders && i < sock->n_holders; i++)
		engine_complete_process(rows->engine, sock->holders[i]);
}

static void add_row(struct rows *rows, struct socket *sock)
{
	struct socket_row row = { .sock = sock,
				  .wall_ns = rows->wall_ns,
				  .viewer = &rows->viewer };

	if (rows->needs_process || (sock->owner && !sock->owner->info.comm[0]))
		complete(rows, sock);
	if (rows->needs_service)
		row.service = service_name_of(rows, sock);
	if (rows->begun)
		buffer_add(&rows->text, ",", 1);
	rows->begun = true;
	codec_print_socket(&row, rows->members, &rows->text);
}

/* At least @size bytes more, or all that is left. */
static int make_text(struct rows *rows, size_t size)
{
	if (rows->offset) {
		rows->text.size -= rows->offset;
		memmove(rows->text.data, rows->text.data + rows->offset, rows->text.size);
		rows->offset = 0;
	}
	while (!rows->text.failed && rows->text.size < size && rows->next < rows->count) {
		struct socket *sock = sockets_find(engine_sockets(rows->engine),
						   rows->items[rows->next++].cookie);

		if (sock)
			add_row(rows, sock);
	}
	if (rows->next == rows->count && !rows->ended) {
		rows->ended = true;
		buffer_puts(&rows->text, "]}");
	}
	return rows->text.failed ? -ENOMEM : 0;
}

static ssize_t read_rows(struct producer *producer, char *buf, size_t size)
{
	struct rows *rows = of(producer);
	int err = make_text(rows, size);
	size_t n;

	if (err < 0)
		return err;
	n = rows->text.size;
	if (n == 0)
		return -ENODATA;
	if (n > size)
		n = size;
	memcpy(buf, rows->text.data, n);
	rows->offset = n;
	return (ssize_t)n;
}

static int prepare(struct rows *rows, const struct request *req, struct reply *reply)
{
	struct sockets *table = engine_sockets(rows->engine);
	int err = parse_fields(rows, request_arg(req, "fields", 0), reply);

	if (err == 0)
		err = socket_filter_parse(req, &rows->filter, reply);
	if (err < 0)
		return err;
	note_needs(rows);
	rows->members = codec_socket_members(rows->n_fields ? rows->fields : NULL);
	/* Without the right to look the owners that are known stand alone. */
	if (rows->needs_holders || rows->filter.pid)
		(void)engine_refresh_holders(rows->engine);

	rows->items = malloc((sockets_count(table) + 1) * sizeof(*rows->items));
	if (!rows->items)
		return -ENOMEM;
	sockets_each(table, collect, rows);
	qsort(rows->items, rows->count, sizeof(*rows->items), by_port);
	buffer_puts(&rows->text, "{\"schema\":\"portwatch.sockets/v1\",\"sockets\":[");
	return 0;
}

int handle_sockets(const struct request *req, struct reply *reply)
{
	_cleanup_(rows_freep) struct rows *rows = calloc(1, sizeof(*rows));
	int err;

	if (!rows)
		return -ENOMEM;
	rows->engine = req->api->engine;
	rows->viewer = req->peer->viewer;
	rows->wall_ns = now_wall_ns();
	err = prepare(rows, req, reply);
	if (err < 0)
		return reply->status ? 0 : err;
	rows->producer.read = read_rows;
	rows->producer.close = close_rows;
	*reply = (struct reply){
		.status = 200,
		.type = "application/json",
		.producer = &take(rows)->producer,
	};
	return 0;
}
