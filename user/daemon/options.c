// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/strings.h"

enum {
	OPTION_REGISTRY = 256,
	OPTION_SOCKET,
	OPTION_STATE,
	OPTION_LOG,
	OPTION_RUN,
	OPTION_LEAN,
	OPTION_NO_BPF,
	OPTION_SERVE_FD,
};

struct help {
	const char *name;
	int value;
	const char *argument; /* NULL none */
	const char *what;     /* NULL: not for people */
};

static const struct help table[] = {
	{ "registry", OPTION_REGISTRY, "FILE",
	  "services and settings; else $PORTWATCH_REGISTRY, else\n"
	  "/etc/portwatch/registry.json" },
	{ "socket", OPTION_SOCKET, "PATH",
	  "where clients connect; else RUN/portwatch.sock" },
	{ "state", OPTION_STATE, "DIR",
	  "allocations and history; else $PORTWATCH_STATE, else\n"
	  "/var/lib/portwatch" },
	{ "log", OPTION_LOG, "DIR",
	  "the audit log; else $PORTWATCH_LOG, else\n"
	  "/var/log/portwatch" },
	{ "run", OPTION_RUN, "DIR", "else /run/portwatch" },
	{ "lean", OPTION_LEAN, NULL,
	  "no tracepoint on system calls: why a bind failed is\n"
	  "inferred, and other processes pay nothing" },
	{ "no-bpf", OPTION_NO_BPF, NULL,
	  "look at /proc and sock_diag now and then instead" },
	{ "serve-fd", OPTION_SERVE_FD, "N", NULL },
	{ "help", 'h', NULL, "this text" },
	{ "version", 'V', NULL, "the version" },
};

enum { N_OPTIONS = sizeof(table) / sizeof(table[0]) };

static void print_help(void)
{
	printf("Usage: portwatchd [OPTION...]\n\n"
	       "Knows which service should own which port, sees every bind, listen and\n"
	       "release on this host as the kernel does it, and serves what it knows on "
	       "a\n"
	       "Unix socket.  Stays in the foreground.\n\n");
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct help *option = &table[i];
		const char *what = option->what;
		char name[40];

		if (!what)
			continue;
		snprintf(name, sizeof(name), "%s--%s%s%s",
			 option->value == 'h'   ? "-h, "
			 : option->value == 'V' ? "-V, "
						: "    ",
			 option->name, option->argument ? " " : "",
			 option->argument ? option->argument : "");
		for (const char *line = name; *what; line = "") {
			int n = (int)strcspn(what, "\n");

			printf("  %-22s  %.*s\n", line, n, what);
			what += n + (what[n] == '\n');
		}
	}
	printf("\nSIGHUP reads the registry anew; SIGTERM and SIGINT end it.\n"
	       "Exit status: 0 ended as asked, 1 failed, 2 usage or bad registry,\n"
	       "4 not permitted, 5 another daemon serves the socket.\n");
}

static int parse_fd(const char *text, int *ret)
{
	int type = 0;
	socklen_t size = sizeof(type);
	uint64_t fd;

	if (parse_u64(text, INT_MAX, &fd) < 0 ||
	    getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_STREAM) {
		log_error("--serve-fd %s: not a stream socket", text);
		return -EINVAL;
	}
	*ret = (int)fd;
	return 0;
}

static int take_option(int value, const char *argument, struct daemon_options *options)
{
	switch (value) {
	case OPTION_REGISTRY:
		options->registry = argument;
		options->registry_named = true;
		return 1;
	case OPTION_SOCKET:
		options->socket = argument;
		return 1;
	case OPTION_STATE:
		options->state = argument;
		return 1;
	case OPTION_LOG:
		options->log = argument;
		return 1;
	case OPTION_RUN:
		options->run = argument;
		return 1;
	case OPTION_LEAN:
		options->lean = true;
		return 1;
	case OPTION_NO_BPF:
		options->no_bpf = true;
		return 1;
	case OPTION_SERVE_FD:
		return parse_fd(argument, &options->serve_fd) < 0 ? -EINVAL : 1;
	case 'h':
		print_help();
		return 0;
	case 'V':
		puts("portwatchd " PORTWATCH_VERSION);
		return 0;
	default:
		fputs("Try 'portwatchd --help'.\n", stderr);
		return -EINVAL;
	}
}

/* An empty one is an unset one. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void set_defaults(struct daemon_options *options)
{
	const char *named = variable("PORTWATCH_REGISTRY");
	const char *state = variable("PORTWATCH_STATE");
	const char *log = variable("PORTWATCH_LOG");

	*options = (struct daemon_options){
		.registry = "/etc/portwatch/registry.json",
		.state = state ? state : "/var/lib/portwatch",
		.log = log ? log : "/var/log/portwatch",
		.run = "/run/portwatch",
		.serve_fd = -EBADF,
		.without = getenv("PORTWATCH_WITHOUT"),
	};
	if (named) {
		options->registry = named;
		options->registry_named = true;
	}
}

int options_parse(int argc, char **argv, struct daemon_options *ret)
{
	struct option known[N_OPTIONS + 1] = { 0 };
	struct daemon_options options;
	int value, more;

	set_defaults(&options);
	for (size_t i = 0; i < N_OPTIONS; i++)
		known[i] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].argument ? required_argument : no_argument,
			.val = table[i].value,
		};
	while ((value = getopt_long(argc, argv, "hV", known, NULL)) != -1) {
		more = take_option(value, optarg, &options);
		if (more <= 0)
			return more;
	}
	if (optind < argc) {
		log_error("Unexpected argument %s", argv[optind]);
		fputs("Try 'portwatchd --help'.\n", stderr);
		return -EINVAL;
	}

	*ret = options;
	return 1;
}
