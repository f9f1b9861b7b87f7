/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stage for the matcher: a registry, a cast of processes, sockets put by hand.
 *
 * The host's namespace is HOST.  Processes are told apart by pid, which names them.
 */
#ifndef PORTWATCH_TESTS_MATCHER_STAGE_H
#define PORTWATCH_TESTS_MATCHER_STAGE_H

#include "core/matcher.h"
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/strings.h"

enum { HOST = 1000, BOX = 4000, CAST_MAX = 64, OUTGOING_MAX = 8 };

/* Who is who; parents in brackets. */
enum who {
	NOBODY = 0,
	INIT = 1,           /* systemd */
	BASH = 10,          /* [INIT] bash */
	GOBLIN = 20,        /* [INIT] python3 -m goblin.server */
	GOBLIN_WORKER = 21, /* [GOBLIN] the same */
	GOBLIN_CHILD = 22,  /* [GOBLIN] sleep 1000 */
	GOBLIN_TWO = 23,    /* [BASH] python3 -m goblin.server */
	WIZARD = 30,        /* [INIT] python3 -m wizard.server */
	SQUATTER = 40,      /* [BASH] python3 -m http.server 8767 */
	NODE = 41,          /* [BASH] node server.js */
	CURL = 42,          /* [BASH] curl http://example.org */
	MASTER = 50,        /* [INIT] nginx */
	WORKER_ONE = 51,    /* [MASTER] nginx */
	WORKER_TWO = 52,    /* [MASTER] nginx */
	GRACE = 60,         /* [BASH] serve.py, registered for port 8000 */
	GRACE_CHILD = 61,   /* [GRACE] serve-worker */
	VITE = 70,          /* [BASH] node vite */
};

struct stage {
	struct processes *procs;
	struct sockets *sockets;
	struct registry *registry;
	struct world world;
	struct service_state *states;
	struct service_state allocation_states[8];
	size_t n_allocation_states;
	struct process *cast[CAST_MAX]; /* referenced */
	size_t n_cast;
	struct outgoing outgoing[OUTGOING_MAX];
	struct verdicts said;
	uint64_t now_ns;
	uint64_t last_cookie;
	size_t touched;
};

static inline struct process *who(const struct stage *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_cast; i++)
		if (s->cast[i]->info.id.pid == pid)
			return s->cast[i];
	CHECK_EQ(pid, NOBODY);
	return NULL;
}

/* A process named after the first word of @cmdline. */
static inline struct process *enter(struct stage *s, pid_t pid, pid_t parent,
				    const char *cmdline)
{
	struct process_info info = { .id = { pid, 100 + pid },
				     .ppid = parent,
				     .sid = 10 };
	struct process *p = NULL;
	char path[64];

	CHECK(s->n_cast < CAST_MAX);
	CHECK_EQ(shell_split(cmdline, &info.cmdline), 0);
	snprintf(info.comm, sizeof(info.comm), "%s", info.cmdline[0]);
	snprintf(path, sizeof(path), "/usr/bin/%s", info.cmdline[0]);
	info.exe = strdup(path);
	info.user = strdup("root");
	CHECK(processes_intern(s->procs, &info, who(s, parent), &p) >= 0);
	s->cast[s->n_cast++] = p;
	return p;
}

static inline void enter_all(struct stage *s)
{
	static const struct {
		pid_t pid, parent;
		const char *cmdline;
	} cast[] = {
		{ INIT, NOBODY, "systemd --system" },
		{ BASH, INIT, "bash" },
		{ GOBLIN, INIT, "python3 -m goblin.server" },
		{ GOBLIN_WORKER, GOBLIN, "python3 -m goblin.server" },
		{ GOBLIN_CHILD, GOBLIN, "sleep 1000" },
		{ GOBLIN_TWO, BASH, "python3 -m goblin.server" },
		{ WIZARD, INIT, "python3 -m wizard.server" },
		{ SQUATTER, BASH, "python3 -m http.server 8767" },
		{ NODE, BASH, "node server.js" },
		{ CURL, BASH, "curl http://example.org" },
		{ MASTER, INIT, "nginx" },
		{ WORKER_ONE, MASTER, "nginx" },
		{ WORKER_TWO, MASTER, "nginx" },
		{ GRACE, BASH, "serve.py" },
		{ GRACE_CHILD, GRACE, "serve-worker" },
		{ VITE, BASH, "node vite" },
	};

	for (size_t i = 0; i < sizeof(cast) / sizeof(*cast); i++)
		enter(s, cast[i].pid, cast[i].parent, cast[i].cmdline);
}

