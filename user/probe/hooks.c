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
#include "bpf/bind.skel.h"
#include "bpf/bind_failed.skel.h"
#include "bpf/connect.skel.h"
#include "bpf/listen.skel.h"
#include "bpf/process.skel.h"
#include "bpf/release.skel.h"
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
};

struct hooks {
	bool lean;
	char *without;
	size_t ring_bytes;
	struct process_bpf *process;
	struct bind_bpf *bind;
	struct listen_bpf *listen;
	struct release_bpf *release;
	struct bind_failed_bpf *failed;
	struct connect_bpf *connect;
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

struct hooks *hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return NULL;
	for (size_t i = 0; i < hooks->n_links; i++)
		bpf_link__destroy(hooks->links[i]);
	if (hooks->control)
		munmap(hooks->control, sizeof(*hooks->control));
	process_bpf__destroy(hooks->process);
	bind_bpf__destroy(hooks->bind);
	listen_bpf__destroy(hooks->listen);
	release_bpf__destroy(hooks->release);
	bind_failed_bpf__destroy(hooks->failed);
	connect_bpf__destroy(hooks->connect);
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

static void drop_links(struct hooks *hooks, size_t down_to)
{
	while (hooks->n_links > down_to)
		bpf_link__destroy(hooks->links[--hooks->n_links]);
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

	if (!hooks->process)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct bpf_map *mine =
			bpf_object__find_map_by_name(hooks->process->obj, names[i]);
		struct bpf_map *other = bpf_object__find_map_by_name(object, names[i]);
		int err = other ? bpf_map__reuse_fd(other, bpf_map__fd(mine)) : 0;

		if (err < 0)
			return err;
	}
	return 0;
}

static int map_control(struct hooks *hooks)
{
	void *page = mmap(NULL, sizeof(*hooks->control), PROT_READ | PROT_WRITE,
			  MAP_SHARED, bpf_map__fd(hooks->process->maps.control), 0);

	if (page == MAP_FAILED)
		return -errno;
	hooks->control = page;
	return 0;
}

/* exit and exec: needed always, and the object that makes the maps. */
static int attach_process(struct hooks *hooks)
{
	int err;

	hooks->process = process_bpf__open();
	if (!hooks->process)
		return -errno;
	if (hooks->ring_bytes)
		bpf_map__set_max_entries(hooks->process->maps.events,
					 (__u32)hooks->ring_bytes);
	/* A map without users still has to be in the object to be shared. */
	err = process_bpf__load(hooks->process);
	if (err == 0)
		err = map_control(hooks);
	if (err == 0)
		err = note(hooks, HOOK_EXIT,
			   attach(hooks, hooks->process->progs.on_exit));
	if (err == 0)
		err = note(hooks, HOOK_EXEC,
			   attach(hooks, hooks->process->progs.on_exec));
	return err;
}

static int load_bind(struct hooks *hooks)
{
	size_t links = hooks->n_links;
	int err = hooks_cgroup(hooks, NULL);

	if (err >= 0 && !(hooks->bind = bind_bpf__open()))
		err = -errno;
	if (err >= 0)
		err = hooks_share_maps(hooks, hooks->bind->obj);
	if (err >= 0)
		err = bind_bpf__load(hooks->bind);
	if (err >= 0)
		err = attach_cgroup(hooks, hooks->bind->progs.on_bound4);
	if (err >= 0)
		err = attach_cgroup(hooks, hooks->bind->progs.on_bound6);
	if (err >= 0)
		err = attach_cgroup(hooks, hooks->bind->progs.on_created);
	if (err < 0)
		drop_links(hooks, links);
	return note(hooks, HOOK_BOUND, err);
}

static int load_release(struct hooks *hooks, enum hook hook)
{
	struct bpf_program *prog;
	int err;

	hooks->release = release_bpf__open();
	if (!hooks->release)
		return note(hooks, hook, -errno);
	prog = hook == HOOK_RELEASED ? hooks->release->progs.on_released
				     : hooks->release->progs.on_inet_release;
	bpf_program__set_autoload(prog, true);
	err = hooks_share_maps(hooks, hooks->release->obj);
	if (err >= 0)
		err = release_bpf__load(hooks->release);
	if (err >= 0)
		err = hook == HOOK_RELEASED ? attach_cgroup(hooks, prog)
					    : attach(hooks, prog);
	if (err < 0) {
		release_bpf__destroy(hooks->release);
		hooks->release = NULL;
	}
	return note(hooks, hook, err);
}

static int open_failed(struct hooks *hooks, bool tell_bound, bool every_try)
{
	bind_failed_bpf__destroy(hooks->failed);
	hooks->failed = bind_failed_bpf__open();
	if (!hooks->failed)
		return -errno;
	hooks->failed->rodata->tell_bound = tell_bound;
	hooks->failed->rodata->tell_every_try = every_try;
	return hooks_share_maps(hooks, hooks->failed->obj);
}

