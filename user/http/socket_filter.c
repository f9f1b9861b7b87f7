// SPDX-License-Identifier: GPL-2.0-only
#include "http/socket_filter.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int parse_port(const char *text, struct socket_filter *ret)
{
	char copy[16], *dash;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	dash = strchr(copy, '-');
	if (dash)
		*dash = '\0';
	if (port_parse(copy, &ret->port_low) < 0 ||
	    port_parse(dash ? dash + 1 : copy, &ret->port_high) < 0 ||
	    ret->port_low > ret->port_high)
		return -EINVAL;
	ret->has_port = true;
	return 0;
}

static int parse_state(const char *text, struct socket_filter *ret)
{
	for (unsigned state = SOCKET_BOUND; state <= SOCKET_CONNECTED; state++) {
		if (streq(socket_state_name((enum socket_state)state), text)) {
			ret->state = (enum socket_state)state;
			ret->has_state = true;
			return 0;
		}
	}
	return -EINVAL;
}

/* An inode number, or a name as `ip netns` has it. */
static int parse_netns(const char *text, struct socket_filter *ret)
{
	char path[PATH_MAX];
	struct stat st;
	uint64_t inode;

	if (parse_u64(text, UINT32_MAX, &inode) < 0) {
		if (!service_name_is_valid(text) || streq(text, ".") || streq(text, ".."))
			return -EINVAL;
		snprintf(path, sizeof(path), "/run/netns/%s", text);
		if (stat(path, &st) < 0)
			return -EINVAL;
		inode = st.st_ino;
	}
	ret->netns = (uint32_t)inode;
	ret->has_netns = true;
	return 0;
}

static int parse_pid(const char *text, struct socket_filter *ret)
{
	uint64_t pid;

	if (parse_u64(text, INT_MAX, &pid) < 0 || pid == 0)
		return -EINVAL;
	ret->pid = (pid_t)pid;
	return 0;
}

static int parse_proto(const char *text, struct socket_filter *ret)
{
	ret->has_proto = true;
	return proto_parse(text, &ret->proto);
}

static int parse_one(const char *key, const char *value, struct socket_filter *ret)
{
	if (streq(key, "port"))
		return parse_port(value, ret);
	if (streq(key, "proto"))
		return parse_proto(value, ret);
	if (streq(key, "state"))
		return parse_state(value, ret);
	if (streq(key, "pid"))
		return parse_pid(value, ret);
	if (streq(key, "netns"))
		return parse_netns(value, ret);
	if (streq(key, "user"))
		ret->user = value;
	if (streq(key, "service"))
		ret->service = value;
	return 0;
}

int socket_filter_parse(const struct request *req, struct socket_filter *ret,
			struct reply *reply)
{
	struct socket_filter filter = { 0 };

	for (size_t i = 0; i < req->n_args; i++) {
		const char *key = req->args[i].key;
		const char *value = req->args[i].value ? req->args[i].value : "";

		if (parse_one(key, value, &filter) < 0) {
			reply_problem(reply, 400, "%s cannot be %s", key,
				      *value ? value : "empty");
			return -EINVAL;
		}
	}

	*ret = filter;
	return 0;
}

static bool is_held_by(const struct socket *sock, pid_t pid)
{
	if (sock->owner && sock->owner->info.id.pid == pid)
		return true;
	for (size_t i = 0; i < sock->n_holders; i++)
		if (sock->holders[i]->info.id.pid == pid)
			return true;
	return false;
}

static bool is_of_user(const struct socket *sock, const char *user)
{
	uint64_t uid;

	if (parse_u64(user, UINT32_MAX - 1, &uid) == 0)
		return sock->uid == uid || (sock->owner && sock->owner->info.uid == uid);
	return sock->owner && streq(sock->owner->info.user, user);
}

bool socket_filter_passes(const struct socket_filter *filter, const struct socket *sock,
			  const char *service)
{
	if (filter->has_port &&
	    (sock->at.port < filter->port_low || sock->at.port > filter->port_high))
		return false;
	if (filter->has_proto && sock->at.proto != filter->proto)
		return false;
	if (filter->has_state && sock->state != filter->state)
		return false;
	if (filter->has_netns && sock->at.netns != filter->netns)
		return false;
	if (filter->service && !streq(service, filter->service))
		return false;
	if (filter->pid && !is_held_by(sock, filter->pid))
		return false;
	return !filter->user || is_of_user(sock, filter->user);
}
