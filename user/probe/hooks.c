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
	struct events_bpf *events; /* all programs; NULL where none is attached */
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

static void unload(struct hooks *hooks)
{
	while (hooks->n_links > 0)
		bpf_link__destroy(hooks->links[--hooks->n_links]);
	if (hooks->control)
		munmap(hooks->control, sizeof(*hooks->control));
	hooks->control = NULL;
	events_bpf__destroy(hooks->events);
	hooks->events = NULL;
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

static int map_control(struct hooks *hooks)
{
	void *page = mmap(NULL, sizeof(*hooks->control), PROT_READ | PROT_WRITE,
			  MAP_SHARED, bpf_map__fd(hooks->events->maps.control), 0);

	if (page == MAP_FAILED)
		return -errno;
	hooks->control = page;
	return 0;
}

/* One choice of programs that together see all: how failed binds are learned, and
 * whether cgroup v2 is there. */
struct way {
	enum bind_failures failures;
	bool cgroup;
};

/* When a program is wanted. */
enum wanted {
	ALWAYS,
	WITH_CGROUP,
	WITH_FEXIT,
	FEXIT_FOR_CGROUP,
	CGROUP_FOR_FEXIT,
	WITH_TRACEPOINT,
	TRACEPOINT_FOR_CGROUP,
	WITH_TRIES,
	NOT_ATTACHED, /* here: loaded, and attached by whoever wants it */
};

/*
 * In the order in which they are attached.  Releases come first: a socket that is told
 * to be bound before its release would be told may be gone when the first walk begins,
 * and stay.  Tries come last: one that no bind hook follows yet would be taken for a
 * failure.
 */
static const struct {
	const char *program;
	enum hook hook;
	enum wanted wanted;
} programs[] = {
	{ "on_released", HOOK_RELEASED, WITH_CGROUP },
	{ "on_inet_release", HOOK_FENTRY_RELEASE, FEXIT_FOR_CGROUP },
	{ "on_closing", HOOK_CLOSING, TRACEPOINT_FOR_CGROUP },
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
	{ "on_inet4_bind", HOOK_FEXIT_BIND, WITH_FEXIT },
	{ "on_inet6_bind", HOOK_FEXIT_BIND, WITH_FEXIT },
	{ "on_bind_exit", HOOK_BIND_EXIT, WITH_TRACEPOINT },
	{ "on_trying4", HOOK_TRYING, WITH_TRIES },
	{ "on_trying6", HOOK_TRYING, WITH_TRIES },
	{ "on_accepted", HOOK_ACCEPTED, NOT_ATTACHED },
	{ "list_descriptors", HOOKS, NOT_ATTACHED },
	{ "list_port", HOOKS, NOT_ATTACHED },
	{ "list_tcp", HOOKS, NOT_ATTACHED },
	{ "list_udp", HOOKS, NOT_ATTACHED },
};
enum { PROGRAMS = sizeof(programs) / sizeof(*programs) };

static bool is_wanted(enum wanted wanted, const struct way *way)
{
	bool fexit = way->failures == FAILURES_FEXIT;
	bool tracepoint = way->failures == FAILURES_TRACEPOINT;

	switch (wanted) {
	case ALWAYS:
	case NOT_ATTACHED:
		return true;
	case WITH_CGROUP:
		return way->cgroup;
	case WITH_FEXIT:
		return fexit;
	case FEXIT_FOR_CGROUP:
		return fexit && !way->cgroup;
	case CGROUP_FOR_FEXIT:
		return way->cgroup && !fexit;
	case WITH_TRACEPOINT:
		return tracepoint;
	case TRACEPOINT_FOR_CGROUP:
		return tracepoint && !way->cgroup;
	case WITH_TRIES:
		return way->cgroup && (tracepoint || way->failures == FAILURES_LEAN);
	}
	return false;
}

static int attach_one(struct hooks *hooks, struct bpf_program *prog, enum hook hook)
{
	switch (hook) {
	case HOOK_BIND_EXIT:
		return attach_tracepoint(hooks, prog, "events/syscalls/sys_exit_bind/id");
	case HOOK_CLOSING:
		return attach_tracepoint(hooks, prog,
					 "events/syscalls/sys_enter_close/id");
	default:
		return table[hook].family == FAMILY_CGROUP ? attach_cgroup(hooks, prog)
							   : attach(hooks, prog);
	}
}

static int attach_way(struct hooks *hooks, const struct way *way)
{
	for (size_t i = 0; i < PROGRAMS; i++) {
		int err;

		if (programs[i].wanted == NOT_ATTACHED ||
		    !is_wanted(programs[i].wanted, way))
			continue;
		err = attach_one(hooks, hooks_program(hooks, programs[i].program),
				 programs[i].hook);
		if (note(hooks, programs[i].hook, err) < 0)
			return err;
	}
	return 0;
}

/* What the way stands or falls by: its load says only that some program failed. */
static enum hook crux(const struct way *way)
{
	switch (way->failures) {
	case FAILURES_FEXIT:
		return HOOK_FEXIT_BIND;
	case FAILURES_TRACEPOINT:
		return HOOK_BIND_EXIT;
	case FAILURES_LEAN:
		return HOOK_TRYING;
	case FAILURES_NONE:
		break;
	}
	return HOOK_EXIT;
}

/* One object for all programs: each costs a reading of the kernel's types, 10 ms. */
static int load_way(struct hooks *hooks, const struct way *way)
{
	struct events_bpf *events = events_bpf__open();
	int err = 0;

	if (!events)
		return -errno;
	hooks->events = events;
	events->rodata->listen_by_fexit = way->failures == FAILURES_FEXIT;
	events->rodata->close_by_cgroup = way->cgroup || way->failures == FAILURES_FEXIT;
	events->rodata->tell_bound = !way->cgroup;
	events->rodata->tell_every_try = way->failures == FAILURES_LEAN;
	events->rodata->events_run = true;
	events->rodata->bound_by_inode = !way->cgroup && way->failures != FAILURES_FEXIT;
	for (size_t i = 0; i < PROGRAMS; i++)
		bpf_program__set_autoload(hooks_program(hooks, programs[i].program),
					  is_wanted(programs[i].wanted, way));
	if (hooks->ring_bytes)
		err = bpf_map__set_max_entries(events->maps.events,
					       (__u32)hooks->ring_bytes);
	return err < 0 ? err : events_bpf__load(events);
}

static void forget_attached(struct hooks *hooks)
{
	for (int i = 0; i < HOOKS; i++)
		hooks->states[i].attached = false;
}

static int try_way(struct hooks *hooks, const struct way *way)
{
	int err = load_way(hooks, way);

	if (err < 0)
		note(hooks, crux(way), err);
	else
		err = attach_way(hooks, way);
	if (err >= 0)
		err = map_control(hooks);
	if (err < 0) {
		unload(hooks);
		forget_attached(hooks);
		return err;
	}
	hooks->failures = way->failures;
	return 0;
}

/* A kernel that has no fexit at all says so before it looks at what it is to follow:
 * asked with two instructions, that costs nothing. */
static bool is_fexit_refused(struct hooks *hooks)
{
	static const struct bpf_insn answer_0[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options,
			    .expected_attach_type = BPF_TRACE_FEXIT, .attach_btf_id = 1);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "fexit", "GPL", answer_0, 2,
			       &options);

	if (fd >= 0)
		close(fd);
	else if (errno == EPERM)
		return note(hooks, HOOK_FEXIT_BIND, -EPERM) < 0;
	return false;
}

