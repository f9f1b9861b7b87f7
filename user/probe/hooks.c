// SPDX-License-Identifier: GPL-2.0-only
#include "probe/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "bpf/bind_failed.skel.h"
#include "bpf/events.skel.h"
#include "probe/mounts.h"

enum { LINKS_MAX = 24 };
enum family { FAMILY_BTF, FAMILY_CGROUP, FAMILY_FEXIT, FAMILY_SYSCALLS };

enum hook {
	HOOK_EXIT,
	HOOK_EXEC,
	HOOK_STATE,
	HOOK_BOUND,
	HOOK_RELEASED,
	HOOK_FEXIT_BIND,
	HOOK_FEXIT_LISTEN,
	HOOK_FENTRY_RELEASE,
	HOOK_BIND_EXIT,
	HOOK_TRYING,
	HOOK_CLOSING,
	HOOK_FEXIT_CONNECT,
	HOOK_CONNECTING,
	HOOK_ACCEPTED,
	HOOKS,
};

static const struct {
	const char *name, *serves;
	enum family family;
	bool optional;
} table[HOOKS] = {
	[HOOK_EXIT] = { "tp_btf/sched_process_exit", "owners that die", FAMILY_BTF,
			false },
	[HOOK_EXEC] = { "tp_btf/sched_process_exec",
			"owners that execute another program", FAMILY_BTF, false },
	[HOOK_STATE] = { "tp_btf/inet_sock_set_state", "listeners and connections",
			 FAMILY_BTF, false },
	[HOOK_BOUND] = { "cgroup/post_bind4,6", "binds", FAMILY_CGROUP, true },
	[HOOK_RELEASED] = { "cgroup/sock_release", "releases", FAMILY_CGROUP, true },
	[HOOK_FEXIT_BIND] = { "fexit/__inet_bind,__inet6_bind", "failed binds",
			      FAMILY_FEXIT, true },
	[HOOK_FEXIT_LISTEN] = { "fexit/inet_csk_listen_start", "listen that succeeded",
				FAMILY_FEXIT, true },
	[HOOK_FENTRY_RELEASE] = { "fentry/inet_release", "releases without cgroup v2",
				  FAMILY_FEXIT, true },
	[HOOK_BIND_EXIT] = { "syscalls:sys_exit_bind",
			     "failed binds where fexit is refused", FAMILY_SYSCALLS,
			     true },
	[HOOK_TRYING] = { "cgroup/bind4,6", "failed binds by io_uring, 32-bit or --lean",
			  FAMILY_CGROUP, true },
	[HOOK_CLOSING] = { "syscalls:sys_enter_close",
			   "releases without cgroup v2 and fentry", FAMILY_SYSCALLS,
			   true },
	[HOOK_FEXIT_CONNECT] = { "fexit/__ip4_datagram_connect,__ip6_datagram_connect",
				 "bound UDP sockets that connect", FAMILY_FEXIT, true },
	[HOOK_CONNECTING] = { "cgroup/connect4,6", "the same where fexit is refused",
			      FAMILY_CGROUP, true },
	[HOOK_ACCEPTED] = { "tp_btf/inet_sock_set_state (accepted)",
			    "connections, counted by port", FAMILY_BTF, true },
};

struct hooks {
	bool lean;
	char *without;
	size_t ring_bytes;
	struct bind_failed_bpf *failed;
	struct events_bpf *events; /* process, bind, listen, release, connect */
	struct bpf_object *first;  /* the one that made the maps */
	struct bpf_link *links[LINKS_MAX];
	size_t n_links;
	struct pw_control *control;
	enum bind_failures failures;
	struct hook_state states[HOOKS];
	int cgroup_fd; /* -EBADF not asked for yet */
	char cgroup_path[512];
};

