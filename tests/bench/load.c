// SPDX-License-Identifier: GPL-2.0-only
/*
 * load - what the benchmarks put on the host: loops, crowds, storms, and one reader.
 *
 *   load loop N PORT      socket, bind, listen, close; then getppid: prints ns of each
 *   load latency FIRST N  reads alerts from stdin while it binds; prints us, one a line
 *   load hold N FIRST     N TCP listeners; prints "ready", ends with its stdin
 *   load crowd N D        N processes with D descriptors each; the same
 *   load storm SECONDS    both CPUs bind and close; prints binds done
 *   load http PATH URI N  N requests on one connection; prints requests a second
 *
 * Everything stays on loopback addresses and ends by itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"

enum { ROUNDS = 5, GETPPIDS = 1000000, CHILDREN_MAX = 1000, STORM_ADDRESS = 100 };

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static long number(const char *text)
{
	uint64_t value;

	if (!text || parse_u64(text, 1000000000, &value) < 0) {
		fprintf(stderr, "load: not a number: %s\n", text ? text : "(missing)");
		exit(2);
	}
	return (long)value;
}

static struct sockaddr_in loopback(long i, long port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(0x7f000001 + (uint32_t)i) };
}

/* Whoever looks at descriptors holds each for a moment: a close that falls into it lets
 * go of the port a little later. */
static int bound(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	for (int tries = 0; bind(fd, (const void *)at, sizeof(*at)) < 0; tries++) {
		if (errno != EADDRINUSE || tries == 10000)
			die("bind");
		sched_yield();
	}
	return fd;
}

static void stay_on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int run_loop(char **args)
{
	long n = number(args[0]);
	struct sockaddr_in at = loopback(0, number(args[1]));
	uint64_t best = UINT64_MAX, took;

	stay_on_cpu(0);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = now_mono_ns();

		for (long i = 0; i < n; i++) {
			int fd = bound(&at);

			listen(fd, 8);
			close(fd);
		}
		took = now_mono_ns() - start;
		if (took < best)
			best = took;
	}
	took = UINT64_MAX;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = now_mono_ns();

		for (long i = 0; i < GETPPIDS; i++)
			getppid();
		if (now_mono_ns() - start < took)
			took = now_mono_ns() - start;
	}
	printf("%.1f %.2f\n", (double)best / (double)n, (double)took / GETPPIDS);
	return 0;
}

/* Wait for a line with @word on stdin; when its first byte was read. */
static uint64_t wait_for(const char *word, int timeout_ms)
{
	static char line[1 << 20];
	static size_t have;
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	for (;;) {
		char *end;
		ssize_t n;
		uint64_t now;

		if (poll(&in, 1, timeout_ms) <= 0)
			return 0;
		n = read(STDIN_FILENO, line + have, sizeof(line) - 1 - have);
		now = now_mono_ns();
		if (n <= 0)
			return 0;
		have += (size_t)n;
		line[have] = '\0';
		while ((end = strchr(line, '\n'))) {
			bool found;

			*end = '\0';
			found = strstr(line, word) != NULL;
			have -= (size_t)(end + 1 - line);
			memmove(line, end + 1, have + 1);
			if (found)
				return now;
		}
		if (have == sizeof(line) - 1)
			have = 0;
	}
}

static int run_latency(char **args)
{
	long first = number(args[0]), n = number(args[1]);

	for (long i = 0; i < n; i++) {
		struct sockaddr_in at = loopback(0, first + i);
		struct timespec pause = { .tv_nsec = 5000000 };
		uint64_t start, seen;
		int fd;

		nanosleep(&pause, NULL); /* an idle host, not a loop */
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(fd, (void *)&at, sizeof(at)) < 0)
			die("bind");
		start = now_mono_ns();
		seen = wait_for("alert.firing", 2000);
		close(fd);
		if (!seen || !wait_for("alert.resolved", 2000)) {
			fprintf(stderr, "load: no alert for port %ld\n", first + i);
			return EXIT_FAILURE;
		}
		printf("%.1f\n", seen > start ? (double)(seen - start) / 1000 : 0.0);
	}
	return 0;
}

