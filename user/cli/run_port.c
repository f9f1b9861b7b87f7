// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_port.h"

#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"

void run_grant_done(struct run_grant *grant)
{
	run_ports_done(&grant->ports);
	free(take(grant->since));
	grant->mark = close_fd(grant->mark);
}

static const char *proto_name_of(uint16_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : "tcp";
}

static int out_of_memory(void)
{
	log_error("Out of memory");
	return STATUS_FAILED;
}

static struct doc *parse(const struct pw_reply *reply)
{
	size_t size;
	const char *body = pw_reply_body(reply, &size);

	return doc_parse(body, size, NULL);
}

/* -- What the registry says -----------------------------------------------------------
 */

static int add_port(const struct doc *entry, struct run_ports *ports)
{
	const struct run_port port = {
		.name = (char *)doc_get_string(entry, "name"),
		.address = (char *)doc_get_string(entry, "address"),
		.port = (uint16_t)doc_get_int(entry, "port", 0),
		.proto = streq(doc_get_string(entry, "proto"), "udp") ? IPPROTO_UDP
								      : IPPROTO_TCP,
	};

	return port.port ? run_ports_add(ports, &port) : 0;
}

/* A service's ports are one number beside its protocol, or a list. */
static int add_ports(const struct doc *service, struct run_ports *ports)
{
	const struct doc *list = doc_get(service, "port");
	_cleanup_(doc_freep) struct doc *one = NULL;
	int err = 0;

	if (doc_type(list) == DOC_NUMBER) {
		one = doc_object();
		doc_set_int(one, "port", doc_get_int(service, "port", 0));
		doc_set_string(one, "proto", doc_get_string(service, "proto"));
		doc_set_string(one, "address", doc_get_string(service, "address"));
		return add_port(one, ports);
	}
	if (doc_type(list) == DOC_ARRAY)
		for (const struct doc *i = doc_first(list); i && err == 0;
		     i = doc_next(i))
			err = add_port(i, ports);
	return err;
}

int run_grant_find(struct session *session, const char *name, struct run_grant *ret)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	const struct doc *service = NULL;
	char path[128];
	int err;

	snprintf(path, sizeof(path), API "/services/%s", name);
	err = pw_get(session->client, path, &reply);
	if (err < 0 && err != -ENOENT)
		return session_complain(session, err);
	if (err == 0) {
		doc = parse(reply);
		service = doc_get(doc, "service");
	}
	*ret = (struct run_grant){ .ports.service = name, .mark = -EBADF };
	run_policy_init(&ret->policy, service);
	if (add_ports(service, &ret->ports) < 0)
		return out_of_memory();
	ret->is_registered = ret->ports.n > 0;
	ret->is_local = pw_client_is_local(session->client);
	return 0;
}

/* -- Allocating -----------------------------------------------------------------------
 */

static char *make_body(const struct run_grant *grant, const struct run_wish *wish,
		       size_t *ret_size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_object();
	const struct passwd *user = getpwuid(getuid());

	doc_set_string(doc, "service_name", grant->ports.service);
	doc_set_string(doc, "proto", proto_name_of(wish->proto));
	doc_set_string(doc, "purpose", wish->purpose);
	doc_set_string(doc, "started_by", user ? user->pw_name : NULL);
	if (wish->port)
		doc_set_int(doc, "port", wish->port);
	doc_set_int(doc, "pid", wish->pid);
	doc_set_bool(doc, "kept", wish->pid != getpid());
	return doc_print(doc, false, ret_size);
}

static int allocate(struct session *session, const struct run_wish *wish,
		    struct run_grant *grant, uint16_t *ret)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	_cleanup_(freep) char *body = NULL;
	const struct doc *alloc;
	const char *since;
	size_t size;
	int err;

	body = make_body(grant, wish, &size);
	if (!body)
		return -ENOMEM;
	err = pw_request(session->client, "POST", API "/allocations", body, size, &reply);
	if (err < 0)
		return err;
	doc = parse(reply);
	alloc = doc_get(doc, "allocation");
	since = doc_get_string(alloc, "allocated_at");
	*ret = (uint16_t)doc_get_int(alloc, "port", 0);
	grant->is_allocated = true;
	grant->since = since ? strdup(since) : NULL;
	return *ret && grant->since ? 0 : -EPROTO;
}

/* -- Without one that may keep state --------------------------------------------------
 */

/* An abstract name is of the network namespace, as a port is, and goes with us. */
static int mark(uint16_t proto, uint16_t port, int *ret)
{
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1,
			 "portwatch-run/%s/%u", proto_name_of(proto), port);

	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&addr,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) < 0)
		return -errno;
	*ret = fd;
	fd = -EBADF;
	return 0;
}