/* "8767", "udp:53", "127.0.0.1:5001", "udp:[::1]:53" */
static inline struct endpoint place(const char *text)
{
	struct endpoint at = { .netns = HOST, .family = AF_INET, .proto = IPPROTO_TCP };
	char address[64];
	const char *colon;

	if (starts_with(text, "udp:")) {
		at.proto = IPPROTO_UDP;
		text += 4;
	}
	colon = strrchr(text, ':');
	CHECK_EQ(port_parse(colon ? colon + 1 : text, &at.port), 0);
	if (colon) {
		snprintf(address, sizeof(address), "%.*s", (int)(colon - text), text);
		if (address[0] == '[') {
			memmove(address, address + 1, strlen(address));
			address[strlen(address) - 1] = '\0';
		}
		CHECK_EQ(endpoint_parse_address(address, &at), 0);
	}
	return at;
}

static inline void add_claim(struct service *svc, const char *text)
{
	struct claim *claims =
		reallocarray(svc->claims, svc->n_claims + 1, sizeof(*claims));

	CHECK(claims);
	svc->claims = claims;
	claims[svc->n_claims++] = (struct claim){
		.at = place(text),
		.any_address = !strchr(text, '.') && !strchr(text, '['),
	};
	claims[svc->n_claims - 1].at.netns = 0;
}

/* A service recognised by @words of its command line (NULL: by nothing) that claims
 * @ports, separated by blanks. */
static inline struct service *add_service(struct stage *s, const char *name,
					  const char *ports, const char *words)
{
	struct service *svc = service_new();
	char **list = NULL;

	CHECK(svc);
	svc->name = strdup(name);
	CHECK_EQ(shell_split(ports, &list), 0);
	for (size_t i = 0; list && list[i]; i++)
		add_claim(svc, list[i]);
	strv_free(list);
	svc->dynamic = !svc->n_claims;
	svc->match.derived = false;
	if (words)
		CHECK_EQ(shell_split(words, &svc->match.cmdline), 0);
	CHECK_EQ(registry_add(s->registry, svc), 0);
	return svc;
}

static inline struct allocation *add_allocation(struct stage *s, uint16_t port,
						const char *name, pid_t pid)
{
	struct allocation *alloc = calloc(1, sizeof(*alloc));

	CHECK(alloc);
	alloc->port = port;
	alloc->proto = IPPROTO_TCP;
	alloc->service_name = strdup(name);
	alloc->process = (struct process_id){ pid, pid ? 100 + pid : 0 };
	CHECK_EQ(registry_add_allocation(s->registry, alloc), 0);
	return alloc;
}

static inline struct service_state *allocation_state(const struct allocation *alloc,
						     void *arg)
{
	struct stage *s = arg;

	for (size_t i = 0; i < s->n_allocation_states; i++)
		if (s->allocation_states[i].allocation == alloc)
			return &s->allocation_states[i];
	return NULL;
}

static inline void begin(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	s->now_ns = 1000000000;
	CHECK_EQ(processes_new(100000, &s->procs), 0);
	CHECK_EQ(sockets_new(100000, s->procs, &s->sockets), 0);
	CHECK_EQ(registry_new(1, &s->registry), 0);
	enter_all(s);
}

