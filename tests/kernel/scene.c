// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/scene.h"

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FINGERPRINT = 1024, MODES = 6 };

static const struct mode modes[MODES] = {
	{ "default", { 0 } },
	{ "lean", { .lean = true } },
	{ "no-fexit", { .without = "fexit" } },
	{ "lean-no-fexit", { .lean = true, .without = "fexit" } },
	{ "no-cgroup", { .without = "cgroup" } },
	{ "no-cgroup-no-fexit", { .without = "cgroup,fexit" } },
};

static struct {
	struct engine *engine;
	struct engine_subscription *subscription;
	const char *why_not;
	bool broken; /* and that is no excuse */
	unsigned traits;
	char fingerprints[MODES][FINGERPRINT];
	unsigned *serial;   /* shared with the tests */
	pid_t recorder;     /* the test's process: the parent records nothing */
	struct seen **seen; /* a host may have much else to tell */
	size_t n_seen, capacity;
} scene;

unsigned scene_serial(void)
{
	return __atomic_fetch_add(scene.serial, 1, __ATOMIC_RELAXED);
}

uint64_t scene_deadline(void)
{
	const char *text = getenv("PW_TEST_SECONDS");

	return now_mono_ns() + (text ? strtoull(text, NULL, 10) : 10) * NS_PER_S;
}

const char *scene_unavailable(void)
{
	return geteuid() == 0 ? NULL : "needs root";
}

static void enter_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	_cleanup_(close_fdp) int fd = -EBADF;
	static bool there;

	if (there)
		return;
	there = true;
	if (unshare(CLONE_NEWNET) == 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		scene.why_not = "no network namespaces";
}

/* What tells one mode from another on this kernel: hooks and the way of failures. */
static void fingerprint(struct probe *probe, char *buf)
{
	const char *const *names;
	size_t n = probe_hooks(probe, &names), used;

	used = (size_t)snprintf(buf, FINGERPRINT, "%s", probe_bind_failures(probe));
	for (size_t i = 0; i < n && used < FINGERPRINT; i++)
		used += (size_t)snprintf(buf + used, FINGERPRINT - used, " %s", names[i]);
}

static unsigned traits_of(const char *print)
{
	bool cgroup = strstr(print, "cgroup/post_bind"),
	     fexit = strstr(print, "fexit/__inet");
	unsigned traits = 0;

	if (cgroup || fexit)
		traits |= MODE_SEES_EVERY_BIND | MODE_SEES_EVERY_FAILURE;
	if (!starts_with(print, "lean"))
		traits |= MODE_KNOWS_ERRNO;
	if (fexit)
		traits |= MODE_KNOWS_EVERY_ERRNO;
	if (cgroup || strstr(print, "inet_release"))
		traits |= MODE_TELLS_EACH;
	/* Where nothing else tells of a close, looks find this, too. */
	if (strstr(print, "datagram_connect") || !(traits & MODE_TELLS_EACH))
		traits |= MODE_SEES_UDP_DISCONNECT;
	return traits;
}

/* PW_MODES: names, each followed by a comma or the end; all of them where it is unset. */
static bool is_wanted(const char *name)
{
	const char *names = getenv("PW_MODES");
	size_t len = strlen(name);

	if (!names)
		return true;
	for (; *names; names += strcspn(names, ",") + (strchr(names, ',') != NULL))
		if (strcspn(names, ",") == len && strncmp(names, name, len) == 0)
			return true;
	return false;
}

/* Do these hooks serve an earlier mode, too?  Else they are remembered. */
static bool is_repeated(int n, struct probe *p)
{
	fingerprint(p, scene.fingerprints[n]);
	for (int i = 0; i < n; i++)
		if (strcmp(scene.fingerprints[i], scene.fingerprints[n]) == 0)
			return true;
	return false;
}

static bool repeats(int n)
{
	_cleanup_(probe_freep) struct probe *p = NULL;

	/* One that does not start is for the test to complain of. */
	if (getenv("PW_MODES") || probe_new(&modes[n].options, &p) < 0 ||
	    probe_start(p) < 0)
		return false;
	return is_repeated(n, p);
}

const struct mode *scene_next_mode(int *n)
{
	while (*n < MODES) {
		const struct mode *mode = &modes[(*n)++];

		if (scene_unavailable())
			return *n == 1 ? mode : NULL;
		if (is_wanted(mode->name) && !repeats(*n - 1))
			return mode;
	}
	return NULL;
}