/* libbpf's own words are for whoever debugs the probe: PORTWATCH_DEBUG_BPF=1. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	return getenv("PORTWATCH_DEBUG_BPF") ? vfprintf(stderr, fmt, ap) : 0;
}

int hooks_new(const struct hooks_options *options, struct hooks **ret)
{
	_cleanup_(hooks_freep) struct hooks *hooks = calloc(1, sizeof(*hooks));

	if (!hooks)
		return -ENOMEM;
	hooks->cgroup_fd = -EBADF;
	hooks->lean = options->lean;
	hooks->ring_bytes = options->ring_bytes;
	if (options->without && !(hooks->without = strdup(options->without)))
		return -ENOMEM;
	for (int i = 0; i < HOOKS; i++) {
		hooks->states[i].name = table[i].name;
		hooks->states[i].serves = table[i].serves;
		hooks->states[i].optional = table[i].optional;
	}
	libbpf_set_print(print_libbpf);
	*ret = take(hooks);
	return 0;
}

static void drop_links(struct hooks *hooks, size_t down_to)
{
	while (hooks->n_links > down_to)
		bpf_link__destroy(hooks->links[--hooks->n_links]);
}

static void unload(struct hooks *hooks)
{
	drop_links(hooks, 0);
	if (hooks->control)
		munmap(hooks->control, sizeof(*hooks->control));
	hooks->control = NULL;
	events_bpf__destroy(hooks->events);
	hooks->events = NULL;
	bind_failed_bpf__destroy(hooks->failed);
	hooks->failed = NULL;
	hooks->first = NULL;
}

struct hooks *hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return NULL;
	unload(hooks);
	close_fd(hooks->cgroup_fd);
	free(hooks->without);
	free(hooks);
	return NULL;
}

static bool is_allowed(const struct hooks *hooks, enum hook hook)
{
	static const char *const names[] = {
		[FAMILY_BTF] = "btf",
		[FAMILY_CGROUP] = "cgroup",
		[FAMILY_FEXIT] = "fexit",
		[FAMILY_SYSCALLS] = "syscalls",
	};

	return !hooks->without || !strstr(hooks->without, names[table[hook].family]);
}

static int note(struct hooks *hooks, enum hook hook, int err)
{
	hooks->states[hook].tried = true;
	hooks->states[hook].attached = err >= 0;
	hooks->states[hook].err = err;
	return err;
}

static int keep(struct hooks *hooks, struct bpf_link *link)
{
	if (!link)
		return -errno;
	if (hooks->n_links == LINKS_MAX) {
		bpf_link__destroy(link);
		return -E2BIG;
	}
	hooks->links[hooks->n_links++] = link;
	return 0;
}

static int attach(struct hooks *hooks, struct bpf_program *prog)
{
	return keep(hooks, bpf_program__attach(prog));
}

static int attach_cgroup(struct hooks *hooks, struct bpf_program *prog)
{
	int root = hooks_cgroup(hooks, NULL);

	return root < 0 ? root : keep(hooks, bpf_program__attach_cgroup(prog, root));
}

/*
 * A tracepoint by its id, read through any tracefs: libbpf knows two fixed paths, and
 * on some hosts it is mounted at neither.
 */
static int attach_tracepoint(struct hooks *hooks, struct bpf_program *prog,
			     const char *path)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT,
					.size = sizeof(attr),
					.sample_period = 1,
					.wakeup_events = 1 };
	_cleanup_(close_fdp) int tracefs = mounts_open("tracefs", NULL, 0);
	_cleanup_(freep) char *text = NULL;
	struct bpf_link *link;
	int err, fd;

	if (tracefs < 0)
		return tracefs;
	err = file_read_at(tracefs, path, 64, &text, NULL);
	if (err < 0)
		return err;
	attr.config = strtoull(text, NULL, 10);
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_perf_event(prog, fd); /* owns fd on success */
	if (!link) {
		err = -errno;
		close(fd);
		return err;
	}
	return keep(hooks, link);
}

