/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * client - libportwatch: portwatchd's API over a stream socket.
 *
 * A client speaks to the daemon on its Unix socket or, where none answers, to an engine
 * of its own: a portwatchd started on one end of a socket pair, which ends with the
 * client.  Functions answer 0 or a positive number, else a negative errno, and
 * pw_client_problem() then has the sentence.  Out-parameters are written on success only.
 *
 * Threads: a client, its streams and its replies are used by one thread at a time;
 * several clients are independent, and there is no other state.  What a question answered
 * is never changed again: any thread may read it or free it, also when the client has
 * gone.  After fork(2) the child leaves the client alone.  No function writes to stdout,
 * stderr or a log (an engine of its own may warn on stderr), and none raises SIGPIPE.
 *
 * Three layers: questions with typed answers (pw_status() and what follows); events;
 * and requests in JSON for all the rest of the API.  Link with
 * `pkg-config --cflags --libs libportwatch`.
 */
#ifndef PORTWATCH_CLIENT_H
#define PORTWATCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PW_SOCKET_DEFAULT "/run/portwatch/portwatch.sock"

struct pw_client;
struct pw_reply;
struct pw_stream;

/* The library that is loaded: "0.1.0". */
const char *pw_version(void);

/* -- A client -------------------------------------------------------------------------
 */

enum pw_mode {
	PW_AUTO,   /* the daemon, else an engine of its own */
	PW_DAEMON, /* the daemon or nothing */
	PW_LOCAL,  /* an engine of its own, whoever listens on the socket */
};

/* Zeroes are the defaults.  Strings are copied. */
struct pw_options {
	enum pw_mode mode;
	const char *socket;   /* path; NULL: PW_SOCKET_DEFAULT */
	const char *registry; /* of an engine of its own; NULL: that engine's default */
	/* portwatchd; NULL: looked for beside this program, in ../sbin and ../libexec
	 * from there, then in PATH. */
	const char *engine;
	/* A server that is silent for so long in the midst of a request has failed;
	 * 0: 30,000.  Streams may be silent for ever once they have begun. */
	unsigned timeout_ms;
	uintptr_t reserved[4]; /* zeroes */
};

/* Why the last call failed; good until the next call. */
struct pw_problem {
	unsigned status;  /* of HTTP; 0 where no answer came */
	const char *text; /* one sentence, not escaped for a terminal; "" none */
	const char *body; /* what the server sent: application/problem+json; "" none */
	size_t size;      /* of body */
};

/* Connects to nobody yet.  -ENOMEM. */
int pw_client_new(const struct pw_options *options, struct pw_client **ret);
/* Over a connected stream socket, which is taken over, also on failure.  -ENOMEM. */
int pw_client_new_from_fd(int fd, const struct pw_options *options,
			  struct pw_client **ret);
/* Accepts NULL, returns NULL.  Ends an engine of its own, without waiting for it where
 * pw_client_abandon() was called. */
struct pw_client *pw_client_free(struct pw_client *client);
/* The caller is about to exit: pw_client_free() leaves the engine to end by itself. */
void pw_client_abandon(struct pw_client *client);

/*
 * Called while an answer is awaited, about ten times a second, with the milliseconds
 * waited so far; NULL: not at all.
 */
typedef void (*pw_waiting_fn)(unsigned elapsed_ms, void *arg);
void pw_client_on_waiting(struct pw_client *client, pw_waiting_fn fn, void *arg);

/*
 * Needed by nobody, since requests connect by themselves; it tells early who answers.
 * -ECONNREFUSED: nobody listens (PW_DAEMON).  -EACCES: the socket's mode forbids it
 * (PW_DAEMON).  -ENOPKG: portwatchd was not found.  Else what connect(2) or
 * posix_spawn(3) say.
 */
int pw_client_connect(struct pw_client *client);
/* True once connected to an engine of its own. */
bool pw_client_is_local(const struct pw_client *client);

/* -- Requests in JSON -----------------------------------------------------------------
 */

/*
 * Ask and wait for the whole answer.  @path begins with '/' and may have a query, which
 * the caller has percent-encoded (pw_percent_encode()).  @body may be NULL, else it is
 * sent as application/json.  0 and *ret (owned) for a status of 200 to 299; else *ret is
 * not written, the problem has the answer, and the result is by status
 *
 *   400 -EINVAL   401, 403 -EPERM   404 -ENOENT   405, 501 -EOPNOTSUPP
 *   408, 504 -ETIMEDOUT   409 -EADDRINUSE   413 -E2BIG   422 -EBADMSG
 *   429, 503 -EAGAIN   other 4xx -EINVAL   any other -EIO
 *
 * Without an answer: those of pw_client_connect(); -ECONNRESET where the server closed
 * in the midst of it; -ETIMEDOUT; -EPROTO for what is not HTTP; -EMSGSIZE past 256 MiB;
 * -EBUSY while a stream is open; -ENOMEM.
 */
