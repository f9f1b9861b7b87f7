// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/target.h"
#include "cli/watch_print.h"
#include "client/reader.h"

struct watch_config {
	bool all;
	struct duration time;
	const char *until; /* NULL: not given */
};

/* SPEC section 2. */
static const char *const kinds[] = {
	"occupied",  "blocked",    "shared",    "shadowed",
	"drifted",   "dead_owner", "orphaned",  "not_listening",
	"unhealthy", "ephemeral",  "duplicate", "unregistered",
	NULL,
};

#define AT(member) offsetof(struct watch_config, member)

/* clang-format off */
static const struct option options[] = {
	{ "all", 0, OPTION_FLAG, AT(all), NULL,
	  "every socket and process event, too", NULL },
	{ "for", 0, OPTION_DURATION, AT(time), "TIME",
	  "end after so long: 30s, 5m, 1h30m", NULL },
	{ "until", 0, OPTION_TEXT, AT(until), "KIND",
	  "end at the first alert of this kind", kinds },
	{ 0 },
};
/* clang-format on */

/* What the loop waits for. */
struct watch {
	const struct command *cmd;
	const struct watch_config *config;
	struct session session;
	struct pw_stream *stream;
	struct watch_print print;
	int signals;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0 none */
	bool ended;           /* status is what it comes to */
	int status;
};

static void end(struct watch *watch, int status)
{
	watch->ended = true;
	watch->status = status;
}

/* Signals and the deadline count while stdout is full, too. */
static bool wait_writable(struct watch *watch);

/* A pipe that poll() calls writable takes PIPE_BUF bytes without blocking (pipe(7)). */
enum { PIECE = 4096 };

static void write_out(struct watch *watch)
{
	struct buffer *out = &watch->print.out;
	size_t at = 0;

	if (out->failed) {
		log_error_errno(-ENOMEM, "Cannot print");
		end(watch, STATUS_FAILED);
	}
	while (!watch->ended && at < out->size) {
		size_t n = out->size - at < PIECE ? out->size - at : PIECE;
		bool gone;
		int status;

		if (!wait_writable(watch))
			break;
		status = output_write(out->data + at, n, &gone);
		if (status != STATUS_DONE || gone)
			end(watch, status);
		at += n;
	}
	out->size = 0;
}