static bool may_be(struct hooks *hooks, const struct way *way)
{
	switch (way->failures) {
	case FAILURES_FEXIT:
		return is_allowed(hooks, HOOK_FEXIT_BIND) && !is_fexit_refused(hooks);
	case FAILURES_TRACEPOINT:
		return is_allowed(hooks, HOOK_BIND_EXIT) && !hooks->lean;
	case FAILURES_LEAN:
	case FAILURES_NONE:
		break;
	}
	return way->cgroup; /* else not even binds that succeed are told */
}

int hooks_attach(struct hooks *hooks)
{
	/* The best first. */
	static const struct way ways[] = {
		{ FAILURES_FEXIT, true },  { FAILURES_TRACEPOINT, true },
		{ FAILURES_LEAN, true },   { FAILURES_NONE, true },
		{ FAILURES_FEXIT, false }, { FAILURES_TRACEPOINT, false },
	};
	bool cgroup = is_allowed(hooks, HOOK_BOUND) && hooks_cgroup(hooks, NULL) >= 0;
	int err = -EOPNOTSUPP;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if ((ways[i].cgroup && !cgroup) || !may_be(hooks, &ways[i]))
			continue;
		err = try_way(hooks, &ways[i]);
		if (err == 0)
			return 0;
	}
	return err;
}

struct bpf_program *hooks_program(const struct hooks *hooks, const char *name)
{
	return bpf_object__find_program_by_name(hooks->events->obj, name);
}

int hooks_map_fd(const struct hooks *hooks, const char *name)
{
	return bpf_object__find_map_fd_by_name(hooks->events->obj, name);
}

int hooks_ring_fd(const struct hooks *hooks)
{
	return bpf_map__fd(hooks->events->maps.events);
}

int hooks_owners_fd(const struct hooks *hooks)
{
	return bpf_map__fd(hooks->events->maps.owners);
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