static int load_fexit_bind(struct hooks *hooks, bool cgroup)
{
	size_t links = hooks->n_links;
	int err = open_failed(hooks, !cgroup, false);

	if (err >= 0) {
		bpf_program__set_autoload(hooks->failed->progs.on_inet4_bind, true);
		bpf_program__set_autoload(hooks->failed->progs.on_inet6_bind, true);
		err = bind_failed_bpf__load(hooks->failed);
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
	err = bind_failed_bpf__load(hooks->failed);
	if (err >= 0 && tracepoints)
		err = note(hooks, HOOK_BIND_EXIT,
			   attach_tracepoint(hooks, hooks->failed->progs.on_bind_exit,
					     "events/syscalls/sys_exit_bind/id"));
	if (err >= 0 && tracepoints && closes)
		err = note(hooks, HOOK_CLOSING,
			   attach_tracepoint(hooks, hooks->failed->progs.on_closing,
					     "events/syscalls/sys_enter_close/id"));
	if (err >= 0 && cgroup) {
		err = attach_cgroup(hooks, hooks->failed->progs.on_trying4);
		if (err >= 0)
			err = attach_cgroup(hooks, hooks->failed->progs.on_trying6);
		note(hooks, HOOK_TRYING, err);
	}
	if (err < 0)
		drop_links(hooks, links);
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

static int attach_listen(struct hooks *hooks, bool cgroup, bool fexit)
{
	int err;

	listen_bpf__destroy(hooks->listen);
	hooks->listen = listen_bpf__open();
	if (!hooks->listen)
		return -errno;
	hooks->listen->rodata->listen_by_fexit = fexit;
	hooks->listen->rodata->close_by_cgroup = cgroup;
	bpf_program__set_autoload(hooks->listen->progs.on_listening, fexit);
	err = hooks_share_maps(hooks, hooks->listen->obj);
	if (err >= 0)
		err = listen_bpf__load(hooks->listen);
	if (err >= 0 && fexit)
		err = note(hooks, HOOK_FEXIT_LISTEN,
			   attach(hooks, hooks->listen->progs.on_listening));
	if (err >= 0)
		err = note(hooks, HOOK_STATE,
			   attach(hooks, hooks->listen->progs.on_sock_state));
	return err;
}

/* Without either, the next look finds out: nothing fails for want of this. */
static void attach_connect(struct hooks *hooks, enum hook hook)
{
	struct connect_bpf *skel = connect_bpf__open();
	bool fexit = hook == HOOK_FEXIT_CONNECT;
	size_t links = hooks->n_links;
	struct bpf_program *prog;
	int err = skel ? hooks_share_maps(hooks, skel->obj) : -errno;

	hooks->connect = skel;
	if (err >= 0) {
		bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(
			prog,
			fexit == starts_with(bpf_program__section_name(prog), "fexit/"));
		err = connect_bpf__load(skel);
	}
	if (err >= 0) {
		bpf_object__for_each_program(prog, skel->obj)
		{
			if (err >= 0 && bpf_program__autoload(prog))
				err = fexit ? attach(hooks, prog)
					    : attach_cgroup(hooks, prog);
		}
	}
	if (err < 0) {
		drop_links(hooks, links);
		connect_bpf__destroy(hooks->connect);
		hooks->connect = NULL;
	}
	note(hooks, hook, err);
}

int hooks_attach(struct hooks *hooks)
{
	bool cgroup, fexit, released;
	int err = attach_process(hooks);

	if (err < 0)
		return err;
	cgroup = is_allowed(hooks, HOOK_BOUND) && load_bind(hooks) == 0 &&
		 load_release(hooks, HOOK_RELEASED) == 0;
	released = cgroup || (is_allowed(hooks, HOOK_FENTRY_RELEASE) &&
			      load_release(hooks, HOOK_FENTRY_RELEASE) == 0);
	err = attach_failures(hooks, cgroup, !released);
	if (err < 0)
		return err;
	fexit = hooks->failures == FAILURES_FEXIT;
	if (fexit)
		attach_connect(hooks, HOOK_FEXIT_CONNECT);
	if (cgroup && !hooks->connect)
		attach_connect(hooks, HOOK_CONNECTING);
	if (fexit && attach_listen(hooks, released, true) == 0)
		return 0;
	return attach_listen(hooks, released, false);
}

int hooks_ring_fd(const struct hooks *hooks)
{
	return bpf_map__fd(hooks->process->maps.events);
}

int hooks_owners_fd(const struct hooks *hooks)
{
	return bpf_map__fd(hooks->process->maps.owners);
}

struct pw_control *hooks_control(const struct hooks *hooks)
{
	return hooks->control;
}

enum bind_failures hooks_bind_failures(const struct hooks *hooks)
{
	return hooks->failures;
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
