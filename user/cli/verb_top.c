// SPDX-License-Identifier: GPL-2.0-only
/*
 * The full-screen view: events say that something has changed, and then the whole is
 * asked for anew, so that what is shown is what the daemon says.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/top_page.h"
#include "cli/top_terminal.h"
#include "cli/why_page.h"

/* Between two looks, whatever happens; and without anything happening. */
#define SOON_NS (200 * NS_PER_MS)
#define TICK_NS (2 * NS_PER_S)
/* Looking takes no more than a tenth of the time. */
enum { SHARE = 10, GRACE_MS = 3000 };

struct view {
	const struct command *cmd;
	struct session asking, watching;
	struct pw_stream *stream; /* NULL: nobody tells when something happens */
	struct top top;
	struct top_terminal *terminal;
	int signals;
	struct doc *status, *sockets;
	uint64_t looked_ns, took_ns; /* CLOCK_MONOTONIC: the end of the last look */
	bool dirty;
	struct doc *plan; /* what was asked about */
	bool ended;
	int error; /* negative: why; of @failed */
	struct session *failed;
};

static void end(struct view *view, struct session *failed, int error)
{
	view->ended = true;
	view->failed = failed;
	view->error = error;
}

/* -- Looking --------------------------------------------------------------------------
 */

static int get(struct view *view, const char *path, struct doc **ret)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	struct doc *doc;
	const char *body;
	size_t size;
	int err = pw_get(view->asking.client, path, &reply);

	if (err < 0)
		return err;
	body = pw_reply_body(reply, &size);
	doc = doc_parse(body, size, NULL);
	if (!doc)
		return -EPROTO;
	doc_free(*ret);
	*ret = doc;
	return 0;
}

static int look(struct view *view)
{
	uint64_t began_ns = now_mono_ns();
	int err = get(view, API "/status", &view->status);

	if (err == 0)
		err = get(view,
			  API "/sockets?fields=cookie,proto,address,port,state,pid,comm,"
			      "user,service,age_s,netns,process",
			  &view->sockets);
	if (err == 0)
		err = top_load(&view->top, view->status, view->sockets);
	view->looked_ns = now_mono_ns();
	view->took_ns = view->looked_ns - began_ns;
	view->dirty = false;
	return err;
}

static uint64_t due_ns(const struct view *view)
{
	uint64_t pause_ns = SHARE * view->took_ns;

	if (pause_ns < SOON_NS)
		pause_ns = SOON_NS;
	if (!view->dirty && pause_ns < TICK_NS)
		pause_ns = TICK_NS;
	return view->looked_ns + pause_ns;
}

static void draw(struct view *view)
{
	struct screen screen;
	size_t width, height;

	top_terminal_size(view->terminal, &width, &height);
	top_draw(&view->top, width, height, &screen);
	top_terminal_show(view->terminal, &screen);
	screen_done(&screen);
}

static void look_again(struct view *view)
{
	int err = look(view);

	if (err < 0)
		end(view, &view->asking, err);
	else
		draw(view);
}

/* -- Keys -----------------------------------------------------------------------------
 */

static const struct doc *socket_of(const struct view *view, const struct top_row *row)
{
	const struct doc *list = doc_get(view->sockets, "sockets");

	for (const struct doc *s = doc_first(list); s; s = doc_next(s)) {
		_cleanup_(freep) char *id = top_socket_id(s);

		if (streq(id, row->id))
			return s;
	}
	return NULL;
}

/* Who is in another network namespace is known by its process alone. */
static void add_target(const struct top_row *row, struct buffer *path)
{
	struct stat own;

	if (row->netns && row->pid &&
	    (stat("/proc/self/ns/net", &own) < 0 || own.st_ino != row->netns))
		buffer_printf(path, "pid:%d", (int)row->pid);
	else if (row->port)
		buffer_printf(path, ":%u%s", row->port, row->is_udp ? "%2Fudp" : "");
	else
		buffer_puts(path, row->cells[TOP_SERVICE]);
}