/* An engine in the n-th mode; 0, or -EALREADY where an earlier mode was the same. */
static int load(int n)
{
	_cleanup_(engine_freep) struct engine *engine = NULL;
	struct engine_options options = { .probe = modes[n].options };
	int err = engine_new(&options, &engine);

	if (err == 0)
		err = engine_need(engine, ENGINE_NEEDS_EVENTS);
	if (err < 0)
		return err;
	if (!probe_has_events(engine_probe(engine)))
		return -EOPNOTSUPP;
	if (is_repeated(n, engine_probe(engine)))
		return -EALREADY;

	scene.traits = traits_of(scene.fingerprints[n]);
	printf("# %s: %s\n", modes[n].name, scene.fingerprints[n]);
	scene.engine = take(engine);
	return 0;
}

/* The parent has nothing else: what stays is what the tests inherit. */
static const char *begin(int n)
{
	static char why[128];
	int err = load(n);

	if (err == -EALREADY)
		return NULL;
	if (err < 0) {
		snprintf(why, sizeof(why), "%s: %s", modes[n].name, strerror(-err));
		scene.why_not = why;
		scene.broken = true;
	}
	return modes[n].name;
}

const char *scene_variant(int n)
{
	static int next;

	setvbuf(stdout, NULL, _IOLBF, 0);
	scene.engine = engine_free(scene.engine);
	scene.why_not = scene_unavailable();
	scene.broken = false;
	if (!scene.serial)
		scene.serial = mmap(NULL, sizeof(unsigned), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!scene.why_not)
		enter_namespace();
	if (scene.why_not)
		return n == 0 ? modes[0].name : NULL;

	for (next = n == 0 ? 0 : next; next < MODES;) {
		const char *name = is_wanted(modes[next].name) ? begin(next) : NULL;

		next++;
		if (name)
			return name;
	}
	return NULL;
}

static void copy_words(const struct process_info *from, struct process_info *to)
{
	memset(to, 0, sizeof(*to));
	if (from && process_info_copy(from, to) < 0)
		test_fail(__FILE__, __LINE__, "out of memory");
}

static struct seen *add_seen(void)
{
	if (scene.n_seen == scene.capacity) {
		scene.capacity = scene.capacity ? 2 * scene.capacity : 256;
		scene.seen =
			reallocarray(scene.seen, scene.capacity, sizeof(*scene.seen));
	}
	if (scene.seen)
		scene.seen[scene.n_seen] = malloc(sizeof(struct seen));
	if (!scene.seen || !scene.seen[scene.n_seen])
		test_fail(__FILE__, __LINE__, "out of memory");
	return scene.seen[scene.n_seen++];
}

static void record(const struct event *event, void *arg)
{
	const struct process *who = event->process;
	struct seen *seen;

	(void)arg;
	seen = add_seen();
	*seen = (struct seen){ .type = event->type,
			       .source = event->source,
			       .wall_ns = event->wall_ns,
			       .lifetime_ns = event->lifetime_ns,
			       .cause = event->cause,
			       .error = event->error,
			       .inferred = event->inferred,
			       .n_holders = event->n_holders };
	if (event->n_holders)
		seen->holder = event->holders[0]->cookie;
	if (event->socket) {
		seen->socket = *event->socket;
		seen->socket.owner = NULL;
		seen->socket.holders = NULL;
		seen->socket.next_in_port = NULL;
		seen->socket.next_of_owner = seen->socket.prev_of_owner = NULL;
		if (!who)
			who = event->socket->owner;
	}
	if (who)
		seen->status = who->status;
	copy_words(who ? &who->info : NULL, &seen->who);
}

struct engine *scene_engine(void)
{
	const uint32_t wants = 1u << EVENT_SOCKET_BOUND | 1u << EVENT_SOCKET_LISTENING |
			       1u << EVENT_SOCKET_RELEASED |
			       1u << EVENT_SOCKET_BIND_FAILED |
			       1u << EVENT_PROCESS_EXITED;
	int err;

	/* Root can have every mode on every kernel that has BPF and BTF. */
	if (scene.broken)
		test_fail(__FILE__, __LINE__, "%s", scene.why_not);
	if (scene.why_not)
		test_skip(scene.why_not);
	if (scene.recorder == getpid())
		return scene.engine;

	scene.recorder = getpid();
	err = engine_subscribe(scene.engine, wants, record, NULL, &scene.subscription);
	if (err < 0)
		test_fail(__FILE__, __LINE__, "engine_subscribe: %s", strerror(-err));
	return scene.engine;
}

unsigned scene_traits(void)
{
	scene_engine();
	return scene.traits;
}