int pw_request(struct pw_client *client, const char *method, const char *path,
	       const char *body, size_t size, struct pw_reply **ret);
/* pw_request() with GET. */
int pw_get(struct pw_client *client, const char *path, struct pw_reply **ret);
const struct pw_problem *pw_client_problem(const struct pw_client *client);

struct pw_reply *pw_reply_free(struct pw_reply *reply); /* accepts NULL, returns NULL */
unsigned pw_reply_status(const struct pw_reply *reply);
/* NUL-terminated beyond *ret_size (may be NULL); borrowed from the reply. */
const char *pw_reply_body(const struct pw_reply *reply, size_t *ret_size);
/* The value of a header, its name in any case; NULL where it was not sent. */
const char *pw_reply_header(const struct pw_reply *reply, const char *name);

/* -- Streams --------------------------------------------------------------------------
 */

/* One event of a stream; everything is borrowed until the next call on the stream. */
struct pw_item {
	const char *id;   /* to resume after; "" none */
	const char *type; /* "alert.firing"; "message" where the server named none */
	const char *data; /* one JSON object, NUL-terminated */
	size_t size;      /* of data */
};

/*
 * Begin a stream of server-sent events (WHATWG HTML, 9.2).  The client is busy with it
 * until it is closed.  Errors as of pw_request(); -EPROTO for another content type.
 */
int pw_stream_open(struct pw_client *client, const char *path, struct pw_stream **ret);
/* Accepts NULL, returns NULL; before its client is freed. */
struct pw_stream *pw_stream_close(struct pw_stream *stream);
/* To wait on for reading, once pw_stream_next() has answered 0; not to be read from. */
int pw_stream_fd(const struct pw_stream *stream);
/* As pw_reply_header(). */
const char *pw_stream_header(const struct pw_stream *stream, const char *name);
/*
 * The next event, without waiting.  1 and *ret; 0 where the next is still to come;
 * -ENODATA where the server has ended the stream; -ECONNRESET where it broke off in the
 * midst of one; -EPROTO, -EMSGSIZE for an event past 16 MiB, -ENOMEM.
 */
int pw_stream_next(struct pw_stream *stream, struct pw_item *ret);
/* The same, waiting at most @timeout_ms (negative: for ever); 0 where none came.  -EINTR
 * where a signal came first, else as pw_stream_next(). */
int pw_stream_wait(struct pw_stream *stream, int timeout_ms, struct pw_item *ret);

/* @text for use as one segment of a path or one value of a query (RFC 3986, 2.3).
 * Owned, for free(3); NULL for want of memory. */
char *pw_percent_encode(const char *text);

/* -- What questions answer ------------------------------------------------------------
 *
 * Owned as a whole by whoever asked, and freed by the function named beside the question,
 * which accepts NULL and returns it; all that it points to belongs to it.  Lists end with
 * NULL.  Strings are UTF-8, as the daemon sent them: what other processes chose to be
 * called is not escaped for a terminal. Unknown, or not for the caller to see: NULL for
 * pointers, 0 for ports, process ids, network namespaces and times, -1 where a comment
 * says so.  Times are nanoseconds since 1970 in UTC.  Later versions add members at the
 * end, and words to those in quotes.
 */

struct pw_process {
	pid_t pid, ppid;
	uint64_t start_time_ns;
	const char *comm, *exe;
	const char *const *cmdline; /* argv */
	int64_t uid;                /* -1 */
	const char *user, *cwd, *cgroup;
	const char *unit;      /* of systemd */
	const char *container; /* its id */
};

struct pw_alert {
	uint64_t id;
	/* "occupied", "blocked", "shared", "shadowed", "drifted", "dead_owner",
	 * "orphaned", "not_listening", "unhealthy", "ephemeral", "duplicate",
	 * "unregistered" */
	const char *kind;
	const char *severity; /* "critical", "warning", "info" */
	const char *state;    /* "firing", "resolved" */
	const char *service;
	uint16_t port;
	const char *proto;   /* "tcp", "udp" */
	const char *address; /* "127.0.0.1", "::" */
	uint32_t netns;      /* the inode of /proc/PID/ns/net */
	uint64_t since_ns, resolved_ns;
	int64_t latency_us;   /* from the kernel's event to the alert; -1 */
	const char *expected; /* NAME or ":PORT" */
	const struct pw_process *found, *holder;
	const char *message; /* one sentence */
	const char *fix;     /* a command line that would end it */
	uint64_t repeats;
};

