// SPDX-License-Identifier: GPL-2.0-only
/* What changes something: ends processes, edits the registry, hands out ports. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/client_private.h"
#include "client/json_text.h"
#include "client/shapes.h"

#define API "/api/ports"

/* Takes the text of the body; *ret is owned. */
static int change(struct pw_client *client, const char *method, struct buffer *path,
		  struct buffer *body, struct pw_reply **ret)
{
	if (path->failed || body->failed)
		return -ENOMEM;
	return pw_request(client, method, path->data, body->data, body->size, ret);
}

/* ":80/udp" is /ports/80/kill, with the protocol in the body. */
static void add_kill_path(const char *target, struct buffer *path, const char **ret_proto)
{
	_cleanup_(freep) char *port = NULL;
	const char *slash = strchr(target, '/');

	*ret_proto = NULL;
	if (target[0] == ':') {
		port = strndup(target + 1,
			       slash ? (size_t)(slash - target) - 1 : strlen(target + 1));
		*ret_proto = slash ? slash + 1 : NULL;
		client_add_path(path, API "/ports/", port, "/kill");
	} else if (starts_with(target, "pid:")) {
		client_add_path(path, API "/processes/", target + 4, "/kill");
	} else {
		client_add_path(path, API "/services/", target, "/kill");
	}
}

static void add_kill_body(const struct pw_kill_options *options, const char *proto,
			  struct buffer *body)
{
	char grace[24];

	snprintf(grace, sizeof(grace), "%ums", options->grace_ms);
	json_begin(body);
	json_text(body, "signal", options->signal);
	json_text(body, "grace", options->grace_ms ? grace : NULL);
	json_flag(body, "force", options->force);
	json_flag(body, "sockets", options->sockets);
	json_flag(body, "dry_run", options->dry_run);
	json_text(body, "proto", proto);
	json_end(body);
}

int pw_kill(struct pw_client *client, const char *target,
	    const struct pw_kill_options *options, struct pw_killed **ret)
{
	static const struct pw_kill_options defaults = { 0 };
	_cleanup_(client_reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(buffer_done) struct buffer path = { 0 }, body = { 0 };
	const char *proto;
	int err;

	add_kill_path(target, &path, &proto);
	add_kill_body(options ? options : &defaults, proto, &body);
	err = change(client, "POST", &path, &body, &reply);
	if (err < 0)
		return err;
	err = client_decode(client, path.data, reply, NULL, &killed_shape, ret);
	if (err < 0)
		return err;
	return streq((*ret)->outcome, "done") || streq((*ret)->outcome, "planned");
}

struct pw_killed *pw_killed_free(struct pw_killed *killed)
{
	return shape_free(killed);
}

int pw_reassign(struct pw_client *client, const char *name, uint16_t port, bool force)
{
	_cleanup_(client_reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(buffer_done) struct buffer path = { 0 }, body = { 0 };

	client_add_path(&path, API "/services/", name, "/reassign");
	json_begin(&body);
	json_number(&body, "port", port);
	json_flag(&body, "force", force);
	json_end(&body);
	return change(client, "POST", &path, &body, &reply);
}

int pw_allocate(struct pw_client *client, const char *name,
		const struct pw_allocate_options *options, struct pw_allocation **ret)
{
	static const struct pw_allocate_options defaults = { 0 };
	_cleanup_(client_reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(buffer_done) struct buffer path = { 0 }, body = { 0 };
	char ttl[32];
	int err;

	if (!options)
		options = &defaults;
	snprintf(ttl, sizeof(ttl), "%jums", (uintmax_t)options->ttl_ms);
	buffer_puts(&path, API "/allocations");
	json_begin(&body);
	json_text(&body, "service_name", name);
	json_text(&body, "proto", options->udp ? "udp" : "tcp");
	json_text(&body, "purpose", options->purpose);
	json_text(&body, "started_by", options->started_by);
	json_text(&body, "ttl", options->ttl_ms ? ttl : NULL);
	if (options->port)
		json_number(&body, "port", options->port);
	if (options->pid)
		json_number(&body, "pid", options->pid);
	json_end(&body);
	err = change(client, "POST", &path, &body, &reply);
	if (err < 0)
		return err;
	return client_decode(client, path.data, reply, "allocation", &allocation_shape,
			     ret);
}

struct pw_allocation *pw_allocation_free(struct pw_allocation *allocation)
{
	return shape_free(allocation);
}

int pw_release(struct pw_client *client, uint16_t port, bool udp)
{
	_cleanup_(client_reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(buffer_done) struct buffer path = { 0 }, body = { 0 };

	buffer_printf(&path, API "/allocations/%u?proto=%s", port, udp ? "udp" : "tcp");
	json_begin(&body);
	json_end(&body);
	return change(client, "DELETE", &path, &body, &reply);
}