/* The registry is complete. */
static inline void seal(struct stage *s)
{
	size_t n = registry_count(s->registry);
	char *error = NULL;

	CHECK_EQ(registry_seal(s->registry, &error), 0);
	s->states = calloc(n + 1, sizeof(*s->states));
	for (size_t i = 0; i < n; i++)
		s->states[i].service = registry_service(s->registry, i);
	s->n_allocation_states = registry_count_allocations(s->registry);
	for (size_t i = 0; i < s->n_allocation_states; i++) {
		struct service_state *st = &s->allocation_states[i];
		pid_t pid;

		st->allocation = registry_allocation(s->registry, i);
		pid = st->allocation->process.pid;
		if (pid)
			service_state_record(s->procs, st, who(s, pid), s->now_ns);
	}
	s->world = (struct world){
		.registry = s->registry,
		.sockets = s->sockets,
		.services = s->states,
		.outgoing = s->outgoing,
		.own_netns = HOST,
		.ephemeral = { 32768, 60999 },
		.allocation_state = allocation_state,
		.arg = s,
	};
}

/* The usual registry. */
static inline void setup(struct stage *s)
{
	begin(s);
	add_service(s, "goblin", "8767", "-m goblin.server");
	add_service(s, "wizard", "8765", "-m wizard.server");
	add_service(s, "vite", "5173", "vite");
	add_service(s, "local", "127.0.0.1:5001", "-m local.server");
	add_service(s, "names", "udp:53 53", "named");
	add_service(s, "web", "80 443 udp:443", "nginx");
	add_service(s, "anybody", "9000", NULL);
	add_service(s, "off", "7000", "-m off.server")->enabled = false;
	add_service(s, "boxed", "8080", "-m boxed.server")->netns = strdup("box");
	((struct service *)registry_find(s->registry, "boxed"))->netns_inode = BOX;
	add_service(s, "tauri", "", "tauri");
	add_allocation(s, 8000, "grace_backend", GRACE);
	add_allocation(s, 8001, "open", 0);
	add_allocation(s, 8002, "goblin", 0);
	seal(s);
}

static inline void teardown(struct stage *s)
{
	for (size_t i = 0; i < registry_count(s->registry); i++)
		service_state_done(s->procs, &s->states[i]);
	for (size_t i = 0; i < s->n_allocation_states; i++)
		service_state_done(s->procs, &s->allocation_states[i]);
	free(s->states);
	verdicts_done(&s->said);
	s->sockets = sockets_free(s->sockets);
	for (size_t i = 0; i < s->n_cast; i++)
		processes_unref(s->procs, s->cast[i]);
	CHECK_EQ(processes_count(s->procs), 0);
	s->procs = processes_free(s->procs);
	s->registry = registry_free(s->registry);
}

#define STAGE(s)                            \
	_cleanup_(teardown) struct stage s; \
	setup(&s)

static inline struct service_state *state(struct stage *s, const char *name)
{
	const struct service *svc = registry_find(s->registry, name);

	CHECK(svc);
	return &s->states[svc->index];
}

static inline void count_touched(struct service_state *st, void *arg)
{
	struct stage *s = arg;

	CHECK(st);
	s->touched++;
}

static inline void observe(struct stage *s, const struct socket *sock)
{
	CHECK_EQ(matcher_observe(&s->world, s->procs, sock, s->now_ns, count_touched, s),
		 0);
}

/* What a socket is besides its place. */
enum {
	LISTENS = 0,
	ONLY_BOUND = 1 << 8,
	IS_CONNECTED = 1 << 9,
	IN_BOX = 1 << 10,
	FROM_SNAPSHOT = 1 << 11,
	FROM_RESYNC = 1 << 12,
	ON_DEVICE_1 = 1 << 13,
	ON_DEVICE_2 = 1 << 14,
	UNOBSERVED = 1 << 15,
};

/* @pid binds @text: a TCP socket listens, a UDP socket is bound, unless @how says else.
 * The lower bits of @how are SOCKET_*.  The answer is its cookie. */