static void wait_for_end_of_stdin(void)
{
	char byte;

	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

/* Gone for good, with their ports, when this returns. */
static void end_children(const pid_t *children, long n)
{
	for (long i = 0; i < n; i++)
		kill(children[i], SIGKILL);
	while (wait(NULL) > 0)
		;
}

static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Listeners spread over loopback addresses; in a child for each 10,000. */
static int run_hold(char **args)
{
	long n = number(args[0]), first = number(args[1]), per_child = 10000;
	static pid_t children[CHILDREN_MAX];
	long n_children = 0;
	int ready[2];

	raise_descriptors();
	if (pipe(ready) < 0)
		die("pipe");
	for (long from = 0; from < n && n_children < CHILDREN_MAX; from += per_child) {
		pid_t pid = children[n_children++] = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (long i = from; i < n && i < from + per_child; i++) {
				struct sockaddr_in at =
					loopback(i / 20000, first + i % 20000);

				if (listen(bound(&at), 8) < 0)
					die("listen");
			}
			if (write(ready[1], "x", 1) != 1)
				die("write");
			pause();
		}
	}
	close(ready[1]);
	for (long from = 0; from < n; from += per_child) {
		char byte;

		if (read(ready[0], &byte, 1) != 1)
			die("read");
	}
	wait_for_end_of_stdin();
	end_children(children, n_children);
	return 0;
}

static int run_crowd(char **args)
{
	long n = number(args[0]), descriptors = number(args[1]);
	static pid_t children[CHILDREN_MAX];

	for (long i = 0; i < n && i < CHILDREN_MAX; i++) {
		pid_t pid = children[i] = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (long j = 3; j < descriptors; j++)
				if (dup(STDIN_FILENO) < 0)
					die("dup");
			for (;;)
				pause();
		}
		if (pid < 0)
			die("fork");
	}
	wait_for_end_of_stdin();
	end_children(children, n < CHILDREN_MAX ? n : CHILDREN_MAX);
	return 0;
}

static int run_storm(char **args)
{
	uint64_t end = now_mono_ns() + (uint64_t)number(args[0]) * NS_PER_S;
	unsigned long done[2] = { 0 };
	int pipes[2][2];

	for (int cpu = 0; cpu < 2; cpu++) {
		if (pipe(pipes[cpu]) < 0)
			die("pipe");
		if (fork() == 0) {
			unsigned long count = 0;

			stay_on_cpu(cpu);
			while (now_mono_ns() < end)
				for (int i = 0; i < 100; i++, count++) {
					struct sockaddr_in at =
						loopback(STORM_ADDRESS + cpu,
							 21000 + (long)(count % 1000));

					close(bound(&at));
				}
			_exit(write(pipes[cpu][1], &count, sizeof(count)) !=
			      sizeof(count));
		}
	}
	for (int cpu = 0; cpu < 2; cpu++) {
		close(pipes[cpu][1]);
		if (read(pipes[cpu][0], &done[cpu], sizeof(*done)) != sizeof(*done))
			die("read");
	}
	while (wait(NULL) > 0)
		;
	printf("%lu\n", done[0] + done[1]);
	return 0;
}

/* One keep-alive connection; answers are told apart by Content-Length. */
static int run_http(char **args)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	static char request[512], answer[4 << 20];
	long n = number(args[2]);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t start;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", args[0]);
	if (connect(fd, (void *)&at, sizeof(at)) < 0)
		die("connect");
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
		 args[1]);
	start = now_mono_ns();
	for (long i = 0; i < n; i++) {
		size_t have = 0, want = sizeof(answer);

		if (write(fd, request, strlen(request)) < 0)
			die("write");
		while (have < want) {
			ssize_t got = read(fd, answer + have, sizeof(answer) - 1 - have);
			char *length, *body;

			if (got <= 0)
				die("read");
			have += (size_t)got;
			answer[have] = '\0';
			body = strstr(answer, "\r\n\r\n");
			length = strcasestr(answer, "Content-Length:");
			if (body && length && want == sizeof(answer))
				want = (size_t)(body + 4 - answer) +
				       strtoul(length + 15, NULL, 10);
		}
	}
	printf("%.0f\n", (double)n * 1e9 / (double)(now_mono_ns() - start));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **args);
	} verbs[] = {
		{ "loop", 2, run_loop },   { "latency", 2, run_latency },
		{ "hold", 2, run_hold },   { "crowd", 2, run_crowd },
		{ "storm", 1, run_storm }, { "http", 3, run_http },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (streq(argv[1], verbs[i].name) && argc == 2 + verbs[i].args)
			return verbs[i].run(argv + 2);
	fputs("usage: load loop|latency|hold|crowd|storm|http ARGUMENT...\n", stderr);
	return 2;
}