/* A port that a service should own. */
struct pw_claim {
	const char *name;
	uint16_t port;
	const char *proto;
	const char *address; /* NULL: any */
};

struct pw_service {
	const char *name;
	uint16_t port; /* the first of its ports; of a dynamic one where it listens */
	const struct pw_claim *const *ports;
	const char *proto, *address, *environment, *description;
	/* "running", "starting", "stopped", "conflict", "unhealthy", "disabled" */
	const char *status;
	bool enabled;
	pid_t pid;
	const struct pw_process *process;
	const char *health; /* "healthy", "unhealthy" */
	const char *health_endpoint;
	uint64_t since_ns;
	int64_t uptime_s;      /* -1 */
	int64_t restarts;      /* -1 */
	int64_t request_count; /* accepted connections; -1 */
	int64_t error_count;   /* failed checks; -1 */
};

struct pw_allocation {
	uint16_t port;
	const char *proto;
	const char *service_name, *started_by, *purpose;
	pid_t pid;
	uint64_t allocated_ns, claimed_ns, expires_ns;
	/* "pending", "active", "dead", "orphaned", "not_listening" */
	const char *health_status;
	int64_t request_count, error_count; /* -1 */
};

struct pw_status {
	uint64_t time_ns;
	const struct pw_service *const *services; /* in the order of the registry */
	const struct pw_alert *const *conflicts;  /* those of the alerts */
	const struct pw_alert *const *alerts;
	const char *const *startup_order, *const *shutdown_order; /* names */
	/* The managed range. */
	const char *port_range; /* "8000-8100" */
	uint32_t total_ports, allocated_ports, available_ports;
	const struct pw_allocation *const *allocations;
	/* What tells it. */
	const char *backend;       /* "bpf", "procfs" */
	const char *bind_failures; /* "fexit", "tracepoint", "lean", "none" */
	bool realtime;             /* events come as they happen */
	uint64_t events_seen, events_lost, resyncs;
	const char *version, *registry; /* the daemon's, a path */
	pid_t daemon_pid;
	bool embedded; /* an engine of one's own */
};

/* One process that was, or would be, ended. */
struct pw_victim {
	const struct pw_process *process;
	const char *
		result; /* "ended", "signalled" and still there, "refused", "would_end" */
	const char *signal; /* the last that it was sent: "SIGTERM" */
	const char *reason; /* why it was left alone */
};

struct pw_freed_port {
	uint16_t port;
	const char *proto;
	uint32_t netns;
	bool free;
	bool taken;                      /* by somebody who came meanwhile */
	const struct pw_process *holder; /* of a port that is not free */
};

struct pw_killed {
	/* "done", "planned" (a dry run), "timed_out", "taken", "partly" */
	const char *outcome;
	const char *message; /* one sentence: what died, and who has the port */
	const char *service;
	bool dry_run, forced;
	const struct pw_victim *const *processes;
	const struct pw_freed_port *const *ports;
};

/* -- Questions ------------------------------------------------------------------------
 *
 * Errors of all: those of pw_request(); -EPROTO for an answer that is none; -ENOMEM.
 */

/* Everything at a glance. */
int pw_status(struct pw_client *client, struct pw_status **ret);
struct pw_status *pw_status_free(struct pw_status *status);

/* -ENOENT: no service is called so. */
int pw_service(struct pw_client *client, const char *name, struct pw_service **ret);
struct pw_service *pw_service_free(struct pw_service *service);

/* The conflicts, or all alerts, that stand now: lists that end with NULL. */
int pw_conflicts(struct pw_client *client, const struct pw_alert *const **ret);
int pw_alerts(struct pw_client *client, const struct pw_alert *const **ret);
const struct pw_alert *const *pw_alerts_free(const struct pw_alert *const *alerts);

/*
 * The first @n (1 to 65,535) ports from @from (0: of the managed range) that nothing
 * holds, reserves or claims, into @ports.  Answers how many there are, fewer than @n
 * where no more are free.  Nothing keeps them free: pw_allocate() does.
 */
int pw_available(struct pw_client *client, uint16_t from, size_t n, uint16_t *ports);

/* -- Changes --------------------------------------------------------------------------
 *
 * -EPERM: only root and members of group portwatch may; anybody may end processes of
 * their own.  A connection that breaks (-ECONNRESET, -ETIMEDOUT) does not say whether
 * the change was made.
 */