int hooks_share_maps(struct hooks *hooks, struct bpf_object *object)
{
	static const char *const names[] = { "events", "control", "owners", "tracked" };

	if (!hooks->first)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct bpf_map *mine =
			bpf_object__find_map_by_name(hooks->first, names[i]);
		struct bpf_map *other = bpf_object__find_map_by_name(object, names[i]);
		int err = other ? bpf_map__reuse_fd(other, bpf_map__fd(mine)) : 0;

		if (err < 0)
			return err;
	}
	return 0;
}

/* The first object makes the maps, every other one uses them. */
static int prepare(struct hooks *hooks, struct bpf_object *object)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(object, "events");

	if (hooks->first)
		return hooks_share_maps(hooks, object);
	if (ring && hooks->ring_bytes)
		return bpf_map__set_max_entries(ring, (__u32)hooks->ring_bytes);
	return 0;
}

static int map_fd(const struct hooks *hooks, const char *name)
{
	return bpf_object__find_map_fd_by_name(hooks->first, name);
}

static int map_control(struct hooks *hooks)
{
	void *page = mmap(NULL, sizeof(*hooks->control), PROT_READ | PROT_WRITE,
			  MAP_SHARED, map_fd(hooks, "control"), 0);

	if (page == MAP_FAILED)
		return -errno;
	hooks->control = page;
	return 0;
}

static int open_failed(struct hooks *hooks, bool tell_bound, bool every_try)
{
	if (hooks->failed && hooks->first == hooks->failed->obj)
		hooks->first = NULL;
	bind_failed_bpf__destroy(hooks->failed);
	hooks->failed = bind_failed_bpf__open();
	if (!hooks->failed)
		return -errno;
	hooks->failed->rodata->tell_bound = tell_bound;
	hooks->failed->rodata->tell_every_try = every_try;
	return prepare(hooks, hooks->failed->obj);
}

static int load_failed(struct hooks *hooks)
{
	int err = bind_failed_bpf__load(hooks->failed);

	if (err >= 0 && !hooks->first)
		hooks->first = hooks->failed->obj;
	return err;
}

static int load_fexit_bind(struct hooks *hooks, bool cgroup)
{
	size_t links = hooks->n_links;
	int err = open_failed(hooks, !cgroup, false);

	if (err >= 0) {
		bpf_program__set_autoload(hooks->failed->progs.on_inet4_bind, true);
		bpf_program__set_autoload(hooks->failed->progs.on_inet6_bind, true);
		err = load_failed(hooks);
	}
	if (err >= 0)
		err = attach(hooks, hooks->failed->progs.on_inet4_bind);
	if (err >= 0)
		err = attach(hooks, hooks->failed->progs.on_inet6_bind);
	if (err < 0)
		drop_links(hooks, links);
	return note(hooks, HOOK_FEXIT_BIND, err);
}

/* The tries of bind4 and bind6, and beside them, unless lean, the tracepoints. */
static int load_tries(struct hooks *hooks, bool cgroup, bool tracepoints, bool closes)
{
	size_t links = hooks->n_links;
	int err = open_failed(hooks, !cgroup, !tracepoints);

	if (err < 0)
		return err;
	bpf_program__set_autoload(hooks->failed->progs.on_trying4, cgroup);
	bpf_program__set_autoload(hooks->failed->progs.on_trying6, cgroup);
	bpf_program__set_autoload(hooks->failed->progs.on_bind_exit, tracepoints);
	bpf_program__set_autoload(hooks->failed->progs.on_closing, tracepoints && closes);
	err = load_failed(hooks);
	if (err >= 0 && tracepoints)
		err = note(hooks, HOOK_BIND_EXIT,
			   attach_tracepoint(hooks, hooks->failed->progs.on_bind_exit,
					     "events/syscalls/sys_exit_bind/id"));
	if (err >= 0 && tracepoints && closes)
		err = note(hooks, HOOK_CLOSING,
			   attach_tracepoint(hooks, hooks->failed->progs.on_closing,
					     "events/syscalls/sys_enter_close/id"));
	if (err < 0)
		drop_links(hooks, links);
	return err;
}

