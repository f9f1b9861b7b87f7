// SPDX-License-Identifier: GPL-2.0-only
/* "allocations": a map whose names are ports, "8000" or "8000/udp". */
#include "json/decode.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static int read_pid(struct decoder *d, const struct doc *value, void *target)
{
	uint64_t pid;
	int err = decode_u64(d, value, &pid);

	if (err < 0)
		return err;
	if (pid > INT32_MAX)
		return decode_fail(d, NULL, "%ju is not a PID", (uintmax_t)pid);
	*(pid_t *)target = (pid_t)pid;
	return 0;
}

#define ALLOCATION(member) offsetof(struct allocation, member)

static const struct field allocation_fields[] = {
	{ "port", decode_port, ALLOCATION(port) },
	{ "proto", decode_proto, ALLOCATION(proto) },
	{ "service_name", decode_name, ALLOCATION(service_name) },
	{ "started_by", decode_string, ALLOCATION(started_by) },
	{ "purpose", decode_string, ALLOCATION(purpose) },
	{ "pid", read_pid, ALLOCATION(process.pid) },
	{ "start_ticks", decode_u64, ALLOCATION(process.start_ticks) },
	{ "allocated_at", decode_time, ALLOCATION(allocated_ns) },
	{ "claimed_at", decode_time, ALLOCATION(claimed_ns) },
	{ "expires_at", decode_time, ALLOCATION(expires_ns) },
	{ "health_status", decode_string, ALLOCATION(health_status) },
	{ "request_count", decode_u64, ALLOCATION(request_count) },
	{ "error_count", decode_u64, ALLOCATION(error_count) },
	{ NULL, NULL, 0 },
};

/* 0, or -EINVAL where the name is no port. */
static int parse_key(const char *key, uint16_t *ret_port, uint16_t *ret_proto)
{
	const char *slash = strchrnul(key, '/');
	char digits[8];

	*ret_proto = IPPROTO_TCP;
	if (*slash && proto_parse(slash + 1, ret_proto) < 0)
		return -EINVAL;
	if ((size_t)(slash - key) >= sizeof(digits))
		return -EINVAL;
	snprintf(digits, sizeof(digits), "%.*s", (int)(slash - key), key);
	return port_parse(digits, ret_port) < 0 ? -EINVAL : 0;
}

int codec_allocation_place(const struct doc *member, uint16_t *ret_port,
			   uint16_t *ret_proto)
{
	const char *proto = doc_get_string(member, "proto");
	int err = parse_key(doc_key(member), ret_port, ret_proto);

	return err == 0 && proto ? proto_parse(proto, ret_proto) : err;
}

static int read_allocation(struct decoder *d, const struct doc *value,
			   struct allocation *alloc)
{
	const char *key = doc_key(value);
	char excerpt[EXCERPT];
	uint16_t port, proto;
	int err;

	if (parse_key(key, &port, &proto) < 0)
		return decode_fail_name(
			d, "name it by its port: \"8000\" or \"8000/udp\"",
			"\"%s\" is no port", decode_excerpt(key, excerpt));
	alloc->port = port;
	alloc->proto = proto;
	err = decode_object(d, value, allocation_fields, alloc);
	if (err < 0)
		return err;

	if (alloc->port != port || (strchr(key, '/') && alloc->proto != proto))
		return decode_fail(d, "make them agree",
				   "the allocation is named \"%s\" and has port %u/%s",
				   key, alloc->port, proto_name(alloc->proto));
	if (!alloc->service_name)
		return decode_fail(d, "give it a \"service_name\"",
				   "the service_name is missing");
	return 0;
}

static int read_entry(struct decoder *d, const struct doc *value)
{
	_cleanup_(allocation_freep) struct allocation *alloc = calloc(1, sizeof(*alloc));
	int err;

	if (!alloc)
		return -ENOMEM;
	err = read_allocation(d, value, alloc);
	if (err < 0)
		return err;
	err = registry_add_allocation(d->registry, take(alloc));
	if (err == -EEXIST)
		return decode_fail_name(d, "keep one of them",
					"the port is allocated twice");
	return err;
}

int decode_allocations(struct decoder *d, const struct doc *value)
{
	const struct doc *member = doc_first(value);

	if (doc_type(value) != DOC_OBJECT)
		return decode_fail_type(d, value, "an object of ports");

	for (size_t ordinal = 0; member; member = doc_next(member), ordinal++) {
		int err;

		decode_enter(d, doc_key(member), ordinal);
		err = read_entry(d, member);
		if (err < 0)
			return err;
		decode_leave(d);
	}
	return 0;
}
