// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of `ls`.  A member is made only where it is asked for: ten thousand rows of three
 * members cost a tenth of the same rows with everything.
 */
#include "json/codec.h"

#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

struct row {
	const struct socket *sock;
	const char *service;
	uint64_t wall_ns;
	const struct viewer *viewer;
};

typedef void (*set_fn)(struct doc *doc, const char *key, const struct row *row);

static void set_cookie(struct doc *doc, const char *key, const struct row *row)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ju", (uintmax_t)row->sock->cookie);
	doc_put_string(doc, key, digits);
}

static void set_proto(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_string(doc, key, proto_name(row->sock->at.proto));
}

static void set_address(struct doc *doc, const char *key, const struct row *row)
{
	char text[INET6_ADDRSTRLEN];

	doc_put_string(doc, key, endpoint_format_address(&row->sock->at, text));
}

static void set_port(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_int(doc, key, row->sock->at.port);
}

static void set_netns(struct doc *doc, const char *key, const struct row *row)
{
	if (row->sock->at.netns)
		doc_put_int(doc, key, row->sock->at.netns);
	else
		doc_put_null(doc, key);
}

static void set_state(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_string(doc, key, socket_state_name(row->sock->state));
}

static void set_reuseport(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_bool(doc, key, row->sock->flags & SOCKET_REUSEPORT);
}

static void set_reuseaddr(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_bool(doc, key, row->sock->flags & SOCKET_REUSEADDR);
}

static void set_v6only(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_bool(doc, key, row->sock->flags & SOCKET_V6ONLY);
}

static void set_mptcp(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_bool(doc, key, row->sock->flags & SOCKET_MPTCP);
}

static void set_scope(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_string(doc, key, scope_name(endpoint_scope(&row->sock->at)));
}

static void set_since(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_time(doc, key, row->sock->since_ns);
}

static void set_age(struct doc *doc, const char *key, const struct row *row)
{
	uint64_t since = row->sock->since_ns;

	if (!since)
		doc_put_null(doc, key);
	else
		doc_put_int(doc, key,
			    row->wall_ns > since
				    ? (int64_t)((row->wall_ns - since) / NS_PER_S)
				    : 0);
}

static void set_source(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_string(doc, key, source_name(row->sock->source));
}

static void set_process(struct doc *doc, const char *key, const struct row *row)
{
	doc_put(doc, key, codec_encode_process(row->sock->owner, row->viewer));
}

static void set_pid(struct doc *doc, const char *key, const struct row *row)
{
	if (row->sock->owner)
		doc_put_int(doc, key, row->sock->owner->info.id.pid);
	else
		doc_put_null(doc, key);
}

static void set_comm(struct doc *doc, const char *key, const struct row *row)
{
	const struct process *owner = row->sock->owner;

	doc_put_string(doc, key, owner && owner->info.comm[0] ? owner->info.comm : NULL);
}

/* The owner first, then who else was found to hold it. */
static void set_holders(struct doc *doc, const char *key, const struct row *row)
{
	const struct socket *sock = row->sock;
	struct doc *array = doc_array();

	if (sock->owner && !sock->owner->exited)
		doc_append(array, codec_encode_process(sock->owner, row->viewer));
	for (size_t i = 0; i < sock->n_holders; i++)
		if (sock->holders[i] != sock->owner)
			doc_append(array,
				   codec_encode_process(sock->holders[i], row->viewer));
	doc_put(doc, key, array);
}

static void set_service(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_string(doc, key, row->service);
}

static void set_unit(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_string(doc, key, row->sock->owner ? row->sock->owner->info.unit : NULL);
}

static void set_container(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_string(doc, key,
		       row->sock->owner ? row->sock->owner->info.container : NULL);
}

static void set_user(struct doc *doc, const char *key, const struct row *row)
{
	doc_put_string(doc, key, row->sock->owner ? row->sock->owner->info.user : NULL);
}

static void set_uid(struct doc *doc, const char *key, const struct row *row)
{
	uid_t uid = row->sock->uid;

	if (uid == (uid_t)-1 && row->sock->owner)
		uid = row->sock->owner->info.uid;
	if (uid == (uid_t)-1)
		doc_put_null(doc, key);
	else
		doc_put_int(doc, key, uid);
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

/* A bit for each member that is named.  Names mostly come in the order of the table, so
 * the search for one begins behind the last: this is asked for every row. */
static uint32_t select_members(const char *const *fields)
{
	uint32_t wanted = 0;
	size_t at = 0;

	if (!fields)
		return UINT32_MAX;
	for (; *fields; fields++)
		for (size_t tried = 0; tried < MEMBERS; tried++) {
			const char *name = members[at].name;
			uint32_t bit = 1u << at;

			at = at + 1 < MEMBERS ? at + 1 : 0;
			if (name[0] != **fields || !streq(name, *fields))
				continue;
			wanted |= bit;
			break;
		}
	return wanted;
}

struct doc *codec_encode_socket(const struct socket *sock, const char *service,
				uint64_t wall_ns, const char *const *fields,
				const struct viewer *viewer)
{
	const struct row row = { sock, service, wall_ns, viewer };
	uint32_t wanted;
	struct doc *doc;

	if (!sock)
		return doc_string_new(NULL);
	wanted = select_members(fields);
	doc = doc_object();
	for (size_t i = 0; i < MEMBERS; i++)
		if (wanted & 1u << i)
			members[i].set(doc, members[i].name, &row);
	return doc;
}