/* Last of all: a try that no bind hook follows yet would be taken for a failure. */
static int attach_tries(struct hooks *hooks)
{
	int err = attach_cgroup(hooks, hooks->failed->progs.on_trying4);

	if (err >= 0)
		err = attach_cgroup(hooks, hooks->failed->progs.on_trying6);
	if (note(hooks, HOOK_TRYING, err) < 0 && hooks->failures == FAILURES_LEAN)
		hooks->failures = FAILURES_NONE;
	return err;
}

/* The three ways to learn of a failed bind, the best that the kernel allows. */
static int attach_failures(struct hooks *hooks, bool cgroup, bool closes)
{
	if (is_allowed(hooks, HOOK_FEXIT_BIND) && load_fexit_bind(hooks, cgroup) == 0) {
		hooks->failures = FAILURES_FEXIT;
		return 0;
	}
	if (!hooks->lean && is_allowed(hooks, HOOK_BIND_EXIT) &&
	    load_tries(hooks, cgroup, true, closes) == 0) {
		hooks->failures = FAILURES_TRACEPOINT;
		return 0;
	}
	if (cgroup && load_tries(hooks, true, false, false) == 0) {
		hooks->failures = FAILURES_LEAN;
		return 0;
	}
	hooks->failures = FAILURES_NONE;
	return cgroup ? 0 : -EOPNOTSUPP; /* not even binds that succeed are told */
}

/*
 * When a program of the events object is wanted.  Releases come first: a socket that is
 * told to be bound before its release would be told may be gone when the first walk
 * begins, and stay.
 */
enum wanted { ALWAYS, WITH_CGROUP, WITH_FEXIT, FEXIT_FOR_CGROUP, CGROUP_FOR_FEXIT };

static const struct {
	const char *program;
	enum hook hook;
	enum wanted wanted;
} programs[] = {
	{ "on_released", HOOK_RELEASED, WITH_CGROUP },
	{ "on_inet_release", HOOK_FENTRY_RELEASE, FEXIT_FOR_CGROUP },
	{ "on_exit", HOOK_EXIT, ALWAYS },
	{ "on_exec", HOOK_EXEC, ALWAYS },
	{ "on_sock_state", HOOK_STATE, ALWAYS },
	{ "on_bound4", HOOK_BOUND, WITH_CGROUP },
	{ "on_bound6", HOOK_BOUND, WITH_CGROUP },
	{ "on_created", HOOK_BOUND, WITH_CGROUP },
	{ "on_listening", HOOK_FEXIT_LISTEN, WITH_FEXIT },
	{ "on_udp4_connected", HOOK_FEXIT_CONNECT, WITH_FEXIT },
	{ "on_udp6_connected", HOOK_FEXIT_CONNECT, WITH_FEXIT },
	{ "on_udp_disconnected", HOOK_FEXIT_CONNECT, WITH_FEXIT },
	{ "on_connecting4", HOOK_CONNECTING, CGROUP_FOR_FEXIT },
	{ "on_connecting6", HOOK_CONNECTING, CGROUP_FOR_FEXIT },
};

static bool is_wanted(enum wanted wanted, bool cgroup, bool fexit)
{
	switch (wanted) {
	case ALWAYS:
		return true;
	case WITH_CGROUP:
		return cgroup;
	case WITH_FEXIT:
		return fexit;
	case FEXIT_FOR_CGROUP:
		return fexit && !cgroup;
	case CGROUP_FOR_FEXIT:
		return cgroup && !fexit;
	}
	return false;
}

static struct bpf_program *find(struct hooks *hooks, size_t i)
{
	return bpf_object__find_program_by_name(hooks->events->obj, programs[i].program);
}

enum { PROGRAMS = sizeof(programs) / sizeof(*programs) };

