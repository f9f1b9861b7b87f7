// SPDX-License-Identifier: GPL-2.0-only
/* GET /available?port=8000&n=3 */
#include <errno.h>

#include "base/strings.h"
#include "http/routes.h"
#include "service/available.h"

/* A number from 1 to 65535; *ret stays where it is not given. */
static int read_number(const struct request *req, const char *key, uint64_t *ret,
		       struct reply *reply)
{
	const char *text = request_arg(req, key, 0);

	if (!text)
		return 0;
	if (parse_u64(text, UINT16_MAX, ret) == 0 && *ret > 0)
		return 0;
	reply_problem(reply, 400, "%s is a number from 1 to 65535, not %.80s", key, text);
	return -EINVAL;
}

int handle_available(const struct request *req, struct reply *reply)
{
	const struct settings *settings =
		registry_get_settings(engine_world(req->api->engine)->registry);
	_cleanup_(freep) uint16_t *ports = NULL;
	uint64_t from = 0, wanted = 1;
	struct doc *doc, *array;
	uint16_t low, high;
	int n;

	if (read_number(req, "port", &from, reply) < 0 ||
	    read_number(req, "n", &wanted, reply) < 0)
		return 0;
	low = from ? (uint16_t)from : settings->port_low;
	high = from ? UINT16_MAX : settings->port_high;
	ports = calloc(wanted, sizeof(*ports));
	if (!ports)
		return -ENOMEM;
	n = available_find(req->api->engine, low, high, wanted, ports);
	if (n < 0)
		return n;

	doc = doc_schema("available");
	array = doc_array();
	doc_set_int(doc, "from", low);
	doc_set_int(doc, "to", high);
	doc_set_int(doc, "wanted", (int64_t)wanted);
	for (int i = 0; i < n; i++)
		doc_append(array, doc_int_new(ports[i]));
	doc_set(doc, "ports", array);
	return reply_doc(reply, 200, doc);
}