static int time_left_ms(const struct watch *watch)
{
	uint64_t now = now_mono_ns(), left_ms;

	if (!watch->deadline_ns)
		return -1;
	if (now >= watch->deadline_ns)
		return 0;
	left_ms = (watch->deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

/* With --until, time running out means that what was waited for has not come. */
static void time_out(struct watch *watch)
{
	if (watch->config->until)
		log_error("watch: no alert of kind %s came within the time",
			  watch->config->until);
	end(watch, watch->config->until ? STATUS_TIMED_OUT : STATUS_DONE);
}

/* True where @fd became ready; false where it is over. */
static bool wait_for(struct watch *watch, int fd, short events)
{
	for (;;) {
		/* An output that nobody reads any more is noticed at once. */
		struct pollfd fds[] = {
			{ .fd = fd, .events = events },
			{ .fd = watch->signals, .events = POLLIN },
			{ .fd = STDOUT_FILENO, .events = 0 },
		};
		int n = poll(fds, 3, time_left_ms(watch));

		if (n < 0 && errno != EINTR) {
			log_error_errno(-errno, "Cannot wait");
			end(watch, STATUS_FAILED);
		} else if (n == 0 && time_left_ms(watch) == 0) {
			time_out(watch);
		} else if (n > 0 && fds[1].revents) {
			end(watch, STATUS_DONE);
		} else if (n > 0 && fds[2].revents & POLLERR) {
			end(watch, STATUS_DONE);
		} else if (n > 0 && fds[0].revents) {
			return true;
		}
		if (watch->ended)
			return false;
	}
}

static bool wait_writable(struct watch *watch)
{
	return wait_for(watch, STDOUT_FILENO, POLLOUT);
}

static bool is_awaited(const struct watch *watch, const struct pw_item *item)
{
	struct span alert, kind;

	if (!watch->config->until || !streq(item->type, "alert.firing"))
		return false;
	alert = span_member((struct span){ item->data, item->size }, "alert");
	kind = span_member(alert, "kind");
	return span_is_string(kind) &&
	       span_is((struct span){ kind.at + 1, kind.size - 2 }, watch->config->until);
}

/* All that has arrived, in one write: nothing is held back for more to come. */
static void take_events(struct watch *watch)
{
	struct pw_item item;
	int n = 0;

	while (!watch->ended && (n = pw_stream_next(watch->stream, &item)) > 0) {
		watch_print_add(&watch->print, &item);
		if (watch->print.out.size >= PIECE || is_awaited(watch, &item))
			write_out(watch);
		if (!watch->ended && is_awaited(watch, &item))
			end(watch, STATUS_DONE);
	}
	if (!watch->ended)
		write_out(watch);
	if (!watch->ended && n < 0)
		end(watch, session_complain(&watch->session, n));
}

static int loop(struct watch *watch)
{
	uint64_t ms = watch->config->time.ms;

	/* Three centuries are for ever. */
	if (watch->config->time.given && ms < INT64_MAX / NS_PER_MS)
		watch->deadline_ns = now_mono_ns() + ms * NS_PER_MS;
	watch_print_begin(&watch->print);
	write_out(watch);
	while (!watch->ended) {
		take_events(watch);
		if (!watch->ended)
			wait_for(watch, pw_stream_fd(watch->stream), POLLIN);
	}
	return watch->status;
}

/* A NAME that the registry does not have would be waited for in vain. */
static int check_service(struct watch *watch, const char *name)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	char path[128];

	snprintf(path, sizeof(path), API "/services/%s", name);
	return session_get(&watch->session, path, &reply);
}

static int add_target(struct watch *watch, const char *target, struct buffer *path)
{
	_cleanup_(freep) char *encoded = pw_percent_encode(target);
	char error[TARGET_ERROR];
	enum target_kind kind;
	int status = 0;

	if (target_check(target, &kind, error, sizeof(error)) < 0)
		return usage_error(watch->cmd->verb, "%s", error);
	buffer_printf(path, "&target=%s", encoded ? encoded : "");
	if (kind == TARGET_SERVICE)
		status = check_service(watch, target);
	return status;
}

/* Losses and a refused registry are told, whatever else is wanted. */
static int make_path(struct watch *watch, struct buffer *ret)
{
	int status = 0;

	buffer_puts(ret, API "/events?");
	buffer_puts(ret,
		    watch->config->all ? "snapshot=1" : "types=alert,registry,kernel");
	for (size_t i = 0; i < watch->cmd->n_args && status == 0; i++)
		status = add_target(watch, watch->cmd->args[i], ret);
	return status;
}

/* From here on they are read, not suffered; the engine gets its own from the client. */
/* Who watches, where that is not the kernel itself. */
static void tell_backend(const struct watch *watch)
{
	const char *backend = pw_stream_header(watch->stream, "Portwatch-Backend");

	if (backend && !streq(backend, "bpf"))
		log_warning("watch: not in real time: the host is looked at now and then "
			    "(%s); 'portwatch doctor' says why",
			    backend);
	else if (watch->cmd->terminal->has_messages && watch->cmd->terminal->is_terminal)
		log_info("watch: as it happens (bpf); Ctrl-C ends it");
}

static int begin(struct watch *watch)
{
	_cleanup_(buffer_done) struct buffer path = { 0 };
	int status = watch_print_init(&watch->print, watch->cmd, watch->config->all);

	if (status == 0)
		status = session_open(&watch->session, watch->cmd);
	if (status == 0)
		status = make_path(watch, &path);
	if (status != 0)
		return status;
	status = session_stream(&watch->session, path.data, &watch->stream);
	if (status != 0)
		return status;
	watch->signals = signals_open_ending();
	if (watch->signals < 0) {
		log_error_errno(watch->signals, "Cannot watch for signals");
		return STATUS_FAILED;
	}
	tell_backend(watch);
	return 0;
}

static int run(const struct command *cmd)
{
	struct watch watch = { .cmd = cmd, .config = cmd->config, .signals = -EBADF };
	int status = begin(&watch);

	if (status == 0)
		status = loop(&watch);
	pw_stream_close(watch.stream);
	session_end(&watch.session);
	watch_print_done(&watch.print);
	close_fd(watch.signals);
	return status;
}

const struct verb verb_watch = {
	.name = "watch",
	.arguments = "[TARGET…]",
	.summary = "stream alerts as they happen, after those that already stand",
	.details = "A TARGET is NAME, :PORT, :LOW-HIGH, :PORT/udp or pid:N.  -o jsonl "
		   "(and json)\n"
		   "prints one portwatch.event/v1 object a line, at once.\n"
		   "\n"
		   "Ends with 0 on SIGINT, SIGTERM or SIGHUP, after --for TIME, or at "
		   "the first\n"
		   "alert of --until KIND, one that already stands included; with 6 "
		   "where TIME\n"
		   "ran out before that KIND came; with 1 when the daemon goes away.\n",
	.options = options,
	.config_size = sizeof(struct watch_config),
	.max_args = 64,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run,
};
