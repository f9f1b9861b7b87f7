/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe - what the kernel can tell: events as they happen, and snapshots.
 *
 * The only user of libbpf.  Opening it costs nothing; each part is loaded when it is
 * first asked for.  Where BPF cannot be had, sock_diag and /proc answer instead, and
 * probe_backend() says so.
 */
#ifndef PORTWATCH_PROBE_PROBE_H
#define PORTWATCH_PROBE_PROBE_H

#include "core/fact.h"

struct probe;

struct probe_options {
	bool lean;   /* no system call tracepoint: failed binds are inferred */
	bool no_bpf; /* the fallback, even where BPF could be had */
	/* What to treat as missing, comma-separated: the hook families "fexit", "cgroup",
	 * "syscalls", "bpf", and of a single look "light" and "unheld" (see iterators.h);
	 * NULL none.  For tests and for support. */
	const char *without;
	size_t ring_bytes; /* 0: the default; rounded up to a power of two of pages */
};

typedef void (*fact_fn)(const struct fact *fact, void *arg);

int probe_new(const struct probe_options *options, struct probe **ret);
struct probe *probe_free(struct probe *probe);
DEFINE_CLEANUP(struct probe, probe_free)

/*
 * Load and attach the event programs.  From here on nothing is missed: the caller
 * takes a snapshot next and then drains.  -EPERM without the capabilities (see
 * probe_missing_capability()), -EOPNOTSUPP where the backend has no events (procfs:
 * the caller polls with probe_snapshot()).
 */
int probe_start(struct probe *probe);
bool probe_has_events(const struct probe *probe);
/* Is every release told?  Else some are only to be found by looking. */
bool probe_tells_releases(const struct probe *probe);

/* Dispatching lingers under load, unless @fd is readable; -EBADF: none. */
void probe_yield_to(struct probe *probe, int fd);
/* Becomes readable when there is something to dispatch. */
int probe_fd(const struct probe *probe);
/* How far the kernel has written and the caller taken, in bytes since the start: what
 * happened before a moment was dispatched once taken reaches what was written then.
 * They cost no system call. */
uint64_t probe_written(const struct probe *probe);
uint64_t probe_taken(const struct probe *probe);
/*
 * Hand over what there is, at most @budget facts (0: until empty).  Answers the number
 * handed over; the caller comes again at once if that was @budget.
 */
int probe_dispatch(struct probe *probe, int budget, fact_fn fn, void *arg);
/* When to dispatch again without being woken, CLOCK_MONOTONIC; 0 never. */
uint64_t probe_deadline(const struct probe *probe);
/* The ring overflowed since the last call: the table is to be rebuilt.  *ret_lost gets
 * the records lost since the start. */
bool probe_lost(struct probe *probe, uint64_t *ret_lost);
/* A hint that cannot be told as a fact (no cgroup v2): rebuild when it suits; cleared. */
bool probe_wants_look(struct probe *probe);

/* This socket has gone, as only a look found: nothing is kept to tell its release by. */
void probe_forget(struct probe *probe, uint64_t cookie);

/* One socket as one of its holders has it; a socket that several hold comes several
 * times, one that nobody holds once with pid 0. */
struct snapshot_row {
	uint64_t cookie;
	struct endpoint at;
	enum socket_state state;
	unsigned
		flags; /* SOCKET_*; AUTOPORT where it is not known to be chosen by bind */
	uid_t uid;
	int fd;        /* -1 */
	uint32_t refs; /* with a port: descriptors of it, whoever's; 0 unknown */
	struct process_id holder;
	pid_t holder_ppid;
	uint64_t holder_start_ns; /* wall clock; 0 */
	uid_t holder_uid;
	char holder_comm[16];
	bool evident; /* bound by bind or listen for certain; else it may have been
		       * autobound by a packet that it sent */
};

/* Non-zero ends the walk and is returned. */
typedef int (*snapshot_fn)(const struct snapshot_row *row, void *arg);

struct snapshot_query {
	pid_t pid;       /* only what this process holds; 0 every process */
	bool unheld_too; /* also sockets that no descriptor holds, in each namespace */
	/* Only sockets with this local port, whatever their state: rows with cookie,
	 * holder, fd and refs alone.  0: all that are bound.  -EOPNOTSUPP where events do
	 * not run. */
	uint16_t port;
};

/* Walk all bound sockets of every namespace.  0, what @fn answered, or negative errno. */
int probe_snapshot(struct probe *probe, const struct snapshot_query *query,
		   snapshot_fn fn, void *arg);

/* A socket of this namespace by its cookie and the inode of its descriptors. */
struct snapshot_socket {
	uint64_t cookie;
	uint32_t inode;
};

/*
 * Who holds these sockets, whatever their state: a row with cookie, fd and holder for
 * each process that has a descriptor and that may be looked at.  Reads /proc of every
 * process.  As probe_snapshot().
 */
int probe_find_holders(struct probe *probe, const struct snapshot_socket *sockets,
		       size_t n, snapshot_fn fn, void *arg);

/* Tell FACT_EXIT of this process although it never bound anything. */
int probe_watch_process(struct probe *probe, struct process_id id);
/* Tell outgoing connections on these local ports; replaces the earlier set. */
int probe_watch_ports(struct probe *probe, const uint16_t *ports, size_t n);

/* A TCP port of a network namespace; 0: the daemon's. */
struct counted_port {
	uint32_t netns;
	uint16_t port;
};
/*
 * Count the connections that the kernel accepts on these ports; replaces the earlier set,
 * and what is in both goes on.  -EOPNOTSUPP where they are not counted.
 */
int probe_count_accepts(struct probe *probe, const struct counted_port *ports, size_t n);
/* How many were counted on a port of the set since the probe was started: of interest is
 * the difference.  -EOPNOTSUPP, or what the kernel says. */
int probe_accepted(const struct probe *probe, const struct counted_port *port,
		   uint64_t *ret);

struct probe_counters {
	uint64_t events; /* records taken from the ring */
	uint64_t lost;
};
void probe_counters(const struct probe *probe, struct probe_counters *ret);

/* "bpf" or "procfs". */
const char *probe_backend(const struct probe *probe);
/* How failed binds are learned: "fexit", "tracepoint", "lean", "none". */
const char *probe_bind_failures(const struct probe *probe);
/* "CAP_BPF" or the like where probe_start() failed for want of it; else NULL. */
const char *probe_missing_capability(const struct probe *probe);

/* What `doctor` prints: one line a hook, capability or property of the host. */
struct probe_finding {
	const char *name; /* "fexit/__inet_bind" */
	const char *what; /* what it serves */
	bool ok, in_use;
	const char *reason; /* why not; NULL */
	const char *remedy; /* what to do; NULL */
};
/* Tries everything (slow: tens of milliseconds).  Borrowed until the next call. */
size_t probe_examine(struct probe *probe, const struct probe_finding **ret);
/* What is attached now, as names; borrowed. */
size_t probe_hooks(const struct probe *probe, const char *const **ret);

#endif /* PORTWATCH_PROBE_PROBE_H */
