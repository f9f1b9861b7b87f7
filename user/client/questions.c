// SPDX-License-Identifier: GPL-2.0-only
/* What is asked for and answered in structs; it changes nothing. */
#include <errno.h>
#include <stdio.h>

#include "client/client_private.h"
#include "client/shapes.h"

#define API "/api/ports"

void client_reply_freep(struct pw_reply **reply)
{
	*reply = pw_reply_free(*reply);
}

struct span client_body(const struct pw_reply *reply)
{
	struct span body;

	body.at = pw_reply_body(reply, &body.size);
	return body;
}

void client_add_path(struct buffer *path, const char *before, const char *segment,
		     const char *after)
{
	_cleanup_(freep) char *encoded = segment ? pw_percent_encode(segment) : NULL;

	if (!encoded) {
		path->failed = true;
		return;
	}
	buffer_puts(path, before);
	buffer_puts(path, encoded);
	buffer_puts(path, after);
}

int client_not_understood(struct pw_client *client, int err, const char *path)
{
	if (err == -EPROTO)
		return client_fail(client, err, "The answer to %s is not understood",
				   path);
	return err;
}

int client_decode(struct pw_client *client, const char *path,
		  const struct pw_reply *reply, const char *member,
		  const struct shape *shape, void *ret)
{
	struct span body = client_body(reply);
	int err = shape_decode(member ? span_member(body, member) : body, shape, ret);

	return client_not_understood(client, err, path);
}

int pw_status(struct pw_client *client, struct pw_status **ret)
{
	_cleanup_(client_reply_freep) struct pw_reply *reply = NULL;
	int err = pw_get(client, API "/status", &reply);

	if (err < 0)
		return err;
	return client_decode(client, API "/status", reply, NULL, &status_shape, ret);
}

struct pw_status *pw_status_free(struct pw_status *status)
{
	return shape_free(status);
}

int pw_service(struct pw_client *client, const char *name, struct pw_service **ret)
{
	_cleanup_(client_reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(buffer_done) struct buffer path = { 0 };
	int err;

	client_add_path(&path, API "/services/", name, "");
	if (path.failed)
		return -ENOMEM;
	err = pw_get(client, path.data, &reply);
	if (err < 0)
		return err;
	return client_decode(client, path.data, reply, "status", &service_shape, ret);
}

struct pw_service *pw_service_free(struct pw_service *service)
{
	return shape_free(service);
}

static int ask_alerts(struct pw_client *client, const char *path, const char *member,
		      const struct pw_alert *const **ret)
{
	_cleanup_(client_reply_freep) struct pw_reply *reply = NULL;
	int err = pw_get(client, path, &reply);

	if (err < 0)
		return err;
	err = shape_decode_list(span_member(client_body(reply), member), &alert_shape,
				ret);
	return client_not_understood(client, err, path);
}

int pw_conflicts(struct pw_client *client, const struct pw_alert *const **ret)
{
	return ask_alerts(client, API "/conflicts", "conflicts", ret);
}

int pw_alerts(struct pw_client *client, const struct pw_alert *const **ret)
{
	return ask_alerts(client, API "/alerts", "alerts", ret);
}

const struct pw_alert *const *pw_alerts_free(const struct pw_alert *const *alerts)
{
	return shape_free(alerts);
}

int pw_available(struct pw_client *client, uint16_t from, size_t n, uint16_t *ports)
{
	_cleanup_(client_reply_freep) struct pw_reply *reply = NULL;
	struct span list, number;
	struct reader r;
	char path[80], start[24] = "";
	size_t found = 0;
	int err;

	if (n == 0 || n > UINT16_MAX) {
		client_begin(client);
		return client_fail(client, -EINVAL, "%zu ports cannot be asked for", n);
	}
	if (from)
		snprintf(start, sizeof(start), "&port=%u", from);
	snprintf(path, sizeof(path), API "/available?n=%zu%s", n, start);
	err = pw_get(client, path, &reply);
	if (err < 0)
		return err;

	list = span_member(client_body(reply), "ports");
	reader_init(&r, list.at, list.size);
	if (!reader_enter(&r, '['))
		return client_not_understood(client, -EPROTO, path);
	while (found < n && reader_element(&r) && reader_value(&r, &number)) {
		double port = span_number(number, 0);

		if (port >= 1 && port <= UINT16_MAX)
			ports[found++] = (uint16_t)port;
	}
	return reader_failed(&r) ? client_not_understood(client, -EPROTO, path)
				 : (int)found;
}