/* What why says, or else what is known here. */
static void make_page(struct view *view, const struct top_row *row, struct buffer *text)
{
	_cleanup_(buffer_done) struct buffer path = { 0 };
	_cleanup_(doc_freep) struct doc *why = NULL;
	struct terminal plain = { .utf8 = view->top.utf8, .is_terminal = true };
	size_t height;

	buffer_puts(&path, API "/why/");
	add_target(row, &path);
	top_terminal_size(view->terminal, &plain.width, &height);
	if (!path.failed && get(view, path.data, &why) == 0)
		why_page_add(&plain, why, text);
	else
		top_page_row(row, socket_of(view, row), view->status, text);
}

static void show_detail(struct view *view)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };

	make_page(view, top_chosen(&view->top), &text);
	if (text.failed || top_show_page(&view->top, TOP_DETAIL, text.data) < 0)
		top_say(&view->top, "Out of memory");
}

static char *kill_body(bool dry_run, size_t *ret_size)
{
	_cleanup_(doc_freep) struct doc *body = doc_object();
	char grace[32];

	snprintf(grace, sizeof(grace), "%dms", GRACE_MS);
	doc_set_bool(body, "dry_run", dry_run);
	doc_set_string(body, "grace", grace);
	return doc_print(body, false, ret_size);
}

/* What ending the process @pid has come to, or would; NULL after saying why. */
static struct doc *ask_to_end(struct view *view, pid_t pid, bool dry_run)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(freep) char *body = NULL;
	char path[64];
	const char *text;
	size_t size;
	int err;

	body = kill_body(dry_run, &size);
	if (!body)
		return NULL;
	snprintf(path, sizeof(path), API "/processes/%d/kill", (int)pid);
	err = pw_request(view->asking.client, "POST", path, body, size, &reply);
	if (err < 0) {
		top_say(&view->top, "%s", pw_client_problem(view->asking.client)->text);
		return NULL;
	}
	text = pw_reply_body(reply, &size);
	return doc_parse(text, size, NULL);
}

static void show_plan(struct view *view)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	const struct top_row *row = top_chosen(&view->top);

	view->plan = doc_free(view->plan);
	view->plan = ask_to_end(view, row->pid, true);
	if (!view->plan)
		return;
	buffer_puts(&text, "This would end:\n\n");
	if (top_page_plan(view->plan, &text) == 0)
		top_say(&view->top, "%s", doc_get_string(view->plan, "message"));
	else if (text.failed || top_show_page(&view->top, TOP_CONFIRM, text.data) < 0)
		top_say(&view->top, "Out of memory");
}

/* The one that was agreed to, whichever row is chosen now. */
static void carry_out(struct view *view)
{
	const struct doc *process = doc_first(doc_get(view->plan, "processes"));
	_cleanup_(doc_freep) struct doc *outcome = NULL;
	const char *message;

	top_say(&view->top, "Ending it ...");
	draw(view);
	outcome = ask_to_end(view, (pid_t)doc_get_int(process, "pid", 0), false);
	message = doc_get_string(outcome, "message");
	if (message)
		top_say(&view->top, "%s", message);
	view->plan = doc_free(view->plan);
	view->dirty = true;
}

static void press(struct view *view, int key)
{
	switch (top_press(&view->top, key)) {
	case TOP_QUIT:
		return end(view, NULL, 0);
	case TOP_WANTS_DETAIL:
		return show_detail(view);
	case TOP_WANTS_PLAN:
		return show_plan(view);
	case TOP_WANTS_END:
		return carry_out(view);
	case TOP_NOTHING:
	case TOP_REDRAW:
		break;
	}
}

static void take_keys(struct view *view, short happened)
{
	int key;

	while (!view->ended && (key = top_terminal_key(view->terminal)) >= 0)
		press(view, key);
	if (happened & (POLLHUP | POLLERR | POLLNVAL))
		end(view, NULL, 0);
	if (!view->ended)
		draw(view);
}

/* -- The loop -------------------------------------------------------------------------
 */

static void take_signal(struct view *view)
{
	struct signalfd_siginfo info;

	while (!view->ended && read(view->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH) {
			end(view, NULL, 0);
			return;
		}
		top_terminal_resize(view->terminal);
		draw(view);
	}
}