static int attach_events(struct hooks *hooks, bool cgroup, bool fexit)
{
	for (size_t i = 0; i < PROGRAMS; i++) {
		struct bpf_program *prog = find(hooks, i);
		int err;

		if (!is_wanted(programs[i].wanted, cgroup, fexit))
			continue;
		err = table[programs[i].hook].family == FAMILY_CGROUP
			      ? attach_cgroup(hooks, prog)
			      : attach(hooks, prog);
		if (note(hooks, programs[i].hook, err) < 0)
			return err;
	}
	return 0;
}

/* One object for all of them: each costs a reading of the kernel's types, 10 ms. */
static int load_events(struct hooks *hooks, bool cgroup, bool fexit)
{
	size_t links = hooks->n_links;
	int err;

	events_bpf__destroy(hooks->events);
	hooks->events = events_bpf__open();
	if (!hooks->events)
		return -errno;
	hooks->events->rodata->listen_by_fexit = fexit;
	hooks->events->rodata->close_by_cgroup = cgroup || fexit;
	for (size_t i = 0; i < PROGRAMS; i++)
		bpf_program__set_autoload(find(hooks, i),
					  is_wanted(programs[i].wanted, cgroup, fexit));
	err = prepare(hooks, hooks->events->obj);
	if (err >= 0)
		err = events_bpf__load(hooks->events);
	if (err >= 0 && !hooks->first)
		hooks->first = hooks->events->obj;
	if (err >= 0)
		err = attach_events(hooks, cgroup, fexit);
	if (err < 0) {
		drop_links(hooks, links);
		note(hooks, HOOK_EXIT, err);
	}
	return err;
}

static int attach_all(struct hooks *hooks, bool cgroup)
{
	/* Where fexit serves, fentry does. */
	int err = attach_failures(hooks, cgroup, !cgroup);
	bool fexit = hooks->failures == FAILURES_FEXIT;

	if (err < 0)
		return err;
	if (fexit)
		err = load_events(hooks, cgroup, true);
	if (!fexit || (err < 0 && cgroup))
		err = load_events(hooks, cgroup, false);
	if (err >= 0)
		err = map_control(hooks);
	if (err >= 0 && cgroup && !fexit && hooks->failures != FAILURES_NONE)
		attach_tries(hooks);
	return err;
}

int hooks_attach(struct hooks *hooks)
{
	bool cgroup = is_allowed(hooks, HOOK_BOUND) && hooks_cgroup(hooks, NULL) >= 0;
	int err = attach_all(hooks, cgroup);

	if (err < 0 && cgroup) {
		unload(hooks);
		err = attach_all(hooks, false);
	}
	return err;
}

int hooks_ring_fd(const struct hooks *hooks)
{
	return map_fd(hooks, "events");
}

int hooks_owners_fd(const struct hooks *hooks)
{
	return map_fd(hooks, "owners");
}

struct pw_control *hooks_control(const struct hooks *hooks)
{
	return hooks->control;
}

enum bind_failures hooks_bind_failures(const struct hooks *hooks)
{
	return hooks->failures;
}

void hooks_note_accepts(struct hooks *hooks, int err)
{
	note(hooks, HOOK_ACCEPTED, err);
}

bool hooks_must_look(const struct hooks *hooks)
{
	return !hooks->states[HOOK_RELEASED].attached &&
	       !hooks->states[HOOK_FENTRY_RELEASE].attached;
}

bool hooks_confirm_listen(const struct hooks *hooks)
{
	return hooks->states[HOOK_FEXIT_LISTEN].attached;
}

int hooks_cgroup(struct hooks *hooks, const char **ret_path)
{
	if (hooks->cgroup_fd == -EBADF)
		hooks->cgroup_fd = mounts_open("cgroup2", hooks->cgroup_path,
					       sizeof(hooks->cgroup_path));
	if (ret_path)
		*ret_path = hooks->cgroup_path;
	return hooks->cgroup_fd;
}

size_t hooks_states(const struct hooks *hooks, const struct hook_state **ret)
{
	*ret = hooks->states;
	return HOOKS;
}
