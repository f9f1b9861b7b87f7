// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "cli/run_child.h"
#include "cli/run_port.h"
#include "cli/target.h"

enum { PURPOSE_MAX = 512 };

static const char *const protos[] = { "tcp", "udp", NULL };

struct config {
	const char *port, *purpose, *address, *map;
	int proto;
	bool listen;
};

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct option options[] = {
	{ "listen", 0, OPTION_FLAG, AT(listen), NULL,
	  "bind the port, and hand the socket on as systemd does", NULL },
	{ "address", 0, OPTION_TEXT, AT(address), "A",
	  "with --listen: on this address; else the registry's, or any", NULL },
	{ "port", 0, OPTION_TEXT, AT(port), "P",
	  "this port of the managed range, or none", NULL },
	{ "proto", 0, OPTION_CHOICE, AT(proto), "PROTO", "tcp (else) or udp", protos },
	{ "purpose", 0, OPTION_TEXT, AT(purpose), "TEXT",
	  "what it is for; else the command's name", NULL },
	{ "map", 0, OPTION_TEXT, AT(map), "PORT=auto",
	  "refused: binds are not rewritten in this version", NULL },
	{ 0 },
};
/* clang-format on */

/* 0, or an enum exit_status after saying why. */
static int check(const struct command *cmd, uint64_t *ret_port)
{
	const struct config *config = cmd->config;
	struct in6_addr address;
	char error[TARGET_ERROR];

	if (config->map)
		return usage_error(cmd->verb,
				   "--map is not in this version: binds are not "
				   "rewritten; give the port by {port} or PORT");
	if (target_check_name(cmd->args[0], error, sizeof(error)) < 0)
		return usage_error(cmd->verb, "%s", error);
	*ret_port = 0;
	if (config->port &&
	    (parse_u64(config->port, UINT16_MAX, ret_port) < 0 || *ret_port == 0))
		return usage_error(cmd->verb,
				   "'%.40s' is no port: they go from 1 to 65535",
				   config->port);
	if (config->address && !config->listen)
		return usage_error(cmd->verb, "--address goes with --listen");
	if (config->address && inet_pton(AF_INET, config->address, &address) != 1 &&
	    inet_pton(AF_INET6, config->address, &address) != 1)
		return usage_error(cmd->verb, "'%.64s' is no IP address",
				   config->address);
	if (config->purpose && strlen(config->purpose) > PURPOSE_MAX)
		return usage_error(cmd->verb, "--purpose has at most %d bytes",
				   PURPOSE_MAX);
	if (!*cmd->args[1])
		return usage_error(cmd->verb, "the command is an empty word");
	return 0;
}

/* The registry's port is not to be chosen. */
static int check_wish(const struct command *cmd, const struct run_grant *grant,
		      uint64_t port)
{
	const struct run_port *own = &grant->ports.items[0];

	if (!grant->is_registered || port == 0 || port == own->port)
		return 0;
	return usage_error(cmd->verb, "the registry gives %s port %u, not %ju",
			   grant->ports.service, own->port, (uintmax_t)port);
}

/* The socket is ours, and whoever serves it descends from us; without one, the port is
 * the command's alone. */
static int take_port(struct session *session, const struct run_child *child,
		     uint64_t port, struct run_grant *grant)
{
	const struct command *cmd = session->cmd;
	const struct config *config = cmd->config;
	const char *slash = strrchr(cmd->args[1], '/');
	char purpose[PURPOSE_MAX];
	const struct run_wish wish = {
		.port = (uint16_t)port,
		.proto = config->proto ? IPPROTO_UDP : IPPROTO_TCP,
		.purpose = config->purpose ? config->purpose : purpose,
		.pid = config->listen ? getpid() : child->pid,
	};

	snprintf(purpose, sizeof(purpose), "run %.400s",
		 slash ? slash + 1 : cmd->args[1]);
	return run_grant_take(session, &wish, grant);
}

static int cannot_fork(int err)
{
	log_error_errno(err, "Cannot fork");
	return STATUS_FAILED;
}

/* Its port is there; an enum exit_status where it cannot be started, else the command's.
 */
static int follow(const struct command *cmd, struct run_child *child,
		  struct run_grant *grant, struct run_job *job)
{
	const struct config *config = cmd->config;
	int status = 0, signals = run_catch_signals(), err = 0;

