// SPDX-License-Identifier: GPL-2.0-only
/*
 * examine - what doctor prints: hooks, capabilities and properties of the host.
 *
 * Each hook is really loaded and attached once, beside whatever runs already.
 */
#include "probe/examine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "core/matcher.h"
#include "probe/capability.h"
#include "probe/hooks.h"
#include "probe/mounts.h"
#include "probe/procfs.h"

enum { FINDINGS_MAX = 40, TEXT_MAX = 200 };

struct examination {
	struct probe_finding items[FINDINGS_MAX];
	char texts[2 * FINDINGS_MAX][TEXT_MAX];
	size_t count, n_texts;
};

struct examination *examination_free(struct examination *x)
{
	free(x);
	return NULL;
}

__attribute__((format(printf, 2, 3))) static const char *text(struct examination *x,
							      const char *fmt, ...)
{
	va_list ap;
	char *to;

	if (x->n_texts == 2 * FINDINGS_MAX)
		return NULL;
	to = x->texts[x->n_texts++];
	va_start(ap, fmt);
	vsnprintf(to, TEXT_MAX, fmt, ap);
	va_end(ap);
	return to;
}

static void add(struct examination *x, const char *name, const char *what, bool ok,
		bool in_use, const char *reason, const char *remedy)
{
	if (x->count < FINDINGS_MAX)
		x->items[x->count++] =
			(struct probe_finding){ .name = name,
						.what = what,
						.ok = ok,
						.in_use = in_use,
						.reason = ok && in_use ? NULL : reason,
						.remedy = ok ? NULL : remedy };
}

static void add_kernel(struct examination *x)
{
	struct utsname name;
	unsigned major = 0, minor = 0;
	bool old;

	if (uname(&name) < 0)
		return;
	old = sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	      (major < 6 || (major == 6 && minor < 1));
	add(x, text(x, "kernel %s", name.release), "6.1 is the oldest that is tested",
	    !old, true, "older than any kernel that is tested",
	    "use a kernel of 6.1 or later, or expect the procfs fallback");
}

static void add_btf(struct examination *x)
{
	bool there = access("/sys/kernel/btf/vmlinux", R_OK) == 0;

	add(x, "BTF", "/sys/kernel/btf/vmlinux: types of the running kernel", there,
	    there, text(x, "%s", strerror(errno)),
	    "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as Debian's and Ubuntu's "
	    "are");
}

/* Used: by hooks that are attached, whatever may be opened by now. */
static void add_mount(struct examination *x, const char *type, const char *what,
		      bool used)
{
	char path[512];
	int fd = mounts_open(type, path, sizeof(path));
	const char *name = fd >= 0 && path[0] ? text(x, "%s at %s", type, path)
			   : fd >= 0 || used  ? text(x, "%s, mounted nowhere", type)
					      : type;
	bool ok = fd >= 0 || used;

	add(x, name, what, ok, ok, text(x, "%s", strerror(fd < 0 ? -fd : 0)),
	    text(x, "run as root, or mount -t %s %s DIRECTORY", type, type));
	close_fd(fd);
}

static void add_capabilities(struct examination *x)
{
	static const struct {
		unsigned number;
		const char *name, *what;
		bool admin_does;
	} wanted[] = {
		{ CAP_BPF, "CAP_BPF", "load BPF programs", true },
		{ CAP_PERFMON, "CAP_PERFMON", "attach them to tracepoints", true },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "attach them to sockets", false },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "name other users' processes",
		  false },
		{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "read other users' /proc",
		  false },
		{ CAP_KILL, "CAP_KILL", "end other users' processes", false },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		bool ok = capability_has(wanted[i].number) ||
			  (wanted[i].admin_does && capability_has(CAP_SYS_ADMIN));

		add(x, wanted[i].name, wanted[i].what, ok, ok, "missing",
		    text(x, "run as root, or with AmbientCapabilities=%s",
			 wanted[i].name));
	}
}

static const char *remedy_of(const struct hook_state *state, int err)
{
	if (err == -EPERM || err == -EACCES)
		return strstr(state->name, "fexit") || strstr(state->name, "fentry")
			       ? "this kernel refuses fentry and fexit; another hook "
				 "serves"
			       : "run as root; under lockdown=confidentiality the kernel "
				 "refuses it to everybody";
	if (err == -ENOENT)
		return "the kernel lacks it; another hook serves";
	return "PORTWATCH_DEBUG_BPF=1 in the daemon's environment prints the kernel's "
	       "words";
}

static void add_hooks(struct examination *x, const struct hooks *hooks, bool in_use)
{
	const struct hook_state *states;
	size_t n = hooks_states(hooks, &states);

	for (size_t i = 0; i < n; i++) {
		bool ok = states[i].attached;

		if (!states[i].tried && states[i].optional)
			add(x, states[i].name, states[i].serves, true, false,
			    "not needed here", NULL);
		else
			add(x, states[i].name, states[i].serves, ok, ok && in_use,
			    ok                ? "can be attached"
			    : states[i].tried ? text(x, "%s", strerror(-states[i].err))
					      : "not tried: an earlier step failed",
			    remedy_of(&states[i], states[i].err));
	}
}

static bool uses(const struct hooks *running, const char *prefix)
{
	const struct hook_state *states;
	size_t n = running ? hooks_states(running, &states) : 0;

	for (size_t i = 0; i < n; i++)
		if (states[i].attached && starts_with(states[i].name, prefix))
			return true;
	return false;
}

/* The kernel tells of a process by its PID in the first namespace. */
static void add_pid_namespace(struct examination *x)
{
	static const char first[] =
		"pid:[4026531836]"; /* PROC_PID_INIT_INO of proc_ns.h */
	char ours[sizeof(first) + 1] = "";
	bool same;

	if (readlink("/proc/self/ns/pid", ours, sizeof(ours) - 1) < 0)
		return;
	same = streq(ours, first);
	add(x, "PID namespace", "processes of events are found by their PID in /proc",
	    same, same, "not that of the host: events name other PIDs than /proc has",
	    "run it in the host's: docker run --pid=host, or outside the container");
}

static void add_port_range(struct examination *x)
{
	struct port_range range;

	if (procfs_port_range(&range) < 0)
		return;
	add(x, text(x, "ip_local_port_range %u-%u", range.low, range.high),
	    "ports that the kernel hands to outgoing connections", range.low < range.high,
	    true, "empty", "sysctl -w net.ipv4.ip_local_port_range='32768 60999'");
}

int examine(const struct hooks *running, const struct hooks_options *options, bool no_bpf,
	    struct examination **ret)
{
	_cleanup_(examination_freep) struct examination *x = calloc(1, sizeof(*x));
	_cleanup_(hooks_freep) struct hooks *tried = NULL;

	if (!x)
		return -ENOMEM;
	add_kernel(x);
	add_btf(x);
	add_mount(x, "cgroup2", "binds and releases are hooked at its root",
		  uses(running, "cgroup"));
	add_mount(x, "tracefs", "system call tracepoints, where fexit is refused",
		  uses(running, "syscalls:"));
	add_capabilities(x);
	add_pid_namespace(x);
	if (running) {
		add_hooks(x, running, true);
	} else if (no_bpf) {
		add(x, "BPF", "events as they happen", false, false, "switched off",
		    "leave --no-bpf out");
	} else if (hooks_new(options, &tried) == 0) {
		hooks_attach(tried);
		add_hooks(x, tried, false);
	}
	add_port_range(x);
	*ret = take(x);
	return 0;
}

size_t examination_findings(const struct examination *x, const struct probe_finding **ret)
{
	*ret = x->items;
	return x->count;
}