static inline uint64_t binds(struct stage *s, pid_t pid, const char *text, unsigned how)
{
	struct socket sock = {
		.cookie = ++s->last_cookie,
		.at = place(text),
		.flags = how & 0xff,
		.source = how & FROM_SNAPSHOT ? SOURCE_SNAPSHOT
			  : how & FROM_RESYNC ? SOURCE_RESYNC
					      : SOURCE_KERNEL,
		.since_ns = s->now_ns += 1000,
		.seen_mono_ns = s->now_ns,
		.owner = who(s, pid),
		.uid = 0,
	};
	struct socket *put = NULL;

	if (how & IN_BOX)
		sock.at.netns = BOX;
	sock.at.ifindex = how & ON_DEVICE_1 ? 1 : how & ON_DEVICE_2 ? 2 : 0;
	if (how & IS_CONNECTED)
		sock.state = SOCKET_CONNECTED;
	else if (sock.at.proto == IPPROTO_TCP && !(how & ONLY_BOUND))
		sock.state = SOCKET_LISTENING;
	CHECK(sockets_put(s->sockets, &sock, &put) >= 0);
	if (!(how & UNOBSERVED))
		observe(s, put);
	return sock.cookie;
}

static inline void releases(struct stage *s, uint64_t cookie)
{
	CHECK_EQ(sockets_remove(s->sockets, cookie), 1);
}

static inline void connects(struct stage *s, pid_t pid, const char *text)
{
	struct outgoing *out = &s->outgoing[s->world.n_outgoing++];

	CHECK(s->world.n_outgoing <= OUTGOING_MAX);
	*out = (struct outgoing){ ++s->last_cookie, place(text), who(s, pid) };
}

/* @pid exits; its sockets are not looked at yet. */
static inline void exits(struct stage *s, pid_t pid, int status)
{
	struct process *p = who(s, pid);

	p->exited = true;
	p->status = status;
	p->exited_ns = s->now_ns += 1000;
	matcher_exited(p, count_touched, s);
}

/* What the kernel says afterwards: @heir (NOBODY: nobody) has its sockets now. */
static inline void settles(struct stage *s, pid_t pid, pid_t heir)
{
	struct process *p = who(s, pid);
	struct service_state *st, *next;
	struct socket *sock;

	while ((sock = sockets_of(s->sockets, p))) {
		if (heir == NOBODY) {
			releases(s, sock->cookie);
			continue;
		}
		CHECK_EQ(sockets_set_owner(s->sockets, sock->cookie, who(s, heir)), 0);
		observe(s, sock);
	}
	for (st = p->recorded_in; st; st = next) {
		next = st->next_recorded;
		matcher_settle(&s->world, s->procs, st, s->now_ns);
	}
}

static inline size_t count_kind(const struct verdicts *list, enum alert_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		n += list->items[i].kind == kind;
	return n;
}

static inline const struct verdict *first_kind(const struct verdicts *list,
					       enum alert_kind kind)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind == kind)
			return &list->items[i];
	test_fail(__FILE__, __LINE__, "no verdict of kind %s", alert_kind_name(kind));
}

/* What stands at a port now; good until the next question. */
static inline const struct verdicts *at_port(struct stage *s, const char *text,
					     uint32_t netns)
{
	struct endpoint at = place(text);

	s->said.count = 0;
	CHECK_EQ(matcher_port(&s->world, netns, at.proto, at.port, &s->said), 0);
	return &s->said;
}

static inline const struct verdicts *at_service(struct stage *s, const char *name)
{
	s->said.count = 0;
	CHECK_EQ(matcher_service(&s->world, registry_find(s->registry, name), &s->said),
		 0);
	return &s->said;
}

static inline const struct verdicts *at_allocation(struct stage *s, uint16_t port)
{
	s->said.count = 0;
	CHECK_EQ(
		matcher_allocation(&s->world,
				   registry_allocation_at(s->registry, IPPROTO_TCP, port),
				   &s->said),
		0);
	return &s->said;
}

/* One sentence and a command of ours: what every verdict has. */
static inline void check_said(const struct verdict *v)
{
	CHECK(v->message[0]);
	CHECK(!strchr(v->message, '\n'));
	CHECK(starts_with(v->fix, "portwatch "));
}

#endif /* PORTWATCH_TESTS_MATCHER_STAGE_H */
