// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of `ls`.  A member is made only where it is asked for, and as text at once: ten
 * thousand rows are nothing unusual.
 */
#include "json/codec.h"

#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"
#include "json/line.h"

typedef void (*set_fn)(struct buffer *to, const char *key, const struct socket_row *row);

static void set_cookie(struct buffer *to, const char *key, const struct socket_row *row)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ju", (uintmax_t)row->sock->cookie);
	line_string(to, key, digits);
}

static void set_proto(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_string(to, key, proto_name(row->sock->at.proto));
}

static void set_address(struct buffer *to, const char *key, const struct socket_row *row)
{
	char text[INET6_ADDRSTRLEN];

	line_string(to, key, endpoint_format_address(&row->sock->at, text));
}

static void set_port(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_int(to, key, row->sock->at.port);
}

static void set_netns(struct buffer *to, const char *key, const struct socket_row *row)
{
	if (row->sock->at.netns)
		line_int(to, key, row->sock->at.netns);
	else
		line_null(to, key);
}

static void set_state(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_string(to, key, socket_state_name(row->sock->state));
}

static void set_reuseport(struct buffer *to, const char *key,
			  const struct socket_row *row)
{
	line_bool(to, key, row->sock->flags & SOCKET_REUSEPORT);
}

static void set_reuseaddr(struct buffer *to, const char *key,
			  const struct socket_row *row)
{
	line_bool(to, key, row->sock->flags & SOCKET_REUSEADDR);
}

static void set_v6only(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_bool(to, key, row->sock->flags & SOCKET_V6ONLY);
}

static void set_mptcp(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_bool(to, key, row->sock->flags & SOCKET_MPTCP);
}

static void set_scope(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_string(to, key, scope_name(endpoint_scope(&row->sock->at)));
}

static void set_since(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_time(to, key, row->sock->since_ns);
}

static void set_age(struct buffer *to, const char *key, const struct socket_row *row)
{
	uint64_t since = row->sock->since_ns;

	if (!since)
		line_null(to, key);
	else
		line_int(to, key,
			 row->wall_ns > since
				 ? (int64_t)((row->wall_ns - since) / NS_PER_S)
				 : 0);
}

static void set_source(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_string(to, key, source_name(row->sock->source));
}

static void set_process(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_doc(to, key, codec_encode_process(row->sock->owner, row->viewer));
}

static void set_pid(struct buffer *to, const char *key, const struct socket_row *row)
{
	if (row->sock->owner)
		line_int(to, key, row->sock->owner->info.id.pid);
	else
		line_null(to, key);
}

static void set_comm(struct buffer *to, const char *key, const struct socket_row *row)
{
	const struct process *owner = row->sock->owner;

	line_string(to, key, owner && owner->info.comm[0] ? owner->info.comm : NULL);
}

/* The owner first, then who else was found to hold it. */
static void set_holders(struct buffer *to, const char *key, const struct socket_row *row)
{
	const struct socket *sock = row->sock;
	struct doc *array = doc_array();

	if (sock->owner && !sock->owner->exited)
		doc_append(array, codec_encode_process(sock->owner, row->viewer));
	for (size_t i = 0; i < sock->n_holders; i++)
		if (sock->holders[i] != sock->owner)
			doc_append(array,
				   codec_encode_process(sock->holders[i], row->viewer));
	line_doc(to, key, array);
}

static void set_service(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_string(to, key, row->service);
}

static void set_unit(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_string(to, key, row->sock->owner ? row->sock->owner->info.unit : NULL);
}

static void set_container(struct buffer *to, const char *key,
			  const struct socket_row *row)
{
	line_string(to, key, row->sock->owner ? row->sock->owner->info.container : NULL);
}

static void set_user(struct buffer *to, const char *key, const struct socket_row *row)
{
	line_string(to, key, row->sock->owner ? row->sock->owner->info.user : NULL);
}

static void set_uid(struct buffer *to, const char *key, const struct socket_row *row)
{
	uid_t uid = row->sock->uid;

	if (uid == (uid_t)-1 && row->sock->owner)
		uid = row->sock->owner->info.uid;
	if (uid == (uid_t)-1)
		line_null(to, key);
	else
		line_int(to, key, uid);
}

static const struct {
	const char *name;
	set_fn set;
} members[] = {
	{ "cookie", set_cookie },
	{ "proto", set_proto },
	{ "address", set_address },
	{ "port", set_port },
	{ "netns", set_netns },
	{ "state", set_state },
	{ "reuseport", set_reuseport },
	{ "reuseaddr", set_reuseaddr },
	{ "v6only", set_v6only },
	{ "mptcp", set_mptcp },
	{ "scope", set_scope },
	{ "since", set_since },
	{ "age_s", set_age },
	{ "source", set_source },
	{ "process", set_process },
	{ "holders", set_holders },
	{ "service", set_service },
	{ "unit", set_unit },
	{ "container", set_container },
	{ "user", set_user },
	{ "uid", set_uid },
	{ "pid", set_pid },
	{ "comm", set_comm },
};

enum { MEMBERS = sizeof(members) / sizeof(members[0]) };
_Static_assert(MEMBERS < 32, "codec_socket_members() has a bit for each");

uint32_t codec_socket_members(const char *const *fields)
{
	uint32_t wanted = 0;

	if (!fields)
		return UINT32_MAX;
	for (; *fields; fields++)
		for (size_t i = 0; i < MEMBERS; i++)
			if (streq(members[i].name, *fields))
				wanted |= 1u << i;
	return wanted;
}

void codec_print_socket(const struct socket_row *row, uint32_t wanted, struct buffer *ret)
{
	line_begin(ret);
	for (size_t i = 0; i < MEMBERS; i++)
		if (wanted & 1u << i)
			members[i].set(ret, members[i].name, row);
	line_end(ret);
}

struct doc *codec_encode_socket(const struct socket *sock, const char *service,
				uint64_t wall_ns, const char *const *fields,
				const struct viewer *viewer)
{
	const struct socket_row row = { sock, service, wall_ns, viewer };
	_cleanup_(buffer_done) struct buffer text = { 0 };

	if (!sock)
		return doc_string_new(NULL);
	codec_print_socket(&row, codec_socket_members(fields), &text);
	return text.failed ? NULL : doc_parse(text.data, text.size, NULL);
}