void scene_run(int timeout_ms)
{
	struct engine *engine = scene_engine();
	struct pollfd fd = { .fd = engine_fd(engine), .events = POLLIN };
	uint64_t now = now_mono_ns(), due = engine_deadline(engine);

	while (engine_dispatch(engine))
		;
	due = engine_deadline(engine);
	if (due && due < now + (uint64_t)timeout_ms * NS_PER_MS)
		timeout_ms = due <= now ? 0 : (int)((due - now) / NS_PER_MS) + 1;
	if (timeout_ms && poll(&fd, 1, timeout_ms) > 0)
		while (engine_dispatch(engine))
			;
}

const struct socket *scene_row(uint64_t cookie, enum socket_state state)
{
	uint64_t deadline = scene_deadline();
	const struct socket *row;

	for (;;) {
		scene_run(0);
		row = sockets_find(engine_sockets(scene.engine), cookie);
		if (row && row->state == state)
			return row;
		if (now_mono_ns() > deadline)
			test_fail(__FILE__, __LINE__, "cookie %" PRIu64 " is %s, not %s",
				  cookie, row ? socket_state_name(row->state) : "no row",
				  socket_state_name(state));
		scene_run(50);
	}
}

void scene_gone(uint64_t cookie)
{
	uint64_t deadline = scene_deadline();

	for (;;) {
		scene_run(0);
		if (!sockets_find(engine_sockets(scene.engine), cookie))
			return;
		if (now_mono_ns() > deadline)
			test_fail(__FILE__, __LINE__, "cookie %" PRIu64 " is still there",
				  cookie);
		scene_run(50);
	}
}

struct wanted {
	enum event_type type;
	uint64_t cookie; /* 0 any */
	uint32_t netns;  /* 0 any */
	uint16_t port;   /* 0 any */
};

static const struct seen *find(const struct wanted *w)
{
	for (size_t i = 0; i < scene.n_seen; i++) {
		const struct seen *s = scene.seen[i];

		if (s->type == w->type && (!w->cookie || s->socket.cookie == w->cookie) &&
		    (!w->netns || s->socket.at.netns == w->netns) &&
		    (!w->port || s->socket.at.port == w->port))
			return s;
	}
	return NULL;
}

static const struct seen *await(const struct wanted *w)
{
	uint64_t deadline = scene_deadline();
	const struct seen *s;

	for (;;) {
		scene_run(0);
		s = find(w);
		if (s)
			return s;
		if (now_mono_ns() > deadline)
			test_fail(__FILE__, __LINE__,
				  "no %s of cookie %" PRIu64 " port %u",
				  event_type_name(w->type), w->cookie, w->port);
		scene_run(50);
	}
}

const struct seen *scene_event(enum event_type type, uint64_t cookie)
{
	return await(&(struct wanted){ .type = type, .cookie = cookie });
}

const struct seen *scene_failure(uint32_t netns, uint16_t port)
{
	return await(&(struct wanted){
		.type = EVENT_SOCKET_BIND_FAILED, .netns = netns, .port = port });
}

size_t scene_events(enum event_type type, uint64_t cookie)
{
	size_t n = 0;

	for (size_t i = 0; i < scene.n_seen; i++)
		n += scene.seen[i]->type == type &&
		     scene.seen[i]->socket.cookie == cookie;
	return n;
}

size_t scene_seen_count(void)
{
	return scene.n_seen;
}

const struct seen *scene_seen(size_t i)
{
	return scene.seen[i];
}

/*
 * The ring keeps order, so once a socket of this process's own has come and gone in the
 * table, what happened before has been handled.  Looks at sockets follow within the
 * engine's own deadlines.
 */
void scene_settle(void)
{
	_cleanup_(close_fdp) int fd = -EBADF;
	const struct sockaddr_in loopback = { .sin_family = AF_INET,
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint64_t cookie = 0, deadline, due;
	socklen_t len = sizeof(cookie);

	scene_engine();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0 ||
	    bind(fd, (const struct sockaddr *)&loopback, sizeof(loopback)) < 0)
		test_fail(__FILE__, __LINE__, "fence: %s", strerror(errno));
	scene_row(cookie, SOCKET_BOUND);
	fd = close_fd(fd);
	scene_gone(cookie);
	/* A look now and then is no unfinished business. */
	deadline = now_mono_ns() + NS_PER_S;
	for (;;) {
		due = engine_deadline(scene.engine);
		if (!due || due > now_mono_ns() + 100 * NS_PER_MS ||
		    now_mono_ns() > deadline)
			return;
		scene_run(50);
	}
}