static void take_events(struct view *view)
{
	struct pw_item item;
	int n;

	while ((n = pw_stream_next(view->stream, &item)) > 0)
		view->dirty = true;
	if (n < 0)
		end(view, &view->watching, n);
}

static int wait_ms(const struct view *view)
{
	uint64_t now_ns = now_mono_ns(), due = due_ns(view);

	return due <= now_ns ? 0 : (int)((due - now_ns) / NS_PER_MS) + 1;
}

static void loop(struct view *view)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = view->signals, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};

	draw(view);
	while (!view->ended) {
		fds[2].fd = view->stream ? pw_stream_fd(view->stream) : -1;
		if (poll(fds, 3, wait_ms(view)) < 0 && errno != EINTR)
			return end(view, NULL, -errno);
		if (fds[1].revents)
			take_signal(view);
		if (!view->ended && fds[0].revents)
			take_keys(view, fds[0].revents);
		if (!view->ended && view->stream)
			take_events(view);
		if (!view->ended && due_ns(view) <= now_mono_ns())
			look_again(view);
	}
}

/* -- The beginning and the end --------------------------------------------------------
 */

static int begin(struct view *view)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	int err, status = session_open(&view->asking, view->cmd);

	if (status == 0)
		status = session_open(&view->watching, view->cmd);
	if (status != 0)
		return status;
	/* A line of progress would be written over the view. */
	pw_client_on_waiting(view->asking.client, NULL, NULL);
	pw_client_on_waiting(view->watching.client, NULL, NULL);
	err = look(view);
	if (err < 0)
		return session_complain(&view->asking, err);
	/* Who may not watch looks every two seconds. */
	if (pw_stream_open(view->watching.client, API "/events?snapshot=0",
			   &view->stream) < 0)
		view->stream = NULL;
	view->signals = signals_open(numbers, sizeof(numbers) / sizeof(*numbers));
	if (view->signals < 0) {
		log_error_errno(view->signals, "Cannot watch for signals");
		return STATUS_FAILED;
	}
	return 0;
}

static int take_terminal(struct view *view)
{
	const char *term = getenv("TERM");
	int err = top_terminal_open(view->cmd->terminal->colour, &view->terminal);

	if (err == -ENOPKG)
		return usage_error(view->cmd->verb,
				   "libncursesw.so.6 is missing: install libncursesw6");
	if (err < 0)
		return usage_error(view->cmd->verb,
				   "cannot draw on a terminal of type %s",
				   term ? term : "(TERM is not set)");
	return 0;
}

static int finish(struct view *view)
{
	if (view->error == 0)
		return STATUS_DONE;
	if (view->failed)
		return session_complain(view->failed, view->error);
	log_error_errno(view->error, "Cannot wait");
	return STATUS_FAILED;
}

static int run(const struct command *cmd)
{
	struct view view = { .cmd = cmd, .signals = -EBADF };
	int status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return usage_error(cmd->verb, "needs a terminal; 'portwatch ls' and "
					      "'portwatch watch' do without");
	top_init(&view.top, cmd->terminal->utf8);
	status = begin(&view);
	if (status == 0)
		status = take_terminal(&view);
	if (status == 0) {
		loop(&view);
		view.terminal = top_terminal_close(view.terminal);
		status = finish(&view);
	}
	pw_stream_close(view.stream);
	session_end(&view.watching);
	session_end(&view.asking);
	doc_free(view.status);
	doc_free(view.sockets);
	doc_free(view.plan);
	top_done(&view.top);
	close_fd(view.signals);
	return status;
}

const struct verb verb_top = {
	.name = "top",
	.arguments = "",
	.summary = "every bound port and service, live on the full screen",
	.details =
		"Drawn anew whenever something happens.  ? lists the keys: filter, "
		"sort,\n"
		"a page about one port, ending its process after asking.  Exits with 2\n"
		"where stdin or stdout is no terminal, with 1 when the daemon goes "
		"away.\n",
	.run = run,
};