struct pw_kill_options {
	const char
		*signal; /* "HUP", "SIGHUP", "1"; NULL: the service's own, else SIGTERM */
	unsigned grace_ms; /* how long they may take, an hour at most; 0: the service's
			    * own, else 10,000 */
	bool force;        /* then SIGKILL */
	bool sockets; /* destroy TIME_WAIT and outgoing connections, end no process */
	bool dry_run;
	uintptr_t reserved[4]; /* zeroes */
};

/*
 * End the holders of what is bound, never its clients, and wait until they have gone.
 * @target is NAME, ":PORT", ":LOW-HIGH", ":PORT/udp" or "pid:N"; @options may be NULL.
 * 1 where all have gone and the ports are free, or it was a dry run; 0 where not: *ret
 * (owned) says in both cases how it went.  -ENOENT: nothing is bound there; -EADDRINUSE:
 * a stranger sits on the port of the service NAME; -EPERM: they are not the caller's to
 * end, or PID 1, portwatch itself or the kernel; -EINVAL.
 */
int pw_kill(struct pw_client *client, const char *target,
	    const struct pw_kill_options *options, struct pw_killed **ret);
struct pw_killed *pw_killed_free(struct pw_killed *killed);

/* Give a service another port, in the registry.  -EADDRINUSE: somebody holds it or
 * another service claims it, and @force is not set; -ENOENT. */
int pw_reassign(struct pw_client *client, const char *name, uint16_t port, bool force);

struct pw_allocate_options {
	uint16_t port; /* this one; 0: the first of the managed range that is free */
	bool udp;      /* not tcp */
	const char *purpose, *started_by; /* 512 bytes at most; NULL: none */
	pid_t pid; /* that will bind it, as the daemon numbers it; 0: not known yet */
	uint64_t ttl_ms;       /* given back after that; 0: never */
	uintptr_t reserved[4]; /* zeroes */
};

/*
 * A port of the managed range for the service @name; it is given back by pw_release(),
 * or by itself when its process ends.  @options may be NULL.  -EADDRINUSE: that port, or
 * every port, is taken; -ENOENT: there is no process @pid; -EBADMSG: what is asked for is
 * not allowed.
 */
int pw_allocate(struct pw_client *client, const char *name,
		const struct pw_allocate_options *options, struct pw_allocation **ret);
struct pw_allocation *pw_allocation_free(struct pw_allocation *allocation);
/* Whoever listens there keeps listening.  -ENOENT: it is not allocated; -EADDRINUSE: it
 * is the registry's file that allocates it. */
int pw_release(struct pw_client *client, uint16_t port, bool udp);

/* -- Events ---------------------------------------------------------------------------
 */

struct pw_events_options {
	/* "alert", or "alert.firing,socket.bound": types or what they begin with; NULL
	 * all */
	const char *types;
	const char *const *targets; /* NAME, ":PORT", …; ends with NULL; NULL: all */
	bool no_snapshot;           /* leave out what stands already */
	/* The id of the last item that was seen: what came since is told instead of what
	 * stands, where the daemon still has it; NULL: none was. */
	const char *after;
	uintptr_t reserved[4]; /* zeroes */
};

/*
 * Begin a stream of events as they happen, after what stands already; then
 * pw_stream_wait(), or pw_stream_fd() and pw_stream_next().  @options may be NULL.  The
 * client is busy with it until pw_stream_close().  -EPERM: an engine of one's own lacks a
 * capability, which the problem names.
 */
int pw_events(struct pw_client *client, const struct pw_events_options *options,
	      struct pw_stream **ret);

/* Members that the type does not have are NULL, 0 or false. */
struct pw_event_data {
	uint64_t seq;
	uint64_t time_ns;
	const char *type;   /* "socket.bound", …, "alert.firing", … */
	const char *source; /* "kernel", "snapshot", "resync", "daemon" */
	const char *cookie; /* of the socket, a number */
	const char *proto, *address;
	uint16_t port;
	uint32_t netns;
	const char *service;
	const struct pw_process *process;
	const struct pw_process *const *holders; /* of socket.bind_failed */
	const char *errno_name;                  /* "EADDRINUSE" */
	const char *cause;                       /* "close", "exit" */
	int64_t exit_code;                       /* -1 */
	const char *signal;
	const struct pw_alert *alert;
	const struct pw_allocation *allocation;
	const char *reason;
	uint64_t count;
};

/* What an item of pw_events() says.  -EPROTO, -ENOMEM. */
int pw_event_read(const struct pw_item *item, struct pw_event_data **ret);
struct pw_event_data *pw_event_free(struct pw_event_data *event);

#ifdef __cplusplus
}
#endif

#endif /* PORTWATCH_CLIENT_H */