	if (signals < 0) {
		log_error_errno(signals, "Cannot wait for signals");
		return STATUS_FAILED;
	}
	if (config->listen)
		status = run_listen(cmd, grant, config->address, &job->listener);
	if (status == 0 && config->listen)
		err = run_child_fork(child);
	if (err > 0)
		run_child_become(child, job);
	if (err < 0)
		status = cannot_fork(err);
	if (status == 0 && cmd->terminal->has_messages)
		log_info("%s has port %u", grant->ports.service,
			 grant->ports.items[0].port);
	if (status == 0)
		status = run_child_follow(child, job, signals);
	close_fd(signals);
	return status;
}

static int find_and_take(const struct command *cmd, const struct run_child *child,
			 uint64_t port, struct run_grant *grant)
{
	_cleanup_(session_end) struct session session = { 0 };
	int status = session_open(&session, cmd);

	if (status == 0)
		status = run_grant_find(&session, cmd->args[0], grant);
	if (status == 0)
		status = check_wish(cmd, grant, port);
	if (status == 0)
		status = take_port(&session, child, port, grant);
	/* The daemon has other clients, and an engine of one's own has done its work. */
	return status;
}

/*
 * On a service's own port whoever holds the socket without the allocation is a stranger,
 * and with it and no socket one that does not listen.  The end of this process, which the
 * daemon sees, takes both at once.
 */
static bool is_given_back_by_end(const struct run_grant *grant, const struct run_job *job)
{
	return grant->is_registered && !grant->is_local && job->listener >= 0;
}

static int run(const struct command *cmd)
{
	const struct config *config = cmd->config;
	_cleanup_(run_grant_done) struct run_grant grant = {
		.ports.service = cmd->args[0],
		.mark = -EBADF,
	};
	struct run_child child = RUN_CHILD_NONE;
	struct run_job job = { .words = cmd->args + 1,
			       .ports = &grant.ports,
			       .listener = -EBADF,
			       .policy = config->listen ? &grant.policy : NULL };
	uint64_t port;
	int status = check(cmd, &port), err = 0;

	if (status != 0)
		return status;
	/* Before there is a connection, which the child would keep open. */
	if (!config->listen)
		err = run_child_fork(&child);
	if (err > 0)
		run_child_become(&child, &job);
	if (err < 0)
		return cannot_fork(err);
	status = find_and_take(cmd, &child, port, &grant);
	if (status == 0)
		status = follow(cmd, &child, &grant, &job);
	run_child_drop(&child);
	if (is_given_back_by_end(&grant, &job))
		return status;
	run_grant_give_back(cmd, &grant);
	/* Not before: that it is not listened on any more is to be no news. */
	close_fd(job.listener);
	return status;
}

const struct verb verb_run = {
	.name = "run",
	.arguments = "NAME -- CMD [ARG…]",
	.summary = "run a command under a port that is kept for it",
	.details =
		"The port is NAME's own where the registry gives it one, else a free "
		"one of\n"
		"the managed range: several instances of one NAME each have their own.\n"
		"The command finds it in PORT and PORTWATCH_PORT, NAME in\n"
		"PORTWATCH_SERVICE, and {port} in its words is replaced by it, "
		"{port:P}\n"
		"by NAME's port that the registry calls P.\n"
		"\n"
		"  portwatch run learning -- python3 -m http.server {port}\n"
		"\n"
		"Signals are passed on, and the port is given back when the command "
		"ends.\n"
		"\n"
		"--listen binds the port and hands the socket on as descriptor 3 "
		"(LISTEN_FDS,\n"
		"LISTEN_PID, LISTEN_FDNAMES; see sd_listen_fds(3)).  It stays open "
		"while\n"
		"SIGHUP to this program, or restart of the registry's entry, starts the\n"
		"command anew: no client is refused meanwhile.\n"
		"\n"
		"Exits as the command does, with 128 and the number of a signal that "
		"ended\n"
		"it; 127 where there is no such command, 126 where it cannot be "
		"executed, 5\n"
		"where the port, or every one, is taken.\n",
	.options = options,
	.config_size = sizeof(struct config),
	.min_args = 2,
	.max_args = SIZE_MAX,
	.takes = TAKES_SERVICES,
	.run = run,
};