static int mark_one(const struct doc *ports, const struct run_wish *wish,
		    struct run_grant *grant, uint16_t *ret)
{
	int64_t port;

	for (const struct doc *i = doc_first(ports); i; i = doc_next(i)) {
		if (!doc_int(i, &port) || (wish->port && port != wish->port))
			continue;
		if (mark(wish->proto, (uint16_t)port, &grant->mark) < 0)
			continue;
		*ret = (uint16_t)port;
		return 0;
	}
	if (wish->port)
		log_error("Port %u is not free; 'portwatch why :%u' says why", wish->port,
			  wish->port);
	else
		log_error("No port of the managed range is free");
	return STATUS_CONFLICT;
}

static int find_free(struct session *session, const struct run_wish *wish,
		     struct run_grant *grant, uint16_t *ret)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	char path[96] = API "/available?n=65535";
	int status;

	if (wish->port)
		snprintf(path, sizeof(path), API "/available?port=%u&n=1", wish->port);
	status = session_get(session, path, &reply);
	if (status != 0)
		return status;
	doc = parse(reply);
	return mark_one(doc_get(doc, "ports"), wish, grant, ret);
}

/* Its own port is nobody's else to be given; it may be bound all the same. */
static int find_own(struct session *session, const struct run_wish *wish,
		    struct run_grant *grant, uint16_t *ret)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	char path[128];
	int status;

	snprintf(path, sizeof(path), API "/sockets?port=%u&proto=%s&fields=port,state",
		 wish->port, proto_name_of(wish->proto));
	status = session_get(session, path, &reply);
	if (status != 0)
		return status;
	doc = parse(reply);
	if (doc_count(doc_get(doc, "sockets")) > 0 ||
	    mark(wish->proto, wish->port, &grant->mark) < 0) {
		log_error("Port %u of %s is held already; 'portwatch ls port=%u' says by "
			  "whom",
			  wish->port, grant->ports.service, wish->port);
		return STATUS_CONFLICT;
	}
	*ret = wish->port;
	return 0;
}

static int take_unkept(struct session *session, const struct run_wish *wish,
		       struct run_grant *grant, uint16_t *ret)
{
	int status = grant->is_registered ? find_own(session, wish, grant, ret)
					  : find_free(session, wish, grant, ret);

	if (status == 0)
		log_info("No daemon keeps port %u for %s: it is not in the list of "
			 "allocations, others than 'portwatch run' may be given it, and "
			 "nothing watches it",
			 *ret, grant->ports.service);
	return status;
}

/* -- Both -----------------------------------------------------------------------------
 */

static struct run_wish complete(const struct run_wish *wish,
				const struct run_grant *grant)
{
	struct run_wish whole = *wish;

	if (grant->is_registered) {
		whole.port = grant->ports.items[0].port;
		whole.proto = grant->ports.items[0].proto;
	}
	return whole;
}

static void say_what_is_missing(const struct session *session,
				const struct run_grant *grant, uint16_t port)
{
	if (grant->is_local && !session->cmd->globals->local)
		log_info("No daemon answers: port %u is kept for %s in the state file, "
			 "but nothing watches it, nor gives it back should this "
			 "command be killed",
			 port, grant->ports.service);
}

int run_grant_take(struct session *session, const struct run_wish *wish,
		   struct run_grant *grant)
{
	const struct run_wish whole = complete(wish, grant);
	const struct run_port made = { .proto = whole.proto };
	uint16_t port = 0;
	int status = 0, err = allocate(session, &whole, grant, &port);

	if (err == -EPERM && grant->is_local)
		status = take_unkept(session, &whole, grant, &port);
	else if (err < 0)
		status = session_complain(session, err);
	else
		say_what_is_missing(session, grant, port);
	if (status != 0)
		return status;
	if (grant->ports.n == 0 && run_ports_add(&grant->ports, &made) < 0)
		return out_of_memory();
	grant->ports.items[0].port = port;
	return 0;
}

void run_grant_give_back(const struct command *cmd, struct run_grant *grant)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(freep) char *since = NULL;
	char path[192];
	int err;

	if (!grant->is_allocated)
		return;
	grant->is_allocated = false;
	since = pw_percent_encode(grant->since ? grant->since : "");
	if (!since)
		return;
	/* Where the process has ended, the daemon was first; the port may be another's
	 * by now. */
	snprintf(path, sizeof(path), API "/allocations/%u?proto=%s&allocated_at=%s",
		 grant->ports.items[0].port, proto_name_of(grant->ports.items[0].proto),
		 since);
	if ((grant->is_local ? session_open_local(&session, cmd, NULL)
			     : session_open(&session, cmd)) != 0)
		return;
	err = pw_request(session.client, "DELETE", path, "{}", 2, &reply);
	if (err < 0 && err != -ENOENT)
		session_complain(&session, err);
}
